#!/usr/bin/env bash
# A throw-away Redis for tests and local work: install | start | stop | url.
#
#   ONSALE_TEST_REDIS_DIR    folder of the server (default target/services/redis)
#   ONSALE_TEST_REDIS_PORT   loopback port (default 15379)
#
# `start` and `url` print the URL, as ONSALE_TEST_REDIS_URL expects it. Nothing is ever written to
# disk: everything in Redis can be rebuilt.
set -euo pipefail

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
folder="${ONSALE_TEST_REDIS_DIR:-$repository/target/services/redis}"
# Below the system's ephemeral ports.
port="${ONSALE_TEST_REDIS_PORT:-15379}"
pid_file="$folder/server.pid"
ready_tries=100

fail() {
    printf 'redis.sh: %s\n' "$*" >&2
    exit 3
}

# Only where it is missing.
install_server() {
    command -v redis-server >/dev/null && command -v redis-cli >/dev/null && return
    command -v apt-get >/dev/null || fail "no redis-server and no apt-get; install Redis 6.2 or later"
    local become=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "installing Redis needs root: run 'apt-get install redis-server' once"
        become=(sudo)
    fi
    "${become[@]}" apt-get update -qq >&2
    # Debian would start a server of its own on 6379, which nobody asked for.
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends redis-server redis-tools >&2
}

url() {
    printf 'redis://127.0.0.1:%s/\n' "$port"
}

# The pid of our server, where it runs: the file may be left over, its number another process's.
running_pid() {
    [ -f "$pid_file" ] || return 1
    local pid
    pid="$(cat "$pid_file")"
    [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "redis-server.*:$port" || return 1
    printf '%s\n' "$pid"
}

answers() {
    redis-cli -h 127.0.0.1 -p "$port" ping 2>/dev/null | grep -q PONG
}

start() {
    install_server
    if running_pid >/dev/null && answers; then
        url
        return
    fi
    if answers; then
        fail "port $port is taken by another Redis; set ONSALE_TEST_REDIS_PORT"
    fi
    mkdir -p "$folder"
    # The file must not be there, or a server that did not start would look as if it had.
    rm -f "$pid_file"
    redis-server --bind 127.0.0.1 --port "$port" --dir "$folder" --save '' --appendonly no \
        --daemonize yes --pidfile "$pid_file" --logfile "$folder/server.log" >/dev/null
    for _ in $(seq "$ready_tries"); do
        if answers; then
            url
            return
        fi
        sleep 0.1
    done
    fail "Redis does not answer on port $port; see $folder/server.log"
}

stop() {
    local pid
    pid="$(running_pid)" || return 0
    kill "$pid"
    for _ in $(seq "$ready_tries"); do
        grep -qs '^State:.*[^ZX] (' "/proc/$pid/task/"*/status || return 0
        sleep 0.1
    done
    fail "Redis (pid $pid) does not stop"
}

case "${1:-}" in
    install) install_server ;;
    start) start ;;
    stop) stop ;;
    url) url ;;
    *)
        printf 'usage: %s install|start|stop|url\n' "$0" >&2
        exit 2
        ;;
esac
