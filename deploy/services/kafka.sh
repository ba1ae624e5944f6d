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

# shellcheck source=deploy/services/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

folder="$(absolute "${2:-${ONSALE_KAFKA_DIR:-$repository/target/services/kafka}}")"
# Below the system's ephemeral ports: a client using one of them would keep the broker from
# starting.
port="${3:-${ONSALE_TEST_KAFKA_PORT:-15092}}"
mark="$folder/server.properties"
read -r -a java_options <<<"${ONSALE_KAFKA_JAVA_OPTS:--Xms256m -Xmx512m}"
logging="-Dlog4j2.configurationFile=$repository/deploy/services/kafka/log4j2.properties"

url() {
    printf '127.0.0.1:%s\n' "$port"
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

prepare() {
    libraries="$(jars)"
}

configure() {
    write_settings
    [ ! -f "$folder/data/meta.properties" ] || return 0
    java -Xmx128m -XX:TieredStopAtLevel=1 -cp "$libraries/*" "$logging" \
        kafka.tools.StorageTool format \
        --cluster-id "${ONSALE_KAFKA_CLUSTER_ID:-$(new_cluster_id)}" \
        ${ONSALE_KAFKA_SCRAM:+--add-scram "$ONSALE_KAFKA_SCRAM"} \
        --config "$folder/server.properties" >"$folder/format.log" 2>&1 \
        || fail "the storage could not be formatted; see $folder/format.log"
}

launch() {
    setsid nohup java "${java_options[@]}" -cp "$libraries/*" "$logging" \
        kafka.Kafka "$folder/server.properties" &
}

case "${1:-}" in
    start) start_service "Kafka" "$folder" "$mark" "$port" ONSALE_TEST_KAFKA_PORT 60 ;;
    stop) stop_service TERM "$folder" "$mark" 30 ;;
    kill) stop_service KILL "$folder" "$mark" 30 ;;
    url) url ;;
    *) usage "start|stop|kill|url" ;;
esac
