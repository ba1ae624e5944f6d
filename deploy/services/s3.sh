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

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
folder="${2:-${ONSALE_S3_DIR:-$repository/target/services/s3}}"
# Below the system's ephemeral ports: a client using one of them would keep the server from starting.
port="${3:-${ONSALE_TEST_S3_PORT:-15192}}"
cache="${ONSALE_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-$repository/target}/.cache}/onsale}"
module=github.com/versity/versitygw/cmd/versitygw
version=v1.8.0
# It listens on loopback alone, and guards nothing.
key=onsale-tests
secret='secret-of-a-throw-away-server'
ready_timeout_seconds=60
stop_timeout_seconds=10

fail() {
    printf 's3.sh: %s\n' "$*" >&2
    exit 3
}

case "$folder" in
    /*) ;;
    *) folder="$PWD/$folder" ;;
esac

install_packages() {
    command -v apt-get >/dev/null || fail "$* missing and no apt-get; install Go 1.25 or later"
    local become=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "installing $* needs root: run 'apt-get install $*' once"
        become=(sudo)
    fi
    "${become[@]}" apt-get update -qq >&2
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >&2
}

# The program. Its name has its version.
program() {
    local kept="$cache/versitygw-$version" fresh
    if [ ! -x "$kept" ]; then
        command -v go >/dev/null || install_packages golang-go
        mkdir -p "$cache"
        fresh="$(mktemp -d "$cache/versitygw.XXXXXX")"
        GOFLAGS=-mod=mod GOBIN="$fresh" go install "$module@$version" >&2 \
            || fail "Go could not build $module@$version"
        # Another run may have been faster: its program is just as good.
        mv -T "$fresh/versitygw" "$kept"
        rm -rf "$fresh"
    fi
    printf '%s\n' "$kept"
}

url() {
    printf 'http://127.0.0.1:%s#%s:%s\n' "$port" "$key" "$secret"
}

# The server's process, if it belongs to this folder and is alive.
running_pid() {
    local pid
    [ -f "$folder/s3.pid" ] || return 1
    pid="$(cat "$folder/s3.pid")"
    [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$folder/buckets " || return 1
    printf '%s\n' "$pid"
}

# Whoever asks without a signature is refused, which is an answer.
is_ready() {
    # shellcheck disable=SC2016 # $1 is of the inner shell.
    timeout 2 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" >&3
        [ "$(head -c 12 <&3)" = "HTTP/1.1 403" ]
    ' - "$port" 2>/dev/null
}

start() {
    if running_pid >/dev/null && is_ready; then
        url
        return
    fi
    local gateway pid waited
    gateway="$(program)"
    # A folder of its root is a bucket.
    mkdir -p "$folder/buckets/onsale-tests" "$folder/meta"
    pid="$(running_pid)" || pid=""
    if [ -z "$pid" ]; then
        ! is_ready || fail "port $port is taken by another server; give another PORT or set ONSALE_TEST_S3_PORT"
        ROOT_ACCESS_KEY="$key" ROOT_SECRET_KEY="$secret" \
            setsid nohup "$gateway" --port "127.0.0.1:$port" --quiet \
            posix --sidecar "$folder/meta" "$folder/buckets" \
            >>"$folder/server.log" 2>&1 </dev/null &
        pid=$!
        printf '%s\n' "$pid" >"$folder/s3.pid"
    fi
    waited=0
    until is_ready; do
        kill -0 "$pid" 2>/dev/null || fail "the server ended while it started; see $folder/server.log"
        waited=$((waited + 1))
        [ "$waited" -lt $((ready_timeout_seconds * 5)) ] \
            || fail "the server does not answer on port $port after $ready_timeout_seconds s; see $folder/server.log"
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
    rm -f "$folder/s3.pid"
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
