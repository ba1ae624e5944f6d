#!/usr/bin/env bash
# A throw-away Kafka broker (one node, KRaft) for tests and local work:
# start | stop | kill | url [DIR] [PORT].
#
#   DIR                     folder of the broker (default $ONSALE_KAFKA_DIR, then target/services/kafka)
#   PORT                    loopback port (default $ONSALE_TEST_KAFKA_PORT, then 15092); the
#                           controller listens on the next one
#   ONSALE_CACHE_DIR        where the jars are kept (default $XDG_CACHE_HOME/onsale)
#   ONSALE_KAFKA_JAVA_OPTS  options of the Java machine (default -Xms256m -Xmx512m)
#   ONSALE_KAFKA_SETTINGS   file with further settings of the broker; they override the ones written here
#   ONSALE_KAFKA_CLUSTER_ID id of the cluster that a new broker belongs to (default: a new one)
#   ONSALE_KAFKA_SCRAM      user that a new broker knows, as SCRAM-SHA-512=[name=NAME,password=WORD]
#
# `start` and `url` print the broker's address, as ONSALE_TEST_KAFKA_BROKERS expects it. `start`
# does nothing when the broker runs, and starts it on its old data when it was stopped or killed.
# Several brokers, each with its own folder and port, do not affect each other.
set -euo pipefail

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
folder="${2:-${ONSALE_KAFKA_DIR:-$repository/target/services/kafka}}"
# Below the system's ephemeral ports: a client using one of them would keep the broker from
# starting.
port="${3:-${ONSALE_TEST_KAFKA_PORT:-15092}}"
cache="${ONSALE_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-$repository/target}/.cache}/onsale}"
read -r -a java_options <<<"${ONSALE_KAFKA_JAVA_OPTS:--Xms256m -Xmx512m}"
ready_timeout_seconds=60
stop_timeout_seconds=30

fail() {
    printf 'kafka.sh: %s\n' "$*" >&2
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
    local pom="$repository/deploy/services/kafka/pom.xml" name kept fresh
    name="kafka-$(sha256sum "$pom" | cut -c1-16)"
    kept="$cache/$name"
    if [ ! -d "$kept" ]; then
        command -v mvn >/dev/null || install_packages maven
        mkdir -p "$cache"
        fresh="$(mktemp -d "$cache/$name.XXXXXX")"
        mvn --batch-mode --quiet -f "$pom" dependency:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$fresh" >&2 \
            || fail "Maven could not fetch the jars of deploy/services/kafka/pom.xml"
        # Another run may have been faster: its copy is just as good.
        mv -T "$fresh" "$kept" 2>/dev/null || rm -rf "$fresh"
        [ -d "$kept" ] || fail "the jars did not arrive in $kept"
    fi
    printf '%s\n' "$kept"
}

url() {
    printf '127.0.0.1:%s\n' "$port"
}

# The broker's process, if it belongs to this folder and is alive.
running_pid() {
    local pid
    [ -f "$folder/kafka.pid" ] || return 1
    pid="$(cat "$folder/kafka.pid")"
    [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$folder/server.properties" || return 1
    printf '%s\n' "$pid"
}

# Asks which requests the broker knows and waits for the answer: an open port is not enough.
is_ready() {
    # shellcheck disable=SC2016 # $1 is of the inner shell.
    timeout 2 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf "\0\0\0\12\0\22\0\0\0\0\0\7\377\377" >&3
        [ "$(head -c 8 <&3 | od -An -tx1 | tr -d " \n" | cut -c9-16)" = 00000007 ]
    ' - "$port" 2>/dev/null
}

write_settings() {
    cat >"$folder/server.properties" <<SETTINGS
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$folder/data
num.network.threads=2
num.io.threads=4
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=8388608
# A broker that was killed may come back under its old id only after its session.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
SETTINGS
    [ -z "${ONSALE_KAFKA_SETTINGS:-}" ] || cat "$ONSALE_KAFKA_SETTINGS" >>"$folder/server.properties"
}

new_cluster_id() {
    local id=-
    while [ "${id#-}" != "$id" ]; do
        id="$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')"
    done
    printf '%s\n' "$id"
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
        ! is_ready || fail "port $port is taken by another Kafka; give another PORT or set ONSALE_TEST_KAFKA_PORT"
        write_settings
        if [ ! -f "$folder/data/meta.properties" ]; then
            java -Xmx128m -XX:TieredStopAtLevel=1 -cp "$libraries/*" \
                "-Dlog4j2.configurationFile=$repository/deploy/services/kafka/log4j2.properties" \
                kafka.tools.StorageTool format \
                --cluster-id "${ONSALE_KAFKA_CLUSTER_ID:-$(new_cluster_id)}" \
                ${ONSALE_KAFKA_SCRAM:+--add-scram "$ONSALE_KAFKA_SCRAM"} \
                --config "$folder/server.properties" >"$folder/format.log" 2>&1 \
                || fail "the storage could not be formatted; see $folder/format.log"
        fi
        setsid nohup java "${java_options[@]}" -cp "$libraries/*" \
            "-Dlog4j2.configurationFile=$repository/deploy/services/kafka/log4j2.properties" \
            kafka.Kafka "$folder/server.properties" >>"$folder/server.log" 2>&1 </dev/null &
        pid=$!
        printf '%s\n' "$pid" >"$folder/kafka.pid"
    fi
    waited=0
    until is_ready; do
        kill -0 "$pid" 2>/dev/null || fail "Kafka ended while it started; see $folder/server.log"
        waited=$((waited + 1))
        [ "$waited" -lt $((ready_timeout_seconds * 5)) ] \
            || fail "Kafka does not answer on port $port after $ready_timeout_seconds s; see $folder/server.log"
        sleep 0.2
    done
    url
}

stop_with() {
    local pid waited=0
    pid="$(running_pid)" || return 0
    kill "-$1" "$pid"
    # Any thread: one that is ending still holds the files and the port.
    while grep -qs '^State:.*[^ZX] (' "/proc/$pid/task/"*/status; do
        waited=$((waited + 1))
        if [ "$waited" -gt $((stop_timeout_seconds * 10)) ]; then
            kill -KILL "$pid"
            waited=0
        fi
        sleep 0.1
    done
    rm -f "$folder/kafka.pid"
}

case "${1:-}" in
    start) start ;;
    stop) stop_with TERM ;;
    kill) stop_with KILL ;;
    url) url ;;
    *)
        printf 'usage: %s start|stop|kill|url [DIR] [PORT]\n' "$0" >&2
        exit 2
        ;;
esac
