//! What rows a batch changes, worked out without a database.
//!
//! Several records of a batch may touch one booking or one seat. They are folded to the final state
//! first, so that each row is written once and thousands of rows take one statement.

use std::collections::{BTreeMap, HashMap};

use onsale_schemas::command::Describe;
use onsale_schemas::outcome::{BlockChange, Confirmed, EndedBooking, Reserved};
use onsale_schemas::{
    BookingId, EventId, Offset, Outcome, OutcomeRecord, PartitionId, RequestId, SeatIndex, ShowId,
    ZoneIndex,
};

use super::ProjectionBatch;
use super::bulk::SeatHolder;
use super::trail::{self, Decided};
use crate::booking::{BookingRow, BookingStatus, Version2, Watermark};
use crate::error::StoreError;

/// A change of a booking that stands in the database. `None` leaves a value as it is, except for
/// `ended_at_ms`, which is written: only an ended booking has one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BookingChange {
    pub(crate) booking: Offset,
    pub(crate) show: ShowId,
    pub(crate) status: BookingStatus,
    pub(crate) expires_at_ms: Option<u64>,
    pub(crate) confirmed_at_ms: Option<u64>,
    pub(crate) payment_reference: Option<String>,
    pub(crate) ended_at_ms: Option<u64>,
    pub(crate) updated_offset: Offset,
}

/// What became of a show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ShowEvent {
    Opened,
    /// The change stands in the database under the id of the request.
    Amended(RequestId),
    /// The same again, which changes nothing any more.
    AmendedBefore(RequestId),
    Closed,
}

/// A change of a show's rows, in the order of the log with the others of its batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ShowStep {
    pub(crate) show: ShowId,
    pub(crate) event: ShowEvent,
    pub(crate) at_ms: u64,
    pub(crate) offset: Offset,
}

/// A change of an event's rows, in the same way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EventStep {
    pub(crate) event: EventId,
    /// The change of its texts stands in the database under this id.
    pub(crate) request: Option<RequestId>,
    /// The limit per user, where it was changed.
    pub(crate) max_tickets_per_user: Option<u16>,
    pub(crate) offset: Offset,
}

/// A change of the catalog.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CatalogStep {
    Show(ShowStep),
    EventAmended(EventStep),
    /// The same again, which changes nothing any more.
    EventChangedBefore(RequestId),
    /// A document of it. It was created from the row at the position that it names, or before it named
    /// one at some position before its own.
    Described(Box<Describe>),
}

/// What a record does to rows that its outcome does not name: those that what came before it in the
/// log has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sweep {
    pub(crate) what: Swept,
    pub(crate) at_ms: u64,
    pub(crate) offset: Offset,
}

/// The rows that a [`Sweep`] changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Swept {
    /// A show is cancelled, and everything live of it ends.
    Show(ShowId),
    /// An event is cancelled: all its shows are, and everything live of them ends.
    Event(EventStep),
    /// Machine time of the partition went back to [`Sweep::at_ms`]: no hold ends later than a hold
    /// of its show that begins now, and nothing has ended later than now.
    ClockReset,
}

/// What a batch changes.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) partition: PartitionId,
    /// One after the other.
    pub(crate) phases: Vec<Phase>,
    /// When the machine was first seen to be of version 2.
    pub(crate) version_2: Option<Version2>,
    /// What the audit trail says of it, in the order of the log.
    pub(crate) decided: Vec<Decided>,
    pub(crate) watermark: Watermark,
}

/// The rows that records change, in the order in which they must be written: what frees seats comes
/// before what takes them. A [`Sweep`] begins a phase of its own, because it changes rows as the
/// records before it have left them.
#[derive(Debug)]
pub(crate) struct Phase {
    /// First of all.
    pub(crate) swept: Option<Sweep>,
    pub(crate) catalog: Vec<CatalogStep>,
    pub(crate) freed: Vec<SeatHolder>,
    pub(crate) changed: Vec<BookingChange>,
    pub(crate) inserted: Vec<BookingRow>,
    pub(crate) taken: Vec<SeatHolder>,
    pub(crate) unblocked: Vec<(ShowId, SeatIndex)>,
    pub(crate) blocked: Vec<(ShowId, SeatIndex)>,
    pub(crate) blocked_quantities: Vec<(ShowId, ZoneIndex, i64)>,
}

impl Plan {
    /// The plan for what of `batch` is not projected yet; `None` when all of it is.
    ///
    /// # Errors
    /// [`StoreError::Gap`], [`StoreError::DoubleSale`] when the batch itself sells a seat twice, and
    /// [`StoreError::Invalid`] for a batch that contradicts its own bounds.
    pub(crate) fn of(
        batch: &ProjectionBatch,
        before: &Watermark,
    ) -> Result<Option<Self>, StoreError> {
        check_bounds(batch)?;
        if batch.next_offset <= before.next_offset {
            return Ok(None);
        }
        if batch.from_offset > before.next_offset {
            return Err(StoreError::Gap {
                partition: batch.partition,
                expected: before.next_offset,
                found: batch.from_offset,
            });
        }
        let mut phases = Vec::new();
        let mut fold = Fold::new(batch.partition, None);
        let mut version_2 = None;
        let mut projected_ms = before.log_time_ms.max(batch.log_time_ms);
        let mut last_outcome = before.last_outcome;
        let mut decided = Vec::new();
        for record in &batch.outcomes {
            if record.offset < before.next_offset {
                continue;
            }
            if record.previous != last_outcome {
                tracing::error!(
                    partition = %batch.partition,
                    offset = record.offset,
                    names = ?record.previous,
                    projected = ?last_outcome,
                    "an outcome does not follow the one before it"
                );
                return Err(StoreError::Gap {
                    partition: batch.partition,
                    expected: before.next_offset,
                    found: record.offset,
                });
            }
            fold.record(record)?;
            trail::note(&mut decided, batch, record);
            if let Some(swept) = sweep(record) {
                if swept.what == Swept::ClockReset {
                    // What comes after it would not be looked for from the time before it on.
                    projected_ms = batch.log_time_ms;
                }
                let next = Fold::new(batch.partition, Some(swept));
                phases.push(std::mem::replace(&mut fold, next).finish());
            }
            if matches!(
                record.outcome,
                Outcome::BarrierPassed {
                    machine_version: 2..
                }
            ) {
                version_2 = version_2.or(Some(Version2 {
                    since_ms: record.log_time_ms,
                    since_offset: Some(record.offset),
                }));
            }
            last_outcome = Some(record.offset);
        }
        phases.push(fold.finish());
        Ok(Some(Self {
            partition: batch.partition,
            phases,
            version_2,
            decided,
            watermark: Watermark {
                partition: batch.partition,
                next_offset: batch.next_offset,
                last_outcome,
                log_time_ms: projected_ms,
            },
        }))
    }
}

/// What `record`, when it is the first to tell of it, does to rows that it does not name.
fn sweep(record: &OutcomeRecord) -> Option<Sweep> {
    if record.replay_of.is_some() {
        return None;
    }
    let (what, at_ms) = match record.outcome {
        Outcome::ShowCancelled { show } => (Swept::Show(show), record.log_time_ms),
        Outcome::EventCancelled { event } => {
            let step = EventStep {
                event,
                request: record.request_id,
                max_tickets_per_user: None,
                offset: record.offset,
            };
            (Swept::Event(step), record.log_time_ms)
        }
        Outcome::ClockReset { from_ms, to_ms } if to_ms < from_ms => (Swept::ClockReset, to_ms),
        _ => return None,
    };
    Some(Sweep {
        what,
        at_ms,
        offset: record.offset,
    })
}

fn check_bounds(batch: &ProjectionBatch) -> Result<(), StoreError> {
    let invalid = |what: &str| {
        Err(StoreError::Invalid(format!(
            "projection batch {}..{} of partition {}: {what}",
            batch.from_offset, batch.next_offset, batch.partition
        )))
    };
    if batch.next_offset < batch.from_offset {
        return invalid("ends before it begins");
    }
    if !batch.outcomes.is_sorted_by(|a, b| a.offset < b.offset) {
        return invalid("outcomes are not in order");
    }
    match (batch.outcomes.first(), batch.outcomes.last()) {
        (Some(first), Some(last))
            if first.offset < batch.from_offset || last.offset >= batch.next_offset =>
        {
            invalid("an outcome is not of a record that it covers")
        }
        _ => Ok(()),
    }
}

/// What is known of a booking after the records so far.
enum Booking {
    /// Made in this batch.
    New(BookingRow),
    /// Stands in the database.
    Known(BookingChange),
}

struct Fold {
    partition: PartitionId,
    swept: Option<Sweep>,
    bookings: BTreeMap<Offset, Booking>,
    /// Who took which seat in this batch and still has it.
    holders: HashMap<(ShowId, SeatIndex), Offset>,
    /// Seats to take from bookings that had them before this batch.
    freed: Vec<SeatHolder>,
    catalog: Vec<CatalogStep>,
    blocks: BTreeMap<(ShowId, SeatIndex), bool>,
    blocked_quantities: BTreeMap<(ShowId, ZoneIndex), i64>,
}

impl Fold {
    fn new(partition: PartitionId, swept: Option<Sweep>) -> Self {
        Self {
            partition,
            swept,
            bookings: BTreeMap::new(),
            holders: HashMap::new(),
            freed: Vec::new(),
            catalog: Vec::new(),
            blocks: BTreeMap::new(),
            blocked_quantities: BTreeMap::new(),
        }
    }

    fn record(&mut self, record: &OutcomeRecord) -> Result<(), StoreError> {
        for ended in &record.expired {
            self.end(ended, BookingStatus::Expired, record)?;
        }
        if record.replay_of.is_some() {
            match (&record.outcome, record.request_id) {
                (Outcome::ShowAmended { show }, Some(id)) => {
                    self.step(*show, ShowEvent::AmendedBefore(id), record);
                }
                (Outcome::EventAmended { .. } | Outcome::EventCancelled { .. }, Some(id)) => {
                    self.catalog.push(CatalogStep::EventChangedBefore(id));
                }
                _ => {}
            }
            return Ok(());
        }
        match &record.outcome {
            Outcome::Reserved(reserved) => self.reserve(reserved, record)?,
            Outcome::Confirmed(confirmed) if confirmed.first => {
                self.confirm(confirmed, record)?;
            }
            Outcome::Released { booking, .. } => {
                self.end(booking, BookingStatus::Cancelled, record)?;
            }
            Outcome::Extended {
                booking,
                show,
                expires_at_ms,
                ..
            } => self.extend(*booking, *show, *expires_at_ms, record),
            Outcome::Blocked(change) => self.block(change, true),
            Outcome::Unblocked(change) => self.block(change, false),
            Outcome::ShowOpened { show, .. } => self.step(*show, ShowEvent::Opened, record),
            Outcome::ShowClosed { show } => self.step(*show, ShowEvent::Closed, record),
            Outcome::ShowAmended { show } => {
                if let Some(id) = record.request_id {
                    self.step(*show, ShowEvent::Amended(id), record);
                }
            }
            Outcome::EventAmended {
                event,
                max_tickets_per_user,
            } => self.catalog.push(CatalogStep::EventAmended(EventStep {
                event: *event,
                request: record.request_id,
                max_tickets_per_user: Some(*max_tickets_per_user),
                offset: record.offset,
            })),
            // They begin the next phase.
            Outcome::ShowCancelled { .. }
            | Outcome::EventCancelled { .. }
            | Outcome::ClockReset { .. } => {}
            // They have no rows.
            Outcome::Confirmed(_)
            | Outcome::Nothing
            | Outcome::Claimed { .. }
            | Outcome::BarrierPassed { .. }
            | Outcome::ReferenceClaimed(_)
            | Outcome::Rejected(_) => {}
            Outcome::Described(describe) => {
                self.catalog
                    .push(CatalogStep::Described(Box::new(describe.clone())));
            }
        }
        Ok(())
    }

    fn reserve(&mut self, reserved: &Reserved, record: &OutcomeRecord) -> Result<(), StoreError> {
        self.take(reserved.show, &reserved.seats, reserved.booking)?;
        let row = BookingRow {
            booking_id: BookingId::new(self.partition, reserved.booking),
            request_id: record.request_id,
            event_id: reserved.event,
            show_id: reserved.show,
            user_id: reserved.user,
            zone: reserved.zone,
            seats: reserved.seats.to_vec(),
            quantity: reserved.quantity,
            unit_price: reserved.unit_price,
            currency: reserved.currency.as_str().to_owned(),
            status: BookingStatus::Reserved,
            reserved_at_ms: record.log_time_ms,
            expires_at_ms: reserved.expires_at_ms,
            confirmed_at_ms: None,
            ended_at_ms: None,
            payment_reference: None,
            updated_offset: record.offset,
        };
        match self.bookings.insert(reserved.booking, Booking::New(row)) {
            None => Ok(()),
            Some(_) => Err(StoreError::Invalid(format!(
                "booking {} of partition {} is reserved after it was changed",
                reserved.booking, self.partition
            ))),
        }
    }

    fn confirm(&mut self, confirmed: &Confirmed, record: &OutcomeRecord) -> Result<(), StoreError> {
        if confirmed.revived {
            self.take(confirmed.show, &confirmed.seats, confirmed.booking)?;
        } else {
            for seat in confirmed.seats.iter() {
                self.check_holder(confirmed.show, *seat, confirmed.booking)?;
            }
        }
        let (at_ms, reference) = (confirmed.confirmed_at_ms, &confirmed.payment_reference);
        match self.touch(confirmed.booking, confirmed.show, record) {
            Booking::New(row) => {
                row.status = BookingStatus::Confirmed;
                row.confirmed_at_ms = Some(at_ms);
                row.payment_reference = Some(reference.clone());
                row.ended_at_ms = None;
            }
            Booking::Known(change) => {
                change.status = BookingStatus::Confirmed;
                change.confirmed_at_ms = Some(at_ms);
                change.payment_reference = Some(reference.clone());
                change.ended_at_ms = None;
            }
        }
        Ok(())
    }

    fn extend(&mut self, booking: Offset, show: ShowId, until_ms: u64, record: &OutcomeRecord) {
        // Only a live hold can be extended, which is what a change says when nothing else did.
        match self.touch(booking, show, record) {
            Booking::New(row) => row.expires_at_ms = until_ms,
            Booking::Known(change) => change.expires_at_ms = Some(until_ms),
        }
    }

    fn end(
        &mut self,
        ended: &EndedBooking,
        status: BookingStatus,
        record: &OutcomeRecord,
    ) -> Result<(), StoreError> {
        for seat in ended.seats.iter() {
            self.check_holder(ended.show, *seat, ended.booking)?;
            if self.holders.remove(&(ended.show, *seat)).is_none() {
                self.freed.push(SeatHolder {
                    show: ended.show,
                    seat: *seat,
                    partition: self.partition,
                    booking: ended.booking,
                });
            }
        }
        self.finish_booking(ended.booking, ended.show, status, record);
        Ok(())
    }

    fn step(&mut self, show: ShowId, event: ShowEvent, record: &OutcomeRecord) {
        self.catalog.push(CatalogStep::Show(ShowStep {
            show,
            event,
            at_ms: record.log_time_ms,
            offset: record.offset,
        }));
    }

    fn finish_booking(
        &mut self,
        booking: Offset,
        show: ShowId,
        status: BookingStatus,
        record: &OutcomeRecord,
    ) {
        let (row_status, ended_at_ms) = match self.touch(booking, show, record) {
            Booking::New(row) => (&mut row.status, &mut row.ended_at_ms),
            Booking::Known(change) => (&mut change.status, &mut change.ended_at_ms),
        };
        *row_status = status;
        *ended_at_ms = Some(record.log_time_ms);
    }

    fn touch(&mut self, booking: Offset, show: ShowId, record: &OutcomeRecord) -> &mut Booking {
        let touched = self.bookings.entry(booking).or_insert_with(|| {
            Booking::Known(BookingChange {
                booking,
                show,
                status: BookingStatus::Reserved,
                expires_at_ms: None,
                confirmed_at_ms: None,
                payment_reference: None,
                ended_at_ms: None,
                updated_offset: record.offset,
            })
        });
        match touched {
            Booking::New(row) => row.updated_offset = record.offset,
            Booking::Known(change) => change.updated_offset = record.offset,
        }
        touched
    }

    fn take(
        &mut self,
        show: ShowId,
        seats: &[SeatIndex],
        booking: Offset,
    ) -> Result<(), StoreError> {
        for seat in seats {
            if let Some(other) = self.holders.insert((show, *seat), booking) {
                return Err(self.double_sale(show, *seat, other, booking));
            }
        }
        Ok(())
    }

    /// Without this a seat sold twice would pass unseen when one of the two ends in the same batch.
    fn check_holder(
        &self,
        show: ShowId,
        seat: SeatIndex,
        booking: Offset,
    ) -> Result<(), StoreError> {
        match self.holders.get(&(show, seat)) {
            Some(other) if *other != booking => Err(self.double_sale(show, seat, *other, booking)),
            _ => Ok(()),
        }
    }

    fn double_sale(&self, show: ShowId, seat: SeatIndex, one: Offset, other: Offset) -> StoreError {
        StoreError::DoubleSale(format!(
            "seat {seat} of show {show} is held by bookings {one} and {other} of partition {}",
            self.partition
        ))
    }

    fn block(&mut self, change: &BlockChange, blocked: bool) {
        if change.seats.is_empty() {
            let quantity = i64::from(change.quantity);
            *self
                .blocked_quantities
                .entry((change.show, change.zone))
                .or_default() += if blocked { quantity } else { -quantity };
        } else {
            for seat in change.seats.iter() {
                self.blocks.insert((change.show, *seat), blocked);
            }
        }
    }

    fn finish(self) -> Phase {
        let mut changed = Vec::new();
        let mut inserted = Vec::new();
        for booking in self.bookings.into_values() {
            match booking {
                Booking::New(row) => inserted.push(row),
                Booking::Known(change) => changed.push(change),
            }
        }
        let partition = self.partition;
        let mut taken: Vec<SeatHolder> = self
            .holders
            .into_iter()
            .map(|((show, seat), booking)| SeatHolder {
                show,
                seat,
                partition,
                booking,
            })
            .collect();
        // In the order of the key, so that the index is written from left to right.
        taken.sort_unstable_by_key(|holder| (holder.show, holder.seat));
        let (blocked, unblocked) = self
            .blocks
            .into_iter()
            .partition::<Vec<_>, _>(|(_, blocked)| *blocked);
        let seat = |(seat, _): ((ShowId, SeatIndex), bool)| seat;
        Phase {
            swept: self.swept,
            catalog: self.catalog,
            freed: self.freed,
            changed,
            inserted,
            taken,
            unblocked: unblocked.into_iter().map(seat).collect(),
            blocked: blocked.into_iter().map(seat).collect(),
            blocked_quantities: self
                .blocked_quantities
                .into_iter()
                .filter(|(_, delta)| *delta != 0)
                .map(|((show, zone), delta)| (show, zone, delta))
                .collect(),
        }
    }
}
