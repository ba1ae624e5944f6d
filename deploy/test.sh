#!/usr/bin/env bash
# Sets up what the tests need and runs every check: formatting, lints, dependency rules, docs, all
# tests. `deploy/test.sh -p onsale-log` runs the tests of one package only; everything after
# `deploy/test.sh` goes to `cargo nextest run`.
set -euo pipefail
cd "$(dirname "$0")/.."

# The time of all processors since the machine started, and what of it they had nothing to do; zeros where the
# system does not say.
processors() {
    awk '$1 == "cpu" { for (i = 2; i <= 9; i++) all += $i; idle = $5 + $6 } END { printf "%d %d\n", all, idle }' \
        /proc/stat 2>/dev/null || echo 0 0
}

# Names what comes next, how long the step before took and how much of the machine it left unused.
begun=$SECONDS
read -r all_before idle_before < <(processors)
step() {
    local all idle
    read -r all idle < <(processors)
    printf '   (%d s, processors idle for %d %%)\n\n== %s\n' "$((SECONDS - begun))" \
        "$((100 * (idle - idle_before) / (all > all_before ? all - all_before : 1)))" "$*"
    begun=$SECONDS all_before=$all idle_before=$idle
}

# What runs beside the steps, by name: what mostly waits, for the network or for itself. `aside NAME COMMAND`
# begins it and `join NAME` is the step that ends with it, and fails as it failed.
declare -A beside=()
logs=$(mktemp -d)
aside() {
    local name=$1
    shift
    # In a process group of its own, to be ended with all that it has started.
    set -m
    nice "$@" >"$logs/$name" 2>&1 </dev/null &
    set +m
    beside[$name]=$!
}
join() {
    local name=$1 code=0
    step "$name, which ran beside the others"
    wait "${beside[$name]}" || code=$?
    unset "beside[$name]"
    cat "$logs/$name"
    return "$code"
}

# serve NAME SCRIPT VARIABLE: starts a service, which ends with this script, and says where it is in a variable.
services=()
serve() {
    step "$1"
    services+=("$2")
    "deploy/services/$2.sh" start
    # Apart from `export`, which would hide a failure.
    local url
    url=$("deploy/services/$2.sh" url)
    export "$3=$url"
}

# A folder in memory for the files of PostgreSQL, where there is enough memory and it may be mounted (which
# takes root): hundreds of tests have a database of their own, and on a disk the files of one cost several
# times what its test does. It is gone when the run ends; none of these tests is about what outlives a crash
# of the machine, and those that kill PostgreSQL start one of their own, on the disk.
memory=""
MEMORY_NEEDED_KIB=$((6 << 20))
hold_in_memory() {
    local port="${ONSALE_TEST_POSTGRES_PORT:-15432}"
    # One that runs already is used as it is.
    if [ -n "${ONSALE_SERVICES_DIR:-}" ] || (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        return
    fi
    local available_kib
    available_kib=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo 2>/dev/null || true)
    [ "${available_kib:-0}" -ge "$MEMORY_NEEDED_KIB" ] || return 0
    memory=$(mktemp -d)
    # The server runs as another user.
    if mount -t tmpfs -o size=3g,mode=0755 tmpfs "$memory" 2>/dev/null; then
        export ONSALE_SERVICES_DIR="$memory/postgres"
    else
        rmdir "$memory"
        memory=""
    fi
}

finish() {
    local group service
    for group in "${beside[@]}"; do
        kill -- "-$group" 2>/dev/null || true
    done
    rm -rf "$logs"
    for service in "${services[@]}"; do
        "deploy/services/$service.sh" stop >/dev/null 2>&1 || true
    done
    if [ -n "$memory" ]; then
        umount -l "$memory" 2>/dev/null || true
        rmdir "$memory" 2>/dev/null || true
    fi
}
trap finish EXIT

# A part of the tests needs less than all checks together.
if [ "$#" -eq 0 ]; then
    step "room on the disk"
    deploy/room.sh "${CARGO_TARGET_DIR:-target}"
fi

# Tools go below target/, so that a kept checkout keeps them.
step "cargo-nextest, cargo-deny"
deploy/tools.sh
export PATH="$PWD/target/tools/bin:$PATH"

hold_in_memory
serve PostgreSQL postgres ONSALE_TEST_POSTGRES_URL
serve Kafka kafka ONSALE_TEST_KAFKA_BROKERS
step "libfaketime"
deploy/services/faketime.sh
serve Redis redis ONSALE_TEST_REDIS_URL
serve "identity server" identity ONSALE_TEST_IDENTITY_URL
serve "mail server" mail ONSALE_TEST_MAIL_URL
serve "S3 server" s3 ONSALE_TEST_S3_URL

if [ "$#" -gt 0 ]; then
    serve "payment gateway" gateway ONSALE_TEST_GATEWAY_URL
    step "tests: $*"
    cargo nextest run "$@"
    exit
fi

# After the services, which use the package manager too.
aside "tools of the checks" sh -c 'deploy/checks/tools.sh && deploy/checks/schemathesis.sh --install'

step "formatting"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

step "dependency rules"
# Advisories need an external database; the rest is checked from what cargo fetches.
cargo fetch --locked --quiet
cargo deny --offline --log-level error check bans licenses sources

step "bugs on purpose"
# All of them run for hours; whether each still finds the text that it changes takes a second.
python3 processor/simulation/mutants/run.py --check

step "tests: building"
binaries=target/nextest/binaries.json
mkdir -p target/nextest
cargo nextest list --workspace --locked --list-type binaries-only --message-format json >"$binaries"

# cargo has nothing to do with the tests from here on, and its lock is free for this.
aside docs env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

# Built with the tests: Cargo would build all of it again for this program alone.
export ONSALE_GATEWAY_PROGRAM="${CARGO_TARGET_DIR:-$PWD/target}/debug/gateway_counterpart"
serve "payment gateway" gateway ONSALE_TEST_GATEWAY_URL

step "tests"
cargo nextest run --binaries-metadata "$binaries"
deploy/checks/slowest.py

join docs
join "tools of the checks"

binary="${CARGO_TARGET_DIR:-target}/debug/onsale"
aside "the OpenAPI document against the running server" deploy/checks/schemathesis.sh --binary "$binary"

step "container, compose and Kubernetes files"
ONSALE_BIN="$binary" deploy/checks/manifests.sh
step "alerts and dashboards against the metrics of a running cluster"
deploy/checks/metrics_live.sh --binary "$binary"
step "the lines of README.md"
deploy/checks/readme.py --cluster --binary "$binary"

join "the OpenAPI document against the running server"

# Alone: it measures.
step "attacks, in short"
deploy/checks/attacks/run.py --short --binary "$binary"
step "all passed in $SECONDS s"
