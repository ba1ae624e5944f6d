//! The repair of what a report names.

use onsale_engine::Partition;
use onsale_schemas::{BookingId, PartitionId};
use onsale_store::booking::{BookingRow, BookingStatus, Watermark, projected_offset};
use onsale_store::catalog::ShowStatus;
use onsale_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::compare::{
    REPORT_VERSION, blocked_places, compare, differing_columns, expected_status, hex,
};
use super::report::{Difference, Finding, Report};

/// Oldest report that may be applied, in milliseconds (24 hours).
const REPORT_AGE_MAX_MS: u64 = 86_400_000;

/// What applying a report did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Applied {
    /// Differences repaired.
    pub repaired: u64,
    /// Differences that were gone by now.
    pub gone: u64,
    /// True when the projection had stopped and was brought up to date: it goes on from there once
    /// the server is started again.
    #[serde(default)]
    pub restart_needed: bool,
    /// Differences that a repair from the log cannot mend, each with what to do.
    pub left: Vec<String>,
}

/// Why a report was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Written by another program version.
    #[error("the report has format {found}, this program reads {REPORT_VERSION}: make a new one")]
    Version {
        /// Its version.
        found: u32,
    },
    /// It describes another log.
    #[error("the report is about log {report}, this server runs on log {server}")]
    OtherLog {
        /// By the report.
        report: String,
        /// Here.
        server: String,
    },
    /// The state has moved on too far.
    #[error("the report is {age_s} seconds old, at most {} are allowed: make a new one", REPORT_AGE_MAX_MS / 1_000)]
    TooOld {
        /// Its age in seconds.
        age_s: u64,
    },
    /// It describes a state that the log has not reached: the log was set back.
    #[error(
        "the report describes partition {partition} at offset {report}, the log is at {here}: \
         it was set back since; make a new report"
    )]
    Ahead {
        /// The partition.
        partition: PartitionId,
        /// By the report.
        report: u64,
        /// Here.
        here: u64,
    },
    /// The projector is at work: a repair would run into it.
    #[error("{0}; wait until the projection stands still with the log, then try again")]
    Moving(String),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Repairs what `report` names, each item as the engine has it *now*; the machines stand still.
/// A projection that had stopped is brought to where the machines stand; nothing else may write it
/// meanwhile.
///
/// # Errors
/// When the report may not be applied, before anything was changed; or when the database fails.
pub async fn apply(
    report: &Report,
    machines: &[Partition],
    store: &Store,
    log_id: [u8; 16],
    now_ms: u64,
) -> Result<Applied, ApplyError> {
    check(report, machines, log_id, now_ms)?;
    let mut applied = Applied::default();
    repair_all(&report.differences, machines, store, &mut applied, now_ms).await?;
    let behind = behind(machines, store).await?;
    if behind.is_empty() || !applied.left.is_empty() {
        return Ok(applied);
    }
    // The projection had stopped: what came since the report is not in it, so what differs by now
    // is repaired too before the watermark says that everything up to here is there.
    let rest = compare(machines, None, store, log_id, now_ms).await?;
    repair_all(&rest.differences, machines, store, &mut applied, now_ms).await?;
    if applied.left.is_empty() {
        for machine in behind {
            let watermark = Watermark {
                partition: machine.id(),
                next_offset: machine.next_offset(),
                last_outcome: machine.last_outcome(),
                log_time_ms: machine.log_time_ms(),
            };
            store.set_watermark(&watermark).await?;
            applied.restart_needed = true;
        }
    }
    Ok(applied)
}

async fn repair_all(
    differences: &[Difference],
    machines: &[Partition],
    store: &Store,
    applied: &mut Applied,
    now_ms: u64,
) -> Result<(), ApplyError> {
    for difference in differences {
        match machines
            .iter()
            .find(|machine| machine.id() == difference.partition)
        {
            Some(machine) => repair(difference, machine, store, applied, now_ms).await?,
            None => applied
                .left
                .push(format!("no partition {} here", difference.partition)),
        }
    }
    Ok(())
}

/// The machines that the projection has not reached.
async fn behind<'a>(
    machines: &'a [Partition],
    store: &Store,
) -> Result<Vec<&'a Partition>, StoreError> {
    let watermarks = store.watermarks().await?;
    Ok(machines
        .iter()
        .filter(|machine| projected_offset(&watermarks, machine.id()) < machine.next_offset())
        .collect())
}

fn check(
    report: &Report,
    machines: &[Partition],
    log_id: [u8; 16],
    now_ms: u64,
) -> Result<(), ApplyError> {
    if report.version != REPORT_VERSION {
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
    difference: &Difference,
    machine: &Partition,
    store: &Store,
    applied: &mut Applied,
    now_ms: u64,
) -> Result<(), ApplyError> {
    match &difference.finding {
        Finding::BookingMissing { booking_id, .. }
        | Finding::BookingDiffers { booking_id, .. }
        | Finding::BookingExtra { booking_id, .. } => {
            repair_booking(*booking_id, machine, store, applied, now_ms).await
        }
        Finding::BlocksDiffer { show_id } => {
            let (seats, quantities) = blocked_places(machine, *show_id);
            store.repair_blocks(*show_id, &seats, &quantities).await?;
            applied.repaired += 1;
            Ok(())
        }
        Finding::ShowStatusDiffers { show_id, .. } => {
            let cancelled = machine.show(*show_id).is_some_and(|show| show.cancelled);
            let status = if cancelled {
                ShowStatus::Cancelled
            } else {
                ShowStatus::Open
            };
            store.set_show_status(*show_id, status).await?;
            applied.repaired += 1;
            Ok(())
        }
        Finding::ZoneSumsDiffer { show_id, .. } => {
            applied.left.push(format!(
                "show {show_id}: the engine contradicts itself; run `onsale verify` and report it"
            ));
            Ok(())
        }
        Finding::ShowMissing { show_id } => {
            applied.left.push(format!(
                "show {show_id}: its names and labels are not in the log; restore the catalog"
            ));
            Ok(())
        }
    }
}

async fn repair_booking(
    id: BookingId,
    machine: &Partition,
    store: &Store,
    applied: &mut Applied,
    now_ms: u64,
) -> Result<(), ApplyError> {
    let row = store.booking(id).await?;
    let engine = machine.booking(id.offset());
    let repaired = match (engine, row) {
        (Some(booking), row) => {
            if row
                .as_ref()
                .is_some_and(|row| differing_columns(&booking, row).is_empty())
            {
                applied.gone += 1;
                return Ok(());
            }
            let status = expected_status(&booking);
            BookingRow {
                booking_id: id,
                // What the engine does not keep stays as it was.
                request_id: row.as_ref().and_then(|row| row.request_id),
                payment_reference: row.as_ref().and_then(|row| row.payment_reference.clone()),
                event_id: booking.event,
                show_id: booking.show,
                user_id: booking.user,
                zone: booking.zone,
                seats: booking.seats.to_vec(),
                quantity: booking.quantity,
                unit_price: booking.unit_price,
                currency: booking.currency.as_str().to_owned(),
                status,
                reserved_at_ms: booking.reserved_at_ms,
                expires_at_ms: booking.expires_at_ms,
                confirmed_at_ms: booking.confirmed_at_ms,
                ended_at_ms: booking.ended_at_ms,
                updated_offset: machine.next_offset().saturating_sub(1),
            }
        }
        // The engine has forgotten it, so it ended more than an hour ago; which way is in the log.
        (None, Some(row)) if row.status.is_live() => BookingRow {
            status: if row.confirmed_at_ms.is_some() {
                BookingStatus::Cancelled
            } else {
                BookingStatus::Expired
            },
            ended_at_ms: Some(now_ms),
            ..row
        },
        (None, _) => {
            applied.gone += 1;
            return Ok(());
        }
    };
    store.repair_bookings(&[repaired]).await?;
    applied.repaired += 1;
    Ok(())
}
