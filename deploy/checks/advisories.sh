#!/usr/bin/env bash
# Checks Cargo.lock against the RustSec advisories: `advisories.sh` fetches the database,
# `advisories.sh DIR` uses a clone of it in DIR and needs no network. Exit code 3 means that there
# is no database.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export PATH="$PWD/target/tools/bin:$PATH"
if ! cargo deny --version >/dev/null 2>&1; then
    cargo install cargo-deny --version 0.20.2 --locked --quiet --root target/tools
fi
if [ "$#" -eq 0 ]; then
    cargo deny fetch db || {
        echo "the advisory database cannot be fetched from here; clone it elsewhere and name" \
            "the folder: $0 DIR" >&2
        exit 3
    }
    exec cargo deny check advisories
fi
clone=$(realpath "$1")
[ -d "$clone/crates" ] || {
    echo "$clone is not a clone of https://github.com/RustSec/advisory-db: it has no folder crates" >&2
    exit 3
}
# A separate URL for the copy, so that cargo-deny "fetches" from there.
config=$(mktemp --suffix=.toml)
databases=$(mktemp -d)
trap 'rm -rf "$config" "$databases"' EXIT
sed "s|^db-path = .*|db-path = \"$databases\"|; s|^db-urls = .*|db-urls = [\"file://$clone\"]|" \
    deny.toml >"$config"
cargo deny --config "$config" check advisories
