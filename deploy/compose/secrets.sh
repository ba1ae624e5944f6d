#!/usr/bin/env bash
# Creates the secrets of the compose file, once; existing ones are kept.
#
# The files are readable for everyone and their folder only for you: a container sees only the file,
# as a user with another id.
set -euo pipefail
folder="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/secrets"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

make() {
    local file="$folder/$1"
    [ -s "$file" ] && return
    cat >"$file"
    chmod 0444 "$file"
    printf 'created %s\n' "$file"
}

mkdir -p "$folder"
chmod 0700 "$folder"
# An installation from before booking-secret derived its links and codes from token-key: they stay valid.
if [ -s "$folder/token-key" ]; then cat "$folder/token-key"; else random; fi | make booking-secret
random | make token-key
random | make cluster-secret
# Personal data is sealed with it: whoever loses it loses every name and address. Keep a copy elsewhere.
random | make accounts-key
random | make grafana-password
url() { printf 'postgres://%s:%s@postgres:5432/onsale' "$1" "$(cat "$folder/$2")"; }
# In an installation from before there were two roles, `onsale` owns the tables and is the administrator, too; its
# database knows no other. It goes on so: `onsale doctor` says what that means.
if [ -s "$folder/database-url" ] && [ ! -s "$folder/database-owner-url" ]; then
    cat "$folder/database-url" | make database-owner-url
fi
random | make database-admin-password
random | make database-password
random | make database-owner-password
url onsale database-password | make database-url
url onsale_owner database-owner-password | make database-owner-url
# Mails go to the mailbox of the compose file. Put the URL of a mail server here to have them sent.
printf 'smtp://mailbox:1025?tls=none' | make mail-url
