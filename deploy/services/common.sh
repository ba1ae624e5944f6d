# What the scripts of throw-away servers here share; they source it. A script defines:
#
#   url       prints what a test needs to know
#   is_ready  whether a server answers at the port
#   prepare   fetches what the server needs
#   launch    starts it in the background
#   configure writes what the server reads when it starts, where that is needed
#
# and gives the MARK by which the command line of its server is known.
# shellcheck shell=bash

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cache="${ONSALE_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-$repository/target}/.cache}/onsale}"
service="$(basename "$0" .sh)"

configure() {
    :
}

fail() {
    printf '%s.sh: %s\n' "$service" "$*" >&2
    exit 3
}

# A path from the root.
absolute() {
    case "$1" in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$PWD/$1" ;;
    esac
}

# install_packages ADVICE PACKAGE...
install_packages() {
    local advice="$1" become=()
    shift
    command -v apt-get >/dev/null || fail "$* missing and no apt-get; install $advice"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "installing $* needs root: run 'apt-get install $*' once"
        become=(sudo)
    fi
    "${become[@]}" apt-get update -qq >&2
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >&2
}

# The folder of the jars that the service's pom.xml names. Its name changes with their contents.
jars() {
    local pom="$repository/deploy/services/$service/pom.xml" advice="Java 17 or later and Maven" name kept fresh
    command -v java >/dev/null || install_packages "$advice" default-jre-headless
    name="$service-$(sha256sum "$pom" | cut -c1-16)"
    kept="$cache/$name"
    if [ ! -d "$kept" ]; then
        command -v mvn >/dev/null || install_packages "$advice" maven
        mkdir -p "$cache"
        fresh="$(mktemp -d "$cache/$name.XXXXXX")"
        mvn --batch-mode --quiet -f "$pom" dependency:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$fresh" >&2 \
            || fail "Maven could not fetch the jars of deploy/services/$service/pom.xml"
        # Another run may have been faster: its copy is just as good.
        mv -T "$fresh" "$kept" 2>/dev/null || rm -rf "$fresh"
        [ -d "$kept" ] || fail "the jars did not arrive in $kept"
    fi
    printf '%s\n' "$kept"
}

# go_program MODULE VERSION: the program that Go builds of it. Its name has its version.
go_program() {
    local name kept fresh
    name="$(basename "$1")"
    kept="$cache/$name-$2"
    if [ ! -x "$kept" ]; then
        command -v go >/dev/null || install_packages "Go 1.25 or later" golang-go
        mkdir -p "$cache"
        fresh="$(mktemp -d "$cache/$name.XXXXXX")"
        GOFLAGS=-mod=mod GOBIN="$fresh" go install "$1@$2" >&2 || fail "Go could not build $1@$2"
        # Another run may have been faster: its program is just as good.
        mv -T "$fresh/$name" "$kept"
        rm -rf "$fresh"
    fi
    printf '%s\n' "$kept"
}

# http_answers PORT PATH STATUS: whether GET is answered so.
http_answers() {
    # shellcheck disable=SC2016 # $1 to $3 are of the inner shell.
    timeout 2 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" "$2" >&3
        [ "$(head -c 12 <&3)" = "HTTP/1.1 $3" ]
    ' - "$@" 2>/dev/null
}

# running_pid FOLDER MARK: the server's process, if it belongs to this folder and is alive.
running_pid() {
    local pid
    [ -f "$1/$service.pid" ] || return 1
    pid="$(cat "$1/$service.pid")"
    [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$2" || return 1
    printf '%s\n' "$pid"
}

# start_service NAME FOLDER MARK PORT VARIABLE SECONDS: starts it unless it runs, and waits until it answers.
start_service() {
    local name="$1" folder="$2" mark="$3" port="$4" variable="$5" seconds="$6" pid waited=0
    if running_pid "$folder" "$mark" >/dev/null && is_ready; then
        url
        return
    fi
    prepare
    mkdir -p "$folder"
    pid="$(running_pid "$folder" "$mark")" || pid=""
    if [ -z "$pid" ]; then
        ! is_ready || fail "port $port is taken by another server; give another PORT or set $variable"
        configure
        launch >>"$folder/server.log" 2>&1 </dev/null
        pid=$!
        printf '%s\n' "$pid" >"$folder/$service.pid"
    fi
    until is_ready; do
        kill -0 "$pid" 2>/dev/null || fail "$name ended while it started; see $folder/server.log"
        waited=$((waited + 1))
        [ "$waited" -lt $((seconds * 5)) ] \
            || fail "$name does not answer on port $port after $seconds s; see $folder/server.log"
        sleep 0.2
    done
    url
}

# stop_service SIGNAL FOLDER MARK SECONDS: ends it, after so long by force.
stop_service() {
    local pid waited=0
    pid="$(running_pid "$2" "$3")" || return 0
    kill "-$1" "$pid"
    # Any thread: one that is ending still holds the files and the port.
    while grep -qs '^State:.*[^ZX] (' "/proc/$pid/task/"*/status; do
        waited=$((waited + 1))
        if [ "$waited" -gt $(($4 * 10)) ]; then
            kill -KILL "$pid"
            waited=0
        fi
        sleep 0.1
    done
    rm -f "$2/$service.pid"
}

# usage VERBS: says them, as the end of a wrong call.
usage() {
    printf 'usage: %s %s [DIR] [PORT]\n' "$0" "$1" >&2
    exit 2
}
