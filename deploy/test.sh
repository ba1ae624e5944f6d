#!/usr/bin/env bash
# Sets up what the tests need and runs every check: formatting, lints, dependency rules, docs, all
# tests. `deploy/test.sh -p onsale-log` runs the tests of one package only; everything after
# `deploy/test.sh` goes to `cargo nextest run`.
set -euo pipefail
cd "$(dirname "$0")/.."

# Names what comes next, and how long the step before took.
begun=$SECONDS
step() {
    printf '   (%d s)\n\n== %s\n' "$((SECONDS - begun))" "$*"
    begun=$SECONDS
}

stop_services() {
    deploy/services/postgres.sh stop >/dev/null 2>&1 || true
    deploy/services/kafka.sh stop >/dev/null 2>&1 || true
    deploy/services/redis.sh stop >/dev/null 2>&1 || true
    deploy/services/identity.sh stop >/dev/null 2>&1 || true
}
trap stop_services EXIT

# A part of the tests needs less than all checks together.
if [ "$#" -eq 0 ]; then
    step "room on the disk"
    deploy/room.sh "${CARGO_TARGET_DIR:-target}"
fi

# Tools go below target/, so that a kept checkout keeps them.
step "cargo-nextest, cargo-deny"
deploy/tools.sh
export PATH="$PWD/target/tools/bin:$PATH"

step "PostgreSQL"
deploy/services/postgres.sh start
ONSALE_TEST_POSTGRES_URL=$(deploy/services/postgres.sh url)
export ONSALE_TEST_POSTGRES_URL

step "Kafka"
deploy/services/kafka.sh start
ONSALE_TEST_KAFKA_BROKERS=$(deploy/services/kafka.sh url)
export ONSALE_TEST_KAFKA_BROKERS
step "libfaketime"
deploy/services/faketime.sh
step "Redis"
deploy/services/redis.sh start
ONSALE_TEST_REDIS_URL=$(deploy/services/redis.sh url)
export ONSALE_TEST_REDIS_URL
step "identity server"
deploy/services/identity.sh start
ONSALE_TEST_IDENTITY_URL=$(deploy/services/identity.sh url)
export ONSALE_TEST_IDENTITY_URL

if [ "$#" -gt 0 ]; then
    step "tests: $*"
    cargo nextest run "$@"
    exit
fi

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

step "docs"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

step "tests"
cargo nextest run --workspace --locked

step "container, compose and Kubernetes files"
ONSALE_BIN="${CARGO_TARGET_DIR:-target}/debug/onsale" deploy/checks/manifests.sh
step "alerts and dashboards against the metrics of a running cluster"
deploy/checks/metrics_live.sh --binary "${CARGO_TARGET_DIR:-target}/debug/onsale"
step "the OpenAPI document against the running server"
deploy/checks/schemathesis.sh --binary "${CARGO_TARGET_DIR:-target}/debug/onsale"
step "the lines of README.md"
deploy/checks/readme.py --cluster --binary "${CARGO_TARGET_DIR:-target}/debug/onsale"
step "attacks, in short"
deploy/checks/attacks/run.py --short --binary "${CARGO_TARGET_DIR:-target}/debug/onsale"
step "all passed in $SECONDS s"
