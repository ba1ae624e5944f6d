//! Metrics of the processor.

mod names;
mod register;

use onsale_schemas::{Outcome, OutcomeRecord, PartitionId};
use prometheus::{
    GaugeVec, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use names::*;
use register::Register;

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
    /// Foreign records that were skipped, by topic.
    foreign_records: IntCounterVec,
    /// Kafka clients that hear from no broker.
    kafka_clients_silent: IntGauge,
    /// Kafka clients that were replaced, by what they do.
    kafka_client_replacements: IntCounterVec,
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

const KINDS: [&str; 24] = [
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
    "offer_set",
    "codes_created",
    "codes_amended",
    "codes_ended",
    "places_returned",
    "seats_added",
    "seats_taken",
];

/// By number: the code that clients see, in small letters.
const REJECTIONS: [&str; 36] = [
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
    "type_not_offered",
    "code_refused",
    "access_code_required",
    "type_not_on_sale",
    "type_quantity",
    "wrong_seat_kind",
    "companion_alone",
    "price_changed",
    "seat_unavailable",
    "leaves_single_seat",
    "insufficient_stock",
    "code_exists",
    "not_found",
    "not_confirmed",
    "places_not_of_booking",
    "layout_changed",
];

impl Metrics {
    /// Creates the metrics and registers them.
    ///
    /// # Errors
    /// When a name is taken in the registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let register = Register(registry);
        Ok(Self {
            journal_batch_records: register.histogram(JOURNAL_BATCH_RECORDS, 1.0, 2.0, 13)?,
            journal_append_seconds: register.histogram(JOURNAL_APPEND_SECONDS, 20e-6, 2.0, 16)?,
            journal_bytes: register.counter(JOURNAL_BYTES)?,
            log_disk_bytes: register.gauge(LOG_DISK_BYTES)?,
            log_disk_full: register.gauge(LOG_DISK_FULL)?,
            log_descriptors_short: register.gauge(LOG_DESCRIPTORS_SHORT)?,
            engine_apply_seconds: register.histogram(ENGINE_APPLY_SECONDS, 50e-9, 2.0, 16)?,
            append_to_answer_seconds: register.histogram(
                APPEND_TO_ANSWER_SECONDS,
                20e-6,
                2.0,
                16,
            )?,
            log_lag_records: register.gauges(LOG_LAG_RECORDS, "partition")?,
            kafka_consumer_lag: register.gauges(KAFKA_CONSUMER_LAG, "partition")?,
            projector_lag_records: register.gauges(PROJECTOR_LAG_RECORDS, "partition")?,
            projector_stopped: register.gauge(PROJECTOR_STOPPED)?,
            outcomes: OutcomeCounters::register(registry)?,
            active_reservations: register.gauge(ACTIVE_RESERVATIONS)?,
            seats: register.gauges(SEATS, "state")?,
            snapshot_created_seconds: register.gauges(SNAPSHOT_CREATED_SECONDS, "partition")?,
            snapshot_age_records: register.gauges(SNAPSHOT_AGE_RECORDS, "partition")?,
            snapshot_failures: register.counter(SNAPSHOT_FAILURES)?,
            node_stalls: register.counter(NODE_STALLS)?,
            foreign_records: register.counters(FOREIGN_RECORDS, "topic")?,
            kafka_clients_silent: register.gauge(KAFKA_CLIENTS_SILENT)?,
            kafka_client_replacements: register.counters(KAFKA_CLIENT_REPLACEMENTS, "client")?,
            log_unfounded: register.gauges(LOG_UNFOUNDED, "partition")?,
            partitions_without_owner: register.gauge(PARTITIONS_WITHOUT_OWNER)?,
            node_ids_twice: register.gauge(NODE_IDS_TWICE)?,
            submissions_queued: register.gauge(SUBMISSIONS_QUEUED)?,
            db_connections_active: register.gauge(DB_CONNECTIONS_ACTIVE)?,
            clock_skew_seconds: register.float_gauges(CLOCK_SKEW_SECONDS, "clock")?,
            clock_wrong: register.gauges(CLOCK_WRONG, "clock")?,
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

    /// Shows how the Kafka clients of this process hear from their brokers: how many do not, and how
    /// many were replaced so far, by what they do.
    pub fn show_kafka_clients<'a>(
        &self,
        silent: usize,
        replacements: impl Iterator<Item = (&'a str, u64)>,
    ) {
        self.kafka_clients_silent
            .set(i64::try_from(silent).unwrap_or(i64::MAX));
        for (client, count) in replacements {
            let counter = self.kafka_client_replacements.with_label_values(&[client]);
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
    pub(crate) fn count_outcome(&self, record: &OutcomeRecord) {
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
            Outcome::Reserved(_) | Outcome::ReservedV2(_) => 5,
            Outcome::Confirmed(_) | Outcome::ConfirmedV2(_) => 6,
            Outcome::Released { .. } | Outcome::ReleasedV2(_) => 7,
            Outcome::Extended { .. } => 8,
            Outcome::Blocked(_) => 9,
            Outcome::Unblocked(_) => 10,
            Outcome::Claimed { .. } | Outcome::BarrierPassed { .. } => 11,
            Outcome::EventAmended { .. } => 12,
            Outcome::EventCancelled { .. } => 13,
            Outcome::ReferenceClaimed(_) => 14,
            Outcome::Described(_) => 15,
            Outcome::ClockReset { .. } => 16,
            Outcome::OfferSet { .. } => 17,
            Outcome::CodesCreated { .. } => 18,
            Outcome::CodesAmended { .. } => 19,
            Outcome::CodesEnded { .. } => 20,
            Outcome::PlacesReturned(_) => 21,
            Outcome::SeatsAdded { .. } => 22,
            Outcome::SeatsTaken(_) => 23,
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
