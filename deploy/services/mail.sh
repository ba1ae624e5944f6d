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

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
folder="${2:-${ONSALE_MAIL_DIR:-$repository/target/services/mail}}"
# Below the system's ephemeral ports: a client using one of them would keep the server from starting.
port="${3:-${ONSALE_TEST_MAIL_PORT:-15125}}"
cache="${ONSALE_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-$repository/target}/.cache}/onsale}"
mailpit_version=v1.33.1
ready_timeout_seconds=30
stop_timeout_seconds=10

fail() {
    printf 'mail.sh: %s\n' "$*" >&2
    exit 3
}

case "$folder" in
    /*) ;;
    *) folder="$PWD/$folder" ;;
esac

# The program. Its name changes with its version.
program() {
    local kept="$cache/mailpit-$mailpit_version" fresh
    if [ ! -x "$kept" ]; then
        command -v go >/dev/null || fail "Go is missing: install it, 1.24 or later, to build Mailpit"
        mkdir -p "$cache"
        fresh="$(mktemp -d "$cache/mailpit.XXXXXX")"
        GOBIN="$fresh" go install "github.com/axllent/mailpit@$mailpit_version" >&2 \
            || fail "Go could not build Mailpit $mailpit_version"
        # Another run may have been faster: its copy is just as good.
        mv -f "$fresh/mailpit" "$kept"
        rm -rf "$fresh"
    fi
    printf '%s\n' "$kept"
}

url() {
    printf 'http://127.0.0.1:%s\n' "$port"
}

# The server's process, if it belongs to this folder and is alive.
running_pid() {
    local pid
    [ -f "$folder/mail.pid" ] || return 1
    pid="$(cat "$folder/mail.pid")"
    [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$folder/mails " || return 1
    printf '%s\n' "$pid"
}

is_ready() {
    # shellcheck disable=SC2016 # $1 is of the inner shell.
    timeout 2 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" >&3
        [ "$(head -c 12 <&3)" = "HTTP/1.1 200" ]
    ' - "$port" 2>/dev/null
}

start() {
    if running_pid >/dev/null && is_ready; then
        url
        return
    fi
    local mailpit pid waited
    mailpit="$(program)"
    mkdir -p "$folder"
    pid="$(running_pid)" || pid=""
    if [ -z "$pid" ]; then
        ! is_ready || fail "port $port is taken by another server; give another PORT or set ONSALE_TEST_MAIL_PORT"
        setsid nohup "$mailpit" --database "$folder/mails" --max 5000 --disable-version-check \
            --listen "127.0.0.1:$port" --smtp "127.0.0.1:$((port + 1))" \
            >>"$folder/server.log" 2>&1 </dev/null &
        pid=$!
        printf '%s\n' "$pid" >"$folder/mail.pid"
    fi
    waited=0
    until is_ready; do
        kill -0 "$pid" 2>/dev/null || fail "the mail server ended while it started; see $folder/server.log"
        waited=$((waited + 1))
        [ "$waited" -lt $((ready_timeout_seconds * 5)) ] \
            || fail "the mail server does not answer on port $port after $ready_timeout_seconds s; see $folder/server.log"
        sleep 0.2
    done
    url
}

stop() {
    local pid waited=0
    pid="$(running_pid)" || return 0
    kill "$pid"
    while running_pid >/dev/null; do
        waited=$((waited + 1))
        if [ "$waited" -gt $((stop_timeout_seconds * 10)) ]; then
            kill -KILL "$pid"
            waited=0
        fi
        sleep 0.1
    done
    rm -f "$folder/mail.pid"
}

case "${1:-}" in
    start) start ;;
    stop) stop ;;
    url) url ;;
    *)
        printf 'usage: %s start|stop|url [DIR] [PORT]\n' "$0" >&2
        exit 2
        ;;
esac
