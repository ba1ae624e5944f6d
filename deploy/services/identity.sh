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

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
folder="${2:-${ONSALE_IDENTITY_DIR:-$repository/target/services/identity}}"
# Below the system's ephemeral ports: a client using one of them would keep the server from starting.
port="${3:-${ONSALE_TEST_IDENTITY_PORT:-15191}}"
cache="${ONSALE_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-$repository/target}/.cache}/onsale}"
ready_timeout_seconds=60
stop_timeout_seconds=10

fail() {
    printf 'identity.sh: %s\n' "$*" >&2
    exit 3
}

case "$folder" in
    /*) ;;
    *) folder="$PWD/$folder" ;;
esac

install_packages() {
    command -v apt-get >/dev/null || fail "$* missing and no apt-get; install Java 17 or later and Maven"
    local become=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "installing $* needs root: run 'apt-get install $*' once"
        become=(sudo)
    fi
    "${become[@]}" apt-get update -qq >&2
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >&2
}

# The folder of the jars. Its name changes with their contents.
jars() {
    local pom="$repository/deploy/services/identity/pom.xml" name kept fresh
    name="identity-$(sha256sum "$pom" | cut -c1-16)"
    kept="$cache/$name"
    if [ ! -d "$kept" ]; then
        command -v mvn >/dev/null || install_packages maven
        mkdir -p "$cache"
        fresh="$(mktemp -d "$cache/$name.XXXXXX")"
        mvn --batch-mode --quiet -f "$pom" dependency:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$fresh" >&2 \
            || fail "Maven could not fetch the jars of deploy/services/identity/pom.xml"
        # Another run may have been faster: its copy is just as good.
        mv -T "$fresh" "$kept" 2>/dev/null || rm -rf "$fresh"
        [ -d "$kept" ] || fail "the jars did not arrive in $kept"
    fi
    printf '%s\n' "$kept"
}

url() {
    printf 'http://127.0.0.1:%s/onsale\n' "$port"
}

# The server's process, if it belongs to this folder and is alive.
running_pid() {
    local pid
    [ -f "$folder/identity.pid" ] || return 1
    pid="$(cat "$folder/identity.pid")"
    [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "onsale.folder=$folder " || return 1
    printf '%s\n' "$pid"
}

is_ready() {
    # shellcheck disable=SC2016 # $1 is of the inner shell.
    timeout 2 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf "GET /isalive HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" >&3
        [ "$(head -c 12 <&3)" = "HTTP/1.1 200" ]
    ' - "$port" 2>/dev/null
}

start() {
    if running_pid >/dev/null && is_ready; then
        url
        return
    fi
    command -v java >/dev/null || install_packages default-jre-headless
    local libraries pid waited
    libraries="$(jars)"
    mkdir -p "$folder"
    pid="$(running_pid)" || pid=""
    if [ -z "$pid" ]; then
        ! is_ready || fail "port $port is taken by another server; give another PORT or set ONSALE_TEST_IDENTITY_PORT"
        SERVER_HOSTNAME=127.0.0.1 SERVER_PORT="$port" JSON_CONFIG='{"interactiveLogin":true}' \
            setsid nohup java -Xms64m -Xmx128m -XX:TieredStopAtLevel=1 "-Donsale.folder=$folder" \
            -cp "$libraries/*" no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt \
            >>"$folder/server.log" 2>&1 </dev/null &
        pid=$!
        printf '%s\n' "$pid" >"$folder/identity.pid"
    fi
    waited=0
    until is_ready; do
        kill -0 "$pid" 2>/dev/null || fail "the identity server ended while it started; see $folder/server.log"
        waited=$((waited + 1))
        [ "$waited" -lt $((ready_timeout_seconds * 5)) ] \
            || fail "the identity server does not answer on port $port after $ready_timeout_seconds s; see $folder/server.log"
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
    rm -f "$folder/identity.pid"
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
