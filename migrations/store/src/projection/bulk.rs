//! Thousands of rows per statement. The rows are computed before; here only their transport
//! differs: arrays and `UNNEST` on PostgreSQL, one JSON text and `json_each` on SQLite.

mod postgres;
mod sqlite;

use onsale_schemas::{Offset, PartitionId, SeatIndex, ShowId};
use uuid::Uuid;

use super::plan::BookingChange;
use super::trail::DecidedRow;
use crate::audit::chain::Lane;
use crate::booking::BookingRow;
use crate::database::{Transaction, on};
use crate::error::StoreError;

/// A seat and its live booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SeatHolder {
    pub(crate) show: ShowId,
    pub(crate) seat: SeatIndex,
    pub(crate) partition: PartitionId,
    pub(crate) booking: Offset,
}

/// A seat that one booking was to get and another holds; bookings as their offsets and partitions.
#[derive(Debug, thiserror::Error)]
#[error(
    "seat {seat} of show {show} is held by booking {} of partition {} and by booking {} of partition {}",
    .holder.0, .holder.1, .booking.0, .booking.1
)]
struct HeldSeat {
    show: Uuid,
    seat: i64,
    holder: (i64, i64),
    booking: (i64, i64),
}

/// What to do with a booking that is inserted and already exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnKnown {
    /// An error: the projection writes every booking once.
    Refuse,
    /// Overwrite it: a repair.
    Replace,
}

macro_rules! dispatch {
    ($transaction:expr, $function:ident ( $($argument:expr),* )) => {
        match $transaction {
            Transaction::Postgres(open) => {
                on!(open, |connection| postgres::$function(connection, $($argument),*).await)
            }
            Transaction::Sqlite(open) => {
                on!(open, |connection| sqlite::$function(connection, $($argument),*).await)
            }
        }
    };
}

/// Removes these seats from these holders; one with another holder stays.
pub(crate) async fn free_seats(
    transaction: &mut Transaction,
    holders: &[SeatHolder],
) -> Result<(), StoreError> {
    if holders.is_empty() {
        return Ok(());
    }
    dispatch!(transaction, free_seats(holders))
}

/// Gives seats to their holders.
///
/// # Errors
/// [`StoreError::DoubleSale`] when one has a live holder.
pub(crate) async fn take_seats(
    transaction: &mut Transaction,
    holders: &[SeatHolder],
) -> Result<(), StoreError> {
    if holders.is_empty() {
        return Ok(());
    }
    dispatch!(transaction, take_seats(holders))
}

/// Changes existing bookings; returns how many exist.
pub(crate) async fn change_bookings(
    transaction: &mut Transaction,
    partition: PartitionId,
    changes: &[BookingChange],
) -> Result<u64, StoreError> {
    if changes.is_empty() {
        return Ok(0);
    }
    dispatch!(transaction, change_bookings(partition, changes))
}

/// Inserts bookings, without their seats' holders.
pub(crate) async fn insert_bookings(
    transaction: &mut Transaction,
    rows: &[&BookingRow],
    on_known: OnKnown,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    dispatch!(transaction, insert_bookings(rows, on_known))
}

/// Removes every seat that these bookings hold, in their own shows and in those where they are
/// stored.
pub(crate) async fn free_bookings(
    transaction: &mut Transaction,
    rows: &[&BookingRow],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    dispatch!(transaction, free_bookings(rows))
}

/// Marks seats as blocked.
pub(crate) async fn block_seats(
    transaction: &mut Transaction,
    seats: &[(ShowId, SeatIndex)],
) -> Result<(), StoreError> {
    if seats.is_empty() {
        return Ok(());
    }
    dispatch!(transaction, block_seats(seats))
}

/// Marks seats as no longer blocked.
pub(crate) async fn unblock_seats(
    transaction: &mut Transaction,
    seats: &[(ShowId, SeatIndex)],
) -> Result<(), StoreError> {
    if seats.is_empty() {
        return Ok(());
    }
    dispatch!(transaction, unblock_seats(seats))
}

/// Inserts entries of the audit trail.
pub(crate) async fn insert_decided(
    transaction: &mut Transaction,
    rows: &[DecidedRow],
    lane: Lane,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    dispatch!(transaction, insert_decided(rows, lane))
}
