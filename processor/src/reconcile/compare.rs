//! The comparison.

mod bookings;
mod catalog;
mod codes;
mod events;
mod offers;
mod places;

use std::collections::BTreeSet;

use onsale_engine::Partition;
use onsale_schemas::{PartitionId, ShowId};
use onsale_store::booking::projected_offset;
use onsale_store::{Store, StoreError};

use self::bookings::compare_bookings;
use self::catalog::{compare_catalog, compare_shows};
use self::events::compare_events;
use super::Projections;
use super::counts::EngineCounts;
use super::report::{Difference, Finding, PartitionPosition, Report};

pub(super) use self::bookings::{
    differing_columns, expected_order, expected_status, is_same_payment,
};
pub(super) use self::catalog::{
    described_show, differing_show_columns, differing_status, differing_zones, shape,
};
pub(super) use self::codes::{differing_codes, live};
pub(super) use self::events::differing_event_columns;
pub(super) use self::offers::{offer_differs, order_counts_differ};
pub(super) use self::places::{blocked_places, blocks_differ, holders_by_show};

/// The partition that stands in for what belongs to none: it is compared along with this one.
pub(super) const OF_NO_PARTITION: PartitionId = PartitionId(0);

/// Compares machines that stand still with the database, and with Redis where there is one. A Redis
/// that cannot be read is only noted.
///
/// # Errors
/// When the database cannot be read.
pub async fn compare<'a>(
    machines: &[Partition],
    projection_behind: Option<&str>,
    projections: impl Into<Projections<'a>>,
    log_id: [u8; 16],
    now_ms: u64,
) -> Result<Report, StoreError> {
    let Projections { store, counts, .. } = projections.into();
    let mut report = Report {
        projection_behind: projection_behind.map(str::to_owned),
        ..Report::new(log_id, now_ms)
    };
    let retired = store.retired_shows().await?;
    for machine in machines {
        report.positions.push(PartitionPosition {
            partition: machine.id(),
            next_offset: machine.next_offset(),
            digest: format!("{:016x}", machine.digest()),
        });
        let as_described = compare_catalog(machine, store, &mut report).await?;
        compare_bookings(machine, store, &retired, &mut report).await?;
        compare_shows(machine, store, &as_described, &retired, &mut report).await?;
        compare_events(machine, store, &mut report).await?;
        if machine.id() == OF_NO_PARTITION && store.usage_differs().await? {
            report.add(
                machine.id(),
                Finding::UsageDiffers,
                "rows were changed from outside",
            );
        }
        if let Some(counts) = counts
            && report.redis_unreachable.is_none()
            && let Err(error) = EngineCounts::of(machine).compare(counts, &mut report).await
        {
            report.redis_unreachable = Some(error.to_string());
        }
    }
    Ok(report)
}

/// Compares where the database says it is with machines that nothing else projects from meanwhile.
pub(crate) async fn compare_watermarks(
    machines: &[Partition],
    store: &Store,
    report: &mut Report,
) -> Result<(), StoreError> {
    let watermarks = store.watermarks().await?;
    for machine in machines {
        let engine = machine.next_offset();
        let database = projected_offset(&watermarks, machine.id());
        if database > engine {
            report.add(
                machine.id(),
                Finding::WatermarkAhead { engine, database },
                "the row was changed from outside",
            );
        }
    }
    Ok(())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Report {
    /// The shows of which a booking differs.
    fn shows_of_bookings(&self) -> BTreeSet<ShowId> {
        let findings = self.differences.iter();
        findings
            .filter_map(|difference| match &difference.finding {
                Finding::BookingMissing { show_id, .. }
                | Finding::BookingDiffers { show_id, .. }
                | Finding::BookingExtra { show_id, .. } => Some(*show_id),
                _ => None,
            })
            .collect()
    }

    pub(super) fn add(&mut self, partition: PartitionId, finding: Finding, cause: &str) {
        let cause = match &self.projection_behind {
            Some(behind) => format!("{cause}; {behind}"),
            None => cause.to_owned(),
        };
        self.differences.push(Difference {
            partition,
            finding,
            cause,
        });
    }
}
