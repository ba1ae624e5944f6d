#!/usr/bin/env bash
# Sets up what the tests need and runs every check: formatting, lints, dependency rules, docs, all
# tests. `deploy/test.sh -p onsale-log` runs the tests of one package only.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

stop_services() { deploy/services/postgres.sh stop >/dev/null 2>&1 || true; }
trap stop_services EXIT

step "PostgreSQL"
deploy/services/postgres.sh start
ONSALE_TEST_POSTGRES_URL=$(deploy/services/postgres.sh url)
export ONSALE_TEST_POSTGRES_URL

if [ "$#" -gt 0 ]; then
    step "tests: $*"
    cargo test "$@"
    exit
fi

step "formatting"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

step "dependency rules"
# Advisories need a database from outside; the rest is checked from what cargo fetches.
cargo fetch --locked --quiet
# Tools go below target/, so that a kept checkout keeps them.
export PATH="$PWD/target/tools/bin:$PATH"
if ! cargo deny --version >/dev/null 2>&1; then
    cargo install cargo-deny --version 0.20.2 --locked --quiet --root target/tools
fi
cargo deny --offline --log-level error check bans licenses sources

step "docs"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

step "tests"
cargo test --workspace --locked --no-fail-fast
