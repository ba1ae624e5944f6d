#!/usr/bin/env bash
# Creates Onsale's topics with the settings that they need, for clusters where the nodes may not
# (kafka.create_topics = false). Running it again does not change existing topics.
#
#   deploy/kafka/topics.sh BROKERS PARTITIONS [REPLICATION [MIN_INSYNC]]
#
#   PREFIX            kafka.topic_prefix (default onsale)
#   RETENTION_HOURS   kafka.retention_hours (default 0: everything is kept)
#   COMMAND_CONFIG    properties file with TLS and SASL for Kafka's tools
#   KAFKA_TOPICS      Kafka's tool (default kafka-topics.sh)
set -euo pipefail

[ "$#" -ge 2 ] || {
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
}
brokers=$1
partitions=$2
replication=${3:-3}
min_insync=${4:-2}
prefix=${PREFIX:-onsale}
hours=${RETENTION_HOURS:-0}
# The largest record plus Kafka's framing.
message_max_bytes=$(((1 << 20) + (64 << 10)))

if [ "$hours" -eq 0 ]; then retention_ms=-1; else retention_ms=$((hours * 3600000)); fi

tool=("${KAFKA_TOPICS:-kafka-topics.sh}" --bootstrap-server "$brokers")
[ -z "${COMMAND_CONFIG:-}" ] || tool+=(--command-config "$COMMAND_CONFIG")

# NAME PARTITIONS SETTING…
create() {
    local name=$1 count=$2 setting settings=()
    shift 2
    for setting in "$@" min.insync.replicas="$min_insync" \
        unclean.leader.election.enable=false max.message.bytes="$message_max_bytes"; do
        settings+=(--config "$setting")
    done
    "${tool[@]}" --create --if-not-exists --topic "$name" --partitions "$count" \
        --replication-factor "$replication" "${settings[@]}"
}

# Only the broker's clock may stamp commands, and no record may disappear from the middle.
create "$prefix.commands" "$partitions" message.timestamp.type=LogAppendTime \
    cleanup.policy=delete retention.ms="$retention_ms" retention.bytes=-1
# An outcome carries the time of its command, however long ago that was.
create "$prefix.outcomes" "$partitions" message.timestamp.type=CreateTime \
    message.timestamp.after.max.ms=9223372036854775807 \
    cleanup.policy=delete retention.ms="$retention_ms" retention.bytes=-1
# The newest status of each node.
create "$prefix.nodes" 1 message.timestamp.type=LogAppendTime cleanup.policy=compact segment.ms=3600000

"${tool[@]}" --describe --topic "$prefix\.(commands|outcomes|nodes)"
