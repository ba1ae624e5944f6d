//! The repair of what a report names.

mod bookings;
mod catalog;
mod codes;
mod counts;
mod error;
mod offers;
mod target;
mod trail;
mod watermark;

use std::collections::{BTreeMap, BTreeSet};

use onsale_engine::Partition;
use onsale_schemas::command::Subject;
use onsale_schemas::{Offset, PartitionId};
use onsale_store::audit::Actor;
use serde::{Deserialize, Serialize};

use self::bookings::{Repair, gather, repair_bookings, repair_ended};
use self::catalog::{
    repair_catalog, repair_differing_blocks, repair_differing_status, repair_event, repair_show,
    repair_zones,
};
use self::codes::repair_codes;
use self::counts::{repair_counts, repair_usage};
use self::offers::{repair_offer, repair_order_counts};
use self::target::Target;
use self::trail::note_passed_over;
use self::watermark::{ahead, astray, set_watermark};
use super::compare::{compare, hex};
use super::report::{Difference, Finding, REPORT_VERSION, Report};
use super::{Engine, Projections, Projector};

pub use self::error::ApplyError;

/// Oldest report that may be applied, in milliseconds (24 hours).
const REPORT_AGE_MAX_MS: u64 = 86_400_000;

/// What applying a report did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Applied {
    /// Differences repaired.
    pub repaired: u64,
    /// Differences that were gone by now.
    pub gone: u64,
    /// True when the projection had stopped and was brought up to date: it goes on from there.
    #[serde(default)]
    pub projection_moved: bool,
    /// Differences that a repair from the log cannot mend, each with what to do.
    pub left: Vec<String>,
}

/// What was done so far.
#[derive(Default)]
struct Progress {
    applied: Applied,
    /// Whether something was left that has to be mended before the projection can go on.
    is_incomplete: bool,
}

impl Progress {
    /// Leaves something that nothing here can mend, and that the projection does without.
    fn report(&mut self, why: String) {
        self.applied.left.push(why);
    }

    /// Leaves something that the projection cannot do without.
    fn leave(&mut self, why: String) {
        self.is_incomplete = true;
        self.applied.left.push(why);
    }

    fn gone(&mut self) {
        self.applied.gone += 1;
    }

    fn repaired(&mut self, items: u64) {
        self.applied.repaired += items;
    }
}

/// Repairs what `report` names, each item as the engine has it *now*; the machines stand still.
/// What Redis does not take is left. A projection that had stopped is brought to where the machines
/// stand; nothing else may write it meanwhile. The audit trail says that it was done `by` an operator;
/// where there is none, the server repairs by itself.
///
/// # Errors
/// When the report may not be applied, before anything was changed; or when log or database fails.
pub async fn apply<'a>(
    report: &Report,
    engine: Engine<'_>,
    projections: impl Into<Projections<'a>>,
    now_ms: u64,
    by: Option<&Actor>,
) -> Result<Applied, ApplyError> {
    let Projections {
        store,
        counts,
        projector,
    } = projections.into();
    check(report, engine.machines, engine.log_id, now_ms)?;
    let mut progress = Progress::default();
    let stood = match projector {
        Projector::StandsStill => Vec::new(),
        Projector::IsHeld | Projector::MayCome => store.watermarks().await?,
    };
    let target = Target {
        store,
        by,
        projector,
        stood: &stood,
    };
    apply_to_store(report, engine, target, now_ms, &mut progress).await?;
    // Last, so that a Redis that fails keeps nothing else from being repaired.
    for machine in engine.machines {
        repair_counts(&report.differences, machine, counts, &mut progress).await;
    }
    Ok(progress.applied)
}

async fn apply_to_store(
    report: &Report,
    engine: Engine<'_>,
    target: Target<'_>,
    now_ms: u64,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    let machines = engine.machines;
    repair_all(&report.differences, engine, target, progress, now_ms).await?;
    let named = ahead(&report.differences);
    let has_stopped = report.projection_behind.is_some();
    let astray = astray(machines, &named, has_stopped, target.store).await?;
    if astray.is_empty() || progress.is_incomplete {
        return Ok(());
    }
    // The projection had stopped, or was said to be where it is not: what came since is not in it, so what
    // differs by now is repaired too before the watermark says that everything up to here is there.
    let rest = compare(machines, None, target.store, engine.log_id, now_ms).await?;
    repair_all(&rest.differences, engine, target, progress, now_ms).await?;
    if progress.is_incomplete {
        return Ok(());
    }
    for astray in astray {
        repair_ended(&astray, engine, target, progress, now_ms).await?;
        note_passed_over(&astray, engine, target).await?;
        set_watermark(&astray, target).await?;
        progress.applied.projection_moved = true;
        progress.repaired(u64::from(astray.is_ahead));
    }
    Ok(())
}

/// Repairs the catalog one by one, then bookings all at once, as seats may have gone from one to
/// another, and at last what follows from the catalog.
async fn repair_all(
    differences: &[Difference],
    engine: Engine<'_>,
    target: Target<'_>,
    progress: &mut Progress,
    now_ms: u64,
) -> Result<(), ApplyError> {
    let mut bookings: BTreeMap<PartitionId, BTreeSet<Offset>> = BTreeMap::new();
    let mut repair = Repair::default();
    let mut is_usage_asked = false;
    for difference in differences {
        let partition = difference.partition;
        let machines = engine.machines;
        let machine = machines.iter().find(|machine| machine.id() == partition);
        let Some(machine) = machine else {
            progress.leave(format!("no partition {partition} here"));
            continue;
        };
        match &difference.finding {
            Finding::BookingMissing { booking_id, .. }
            | Finding::BookingDiffers { booking_id, .. }
            | Finding::BookingExtra { booking_id, .. } => {
                let of_partition = bookings.entry(partition).or_default();
                of_partition.insert(booking_id.offset());
            }
            Finding::SeatHoldersDiffer { show_id } => {
                repair.shows.insert(*show_id);
            }
            finding => {
                // What organizers have follows from the zones of their shows.
                is_usage_asked |= matches!(
                    finding,
                    Finding::CatalogOlder { .. }
                        | Finding::ZonesDiffer { .. }
                        | Finding::ShowDiffers { .. }
                        | Finding::UsageDiffers
                );
                self::repair(finding, machine, engine, target, progress).await?;
            }
        }
    }
    for machine in engine.machines {
        if let Some(offsets) = bookings.remove(&machine.id()) {
            gather(
                machine,
                offsets,
                engine,
                target,
                now_ms,
                &mut repair,
                progress,
            )
            .await?;
        }
    }
    repair_bookings(&repair, engine, target, progress).await?;
    if is_usage_asked {
        repair_usage(target, progress).await?;
    }
    Ok(())
}

/// Whether a report may be applied to the projections of these machines.
///
/// # Errors
/// [`ApplyError::Version`], [`ApplyError::OtherLog`], [`ApplyError::TooOld`] or
/// [`ApplyError::Ahead`].
pub fn check(
    report: &Report,
    machines: &[Partition],
    log_id: [u8; 16],
    now_ms: u64,
) -> Result<(), ApplyError> {
    if !(1..=REPORT_VERSION).contains(&report.version) {
        return Err(ApplyError::Version {
            found: report.version,
        });
    }
    let server = hex(&log_id);
    if report.log_id != server {
        return Err(ApplyError::OtherLog {
            report: report.log_id.clone(),
            server,
        });
    }
    let age_ms = now_ms.saturating_sub(report.created_at_ms);
    if age_ms > REPORT_AGE_MAX_MS {
        return Err(ApplyError::TooOld {
            age_s: age_ms / 1_000,
        });
    }
    for position in &report.positions {
        let here = machines
            .iter()
            .find(|machine| machine.id() == position.partition)
            .map_or(0, Partition::next_offset);
        if position.next_offset > here {
            return Err(ApplyError::Ahead {
                partition: position.partition,
                report: position.next_offset,
                here,
            });
        }
    }
    Ok(())
}

async fn repair(
    finding: &Finding,
    machine: &Partition,
    engine: Engine<'_>,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    match finding {
        Finding::BlocksDiffer { show_id } => {
            repair_differing_blocks(*show_id, machine, target, progress).await
        }
        Finding::ShowStatusDiffers { show_id, .. } => {
            repair_differing_status(*show_id, machine, target, progress).await
        }
        Finding::CatalogOlder {
            event_id, show_id, ..
        } => {
            let subject = match show_id {
                Some(show) => Subject::Show {
                    show: *show,
                    event: *event_id,
                },
                None => Subject::Event(*event_id),
            };
            repair_catalog(&subject, machine, engine, target, progress).await
        }
        Finding::ShowDiffers { show_id, .. } => {
            repair_show(*show_id, machine, target, progress).await
        }
        Finding::OfferDiffers { show_id } => {
            repair_offer(*show_id, machine, target, progress).await
        }
        Finding::CodesDiffer { show_id, .. } => {
            repair_codes(*show_id, machine, target, progress).await
        }
        Finding::OrderCountsDiffer { show_id } => {
            repair_order_counts(*show_id, machine, target, progress).await
        }
        Finding::ZonesDiffer { show_id, .. } => {
            repair_zones(*show_id, machine, engine, target, progress).await
        }
        Finding::EventDiffers { event_id, .. } => {
            repair_event(*event_id, machine, target, progress).await
        }
        Finding::ZoneSumsDiffer { show_id, .. } => {
            progress.leave(format!(
                "show {show_id}: the engine contradicts itself; run `onsale verify` and report it"
            ));
            Ok(())
        }
        // See `repair_all`, `apply_to_store` and `repair_counts`.
        Finding::WatermarkAhead { .. }
        | Finding::BookingMissing { .. }
        | Finding::BookingDiffers { .. }
        | Finding::BookingExtra { .. }
        | Finding::SeatHoldersDiffer { .. }
        | Finding::UsageDiffers
        | Finding::RedisPlacesDiffer { .. }
        | Finding::RedisTicketsDiffer { .. } => Ok(()),
        Finding::ShowMissing { show_id } => {
            // Its bookings are rows without it.
            progress.report(format!(
                "show {show_id}: the log has no document with its names and labels (it was opened \
                 by a version before these were kept); restore the catalog from a backup of the \
                 database"
            ));
            Ok(())
        }
    }
}
