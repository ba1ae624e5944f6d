#!/usr/bin/env bash
# Compares alerts and dashboards with the metrics of real nodes: starts a cluster on fresh data,
# sells a little, reads /metrics of every node, and fails on an alert or a panel that uses something
# that no node exports.
#
#   deploy/checks/metrics_live.sh [--binary FILE]
#
#   --binary    the program to check (default: what `cargo build` builds)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

binary=""
fail() {
    printf 'metrics_live.sh: %s\n' "$*" >&2
    exit 3
}
while [ "$#" -gt 0 ]; do
    case "$1" in
        --binary) binary="${2:?}"; shift 2 ;;
        *) fail "unknown option $1; see the head of this file" ;;
    esac
done
if [ -z "$binary" ]; then
    cargo build --locked --quiet -p onsale
    binary="${CARGO_TARGET_DIR:-target}/debug/onsale"
fi

deploy/checks/tools.sh
export PATH="$PWD/target/checks/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
folder="$(mktemp -d)"
export ONSALE_CLUSTER_DIR="$folder/cluster" ONSALE_BINARY="$binary"
export ONSALE_CLUSTER_PORT="${ONSALE_CLUSTER_PORT:-31500}"
# This sale is in a hurry.
export ONSALE_RATE_LIMIT__ENABLED=false
cleanup() {
    deploy/cluster.sh down --wipe || true
    rm -rf "$folder"
}
trap cleanup EXIT

deploy/cluster.sh up
# Enough for every kind of answer and a snapshot.
deploy/cluster.sh onsale load --scenario life --rate 40 --duration 3s >"$folder/load.txt" \
    || { cat "$folder/load.txt" >&2; fail "nothing could be sold"; }
deploy/cluster.sh onsale snapshot create >/dev/null
deploy/cluster.sh status | awk '$4 ~ /^http:/ { print $1, $4 }' | while read -r node url; do
    # As in cluster.sh: the operations listener is 100 ports higher.
    port="${url##*:}"
    curl -sS --fail --max-time 10 "${url%:*}:$((port + 100))/metrics" >"$folder/$node.prom"
done
python3 deploy/checks/metrics.py "$folder/dashboards.yaml" "$folder"/*.prom
echo "every alert and every panel has its metrics"
