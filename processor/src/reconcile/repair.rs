//! The repair of what a report names.

use onsale_engine::Partition;
use onsale_schemas::{BookingId, PartitionId};
use onsale_store::booking::{BookingRow, BookingStatus, Watermark};
use onsale_store::catalog::ShowStatus;
use onsale_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::compare::{REPORT_VERSION, blocked_places, differing_columns, expected_status, hex};
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
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Repairs what `report` names, each item as the engine has it *now*; the machines stand still.
/// A projection that had stopped is moved to where the machines stand once all is repaired.
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
    for difference in &report.differences {
        let machine = machines
            .iter()
            .find(|machine| machine.id() == difference.partition);
        match machine {
            Some(machine) => repair(difference, machine, store, &mut applied, now_ms).await?,
            None => applied
                .left
                .push(format!("no partition {} here", difference.partition)),
        }
    }
    if report.projection_behind.is_some() && applied.left.is_empty() {
        for machine in machines {
            let watermark = Watermark {
                partition: machine.id(),
                next_offset: machine.next_offset(),
                last_outcome: machine.last_outcome(),
                log_time_ms: machine.log_time_ms(),
            };
            store.set_watermark(&watermark).await?;
        }
    }
    Ok(applied)
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
