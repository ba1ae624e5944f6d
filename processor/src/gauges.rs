//! Gauges that the embedded processor and a node show alike.

use onsale_engine::Partition;
use onsale_schemas::{Offset, PartitionId};

use crate::metrics::Metrics;
use crate::snapshots::Written;

/// How often places are counted, in milliseconds: that goes through every zone of every show.
pub(crate) const COUNT_EVERY_MS: u64 = 5_000;

/// Places by state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Places {
    available: u64,
    held: u64,
    sold: u64,
    blocked: u64,
}

impl Places {
    /// Over all shows of a partition.
    pub(crate) fn of(machine: &Partition) -> Self {
        let stats = machine.stats();
        Self {
            available: stats.available,
            held: stats.held,
            sold: stats.sold,
            blocked: stats.blocked,
        }
    }
}

impl std::iter::Sum for Places {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, places| Self {
            available: sum.available + places.available,
            held: sum.held + places.held,
            sold: sum.sold + places.sold,
            blocked: sum.blocked + places.blocked,
        })
    }
}

/// Where one partition stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    pub(crate) partition: PartitionId,
    /// Offset of the record that is applied next.
    pub(crate) next_offset: Offset,
    /// Records that a follower has yet to apply.
    pub(crate) lag: u64,
    /// The newest snapshot.
    pub(crate) snapshot: Option<Written>,
}

impl Metrics {
    /// Shows where a partition stands.
    pub(crate) fn show_progress(&self, progress: &Progress) {
        let label = progress.partition.to_string();
        let labels = [label.as_str()];
        let lag = gauge(progress.lag);
        self.log_lag_records.with_label_values(&labels).set(lag);
        self.kafka_consumer_lag.with_label_values(&labels).set(lag);
        let newest = progress.snapshot.map_or(0, |newest| newest.next_offset);
        let age = gauge(progress.next_offset.saturating_sub(newest));
        self.snapshot_age_records
            .with_label_values(&labels)
            .set(age);
        if let Some(newest) = progress.snapshot {
            self.snapshot_created_seconds
                .with_label_values(&labels)
                .set(gauge(newest.created_at_ms / 1_000));
        }
    }

    /// Shows the places of all shows that this process answers for.
    pub(crate) fn show_places(&self, places: Places) {
        for (state, count) in [
            ("available", places.available),
            ("held", places.held),
            ("sold", places.sold),
            ("blocked", places.blocked),
        ] {
            self.seats.with_label_values(&[state]).set(gauge(count));
        }
    }

    /// Shows how many records the projection of a partition has yet to take in.
    pub fn show_projection_lag(&self, partition: PartitionId, records: u64) {
        let label = partition.to_string();
        self.projector_lag_records
            .with_label_values(&[label.as_str()])
            .set(gauge(records));
    }

    /// Shows how many connections to the database are in use.
    pub fn show_db_connections(&self, in_use: u32) {
        self.db_connections_active.set(i64::from(in_use));
    }

    /// Shows how many commands wait for the log, or for their outcome.
    pub fn show_queued(&self, commands: usize) {
        self.submissions_queued.set(gauge(commands as u64));
    }

    /// Shows how many holds live in the partitions that this process answers for.
    pub(crate) fn show_live_holds(&self, holds: u64) {
        self.active_reservations.set(gauge(holds));
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
