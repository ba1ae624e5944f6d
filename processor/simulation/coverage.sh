#!/usr/bin/env bash
# Which lines of engine, journal and replica the proof runs through: builds the tests with the
# compiler's own coverage, runs them, and prints the table of COVERAGE.md.
#
#   processor/simulation/coverage.sh [--seeds N] [--commands N] [--missing]
#
#   --seeds     simulated worlds of each kind (default 24, as in every test run)
#   --commands  commands of clients in each (default 1200)
#   --missing   name the lines that nothing runs through, too
#
# The columns grow: worlds alone, then with the property tests against the model, then with the tests
# of the crates themselves. The tools come with the compiler: `rustup component add llvm-tools`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seeds=""
commands=""
missing=""
fail() {
    printf 'coverage.sh: %s\n' "$*" >&2
    exit 3
}
while [ "$#" -gt 0 ]; do
    case "$1" in
        --seeds) seeds="${2:?}"; shift 2 ;;
        --commands) commands="${2:?}"; shift 2 ;;
        --missing) missing="--missing"; shift ;;
        *) fail "unknown option $1; see the head of this file" ;;
    esac
done

tools="$(rustc --print target-libdir)/../bin"
[ -x "$tools/llvm-cov" ] || fail "no llvm-cov: run 'rustup component add llvm-tools'"
target="${CARGO_TARGET_DIR:-target}"
mkdir -p "$target/coverage"
folder="$(cd "$target/coverage" && pwd)"
rm -rf "$folder/profiles"

# Only the workspace's crates are built again, beside the ordinary ones.
wrapper="$folder/rustc.sh"
printf '#!/bin/sh\nexec "$@" -C instrument-coverage\n' >"$wrapper"
chmod +x "$wrapper"
export RUSTC_WORKSPACE_WRAPPER="$wrapper"
# What build scripts write is not needed.
LLVM_PROFILE_FILE="$folder/build/%p.profraw" cargo test --workspace --locked --no-run --message-format=json \
    --lib --test worlds --test differential --test linear --test histories --test processor \
    >"$folder/build.json"
rm -rf "$folder/build"

run() {
    local step=$1
    shift
    while IFS= read -r binary; do
        LLVM_PROFILE_FILE="$folder/profiles/$step-%p-%m.profraw" "$binary" --quiet >"$folder/$step.log" 2>&1 \
            || { tail -n 40 "$folder/$step.log" >&2; fail "$binary fails"; }
    done < <(python3 processor/simulation/coverage/table.py binaries "$folder/build.json" "$@")
}

(
    [ -z "$seeds" ] || export ONSALE_SIM_SEEDS="$seeds"
    [ -z "$commands" ] || export ONSALE_SIM_COMMANDS="$commands"
    run worlds worlds
)
run model differential linear
run crates onsale_engine onsale_log onsale_processor histories member replica

for columns in worlds "worlds model" "worlds model crates"; do
    read -ra steps <<<"$columns"
    profiles=()
    for step in "${steps[@]}"; do
        profiles+=("$folder/profiles/$step"-*.profraw)
    done
    name="${steps[-1]}"
    "$tools/llvm-profdata" merge --sparse "${profiles[@]}" -o "$folder/$name.profdata"
    objects=()
    while IFS= read -r binary; do
        objects+=(--object "$binary")
    done < <(python3 processor/simulation/coverage/table.py binaries "$folder/build.json" \
        worlds differential linear onsale_engine onsale_log onsale_processor histories member replica)
    "$tools/llvm-cov" export --format=lcov --instr-profile="$folder/$name.profdata" "${objects[@]}" \
        >"$folder/$name.lcov"
done
python3 processor/simulation/coverage/table.py table $missing "$folder/worlds.lcov" "$folder/model.lcov" "$folder/crates.lcov"
