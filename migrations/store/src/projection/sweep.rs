//! Writes what a record does to rows that its outcome does not name, in an open transaction.

use onsale_schemas::PartitionId;
use uuid::Uuid;

use super::events;
use super::plan::{Sweep, Swept};
use crate::database::{Transaction, integer};
use crate::error::StoreError;

/// The statements that void shows, and everything live of them.
struct Void {
    bookings: &'static str,
    seats: &'static str,
    shows: &'static str,
}

const SHOW: Void = Void {
    bookings: "UPDATE bookings SET status = 'cancelled', ended_at_ms = $2, updated_offset = $3 \
               WHERE show_id = $1 AND status IN ('reserved', 'confirmed')",
    seats: "DELETE FROM booking_seats WHERE show_id = $1",
    shows: "UPDATE shows SET status = 'cancelled' WHERE show_id = $1",
};
const SHOWS_OF_EVENT: Void = Void {
    bookings: "UPDATE bookings SET status = 'cancelled', ended_at_ms = $2, updated_offset = $3 \
               WHERE show_id IN (SELECT show_id FROM shows WHERE event_id = $1) \
               AND status IN ('reserved', 'confirmed')",
    seats: "DELETE FROM booking_seats \
            WHERE show_id IN (SELECT show_id FROM shows WHERE event_id = $1)",
    // One that the log has not opened stays for its opening to be refused.
    shows: "UPDATE shows SET status = 'cancelled' WHERE event_id = $1 AND status <> 'opening'",
};

/// Writes a sweep. It may touch every booking of a show or a partition, which is more than a statement
/// has time for otherwise: one that was cut off would be tried again and again, and never come through.
pub(super) async fn write(
    transaction: &mut Transaction,
    partition: PartitionId,
    sweep: &Sweep,
) -> Result<(), StoreError> {
    transaction.raise_statement_timeout().await?;
    sweep_rows(transaction, partition, sweep).await?;
    transaction.restore_statement_timeout().await
}

async fn sweep_rows(
    transaction: &mut Transaction,
    partition: PartitionId,
    sweep: &Sweep,
) -> Result<(), StoreError> {
    match &sweep.what {
        Swept::Show(show) => void(transaction, sweep, &SHOW, show.0).await,
        Swept::Event(step) => {
            events::cancel(transaction, step).await?;
            void(transaction, sweep, &SHOWS_OF_EVENT, step.event.0).await
        }
        Swept::ClockReset => turn_back(transaction, partition, sweep).await,
    }
}

async fn void(
    transaction: &mut Transaction,
    sweep: &Sweep,
    statements: &Void,
    id: Uuid,
) -> Result<(), StoreError> {
    let ended = [
        id.into(),
        integer("log_time_ms", sweep.at_ms)?.into(),
        integer("offset", sweep.offset)?.into(),
    ];
    transaction.execute(statements.bookings, &ended).await?;
    transaction.execute(statements.seats, &[id.into()]).await?;
    transaction
        .execute(statements.shows, &[id.into()])
        .await
        .map(drop)
}

/// As the machine does with its holds and with what has ended. A hold of a show that the catalog
/// lacks, so that the length of its holds is unknown, stays as it is.
///
/// This passes every booking of the partition. An index on their status or end would make it short, but
/// every confirmation and expiry slower, and a clock is hardly ever reset.
async fn turn_back(
    transaction: &mut Transaction,
    partition: PartitionId,
    sweep: &Sweep,
) -> Result<(), StoreError> {
    let values = [
        partition.0.into(),
        integer("log_time_ms", sweep.at_ms)?.into(),
        integer("offset", sweep.offset)?.into(),
    ];
    transaction
        .execute(
            "UPDATE bookings SET updated_offset = $3, expires_at_ms = $2 + \
             (SELECT s.hold_ms FROM shows AS s WHERE s.show_id = bookings.show_id) \
             WHERE partition = $1 AND status = 'reserved' AND expires_at_ms > $2 + \
             (SELECT s.hold_ms FROM shows AS s WHERE s.show_id = bookings.show_id)",
            &values,
        )
        .await?;
    transaction
        .execute(
            "UPDATE bookings SET updated_offset = $3, ended_at_ms = $2 \
             WHERE partition = $1 AND ended_at_ms > $2",
            &values,
        )
        .await
        .map(drop)
}
