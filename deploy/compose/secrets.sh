#!/usr/bin/env bash
# Creates the secrets of the compose file that are not there; existing ones are kept. Run it as often as you
# like, over what any version has left.
#
# The files are readable for everyone and their folder only for you: a container sees only the file,
# as a user with another id.
set -euo pipefail
umask 077
folder="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/secrets"

has() { [ -s "$folder/$1" ]; }
value() { cat "$folder/$1"; }

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# make FILE COMMAND...: keeps what the command writes, unless there is something. A file gets its name once all of
# it is written, and no command writes to one that has stopped reading.
make() {
    local file="$folder/$1"
    if has "$1"; then return; fi
    shift
    rm -f "$file.part"
    "$@" >"$file.part"
    if [ ! -s "$file.part" ]; then
        printf 'cannot create %s: nothing was written by %s\n' "$file" "$*" >&2
        exit 1
    fi
    chmod 0444 "$file.part"
    mv -f "$file.part" "$file"
    printf 'created %s\n' "$file"
}

mkdir -p "$folder"
chmod 0700 "$folder"
# An installation from before booking-secret derived its links and codes from token-key: they stay valid.
if has token-key; then make booking-secret value token-key; fi
make booking-secret random
make token-key random
make cluster-secret random
# Personal data is sealed with it: without it every name and address is lost. Keep a copy elsewhere.
make accounts-key random
make grafana-password random
url() { printf 'postgres://%s:%s@postgres:5432/onsale' "$1" "$(value "$2")"; }
# In an installation from before there were two roles, `onsale` owns the tables and is the administrator, too; its
# database knows no other. It goes on so: `onsale doctor` says what that means.
if has database-url; then make database-owner-url value database-url; fi
make database-admin-password random
make database-password random
make database-owner-password random
make database-url url onsale database-password
make database-owner-url url onsale_owner database-owner-password
# Mails go to the mailbox of the compose file. Put the URL of a mail server here to have them sent.
mailbox() { printf 'smtp://mailbox:1025?tls=none'; }
make mail-url mailbox
