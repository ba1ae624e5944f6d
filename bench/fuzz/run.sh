#!/usr/bin/env bash
# Runs each of the eight fuzz targets on many inputs: codec, journal reader, snapshot reader, HTTP
# bodies, configuration, images, halls, imports of halls.
#
#   bench/fuzz/run.sh [--inputs N] [--seed N] [--debug] [TARGET...]
#
# --inputs  for each target (default 10000000) --seed    for other inputs, or to repeat a run
# (default 1) --debug   built as the tests are, with overflow checks; slower TARGET    codec,
# journal, snapshot, http, configuration, images, halls, imports (default: all, the fast ones first)
#
# A failure prints its input and its seed. Exit 0 when nothing failed, 1 otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

inputs=10000000
seed=1
profile=(--release)
targets=()
while [ "$#" -gt 0 ]; do
    case "$1" in
        --inputs) inputs="${2:?}"; shift 2 ;;
        --seed) seed="${2:?}"; shift 2 ;;
        --debug) profile=(); shift ;;
        -*) printf 'run.sh: unknown option %s; see the head of this file\n' "$1" >&2; exit 3 ;;
        *) targets+=("$1"); shift ;;
    esac
done
[ "${#targets[@]}" -gt 0 ] || targets=(codec snapshot journal configuration halls imports http images)

failed=()
for target in "${targets[@]}"; do
    case "$target" in
        codec) test=(-p onsale-schemas --test fuzz -- codec) ;;
        snapshot) test=(-p onsale-snapshot --test fuzz -- snapshot_reader) ;;
        journal) test=(-p onsale-log --lib -- fuzz::journal_reader) ;;
        configuration) test=(-p onsale --bin onsale -- fuzz_configuration) ;;
        halls) test=(-p onsale-halls --test halls -- fuzz_halls) ;;
        imports) test=(-p onsale-halls --test halls -- fuzz_imports) ;;
        images) test=(-p onsale-uploads --lib -- fuzz_images) ;;
        http) test=(-p onsale-ingress --test api -- fuzz::http_bodies) ;;
        *) printf 'run.sh: unknown target %s; see the head of this file\n' "$target" >&2; exit 3 ;;
    esac
    # Building is not timed, and a name that matches no test would pass without running one.
    found="$(cargo test --quiet --locked "${profile[@]}" "${test[@]}" --list | grep -c ': test$' || true)"
    [ "$found" = 1 ] || { printf 'run.sh: %s tests for the target %s\n' "$found" "$target" >&2; exit 3; }
    began=$(date +%s)
    printf '%s: %s inputs\n' "$target" "$inputs"
    if ! ONSALE_FUZZ_INPUTS="$inputs" ONSALE_FUZZ_SEED="$seed" \
        cargo test --quiet --locked "${profile[@]}" "${test[@]}"; then
        failed+=("$target")
    fi
    printf '%s: %s s\n' "$target" "$(($(date +%s) - began))"
done
if [ "${#failed[@]}" -gt 0 ]; then
    printf 'failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
printf 'nothing failed\n'
