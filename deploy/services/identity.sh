#!/usr/bin/env bash
# A throw-away OpenID Connect provider for tests and local work: start | stop | url [DIR] [PORT].
#
#   DIR               folder of the server (default $ONSALE_IDENTITY_DIR, then target/services/identity)
#   PORT              loopback port (default $ONSALE_TEST_IDENTITY_PORT, then 15191)
#   ONSALE_CACHE_DIR  where the jars are kept (default $XDG_CACHE_HOME/onsale)
#
# `start` and `url` print the issuer, as ONSALE_TEST_IDENTITY_URL expects it. `start` does nothing when
# the server runs. It knows nobody: its form of sign-in takes any name, and claims as JSON. It checks
# PKCE; it accepts a code twice and any client secret.
set -euo pipefail

# shellcheck source=deploy/services/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

folder="$(absolute "${2:-${ONSALE_IDENTITY_DIR:-$repository/target/services/identity}}")"
# Below the system's ephemeral ports: a client using one of them would keep the server from starting.
port="${3:-${ONSALE_TEST_IDENTITY_PORT:-15191}}"
mark="onsale.folder=$folder "

url() {
    printf 'http://127.0.0.1:%s/onsale\n' "$port"
}

is_ready() {
    http_answers "$port" /isalive 200
}

prepare() {
    libraries="$(jars)"
}

launch() {
    SERVER_HOSTNAME=127.0.0.1 SERVER_PORT="$port" JSON_CONFIG='{"interactiveLogin":true}' \
        setsid nohup java -Xms64m -Xmx128m -XX:TieredStopAtLevel=1 "-Donsale.folder=$folder" \
        -cp "$libraries/*" no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt &
}

case "${1:-}" in
    start) start_service "the identity server" "$folder" "$mark" "$port" ONSALE_TEST_IDENTITY_PORT 60 ;;
    stop) stop_service TERM "$folder" "$mark" 10 ;;
    url) url ;;
    *) usage "start|stop|url" ;;
esac
