#!/usr/bin/env bash
# Checks the OpenAPI document against the running server with schemathesis: for every role, starts
# `onsale dev` on a free port with fresh data, and calls everything the document names.
#
#   deploy/checks/schemathesis.sh [--examples N] [--seed N] [--roles "buyer admin"] [--binary FILE]
#   deploy/checks/schemathesis.sh --install
#
#   --install   only what it needs of the network
#   --examples  inputs per operation and role (default 6; a thorough run takes 200)
#   --seed      the seed of a run to repeat (default: 1, so that CI is the same every time)
#   --binary    the program to check (default: what `cargo build` builds)
#
# Exit 0 no failure, 1 failures (shown with a curl line each), 3 could not run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=4.32.5
examples=6
seed=1
roles="buyer organizer admin service operator"
binary=""
ready_timeout_seconds=60
install=""
# Roles that are checked at the same time; schemathesis takes a core.
roles_at_once=2

fail() {
    printf 'schemathesis.sh: %s\n' "$*" >&2
    exit 3
}

while [ "$#" -gt 0 ]; do
    case "$1" in
        --examples) examples="${2:?}"; shift 2 ;;
        --seed) seed="${2:?}"; shift 2 ;;
        --roles) roles="${2:?}"; shift 2 ;;
        --binary) binary="${2:?}"; shift 2 ;;
        --install) install=1; shift ;;
        *) fail "unknown option $1; see the head of this file" ;;
    esac
done

# A virtual environment below target/, so that a kept checkout keeps it.
venv="$PWD/target/tools/schemathesis-$version"
if [ ! -x "$venv/bin/schemathesis" ]; then
    command -v python3 >/dev/null || fail "needs python3 with its venv module"
    rm -rf "$venv"
    python3 -m venv "$venv" || fail "python3 cannot create a virtual environment (Debian: apt-get install python3-venv)"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" \
        || fail "cannot install schemathesis $version"
fi

[ -z "$install" ] || exit 0

if [ -z "$binary" ]; then
    cargo build --locked --quiet -p onsale
    binary="${CARGO_TARGET_DIR:-target}/debug/onsale"
fi

# Of several roles each has a server of its own: what one does changes nothing for another.
if [ "$(wc -w <<<"$roles")" -gt 1 ]; then
    logs="$(mktemp -d)"
    trap 'rm -rf "$logs"' EXIT
    # shellcheck disable=SC2016 # Those are for the inner shell.
    tr -s ' ' '\n' <<<"$roles" | xargs -P "$roles_at_once" -I ROLE sh -c '
        "$1" --roles ROLE --examples "$2" --seed "$3" --binary "$4" >"$5/ROLE" 2>&1
        echo $? >"$5/ROLE.exit"' \
        - deploy/checks/schemathesis.sh "$examples" "$seed" "$binary" "$logs"
    worst=0
    for role in $roles; do
        cat "$logs/$role"
        code="$(cat "$logs/$role.exit")"
        [ "$code" -le "$worst" ] || worst="$code"
    done
    exit "$worst"
fi

folder="$(mktemp -d)"
server=""
cleanup() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap cleanup EXIT

ONSALE_RATE_LIMIT__ENABLED=false ONSALE_LOG__PARTITIONS=4 \
    "$binary" dev --data "$folder/data" --listen 127.0.0.1:0 >"$folder/out" 2>"$folder/err" &
server=$!

waited=0
until grep -q '^Stop with' "$folder/out"; do
    kill -0 "$server" 2>/dev/null || { cat "$folder/err" >&2; fail "the server did not start"; }
    [ "$waited" -lt $((ready_timeout_seconds * 10)) ] || fail "the server was not ready in $ready_timeout_seconds s"
    waited=$((waited + 1))
    sleep 0.1
done
base="$(sed -n 's/^Onsale is open at //p' "$folder/out")"

# Half of the ids used are of something that exists.
buyer="$(sed -n 's/^  BUYER=//p' "$folder/out")"
show="$(sed -n 's/^  show     \([^ ]*\).*/\1/p' "$folder/out" | head -n 1)"
ask() { curl -sS --max-time 20 "$@"; }
uuids() { grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'; }
zone="$(ask "$base/api/v1/shows/$show/zones" | grep -oE '"zone_id":"[^"]*"' | uuids | head -n 1)"
{
    sed -n 's/^  show     \([^ ]*\).*/\1/p' "$folder/out"
    ask "$base/api/v1/events" | grep -oE '"event_id":"[^"]*"' | uuids
    for _ in 1 2; do
        ask "$base/api/v1/bookings/reserve" -H "Authorization: Bearer $buyer" -H 'Content-Type: application/json' \
            -d "{\"show_id\":\"$show\",\"zone_id\":\"$zone\",\"quantity\":1,\"ticket_type\":\"Adult\"}" \
            | grep -oE '"booking_id":"[^"]*"' | uuids
    done
} | sort -u | sed 's/.*/"&"/' >"$folder/ids"
[ "$(wc -l <"$folder/ids")" -ge 4 ] || fail "the demo shows could not be read"
cp deploy/checks/schemathesis.toml "$folder/schemathesis.toml"

role="$(tr -d ' ' <<<"$roles")"
token="$(sed -n "s/^  ${role^^}=//p" "$folder/out")"
[ -n "$token" ] || fail "no token for the role $role"
printf '\n-- as %s\n' "$role"
failed=""
(
    # Its caches and reports stay in a temporary folder.
    cd "$folder"
    ONSALE_CHECK_TOKEN="$token" "$venv/bin/schemathesis" \
        --config-file schemathesis.toml run "$base/api/v1/openapi.json" \
        --checks all --max-examples "$examples" --seed "$seed" --workers 1 \
        --request-timeout 20 --no-shrink --continue-on-failure --warnings off --no-color
) || failed="$role"
kill -0 "$server" 2>/dev/null || { cat "$folder/err" >&2; fail "the server ended during the calls as $role"; }

if grep -E 'panicked|ERROR' "$folder/err" "$folder/out" >&2; then
    failed="$role (errors in the server's log)"
fi
if [ -n "$failed" ]; then
    printf '\nschemathesis found failures as %s\n' "$failed" >&2
    exit 1
fi
printf '\nthe document and the server agree, as %s\n' "$role"
