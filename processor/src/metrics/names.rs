//! What the metrics are called, and what they say.

use super::register::Named;

pub(super) const JOURNAL_BATCH_RECORDS: Named = Named {
    name: "onsale_journal_batch_records",
    help: "Records per journal batch",
};
pub(super) const JOURNAL_APPEND_SECONDS: Named = Named {
    name: "onsale_journal_sync_seconds",
    help: "Write and fdatasync of one batch",
};
pub(super) const JOURNAL_BYTES: Named = Named {
    name: "onsale_journal_bytes_total",
    help: "Bytes appended",
};
pub(super) const LOG_DISK_BYTES: Named = Named {
    name: "onsale_log_disk_bytes",
    help: "Bytes the log occupies on disk",
};
pub(super) const LOG_DISK_FULL: Named = Named {
    name: "onsale_log_disk_full",
    help: "1 while the disk of the log is full",
};
pub(super) const LOG_DESCRIPTORS_SHORT: Named = Named {
    name: "onsale_log_descriptors_short",
    help: "1 while the log finds no free file descriptor",
};
pub(super) const ENGINE_APPLY_SECONDS: Named = Named {
    name: "onsale_engine_apply_seconds",
    help: "Time to apply one command, averaged over its batch",
};
pub(super) const APPEND_TO_ANSWER_SECONDS: Named = Named {
    name: "onsale_append_to_answer_seconds",
    help: "From taking a batch off the queue to having answered it",
};
pub(super) const LOG_LAG_RECORDS: Named = Named {
    name: "onsale_log_lag_records",
    help: "Records the follower has yet to apply",
};
pub(super) const KAFKA_CONSUMER_LAG: Named = Named {
    name: "kafka_consumer_lag",
    help: "Records the follower has yet to apply",
};
pub(super) const PROJECTOR_LAG_RECORDS: Named = Named {
    name: "onsale_projector_lag_records",
    help: "Records the projection has yet to take in",
};
pub(super) const PROJECTOR_STOPPED: Named = Named {
    name: "onsale_projector_stopped",
    help: "1 once the projector has stopped",
};
pub(super) const ACTIVE_RESERVATIONS: Named = Named {
    name: "active_reservations",
    help: "Live holds",
};
pub(super) const SEATS: Named = Named {
    name: "onsale_seats",
    help: "Places by state over all shows",
};
pub(super) const SNAPSHOT_CREATED_SECONDS: Named = Named {
    name: "onsale_snapshot_created_timestamp_seconds",
    help: "Unix time at which the newest snapshot was written",
};
pub(super) const SNAPSHOT_AGE_RECORDS: Named = Named {
    name: "onsale_snapshot_age_records",
    help: "Records since the newest snapshot",
};
pub(super) const SNAPSHOT_FAILURES: Named = Named {
    name: "onsale_snapshot_failures_total",
    help: "Snapshots that could not be written",
};
pub(super) const NODE_STALLS: Named = Named {
    name: "onsale_node_stalls_total",
    help: "Times the thread that applies commands stood still for seconds",
};
pub(super) const FOREIGN_RECORDS: Named = Named {
    name: "onsale_foreign_records_total",
    help: "Records that no node of this cluster has written, skipped",
};
pub(super) const KAFKA_CLIENTS_SILENT: Named = Named {
    name: "onsale_kafka_clients_silent",
    help: "Kafka clients that have heard from no broker for seconds",
};
pub(super) const KAFKA_CLIENT_REPLACEMENTS: Named = Named {
    name: "onsale_kafka_client_replacements_total",
    help: "Kafka clients that were replaced because they could not recover",
};
pub(super) const LOG_UNFOUNDED: Named = Named {
    name: "onsale_log_begins_after_snapshot",
    help: "1 where the log begins after the newest snapshot: no start is possible",
};
pub(super) const PARTITIONS_WITHOUT_OWNER: Named = Named {
    name: "onsale_partitions_without_owner",
    help: "Partitions that no living node owns",
};
pub(super) const NODE_IDS_TWICE: Named = Named {
    name: "onsale_node_ids_twice",
    help: "Node ids that several living processes have",
};
pub(super) const SUBMISSIONS_QUEUED: Named = Named {
    name: "onsale_submissions_queued",
    help: "Commands waiting in front of the log",
};
pub(super) const DB_CONNECTIONS_ACTIVE: Named = Named {
    name: "db_connections_active",
    help: "Database connections in use",
};
pub(super) const CLOCK_SKEW_SECONDS: Named = Named {
    name: "onsale_clock_skew_seconds",
    help: "How far a clock is ahead: this machine's of machine time (machine), the broker's of \
           this machine's (broker)",
};
pub(super) const CLOCK_WRONG: Named = Named {
    name: "onsale_clock_wrong",
    help: "1 while a clock is beyond the bound: this machine's (machine) is not followed, the \
           broker's (broker) moves machine time, or machine time is ahead of both (log)",
};
