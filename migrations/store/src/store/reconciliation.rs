//! What reconciliation compares with the engine's state, and how it repairs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use onsale_schemas::{BookingId, EventId, Offset, PartitionId, SeatIndex, ShowId};
use serde_json::json;

use super::events::{self, lock_event};
use super::orders::booked_places;
use super::{Store, shows, usage};
use crate::audit::{Actor, Audit, Unaudited};
use crate::booking::{
    BookingRepair, BookingRow, BookingStatus, ExpectedProjection, Version2, Watermark, ZoneSums,
};
use crate::catalog::{EventStatus, SeatIndexes, ShowRow};
use crate::database::{Database, Durability, Transaction, integer};
use crate::error::StoreError;
use crate::projection::bulk::{self, OnKnown, SeatHolder};
use crate::projection::{ProjectionBatch, run, trail};

/// Bookings of one statement; keeps its parameters to a few megabytes.
const REPAIR_CHUNK_BOOKINGS: usize = 2_000;
/// Seats of one statement.
const REPAIR_CHUNK_SEATS: usize = 10_000;

impl Store {
    /// Sums of a show's projected places by zone index, one for each zone of the catalog.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when places are projected for a zone that the catalog does not have.
    pub async fn zone_sums(&self, show: ShowId) -> Result<Vec<ZoneSums>, StoreError> {
        let Some(catalog) = self.show(show).await? else {
            return Ok(Vec::new());
        };
        let mut sums = vec![ZoneSums::default(); catalog.zones.len()];
        let unknown = |zone: u16| {
            StoreError::Corrupt(format!(
                "show {show}: places in zone {zone}, which it lacks"
            ))
        };
        let statement = match &self.database {
            Database::Postgres(_) => booked_places!(Postgres),
            Database::Sqlite(_) => booked_places!(Sqlite),
        };
        let rows = self.database.fetch(statement, &[show.0.into()]).await?;
        for row in &rows {
            let zone: u16 = row.number("zone")?;
            let places = row.number("places")?;
            let sum = sums
                .get_mut(usize::from(zone))
                .ok_or_else(|| unknown(zone))?;
            match row.word("status", BookingStatus::parse)? {
                BookingStatus::Confirmed => sum.sold = places,
                _ => sum.held = places,
            }
        }
        let (seats, quantities) = self.blocked_places(show).await?;
        for (zone, quantity) in quantities {
            let sum = sums
                .get_mut(usize::from(zone))
                .ok_or_else(|| unknown(zone))?;
            sum.blocked += u64::from(quantity);
        }
        let indexes = SeatIndexes::of(&catalog.zones);
        for seat in seats {
            let sum = indexes.zone(seat).and_then(|zone| sums.get_mut(zone));
            let sum = sum.ok_or_else(|| {
                StoreError::Corrupt(format!(
                    "show {show}: seat {seat} is blocked, which it lacks"
                ))
            })?;
            sum.blocked += 1;
        }
        Ok(sums)
    }

    /// The projected blocks of a show: seats of seated zones, and quantities by zone index, both
    /// ascending. Quantities of zero are left out.
    ///
    /// # Errors
    /// As every read.
    pub async fn blocked_places(
        &self,
        show: ShowId,
    ) -> Result<(Vec<u32>, Vec<(u16, u32)>), StoreError> {
        let seats = self
            .database
            .fetch(
                "SELECT seat FROM blocked_seats WHERE show_id = $1 ORDER BY seat",
                &[show.0.into()],
            )
            .await?
            .iter()
            .map(|row| row.number("seat"))
            .collect::<Result<_, _>>()?;
        let quantities = self
            .database
            .fetch(
                "SELECT zone, quantity FROM blocked_quantities \
                 WHERE show_id = $1 AND quantity > 0 ORDER BY zone",
                &[show.0.into()],
            )
            .await?
            .iter()
            .map(|row| Ok((row.number("zone")?, row.number("quantity")?)))
            .collect::<Result<_, StoreError>>()?;
        Ok((seats, quantities))
    }

    /// Which booking holds which seat of a show, ascending: the second layer against a double sale.
    ///
    /// # Errors
    /// As every read.
    pub async fn seat_holders(
        &self,
        show: ShowId,
    ) -> Result<Vec<(SeatIndex, BookingId)>, StoreError> {
        self.database
            .fetch(
                "SELECT seat, partition, booking_offset FROM booking_seats WHERE show_id = $1 \
                 ORDER BY seat",
                &[show.0.into()],
            )
            .await?
            .iter()
            .map(|row| {
                let partition = PartitionId(row.number("partition")?);
                let booking = BookingId::new(partition, row.number("booking_offset")?);
                Ok((row.number("seat")?, booking))
            })
            .collect()
    }

    /// Writes bookings and their seats just as given, whatever stands there (upsert), frees the seats
    /// of ones that are not live, and removes what is not to be there. One transaction.
    ///
    /// # Errors
    /// [`StoreError::DoubleSale`] when a seat would have two live holders;
    /// [`StoreError::ProjectionMoved`].
    pub async fn repair_bookings(
        &self,
        repair: impl Into<BookingRepair>,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let (repair, audit) = (repair.into(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if let Some(expected) = &repair.projected {
                    run::expect(&mut transaction, expected).await?;
                }
                replace_bookings(&mut transaction, &repair).await?;
                transaction.commit(audit).await
            })
            .await
    }

    /// Replaces the zones of a show, with their layouts, has it described again, and counts again what its
    /// organizer has. One transaction.
    ///
    /// # Errors
    /// As every write.
    pub async fn repair_zones(
        &self,
        show: &ShowRow,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let (show, audit) = (show.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let id = [show.show_id.0.into()];
                transaction
                    .execute("DELETE FROM zones WHERE show_id = $1", &id)
                    .await?;
                shows::insert_zones(&mut transaction, &show).await?;
                // What was there without them may have been described.
                transaction
                    .execute(
                        "UPDATE shows SET version = version + 1 WHERE show_id = $1",
                        &id,
                    )
                    .await?;
                usage::add_up_again(&mut transaction, show.event_id).await?;
                transaction.commit(audit).await
            })
            .await
    }

    /// Sets what the log decides about an event: its limit, where it has one, and whether it is
    /// cancelled; false when there is none.
    ///
    /// # Errors
    /// As every write.
    pub async fn repair_event(
        &self,
        id: EventId,
        limit: Option<u16>,
        cancelled: bool,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(mut event) = lock_event(&mut transaction, id).await? else {
                    return Ok(false);
                };
                event.max_tickets_per_user = limit.unwrap_or(event.max_tickets_per_user);
                event.status = match (cancelled, event.status) {
                    (true, _) => EventStatus::Cancelled,
                    (false, EventStatus::Cancelled) => EventStatus::Published,
                    (false, status) => status,
                };
                events::replace(&mut transaction, &event).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// Replaces the projected blocks of a show. One transaction.
    ///
    /// # Errors
    /// As every write.
    pub async fn repair_blocks(
        &self,
        show: ShowId,
        seats: &[u32],
        quantities: &[(u16, u32)],
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let seats: BTreeSet<u32> = seats.iter().copied().collect();
        let (quantities, audit) = (quantities.to_vec(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                replace_blocks(&mut transaction, show, seats, &quantities).await?;
                transaction.commit(audit).await
            })
            .await
    }

    /// Moves a watermark from `from`, where it stands, after a repair that made the projection equal to that
    /// position. A machine that is of version 2 there has been so always as far as the database knows, unless
    /// it has seen it become so: the record may be gone.
    ///
    /// Records that are passed over by this and have no entries in the audit trail, see
    /// [`Store::note_decided`], are named there: `trail.gap`.
    ///
    /// # Errors
    /// [`StoreError::ProjectionMoved`] where it does not; otherwise as every write.
    pub async fn move_watermark(
        &self,
        from: Offset,
        watermark: &Watermark,
        is_version_2: bool,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let (watermark, audit) = (*watermark, audit.into());
        let expected = ExpectedProjection {
            offsets: vec![(watermark.partition, from)],
            is_held: false,
        };
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                run::expect(&mut transaction, &expected).await?;
                run::write_watermark(&mut transaction, &watermark).await?;
                if is_version_2 {
                    let partition = watermark.partition;
                    run::write_version_2(&mut transaction, partition, &Version2::ALWAYS).await?;
                }
                let (partition, next) = (watermark.partition, watermark.next_offset);
                let gap = trail::pass_over(&mut transaction, partition, from, next).await?;
                let audit = match gap {
                    Some(gap) => with_gap(audit, partition, &gap),
                    None => audit,
                };
                transaction.commit(audit).await
            })
            .await
    }

    /// Writes down what the log decided in a batch that no projector will come to any more, because a repair has
    /// made the projection equal to a position behind it; entries that are there are not written again. The
    /// watermark stands at `stands`.
    ///
    /// # Errors
    /// [`StoreError::ProjectionMoved`] where it does not; otherwise as every write.
    pub async fn note_decided(
        &self,
        stands: Offset,
        batch: &ProjectionBatch,
    ) -> Result<(), StoreError> {
        let (partition, next) = (batch.partition, batch.next_offset);
        let decided = trail::decided(batch);
        let expected = ExpectedProjection {
            offsets: vec![(partition, stands)],
            is_held: false,
        };
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                run::expect(&mut transaction, &expected).await?;
                trail::write_decided(&mut transaction, partition, &decided, next).await?;
                transaction.commit(Unaudited::Logged).await
            })
            .await
    }

    /// The record of a partition from which on the audit trail has no entries of what the log decided.
    ///
    /// # Errors
    /// As every read.
    pub async fn decided_up_to(&self, partition: PartitionId) -> Result<Offset, StoreError> {
        let row = self
            .database
            .fetch_optional(
                "SELECT next_offset FROM audit_projected WHERE partition = $1",
                &[partition.0.into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.number("next_offset"))
    }

    /// Notes that the machine of a partition is of version 2 where the projection stands, unless the
    /// database has seen it become so.
    ///
    /// # Errors
    /// As every write.
    pub async fn assume_version_2(&self, partition: PartitionId) -> Result<(), StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                run::write_version_2(&mut transaction, partition, &Version2::ALWAYS).await?;
                transaction.commit(Unaudited::Automatic).await
            })
            .await
    }
}

/// With the entry that says of which records there are none.
fn with_gap(audit: Audit, partition: PartitionId, gap: &Range<Offset>) -> Audit {
    let actor = audit.entries().first().map(|entry| entry.actor.clone());
    let entry = actor
        .unwrap_or_else(Actor::node)
        .did("trail.gap", "partition", partition)
        .with(json!({ "from": gap.start, "before": gap.end }));
    audit.and(entry)
}

async fn replace_bookings(
    transaction: &mut Transaction,
    repair: &BookingRepair,
) -> Result<(), StoreError> {
    // The last of two rows of one booking counts; a statement may not touch a row twice.
    let rows: BTreeMap<_, _> = repair
        .rows
        .iter()
        .map(|row| (row.booking_id, row))
        .collect();
    let rows: Vec<&BookingRow> = rows.into_values().collect();
    // All seats are freed before any is taken: they may change hands within the repair.
    for show in repair.holders.keys() {
        transaction
            .execute(
                "DELETE FROM booking_seats WHERE show_id = $1",
                &[show.0.into()],
            )
            .await?;
    }
    for booking in &repair.removed {
        remove_booking(transaction, *booking).await?;
    }
    for chunk in rows.chunks(REPAIR_CHUNK_BOOKINGS) {
        bulk::free_bookings(transaction, chunk).await?;
        bulk::insert_bookings(transaction, chunk, OnKnown::Replace).await?;
    }
    let holder = |show, seat, booking: BookingId| SeatHolder {
        show,
        seat,
        partition: booking.partition(),
        booking: booking.offset(),
    };
    let of_rows = rows
        .iter()
        .filter(|row| row.status.is_live() && !repair.holders.contains_key(&row.show_id))
        .flat_map(|row| {
            let seats = row.seats.iter();
            seats.map(move |seat| holder(row.show_id, *seat, row.booking_id))
        });
    let of_shows = repair.holders.iter().flat_map(|(show, holders)| {
        let holders = holders.iter();
        holders.map(move |(seat, booking)| holder(*show, *seat, *booking))
    });
    let taken: Vec<SeatHolder> = of_rows.chain(of_shows).collect();
    for chunk in taken.chunks(REPAIR_CHUNK_SEATS) {
        bulk::take_seats(transaction, chunk).await?;
    }
    Ok(())
}

/// Removes a booking with the seats that it holds.
async fn remove_booking(
    transaction: &mut Transaction,
    booking: BookingId,
) -> Result<(), StoreError> {
    let key = [
        booking.partition().0.into(),
        integer("offset", booking.offset())?.into(),
    ];
    // By show, because that is what the table has an index on.
    for sql in [
        "DELETE FROM booking_seats WHERE show_id IN (SELECT show_id FROM bookings \
         WHERE partition = $1 AND booking_offset = $2) AND partition = $1 AND booking_offset = $2",
        "DELETE FROM bookings WHERE partition = $1 AND booking_offset = $2",
    ] {
        transaction.execute(sql, &key).await?;
    }
    Ok(())
}

async fn replace_blocks(
    transaction: &mut Transaction,
    show: ShowId,
    seats: BTreeSet<u32>,
    quantities: &[(u16, u32)],
) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM blocked_seats WHERE show_id = $1",
        "DELETE FROM blocked_quantities WHERE show_id = $1",
    ] {
        transaction.execute(sql, &[show.0.into()]).await?;
    }
    let seats: Vec<(ShowId, u32)> = seats.into_iter().map(|seat| (show, seat)).collect();
    for chunk in seats.chunks(REPAIR_CHUNK_SEATS) {
        bulk::block_seats(transaction, chunk).await?;
    }
    for (zone, quantity) in quantities {
        run::add_blocked_quantity(transaction, show, *zone, i64::from(*quantity)).await?;
    }
    Ok(())
}
