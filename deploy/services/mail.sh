#!/usr/bin/env bash
# A throw-away mail server for tests and local work, which keeps every mail and shows it by an API:
# start | stop | url [DIR] [PORT].
#
#   DIR               folder of the server (default $ONSALE_MAIL_DIR, then target/services/mail)
#   PORT              loopback port of the API (default $ONSALE_TEST_MAIL_PORT, then 15125); SMTP is at the
#                     next one
#   ONSALE_CACHE_DIR  where the program is kept (default $XDG_CACHE_HOME/onsale)
#
# `start` and `url` print the address of the API, as ONSALE_TEST_MAIL_URL expects it. `start` does nothing
# when the server runs. It is Mailpit, built by Go.
set -euo pipefail

# shellcheck source=deploy/services/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

folder="$(absolute "${2:-${ONSALE_MAIL_DIR:-$repository/target/services/mail}}")"
# Below the system's ephemeral ports: a client using one of them would keep the server from starting.
port="${3:-${ONSALE_TEST_MAIL_PORT:-15125}}"
mark="$folder/mails "

url() {
    printf 'http://127.0.0.1:%s\n' "$port"
}

is_ready() {
    http_answers "$port" /readyz 200
}

prepare() {
    mailpit="$(go_program github.com/axllent/mailpit v1.33.1)"
}

launch() {
    setsid nohup "$mailpit" --database "$folder/mails" --max 5000 --disable-version-check \
        --listen "127.0.0.1:$port" --smtp "127.0.0.1:$((port + 1))" &
}

case "${1:-}" in
    start) start_service "the mail server" "$folder" "$mark" "$port" ONSALE_TEST_MAIL_PORT 30 ;;
    stop) stop_service TERM "$folder" "$mark" 10 ;;
    url) url ;;
    *) usage "start|stop|url" ;;
esac
