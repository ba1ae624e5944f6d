#!/usr/bin/env bash
# A throw-away server that speaks S3, for tests and local work: start | stop | url [DIR] [PORT].
#
#   DIR               folder of the server (default $ONSALE_S3_DIR, then target/services/s3)
#   PORT              loopback port (default $ONSALE_TEST_S3_PORT, then 15192)
#   ONSALE_CACHE_DIR  where the program is kept (default $XDG_CACHE_HOME/onsale)
#
# `start` and `url` print where it is and its key, as ONSALE_TEST_S3_URL expects it: URL#KEY:SECRET. `start` does
# nothing when the server runs. It checks signatures, and has the bucket onsale-tests.
set -euo pipefail

# shellcheck source=deploy/services/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

folder="$(absolute "${2:-${ONSALE_S3_DIR:-$repository/target/services/s3}}")"
# Below the system's ephemeral ports: a client using one of them would keep the server from starting.
port="${3:-${ONSALE_TEST_S3_PORT:-15192}}"
mark="$folder/buckets "
# It listens on loopback alone, and guards nothing.
key=onsale-tests
secret='secret-of-a-throw-away-server'

url() {
    printf 'http://127.0.0.1:%s#%s:%s\n' "$port" "$key" "$secret"
}

# Whoever asks without a signature is refused, which is an answer.
is_ready() {
    http_answers "$port" / 403
}

prepare() {
    gateway="$(go_program github.com/versity/versitygw/cmd/versitygw v1.8.0)"
    # A folder of its root is a bucket.
    mkdir -p "$folder/buckets/onsale-tests" "$folder/meta"
}

launch() {
    ROOT_ACCESS_KEY="$key" ROOT_SECRET_KEY="$secret" \
        setsid nohup "$gateway" --port "127.0.0.1:$port" --quiet \
        posix --sidecar "$folder/meta" "$folder/buckets" &
}

case "${1:-}" in
    start) start_service "the S3 server" "$folder" "$mark" "$port" ONSALE_TEST_S3_PORT 60 ;;
    stop) stop_service TERM "$folder" "$mark" 10 ;;
    url) url ;;
    *) usage "start|stop|url" ;;
esac
