#!/usr/bin/env bash
# A throw-away PostgreSQL for tests and local work: start | stop | kill | url.
#
#   ONSALE_SERVICES_DIR         folder of the cluster (default target/services/postgres)
#   ONSALE_TEST_POSTGRES_PORT   loopback port (default 15432)
#   ONSALE_POSTGRES_DURABLE     1 keeps commits across a `kill`; `bench` does so too and
#                               sets memory and checkpoints as usual for such a load
#
# `start` and `url` print the URL of an administrator, as ONSALE_TEST_POSTGRES_URL expects it.
# Durability is off on purpose otherwise: nothing in this cluster outlives a test run. Never point a
# real Onsale at it.
set -euo pipefail

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
folder="${ONSALE_SERVICES_DIR:-$repository/target/services/postgres}"
# Below the system's ephemeral ports.
port="${ONSALE_TEST_POSTGRES_PORT:-15432}"
ready_timeout_seconds=60
# A unix socket path may have 107 bytes; a deep checkout would exceed them, so tests use TCP and the
# socket is only created where it fits.
socket_path_max_bytes=90

fail() {
    printf 'postgres.sh: %s\n' "$*" >&2
    exit 3
}

find_binaries() {
    # The newest version wins.
    ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1
}

install_server() {
    command -v apt-get >/dev/null || fail "no PostgreSQL under /usr/lib/postgresql and no apt-get; install PostgreSQL 14 or later"
    local become=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "installing PostgreSQL needs root: run 'apt-get install postgresql' once"
        become=(sudo)
    fi
    # Debian would start its own cluster on 5432.
    "${become[@]}" mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] \
        || printf 'create_main_cluster = false\n' | "${become[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    "${become[@]}" apt-get update -qq >&2
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >&2
}

binaries="$(find_binaries)"

# PostgreSQL refuses to run as root.
as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

url() {
    printf 'postgres://postgres@127.0.0.1:%s/postgres\n' "$port"
}

is_ready() {
    [ -n "$binaries" ] && "$binaries/pg_isready" -q -U postgres -h 127.0.0.1 -p "$port"
}

# The cluster may be run by another user in a folder below a private home: the data then goes to a
# folder that this user can reach, and the services folder remembers where.
data_folder() {
    if [ -f "$folder/location" ]; then
        cat "$folder/location"
        return
    fi
    mkdir -p "$folder"
    local data="$folder/data"
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres "$folder"
        if ! as_server test -w "$folder"; then
            data="$(mktemp -d /tmp/onsale-postgres.XXXXXX)/data"
            chown postgres "$(dirname "$data")"
        fi
    fi
    printf '%s\n' "$data" >"$folder/location"
    printf '%s\n' "$data"
}

start() {
    if [ -z "$binaries" ]; then
        install_server
        binaries="$(find_binaries)"
        [ -n "$binaries" ] || fail "PostgreSQL was installed, but /usr/lib/postgresql/*/bin is not there"
    fi
    local data log
    data="$(data_folder)"
    log="$(dirname "$data")/server.log"
    if [ -d "$data" ] && as_server "$binaries/pg_ctl" status -D "$data" >/dev/null 2>&1 && is_ready; then
        url
        return
    fi
    if is_ready; then
        fail "port $port is taken by another PostgreSQL; set ONSALE_TEST_POSTGRES_PORT"
    fi
    if [ ! -f "$data/PG_VERSION" ]; then
        as_server "$binaries/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    fi
    local socket
    socket="$(dirname "$data")"
    [ "${#socket}" -le "$socket_path_max_bytes" ] || socket=""
    local durability="-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    case "${ONSALE_POSTGRES_DURABLE:-}" in
        1) durability="" ;;
        # No checkpoint in the middle of a measurement.
        bench) durability="-c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=30min" ;;
    esac
    as_server "$binaries/pg_ctl" start -D "$data" -l "$log" -s -w -t "$ready_timeout_seconds" -o \
        "-c listen_addresses=127.0.0.1 -p $port -c unix_socket_directories='$socket' -c max_connections=200 $durability" \
        || fail "PostgreSQL did not start; see $log"
    is_ready || fail "PostgreSQL is not ready on port $port; see $log"
    url
}

stop() {
    [ -n "$binaries" ] || return 0
    [ -f "$folder/location" ] || return 0
    local data
    data="$(cat "$folder/location")"
    if as_server "$binaries/pg_ctl" status -D "$data" >/dev/null 2>&1; then
        as_server "$binaries/pg_ctl" stop -D "$data" -m fast -s -w
    fi
}

# Kills every process of the cluster at once.
kill_all() {
    local data pid children
    [ -f "$folder/location" ] || return 0
    data="$(cat "$folder/location")"
    [ -f "$data/postmaster.pid" ] || return 0
    pid="$(head -n 1 "$data/postmaster.pid")"
    children="$(ps -o pid= --ppid "$pid" || true)"
    # shellcheck disable=SC2086 # One number each.
    kill -KILL "$pid" $children 2>/dev/null || true
    # shellcheck disable=SC2086
    for pid in $pid $children; do
        while grep -qs '^State:.*[^ZX] (' "/proc/$pid/task/"*/status; do sleep 0.05; done
    done
    # A zombie process still has its pid and would look alive.
    rm -f "$data/postmaster.pid" "$(dirname "$data")/.s.PGSQL.$port" "$(dirname "$data")/.s.PGSQL.$port.lock"
}

case "${1:-}" in
    start) start ;;
    stop) stop ;;
    kill) kill_all ;;
    url) url ;;
    *)
        printf 'usage: %s start|stop|kill|url\n' "$0" >&2
        exit 2
        ;;
esac
