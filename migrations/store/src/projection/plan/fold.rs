//! Outcomes, folded to what each row is at last.

mod catalog;

use std::collections::{BTreeMap, HashMap};

use onsale_schemas::outcome::{
    Confirmed, ConfirmedV2, EndedBooking, PlacesReturned, Reserved, ReservedV2, ZonePlaces,
};
use onsale_schemas::{
    BookingId, Offset, Outcome, OutcomeRecord, PartitionId, SeatIndex, ShowId, ZoneIndex,
};

use super::{BookingChange, CatalogStep, CodesSaid, EventStep, Left, Phase, ShowEvent, Sweep};
use crate::booking::{BookingRow, BookingStatus};
use crate::error::StoreError;
use crate::projection::bulk::SeatHolder;

/// What is known of a booking after the records so far.
enum Booking {
    /// Made in this batch.
    New(BookingRow),
    /// Stands in the database.
    Known(BookingChange),
}

pub(super) struct Fold {
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
    pub(super) fn new(partition: PartitionId, swept: Option<Sweep>) -> Self {
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

    pub(super) fn record(&mut self, record: &OutcomeRecord) -> Result<(), StoreError> {
        for ended in &record.expired {
            self.end(ended, BookingStatus::Expired, record)?;
        }
        if record.replay_of.is_some() {
            self.repeat(record);
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
            Outcome::ReservedV2(reserved) => self.reserve_order(reserved, record)?,
            Outcome::ConfirmedV2(confirmed) if confirmed.first => {
                self.confirm_order(confirmed, record)?;
            }
            Outcome::ReleasedV2(released) => {
                let (booking, show) = (released.booking, released.show);
                self.free_parts(booking, show, &released.parts)?;
                self.finish_booking(booking, show, BookingStatus::Cancelled, record);
            }
            Outcome::PlacesReturned(returned) => self.give_back(returned, record)?,
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
            Outcome::OfferSet { show } => {
                if let Some(id) = record.request_id {
                    self.step(*show, ShowEvent::Offered(id), record);
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
            Outcome::SeatsAdded { .. } | Outcome::SeatsTaken(_) => self.change_places(record),
            Outcome::CodesCreated { show, group, .. } => {
                self.codes(*show, CodesSaid::Created(*group), record);
            }
            Outcome::CodesAmended { show, group } => {
                self.codes(*show, CodesSaid::Amended(*group), record);
            }
            Outcome::CodesEnded { show, .. } => self.codes(*show, CodesSaid::Ended, record),
            // They begin the next phase.
            Outcome::ShowCancelled { .. }
            | Outcome::EventCancelled { .. }
            | Outcome::ClockReset { .. } => {}
            // They have no rows.
            Outcome::Confirmed(_)
            | Outcome::ConfirmedV2(_)
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
            order: None,
        };
        self.insert(reserved.booking, row)
    }

    fn reserve_order(
        &mut self,
        reserved: &ReservedV2,
        record: &OutcomeRecord,
    ) -> Result<(), StoreError> {
        for line in &reserved.lines {
            self.take(reserved.show, &line.seats, reserved.booking)?;
        }
        match BookingRow::of_order(self.partition, record, reserved) {
            Some(row) => self.insert(reserved.booking, row),
            None => Err(StoreError::Invalid(format!(
                "booking {} of partition {} has no line",
                reserved.booking, self.partition
            ))),
        }
    }

    fn insert(&mut self, booking: Offset, row: BookingRow) -> Result<(), StoreError> {
        match self.bookings.insert(booking, Booking::New(row)) {
            None => Ok(()),
            Some(_) => Err(StoreError::Invalid(format!(
                "booking {booking} of partition {} is reserved after it was changed",
                self.partition
            ))),
        }
    }

    fn confirm(&mut self, confirmed: &Confirmed, record: &OutcomeRecord) -> Result<(), StoreError> {
        let (booking, show) = (confirmed.booking, confirmed.show);
        self.keep_seats(booking, show, &confirmed.seats, confirmed.revived)?;
        let at_ms = confirmed.confirmed_at_ms;
        self.sell(booking, show, at_ms, &confirmed.payment_reference, record);
        Ok(())
    }

    fn confirm_order(
        &mut self,
        confirmed: &ConfirmedV2,
        record: &OutcomeRecord,
    ) -> Result<(), StoreError> {
        let (booking, show) = (confirmed.booking, confirmed.show);
        for part in &confirmed.parts {
            self.keep_seats(booking, show, &part.seats, confirmed.revived)?;
        }
        let at_ms = confirmed.confirmed_at_ms;
        self.sell(booking, show, at_ms, &confirmed.payment_reference, record);
        Ok(())
    }

    /// The seats of a booking that is confirmed: it has them, or takes them back.
    fn keep_seats(
        &mut self,
        booking: Offset,
        show: ShowId,
        seats: &[SeatIndex],
        revived: bool,
    ) -> Result<(), StoreError> {
        if revived {
            return self.take(show, seats, booking);
        }
        for seat in seats {
            self.check_holder(show, *seat, booking)?;
        }
        Ok(())
    }

    fn sell(
        &mut self,
        booking: Offset,
        show: ShowId,
        at_ms: u64,
        reference: &str,
        record: &OutcomeRecord,
    ) {
        match self.touch(booking, show, record) {
            Booking::New(row) => {
                row.status = BookingStatus::Confirmed;
                row.confirmed_at_ms = Some(at_ms);
                row.payment_reference = Some(reference.to_owned());
                row.ended_at_ms = None;
            }
            Booking::Known(change) => {
                change.status = BookingStatus::Confirmed;
                change.confirmed_at_ms = Some(at_ms);
                change.payment_reference = Some(reference.to_owned());
                change.ended_at_ms = None;
            }
        }
    }

    /// Some places of a sale are free again, or the last ones.
    fn give_back(
        &mut self,
        returned: &PlacesReturned,
        record: &OutcomeRecord,
    ) -> Result<(), StoreError> {
        let (booking, show) = (returned.booking, returned.show);
        self.free_parts(booking, show, &returned.parts)?;
        for line in &returned.lines {
            for seat in line.seats.iter() {
                self.check_holder(show, *seat, booking)?;
            }
        }
        match self.touch(booking, show, record) {
            Booking::New(row) => row.leave(returned),
            Booking::Known(change) => {
                // Only a sale gives places back, which is what a change says when nothing else did.
                change.status = BookingStatus::Confirmed;
                change.left = Some(Left::by(returned));
            }
        }
        if returned.ended {
            self.finish_booking(booking, show, BookingStatus::Cancelled, record);
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
        self.free(ended.booking, ended.show, &ended.seats)?;
        self.finish_booking(ended.booking, ended.show, status, record);
        Ok(())
    }

    fn free_parts(
        &mut self,
        booking: Offset,
        show: ShowId,
        parts: &[ZonePlaces],
    ) -> Result<(), StoreError> {
        let mut parts = parts.iter();
        parts.try_for_each(|part| self.free(booking, show, &part.seats))
    }

    fn free(
        &mut self,
        booking: Offset,
        show: ShowId,
        seats: &[SeatIndex],
    ) -> Result<(), StoreError> {
        for seat in seats {
            self.check_holder(show, *seat, booking)?;
            if self.holders.remove(&(show, *seat)).is_none() {
                self.freed.push(SeatHolder {
                    show,
                    seat: *seat,
                    partition: self.partition,
                    booking,
                });
            }
        }
        Ok(())
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
                left: None,
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

    pub(super) fn finish(self) -> Phase {
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
