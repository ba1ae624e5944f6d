#!/usr/bin/env bash
# Installs libfaketime where it is missing: deploy/onsale/tests/process/clocks.rs sets the clock of
# a server with it.
set -euo pipefail

fail() {
    printf 'faketime.sh: %s\n' "$*" >&2
    exit 3
}

compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null && exit
compgen -G '/usr/*lib/faketime/libfaketimeMT.so.1' >/dev/null && exit
compgen -G '/usr/local/lib/faketime/libfaketimeMT.so.1' >/dev/null && exit
command -v apt-get >/dev/null || fail "no libfaketime and no apt-get; install libfaketime 0.9.9 or later"
become=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "installing it needs root: run 'apt-get install faketime' once"
    become=(sudo)
fi
"${become[@]}" apt-get update -qq >&2
"${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends faketime >&2
