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
random | make database-password
random | make grafana-password
printf 'postgres://onsale:%s@postgres:5432/onsale' "$(cat "$folder/database-password")" | make database-url
