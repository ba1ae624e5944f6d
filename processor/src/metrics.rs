//! Metrics of the processor.

use onsale_schemas::{Outcome, OutcomeRecord, PartitionId};
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// Everything the processor counts. Cheap to clone: all handles are shared.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Records per journal batch.
    pub journal_batch_records: Histogram,
    /// Time of one durable append (write and `fdatasync`).
    pub journal_append_seconds: Histogram,
    /// Bytes appended.
    pub journal_bytes: IntCounter,
    /// Bytes the log occupies on disk.
    pub log_disk_bytes: IntGauge,
    /// 1 while the log's disk is full.
    pub log_disk_full: IntGauge,
    /// 1 while the log finds no file descriptor.
    pub log_descriptors_short: IntGauge,
    /// Time to apply one batch, divided by its records.
    pub engine_apply_seconds: Histogram,
    /// From taking a batch off the queue to having answered all of it.
    pub append_to_answer_seconds: Histogram,
    /// Records that followers have yet to apply, by partition.
    pub log_lag_records: IntGaugeVec,
    /// The same figure under the name that dashboards of the field use.
    pub kafka_consumer_lag: IntGaugeVec,
    /// Records that the projection has yet to take in, by partition.
    pub projector_lag_records: IntGaugeVec,
    /// 1 once the projector stopped because going on would be wrong.
    pub projector_stopped: IntGauge,
    /// Outcomes by code.
    outcomes: OutcomeCounters,
    /// Live holds.
    pub active_reservations: IntGauge,
    /// Seats by state, over all shows.
    pub seats: IntGaugeVec,
    /// Unix time of the newest snapshot, by partition.
    pub snapshot_created_seconds: IntGaugeVec,
    /// Age of the newest snapshot in records, by partition.
    pub snapshot_age_records: IntGaugeVec,
    /// Snapshots that could not be written.
    pub snapshot_failures: IntCounter,
    /// Times this node stood still.
    pub node_stalls: IntCounter,
    /// Records that are not ours, skipped, by topic.
    foreign_records: IntCounterVec,
    /// 1 where a partition's log begins after the newest snapshot.
    log_unfounded: IntGaugeVec,
    /// Partitions that no living node owns.
    pub partitions_without_owner: IntGauge,
    /// Nodes whose id several processes have.
    pub node_ids_twice: IntGauge,
    /// Submissions waiting for the core thread.
    pub submissions_queued: IntGauge,
    /// Connections of the database pool in use.
    pub db_connections_active: IntGauge,
    /// How far a clock is from the one it is held to, in seconds, by clock.
    clock_skew_seconds: GaugeVec,
    /// 1 while that is beyond the bound, by clock.
    clock_wrong: IntGaugeVec,
}

#[derive(Clone, Debug)]
struct OutcomeCounters {
    by_kind: [IntCounter; KINDS.len()],
    rejected: [IntCounter; REJECTIONS.len()],
    expired: IntCounter,
    replayed: IntCounter,
}

const KINDS: [&str; 17] = [
    "nothing",
    "show_opened",
    "show_amended",
    "show_closed",
    "show_cancelled",
    "reserved",
    "confirmed",
    "released",
    "extended",
    "blocked",
    "unblocked",
    "machine",
    "event_amended",
    "event_cancelled",
    "reference_claimed",
    "described",
    "clock_reset",
];

/// By number: the code that clients see, in small letters.
const REJECTIONS: [&str; 20] = [
    "unknown",
    "not_found",
    "not_found",
    "seat_unavailable",
    "insufficient_stock",
    "max_per_user_exceeded",
    "sale_not_open",
    "sale_closed",
    "price_changed",
    "already_confirmed",
    "already_cancelled",
    "show_cancelled",
    "reservation_expired",
    "idempotency_key_reused",
    "validation_error",
    "validation_error",
    "overloaded",
    "payment_reference_used",
    "amount_mismatch",
    "cooling_down",
];

impl Metrics {
    /// Makes the metrics and registers them.
    ///
    /// # Errors
    /// When a name is taken in the registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let histogram = |name: &str, help: &str, first: f64, factor: f64, count: usize| {
            let buckets = prometheus::exponential_buckets(first, factor, count)?;
            let metric = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
            registry.register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let gauge = |name: &str, help: &str| {
            let metric = IntGauge::new(name, help)?;
            registry.register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let gauges = |name: &str, help: &str, label: &str| {
            let metric = IntGaugeVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let clock_skew_seconds = GaugeVec::new(
            Opts::new(
                "onsale_clock_skew_seconds",
                "How far a clock is ahead: that of this machine of machine time (machine), that of \
                 the broker of this machine's (broker)",
            ),
            &["clock"],
        )?;
        registry.register(Box::new(clock_skew_seconds.clone()))?;
        let journal_bytes = IntCounter::new("onsale_journal_bytes_total", "Bytes appended")?;
        registry.register(Box::new(journal_bytes.clone()))?;
        let snapshot_failures = IntCounter::new(
            "onsale_snapshot_failures_total",
            "Snapshots that could not be written",
        )?;
        registry.register(Box::new(snapshot_failures.clone()))?;
        let node_stalls = IntCounter::new(
            "onsale_node_stalls_total",
            "Times the thread that applies commands stood still for seconds",
        )?;
        registry.register(Box::new(node_stalls.clone()))?;
        let foreign_records = IntCounterVec::new(
            Opts::new(
                "onsale_foreign_records_total",
                "Records that no node of this cluster has written, skipped",
            ),
            &["topic"],
        )?;
        registry.register(Box::new(foreign_records.clone()))?;
        Ok(Self {
            journal_batch_records: histogram(
                "onsale_journal_batch_records",
                "Records per journal batch",
                1.0,
                2.0,
                13,
            )?,
            journal_append_seconds: histogram(
                "onsale_journal_sync_seconds",
                "Write and fdatasync of one batch",
                20e-6,
                2.0,
                16,
            )?,
            journal_bytes,
            log_disk_bytes: gauge("onsale_log_disk_bytes", "Bytes the log occupies on disk")?,
            log_disk_full: gauge(
                "onsale_log_disk_full",
                "1 while the disk of the log is full",
            )?,
            log_descriptors_short: gauge(
                "onsale_log_descriptors_short",
                "1 while the log finds no free file descriptor",
            )?,
            engine_apply_seconds: histogram(
                "onsale_engine_apply_seconds",
                "Time to apply one command, averaged over its batch",
                50e-9,
                2.0,
                16,
            )?,
            append_to_answer_seconds: histogram(
                "onsale_append_to_answer_seconds",
                "From taking a batch off the queue to having answered it",
                20e-6,
                2.0,
                16,
            )?,
            log_lag_records: gauges(
                "onsale_log_lag_records",
                "Records the follower has yet to apply",
                "partition",
            )?,
            kafka_consumer_lag: gauges(
                "kafka_consumer_lag",
                "Records the follower has yet to apply",
                "partition",
            )?,
            projector_lag_records: gauges(
                "onsale_projector_lag_records",
                "Records the projection has yet to take in",
                "partition",
            )?,
            projector_stopped: gauge(
                "onsale_projector_stopped",
                "1 once the projector refused to go on",
            )?,
            outcomes: OutcomeCounters::register(registry)?,
            active_reservations: gauge("active_reservations", "Live holds")?,
            seats: gauges("onsale_seats", "Places by state over all shows", "state")?,
            snapshot_created_seconds: gauges(
                "onsale_snapshot_created_timestamp_seconds",
                "Unix time at which the newest snapshot was written",
                "partition",
            )?,
            snapshot_age_records: gauges(
                "onsale_snapshot_age_records",
                "Records since the newest snapshot",
                "partition",
            )?,
            snapshot_failures,
            node_stalls,
            foreign_records,
            log_unfounded: gauges(
                "onsale_log_begins_after_snapshot",
                "1 where the log begins after the newest snapshot: no start is possible",
                "partition",
            )?,
            partitions_without_owner: gauge(
                "onsale_partitions_without_owner",
                "Partitions that no living node owns",
            )?,
            node_ids_twice: gauge(
                "onsale_node_ids_twice",
                "Node ids that several living processes have",
            )?,
            submissions_queued: gauge(
                "onsale_submissions_queued",
                "Commands waiting in front of the log",
            )?,
            db_connections_active: gauge("db_connections_active", "Database connections in use")?,
            clock_skew_seconds,
            clock_wrong: gauges(
                "onsale_clock_wrong",
                "1 while a clock is beyond the bound: that of this machine (machine) is not \
                 followed, that of the broker (broker) moves machine time, or machine time is ahead \
                 of both (log)",
                "clock",
            )?,
        })
    }

    /// Shows where a clock stands, `ahead_ms` in milliseconds.
    pub(crate) fn show_clock(&self, clock: &str, ahead_ms: i64, is_wrong: bool) {
        let labels = [clock];
        self.clock_skew_seconds
            .with_label_values(&labels)
            .set(ahead_ms as f64 / 1_000.0);
        self.clock_wrong
            .with_label_values(&labels)
            .set(i64::from(is_wrong));
    }

    /// Shows how many foreign records were skipped so far, by topic.
    pub fn show_foreign_records<'a>(&self, counts: impl Iterator<Item = (&'a str, u64)>) {
        for (topic, count) in counts {
            let counter = self.foreign_records.with_label_values(&[topic]);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }

    /// Shows whether a partition could be started from snapshot and log.
    pub(crate) fn show_log_foundation(&self, partition: PartitionId, is_founded: bool) {
        let label = partition.to_string();
        let gauge = self.log_unfounded.with_label_values(&[label.as_str()]);
        gauge.set(i64::from(!is_founded));
    }

    /// Counts an outcome.
    pub fn count_outcome(&self, record: &OutcomeRecord) {
        self.outcomes.expired.inc_by(record.expired.len() as u64);
        if record.replay_of.is_some() {
            self.outcomes.replayed.inc();
            return;
        }
        let kind = match &record.outcome {
            Outcome::Rejected(rejection) => {
                let number = usize::from(rejection.number());
                self.outcomes.rejected[number.min(REJECTIONS.len() - 1)].inc();
                return;
            }
            Outcome::Nothing => 0,
            Outcome::ShowOpened { .. } => 1,
            Outcome::ShowAmended { .. } => 2,
            Outcome::ShowClosed { .. } => 3,
            Outcome::ShowCancelled { .. } => 4,
            Outcome::Reserved(_) => 5,
            Outcome::Confirmed(_) => 6,
            Outcome::Released { .. } => 7,
            Outcome::Extended { .. } => 8,
            Outcome::Blocked(_) => 9,
            Outcome::Unblocked(_) => 10,
            Outcome::Claimed { .. } | Outcome::BarrierPassed { .. } => 11,
            Outcome::EventAmended { .. } => 12,
            Outcome::EventCancelled { .. } => 13,
            Outcome::ReferenceClaimed(_) => 14,
            Outcome::Described(_) => 15,
            Outcome::ClockReset { .. } => 16,
        };
        self.outcomes.by_kind[kind].inc();
    }
}

impl OutcomeCounters {
    /// The counters are taken out of their family once, so that counting costs one atomic add.
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let family = IntCounterVec::new(
            Opts::new("onsale_outcomes_total", "Outcomes of the seat machines"),
            &["code"],
        )?;
        registry.register(Box::new(family.clone()))?;
        Ok(Self {
            by_kind: KINDS.map(|kind| family.with_label_values(&[kind])),
            rejected: REJECTIONS
                .map(|code| family.with_label_values(&[format!("rejected_{code}").as_str()])),
            expired: family.with_label_values(&["expired"]),
            replayed: family.with_label_values(&["replayed"]),
        })
    }
}

#[cfg(test)]
mod tests;
