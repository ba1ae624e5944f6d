#!/usr/bin/env bash
# A throw-away payment gateway for tests and local work, behind Stripe's interface: start | stop | url [DIR] [PORT].
#
#   DIR               folder of the servers (default $ONSALE_GATEWAY_DIR, then target/services/gateway)
#   PORT              loopback port (default $ONSALE_TEST_GATEWAY_PORT, then 15195); its validator is at the
#                     next two
#   ONSALE_GATEWAY_OPTIONS
#                     what it does beside, such as "seed=7 buyers_pay_after_ms=50 lost_answers=10 webhook=URL";
#                     its names are at the top of processor/payments/src/bin/gateway_counterpart.rs
#   ONSALE_GATEWAY_PROGRAM
#                     the gateway_counterpart to run (default: Cargo builds it)
#   ONSALE_CACHE_DIR  where the validator is kept (default $XDG_CACHE_HOME/onsale)
#
# `start` and `url` print the address, as ONSALE_TEST_GATEWAY_URL expects it. `start` does nothing when the
# servers run. It is the simulated gateway of this repository, built by Cargo; each request that it gets is
# shown to stripe-mock first, built by Go, which knows Stripe's parameters by heart and holds nothing. The key
# is sk_test_counterpart, notices are signed with whsec_counterpart.
set -euo pipefail

# shellcheck source=deploy/services/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

folder="$(absolute "${2:-${ONSALE_GATEWAY_DIR:-$repository/target/services/gateway}}")"
# Below the system's ephemeral ports: a client using one of them would keep the server from starting.
port="${3:-${ONSALE_TEST_GATEWAY_PORT:-15195}}"
mark="$folder/counterpart 127.0.0.1:$port "

url() {
    printf 'http://127.0.0.1:%s\n' "$port"
}

is_ready() {
    http_answers "$port" /_books 200
}

prepare() {
    local built="${ONSALE_GATEWAY_PROGRAM:-}"
    if [ -z "$built" ]; then
        # The path is the last of Cargo's messages about programs.
        built="$(cd "$repository" && cargo build --locked --quiet -p onsale-payments --features counterpart \
            --bin gateway_counterpart --message-format json \
            | sed -n 's/.*"executable":"\([^"]*gateway_counterpart\)".*/\1/p' | tail -n 1)"
    fi
    [ -x "$built" ] || fail "there is no gateway_counterpart${built:+ at $built}"
    mkdir -p "$folder"
    # A copy, so that what runs is not built anew below it.
    install -m 755 "$built" "$folder/counterpart"
}

launch() {
    # shellcheck disable=SC2086 # the options are words.
    setsid nohup "$folder/counterpart" "127.0.0.1:$port" "validator=http://127.0.0.1:$((port + 1))" \
        ${ONSALE_GATEWAY_OPTIONS:-} &
}

# validator start|stop: the same for stripe-mock, beside it.
validator() {
    (
        service=stripe-mock
        port=$((port + 1))
        url() {
            :
        }
        is_ready() {
            # Nothing is answered there without a key.
            http_answers "$port" /v1/refunds 401
        }
        prepare() {
            mock="$(go_program github.com/stripe/stripe-mock v0.203.0)"
        }
        launch() {
            # Both addresses, or it serves TLS to everybody at a port of its own.
            setsid nohup "$mock" -http-addr "127.0.0.1:$port" -https-addr "127.0.0.1:$((port + 1))" \
                -strict-version-check &
        }
        local mark="stripe-mock-v0.203.0 -http-addr 127.0.0.1:$port "
        case "$1" in
            start) start_service stripe-mock "$folder" "$mark" "$port" ONSALE_TEST_GATEWAY_PORT 30 ;;
            stop) stop_service TERM "$folder" "$mark" 10 ;;
        esac
    )
}

case "${1:-}" in
    start)
        validator start
        start_service "the payment gateway" "$folder" "$mark" "$port" ONSALE_TEST_GATEWAY_PORT 30
        ;;
    stop)
        stop_service TERM "$folder" "$mark" 10
        validator stop
        ;;
    url) url ;;
    *) usage "start|stop|url" ;;
esac
