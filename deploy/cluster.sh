#!/usr/bin/env bash
# A whole cluster on this machine, for trying and testing: Kafka, PostgreSQL, Redis, two processors,
# two ingress nodes and a projector, each a separate process with its own folder, log and pid file.
#
#   up               start what is not running, wait until all of it is ready, show it; say how to sell
#   down [--wipe]    stop everything; --wipe also removes the data
#   status           each node's name, role, pid, URL and state
#   demo             create demo shows, print them and tokens to buy with
#   kill NODE        kill -9
#   stop NODE        stop it properly
#   start NODE       start and wait until it is ready
#   restart NODE     stop (if it runs) and start
#   pause NODE       SIGSTOP
#   resume NODE      SIGCONT
#   onsale ARGS...   run the command line with the settings of the cluster
#
#   ONSALE_CLUSTER_DIR    folder of the cluster (default target/cluster)
#   ONSALE_CLUSTER_PORT   first port; all others are at fixed distances (default 26000)
#   ONSALE_CLUSTER_BROKERS  brokers (default 1); with 3, named kafka, kafka-2 and kafka-3, every topic
#                         has three copies, of which two must have a record
#   ONSALE_BINARY         the program (default target/release/onsale, built when missing)
#
# Every other ONSALE_* variable of the caller reaches every process.
set -euo pipefail

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
folder="${ONSALE_CLUSTER_DIR:-$repository/target/cluster}"
case "$folder" in /*) ;; *) folder="$PWD/$folder" ;; esac
base="${ONSALE_CLUSTER_PORT:-26000}"
binary="${ONSALE_BINARY:-${CARGO_TARGET_DIR:-$repository/target}/release/onsale}"
case "$binary" in /*) ;; *) binary="$PWD/$binary" ;; esac
ready_timeout_seconds=90
stop_timeout_seconds=30
# kill -9 of a stopped process takes a moment.
kill_timeout_seconds=10

brokers=(kafka)
for ((i = 2; i <= ${ONSALE_CLUSTER_BROKERS:-1}; i++)); do brokers+=("kafka-$i"); done
services=("${brokers[@]}" postgres redis)
nodes=(processor-1 processor-2 ingress-1 ingress-2 projector-1)

fail() {
    printf 'cluster.sh: %s\n' "$*" >&2
    exit 3
}

# Announces what takes a while before it begins.
say() { printf 'cluster.sh: %s\n' "$*" >&2; }

usage() {
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
    exit 2
}

port_of() {
    case "$1" in
        kafka) echo $((base + 92)) ;;
        kafka-*) echo $((base + 90 + 2 * ${1#kafka-})) ;;
        postgres) echo $((base + 432)) ;;
        redis) echo $((base + 379)) ;;
        processor-*) echo $((base + 70 + ${1#processor-})) ;;
        ingress-*) echo $((base + 80 + ${1#ingress-})) ;;
        projector-*) echo $((base + 60 + ${1#projector-})) ;;
    esac
}

# The port where a node answers Prometheus and other nodes.
operations_port_of() { echo $(($(port_of "$1") + 100)); }

url_of() {
    case "$1" in
        kafka*) echo "127.0.0.1:$(port_of "$1")" ;;
        postgres) echo "postgres://postgres@127.0.0.1:$(port_of postgres)/postgres" ;;
        redis) echo "redis://127.0.0.1:$(port_of redis)" ;;
        *) echo "http://127.0.0.1:$(port_of "$1")" ;;
    esac
}

role_of() {
    case "$1" in
        kafka*) echo log ;;
        postgres) echo database ;;
        redis) echo precheck ;;
        *) echo "${1%-*}" ;;
    esac
}

check_name() {
    local name
    for name in "${services[@]}" "${nodes[@]}"; do
        [ "$name" != "${1:-}" ] || return 0
    done
    fail "there is no node '${1:-}'; there are: ${services[*]} ${nodes[*]}"
}

# The scripts of the services, with the folders and ports of this cluster.
kafka() {
    local name="$1" number settings="$folder/$1.properties"
    number="${name#kafka-}"
    [ "$number" != kafka ] || number=1
    if [ "${#brokers[@]}" -gt 1 ]; then
        several_brokers "$number" >"$settings"
        export ONSALE_KAFKA_SETTINGS="$settings" ONSALE_KAFKA_CLUSTER_ID=b25zYWxlLWNsdXN0ZXItMQ
    fi
    "$repository/deploy/services/kafka.sh" "$2" "$folder/$name" "$(port_of "$name")"
}
# What a broker has to know about the others.
several_brokers() {
    local name voters="" id=1
    for name in "${brokers[@]}"; do
        voters+="${voters:+,}$id@127.0.0.1:$(($(port_of "$name") + 1))"
        id=$((id + 1))
    done
    printf 'node.id=%s\ncontroller.quorum.voters=%s\n' "$1" "$voters"
}
postgres() {
    ONSALE_SERVICES_DIR="$folder/postgres" ONSALE_TEST_POSTGRES_PORT="$(port_of postgres)" \
        ONSALE_POSTGRES_DURABLE=1 "$repository/deploy/services/postgres.sh" "$1"
}

# Environment of every process. What the caller has set stays.
export_settings() {
    mkdir -p "$folder"
    local key="${ONSALE_AUTH__HS256_SECRET:-}${ONSALE_AUTH__HS256_SECRET_FILE:-}"
    key+="${ONSALE_AUTH__ED25519_PUBLIC_KEY_FILE:-}${ONSALE_AUTH__RSA_PUBLIC_KEY_FILE:-}"
    if [ -z "$key" ]; then
        if [ ! -s "$folder/secret" ]; then
            (umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$folder/secret")
        fi
        export ONSALE_AUTH__HS256_SECRET_FILE="$folder/secret"
    fi
    local name all=""
    for name in "${brokers[@]}"; do all+="${all:+,}$(url_of "$name")"; done
    export ONSALE_KAFKA__BROKERS="${ONSALE_KAFKA__BROKERS:-$all}"
    if [ "${#brokers[@]}" -ge 3 ]; then
        export ONSALE_KAFKA__REPLICATION="${ONSALE_KAFKA__REPLICATION:-3}"
        export ONSALE_KAFKA__MIN_INSYNC="${ONSALE_KAFKA__MIN_INSYNC:-2}"
    fi
    export ONSALE_DATABASE__URL="${ONSALE_DATABASE__URL:-$(url_of postgres)}"
    export ONSALE_REDIS__URL="${ONSALE_REDIS__URL:-$(url_of redis)}"
    export ONSALE_CLUSTER__PROCESSORS="${ONSALE_CLUSTER__PROCESSORS:-processor-1,processor-2}"
    export ONSALE_LOG__PARTITIONS="${ONSALE_LOG__PARTITIONS:-4}"
    export ONSALE_PAYMENTS__SIMULATED="${ONSALE_PAYMENTS__SIMULATED:-true}"
}

# --- processes ------------------------------------------------------------------------------------

# The pid of a part, if it belongs to this cluster and is alive.
pid_of() {
    local pid="" file mark
    case "$1" in
        kafka*)
            file="$folder/$1/kafka.pid"
            mark="$folder/$1/server.properties"
            ;;
        postgres)
            [ -f "$folder/postgres/location" ] || return 1
            file="$(cat "$folder/postgres/location")/postmaster.pid"
            mark="$(dirname "$file")"
            ;;
        *)
            file="$folder/$1/pid"
            mark="$folder/$1"
            ;;
    esac
    [ -f "$file" ] || return 1
    pid="$(head -n 1 "$file" 2>/dev/null)" || return 1
    # The pid may have been reused by another process. An ended process has no command line.
    tr '\0' '\n' 2>/dev/null <"/proc/${pid:-none}/cmdline" | grep -qF -- "$mark" || return 1
    printf '%s\n' "$pid"
}

# True while any thread of a process runs, even one without a command line: it has just been forked,
# or it is ending and still holds its files and ports.
exists() {
    grep -qs '^State:.*[^ZX] (' "/proc/${1:-none}/task/"*/status
}

# True when a node that was launched is gone.
has_ended() {
    ! pid_of "$1" >/dev/null || return 1
    ! exists "$(cat "$folder/$1/pid" 2>/dev/null)"
}

# Starts a program in the background: NAME COMMAND...
launch() {
    local name="$1"
    shift
    mkdir -p "$folder/$name"
    setsid nohup "$@" >>"$folder/$name/$name.log" 2>&1 </dev/null &
    printf '%s\n' "$!" >"$folder/$name/pid"
}

# Status code of GET PATH at a port; nothing when there is no answer.
http_status() {
    # shellcheck disable=SC2016 # $1 and $2 are of the inner shell.
    timeout 2 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" "$2" >&3
        read -r _ code _ <&3
        printf "%s" "$code"
    ' - "$1" "$2" 2>/dev/null || true
}

redis_answers() {
    # shellcheck disable=SC2016
    timeout 2 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf "PING\r\n" >&3
        read -r answer <&3
        [ "${answer%$'"'\\r'"'}" = +PONG ]
    ' - "$(port_of redis)" 2>/dev/null
}

is_ready() {
    case "$1" in
        kafka* | postgres) pid_of "$1" >/dev/null ;;
        redis) redis_answers ;;
        *) [ "$(http_status "$(port_of "$1")" /health/ready)" = 200 ] ;;
    esac
}

wait_ready() {
    local name="$1" tries=0
    until is_ready "$name"; do
        ! has_ended "$name" || fail "$name ended while it started; see $folder/$name/$name.log"
        tries=$((tries + 1))
        [ "$tries" -lt $((ready_timeout_seconds * 10)) ] \
            || fail "$name is not ready after $ready_timeout_seconds s; see $folder/$name/$name.log"
        sleep 0.1
    done
}

install_redis() {
    command -v apt-get >/dev/null || fail "redis-server is missing and there is no apt-get: install it"
    local become=()
    [ "$(id -u)" -eq 0 ] || become=(sudo)
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server >&2
}

# True for services whose scripts check themselves what is running.
is_script() {
    case "$1" in kafka* | postgres) return 0 ;; *) return 1 ;; esac
}

# Starts one part without waiting for it, except for services whose scripts wait.
launch_one() {
    local name="$1"
    ! pid_of "$name" >/dev/null || is_script "$name" || return 0
    case "$name" in
        kafka*) kafka "$name" start >/dev/null ;;
        postgres) postgres start >/dev/null ;;
        redis)
            command -v redis-server >/dev/null || install_redis
            mkdir -p "$folder/redis"
            # The counts in it are rebuilt by the projector: nothing is kept. The process keeps its
            # command line, by which this script recognizes it.
            printf 'bind 127.0.0.1\nport %s\nsave ""\nappendonly no\ndir "%s"\nset-proc-title no\n' \
                "$(port_of redis)" "$folder/redis" >"$folder/redis/redis.conf"
            launch redis redis-server "$folder/redis/redis.conf"
            ;;
        *)
            local roles
            roles="$(role_of "$name")"
            # It has time for the jobs.
            [ "$roles" != projector ] || roles+=,worker
            ONSALE_NODE__ID="$name" ONSALE_NODE__ROLES="$roles" \
                ONSALE_HTTP__LISTEN="127.0.0.1:$(port_of "$name")" \
                ONSALE_HTTP__OPERATIONS_LISTEN="127.0.0.1:$(operations_port_of "$name")" \
                launch "$name" "$binary" serve --data "$folder/$name/data"
            ;;
    esac
}

# Sends a signal and waits until the process is gone: NAME SIGNAL SECONDS.
end() {
    local name="$1" pid tries=0
    pid="$(pid_of "$name")" || return 0
    kill "-$2" "$pid"
    while exists "$pid"; do
        tries=$((tries + 1))
        if [ "$tries" -gt $(($3 * 20)) ]; then
            [ "$2" != KILL ] || fail "$name (pid $pid) does not stop"
            printf 'cluster.sh: %s did not stop within %s s and is killed\n' "$name" "$3" >&2
            end "$name" KILL "$kill_timeout_seconds"
            return
        fi
        sleep 0.05
    done
}

stop_one() {
    case "$1" in
        kafka*) kafka "$1" stop ;;
        postgres) postgres stop ;;
        *) end "$1" TERM "$stop_timeout_seconds" ;;
    esac
}

kill_one() {
    pid_of "$1" >/dev/null || fail "$1 is not running"
    case "$1" in
        kafka*) kafka "$1" kill ;;
        postgres) postgres kill ;;
        *) end "$1" KILL "$kill_timeout_seconds" ;;
    esac
}

start_one() {
    launch_one "$1"
    wait_ready "$1"
}

# What an ingress says about partitions that no living node owns; nothing while it does not answer.
unowned() {
    # shellcheck disable=SC2016
    timeout 2 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf "GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" >&3
        cat <&3
    ' - "$(port_of ingress-1)" 2>/dev/null | grep -o 'no living node owns' || true
}

# After a processor came back: its former partitions are claimed again within a second or two.
wait_owned() {
    local tries=0
    case "$1" in processor-*) ;; *) return 0 ;; esac
    pid_of ingress-1 >/dev/null || return 0
    # Nodes report their state once a second: the current report may be outdated.
    sleep 1.5
    until [ -z "$(unowned)" ] || [ "$tries" -ge 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
}

# SIGSTOP and SIGCONT; PostgreSQL is several processes.
signal_one() {
    local pid
    pid="$(pid_of "$1")" || fail "$1 is not running"
    # shellcheck disable=SC2046 # One number each.
    kill "-$2" "$pid" $([ "$1" != postgres ] || ps -o pid= --ppid "$pid" || true)
}

# --- verbs ----------------------------------------------------------------------------------------

build() {
    [ -x "$binary" ] && return 0
    [ -z "${ONSALE_BINARY:-}" ] || fail "ONSALE_BINARY=$binary is not a program"
    (cd "$repository" && cargo build --release --locked --package onsale >&2)
}

# The command line as an operator runs it: not as a node, and against the first ingress.
operate() {
    ONSALE_NODE__ID=operator ONSALE_NODE__ROLES=ingress \
        ONSALE_DATA__DIR="${ONSALE_DATA__DIR:-$folder/operator}" \
        ONSALE_HTTP__LISTEN="127.0.0.1:$(port_of ingress-1)" "$binary" "$@"
}

up() {
    build
    local name started=()
    say "starting ${services[*]}"
    for name in "${services[@]}"; do
        launch_one "$name" &
        started+=("$!")
    done
    for pid in "${started[@]}"; do
        wait "$pid" || fail "a service did not start"
    done
    for name in "${services[@]}"; do wait_ready "$name"; done
    say "bringing the database schema up to date"
    operate migrate >"$folder/migrate.log" 2>&1 || fail "the database schema could not be created; see $folder/migrate.log"
    say "starting ${nodes[*]}"
    for name in "${nodes[@]}"; do launch_one "$name"; done
    for name in "${nodes[@]}"; do wait_ready "$name"; done
    status
    printf '\ndeploy/cluster.sh demo creates demo shows (or finds those that are there) and prints tokens.\n'
}

# Prints the state of one part, as status does.
tell() {
    local pid
    pid="$(pid_of "$1")" || pid=-
    if [ "$pid" = - ]; then
        printf '%s: stopped\n' "$1"
    else
        printf '%s: %s (pid %s)\n' "$1" "$(state_of "$pid" "$1")" "$pid"
    fi
}

down() {
    local name i
    say "stopping ${nodes[*]} ${services[*]}"
    for ((i = ${#nodes[@]} - 1; i >= 0; i--)); do
        # A paused process would not react.
        (signal_one "${nodes[i]}" CONT) 2>/dev/null || true
        stop_one "${nodes[i]}"
    done
    stop_one redis
    # All together: one broker of several waits for the others when it stops.
    for name in "${brokers[@]}"; do stop_one "$name" & done
    wait
    stop_one postgres
    if [ "${1:-}" = --wipe ]; then
        if [ -f "$folder/postgres/location" ]; then
            # Its data may be elsewhere.
            rm -rf "$(cat "$folder/postgres/location")"
        fi
        rm -rf "$folder"
        say "everything is stopped and $folder is removed"
    else
        say "everything is stopped; the data stays in $folder"
    fi
}

state_of() {
    local pid="$1" name="$2"
    if [ "$pid" = - ]; then
        echo stopped
    elif grep -q '^State:.*T' "/proc/$pid/status" 2>/dev/null; then
        echo paused
    elif is_ready "$name"; then
        echo ready
    else
        echo "not ready"
    fi
}

status() {
    local name pid
    printf '%-12s %-10s %-8s %-48s %s\n' NODE ROLE PID URL STATE
    for name in "${services[@]}" "${nodes[@]}"; do
        pid="$(pid_of "$name")" || pid=-
        printf '%-12s %-10s %-8s %-48s %s\n' \
            "$name" "$(role_of "$name")" "$pid" "$(url_of "$name")" "$(state_of "$pid" "$name")"
    done
}

verb="${1:-}"
[ "$#" -eq 0 ] || shift
case "$verb" in
    kill | stop | start | restart | pause | resume) check_name "${1:-}" ;;
esac
export_settings
case "$verb" in
    up) up ;;
    down) down "${1:-}" ;;
    status) status ;;
    demo) operate demo ;;
    kill)
        kill_one "$1"
        printf '%s: killed; deploy/cluster.sh start %s brings it back\n' "$1" "$1"
        ;;
    stop)
        stop_one "$1"
        tell "$1"
        ;;
    start)
        start_one "$1"
        tell "$1"
        ;;
    restart)
        stop_one "$1"
        start_one "$1"
        wait_owned "$1"
        tell "$1"
        ;;
    pause)
        signal_one "$1" STOP
        tell "$1"
        ;;
    resume)
        signal_one "$1" CONT
        tell "$1"
        ;;
    onsale) operate "$@" ;;
    "" | help | --help | -h) usage ;;
    *)
        printf 'cluster.sh: there is no command %s\n\n' "'$verb'" >&2
        usage
        ;;
esac
