//! Bookings and the seats that they hold.

use std::collections::{BTreeMap, BTreeSet};

use onsale_engine::Partition;
use onsale_schemas::{BookingId, Offset, ShowId};
use onsale_store::booking::{BookingRepair, BookingRow, BookingStatus, StoredBooking};
use onsale_store::retention::RetiredShows;

use super::Progress;
use super::error::ApplyError;
use super::target::Target;
use super::watermark::Astray;
use crate::reconcile::Engine;
use crate::reconcile::compare::{
    differing_columns, expected_order, expected_status, holders_by_show, is_same_payment,
};
use crate::reconcile::log_rows::{self, Asked};

/// What is to be done to bookings, gathered before any is touched.
#[derive(Default)]
pub(super) struct Repair {
    pub(super) rows: Vec<BookingRow>,
    /// Bookings that the log does not have, and their shows as far as they say.
    pub(super) removed: Vec<(BookingId, ShowId)>,
    /// Shows whose seats are written again because they differ.
    pub(super) shows: BTreeSet<ShowId>,
    /// Shows in which bookings stood that belong to others.
    pub(super) left: BTreeSet<ShowId>,
}

impl Repair {
    /// With every seat of the shows that it touches as the machines have them.
    fn with_holders(&self, machines: &[Partition], retired: &RetiredShows) -> BookingRepair {
        let mut touched = &self.shows | &self.left;
        touched.extend(self.rows.iter().map(|row| row.show_id));
        touched.extend(self.removed.iter().map(|(_, show)| *show));
        let mut holders = BTreeMap::new();
        for machine in machines {
            let mut held = holders_by_show(machine);
            for show in &touched {
                // Seats of bookings that were deleted because they are too old stay free.
                if machine.show(*show).is_some() && !retired.has(*show) {
                    holders.insert(*show, held.remove(show).unwrap_or_default());
                }
            }
        }
        BookingRepair {
            rows: self.rows.clone(),
            removed: self.removed.iter().map(|(booking, _)| *booking).collect(),
            holders,
            projected: None,
        }
    }

    pub(super) fn len(&self) -> u64 {
        let items = self.rows.len() + self.removed.len() + self.shows.len();
        u64::try_from(items).unwrap_or(u64::MAX)
    }
}

/// What has to be done to these bookings of a partition.
pub(super) async fn gather(
    machine: &Partition,
    offsets: BTreeSet<Offset>,
    engine: Engine<'_>,
    target: Target<'_>,
    now_ms: u64,
    repair: &mut Repair,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    let of_log = match engine.log {
        Some(log) => log_rows::read(log, machine, Asked::These(offsets.clone())).await?,
        None => None,
    };
    let retired = target.store.retired_shows().await?;
    for offset in offsets {
        let id = BookingId::new(machine.id(), offset);
        let stored = target.store.stored_booking(id).await?;
        let stands = stored.as_ref().and_then(|stored| stored.row.as_ref().ok());
        match &of_log {
            Some(rows) => match (rows.get(&offset), &stored) {
                // It was deleted because it is too old.
                (Some(row), None) if retired.may_lack(row.show_id, row.reserved_at_ms) => {
                    progress.gone();
                }
                (Some(row), _) if stands == Some(row) => progress.gone(),
                (Some(row), _) => {
                    repair.left.extend(stands.map(|stands| stands.show_id));
                    repair.rows.push(row.clone());
                }
                (None, Some(_)) => {
                    let show = stands.map_or_else(no_show, |stands| stands.show_id);
                    repair.removed.push((id, show));
                }
                (None, None) => progress.gone(),
            },
            None if stored.is_none() && may_be_lacking(machine, offset, &retired) => {
                progress.gone();
            }
            None => {
                if let Some(why) = unrepairable(id, machine, stands) {
                    progress.report(why);
                }
                match booking_row(id, machine, stored.as_ref(), now_ms) {
                    Some(row) => repair.rows.push(row),
                    None => progress.gone(),
                }
            }
        }
    }
    Ok(())
}

/// Whether a booking of the machine was deleted because it is too old.
fn may_be_lacking(machine: &Partition, offset: Offset, retired: &RetiredShows) -> bool {
    machine
        .booking(offset)
        .is_some_and(|booking| retired.may_lack(booking.show, booking.reserved_at_ms))
}

/// Of a row that does not say which.
fn no_show() -> ShowId {
    ShowId::from_bytes([0; 16])
}

/// All in one transaction.
pub(super) async fn repair_bookings(
    repair: &Repair,
    engine: Engine<'_>,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    if repair.len() == 0 {
        return Ok(());
    }
    let audit = target.audit_of_bookings(repair).await?;
    let retired = target.store.retired_shows().await?;
    let mut bookings = repair.with_holders(engine.machines, &retired);
    bookings.projected = target.expected();
    target.store.repair_bookings(bookings, audit).await?;
    progress.repaired(repair.len());
    Ok(())
}

/// Writes the bookings that have ended since the projection stopped. A comparison looks at live ones
/// and at the newest of those that ended, and nobody would ever project the others once the watermark is
/// behind them. Where the log no longer goes back to its beginning, those that the engine has forgotten by
/// now are lost to the database.
pub(super) async fn repair_ended(
    astray: &Astray<'_>,
    engine: Engine<'_>,
    target: Target<'_>,
    progress: &mut Progress,
    now_ms: u64,
) -> Result<(), ApplyError> {
    let (machine, since) = (astray.machine, astray.since());
    let of_log = match engine.log {
        Some(log) => log_rows::read(log, machine, Asked::All).await?,
        None => None,
    };
    let retired = target.store.retired_shows().await?;
    let mut repair = Repair::default();
    if let Some(rows) = of_log {
        let rows = rows.into_values();
        let ended = rows.filter(|row| !row.status.is_live());
        for row in ended.filter(|row| row.updated_offset >= since.next_offset) {
            let stored = target.store.stored_booking(row.booking_id).await?;
            if stored.is_none() && retired.may_lack(row.show_id, row.reserved_at_ms) {
                continue;
            }
            if stored.is_none_or(|stored| stored.row.as_ref() != Ok(&row)) {
                repair.rows.push(row);
            }
        }
        return repair_bookings(&repair, engine, target, progress).await;
    }
    for booking in machine.bookings() {
        let has_ended = booking
            .ended_at_ms
            .is_some_and(|ended_at_ms| ended_at_ms >= since.log_time_ms);
        if has_ended {
            let id = BookingId::new(machine.id(), booking.booking);
            let stored = target.store.stored_booking(id).await?;
            if stored.is_none() && retired.may_lack(booking.show, booking.reserved_at_ms) {
                continue;
            }
            let row = booking_row(id, machine, stored.as_ref(), now_ms);
            repair.rows.extend(row);
        }
    }
    repair_bookings(&repair, engine, target, progress).await
}

/// Why the row of a booking cannot be made right from the machine alone.
fn unrepairable(id: BookingId, machine: &Partition, stands: Option<&BookingRow>) -> Option<String> {
    let booking = machine.booking(id.offset())?;
    let is_paid_otherwise = match stands {
        Some(row) => !is_same_payment(&booking, row),
        None => booking.payment_hash.is_some(),
    };
    is_paid_otherwise.then(|| {
        format!(
            "booking {id}: its payment reference is in the log alone, which no longer goes back to \
             its beginning; restore it from a backup of the database"
        )
    })
}

/// What the row of a booking should be by the machine, `None` where it is just that.
fn booking_row(
    id: BookingId,
    machine: &Partition,
    stored: Option<&StoredBooking>,
    now_ms: u64,
) -> Option<BookingRow> {
    let row = stored.and_then(|stored| stored.row.as_ref().ok());
    match (machine.booking(id.offset()), row) {
        (Some(booking), row) => {
            if row.is_some_and(|row| differing_columns(machine, &booking, row).is_empty()) {
                return None;
            }
            let status = expected_status(&booking);
            Some(BookingRow {
                booking_id: id,
                // What the engine does not keep stays as it was.
                request_id: row.and_then(|row| row.request_id),
                payment_reference: row.and_then(|row| row.payment_reference.clone()),
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
                confirmed_at_ms: booking.confirmed_at_ms.or_else(|| {
                    row.filter(|_| booking.ended_at_ms.is_some())?
                        .confirmed_at_ms
                }),
                ended_at_ms: booking.ended_at_ms,
                updated_offset: machine.next_offset().saturating_sub(1),
                order: expected_order(machine, &booking),
            })
        }
        // The engine has forgotten it, so it ended more than an hour ago; which way is in the log.
        (None, Some(row)) if row.status.is_live() => Some(BookingRow {
            status: if row.confirmed_at_ms.is_some() {
                BookingStatus::Cancelled
            } else {
                BookingStatus::Expired
            },
            ended_at_ms: Some(now_ms),
            ..row.clone()
        }),
        (None, _) => None,
    }
}
