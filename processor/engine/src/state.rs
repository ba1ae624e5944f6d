//! The tables of a partition and the transitions of bookings that several commands share.

use std::collections::VecDeque;

use onsale_schemas::limits::EXPIRIES_PER_ENTRY_MAX;
use onsale_schemas::outcome::EndedBooking;
use onsale_schemas::{Actor, LogTimeMs, NodeName, Offset, Rejection, SeatList, UserId, ZoneIndex};
use triomphe::Arc;

use crate::asked::Asked;
use crate::bookings::{Booking, Bookings, State as BookingState};
use crate::codes::Codes;
use crate::documents::Documents;
use crate::ended::{Ended, is_forgotten};
use crate::expiry::Expiry;
use crate::idempotency::Answers;
use crate::layout::ZoneKind;
use crate::limits::{Limits, MACHINE_VERSION_FIRST};
use crate::orders::{Order, Orders};
use crate::references::References;
use crate::sale::Sale;
use crate::seats::Place;
use crate::shows::Shows;
use crate::user_counters::UserCounters;

mod orders;

/// Everything but the log's position and the digest.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) limits: Limits,
    /// Machine time.
    pub(crate) now: LogTimeMs,
    pub(crate) epoch: u64,
    pub(crate) owner: Option<NodeName>,
    pub(crate) machine_version: u16,
    /// The highest version that a barrier requested and this program does not know.
    pub(crate) unsupported_version: Option<u16>,
    pub(crate) shows: Shows,
    pub(crate) bookings: Bookings,
    pub(crate) users: UserCounters,
    pub(crate) expiry: Expiry,
    pub(crate) ended: Ended,
    /// Live holds.
    pub(crate) holds: u32,
    /// Confirmed bookings.
    pub(crate) confirmed: u32,
    /// Cancelled shows whose bookings are not forgotten yet, in order of cancellation.
    pub(crate) cancelled: VecDeque<u32>,
    /// Bookings in the table that are forgotten because their show was cancelled long ago.
    pub(crate) purgeable: u32,
    /// Slots that the search for them has yet to look at, from 0 on.
    pub(crate) purge_left: u32,
    pub(crate) answers: Answers,
    pub(crate) references: References,
    pub(crate) documents: Documents,
    pub(crate) orders: Orders,
    pub(crate) codes: Codes,
    /// What is for sale of a show that has nothing of machine version 3.
    pub(crate) blank: Arc<Sale>,
}

impl State {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            now: 0,
            epoch: 0,
            owner: None,
            machine_version: MACHINE_VERSION_FIRST,
            unsupported_version: None,
            shows: Shows::new(),
            bookings: Bookings::new(),
            users: UserCounters::new(),
            expiry: Expiry::new(),
            ended: Ended::new(),
            holds: 0,
            confirmed: 0,
            cancelled: VecDeque::new(),
            purgeable: 0,
            purge_left: 0,
            answers: Answers::new(limits.remembered_answers_max),
            references: References::new(limits.references_max),
            documents: Documents::new(),
            orders: Orders::new(),
            codes: Codes::new(),
            blank: Arc::new(Sale::new()),
        }
    }

    /// Expires holds that are due, at most [`EXPIRIES_PER_ENTRY_MAX`].
    ///
    /// Holds of cancelled shows are already void: they are skipped and not counted.
    pub(crate) fn sweep_due(&mut self, expired: &mut Vec<EndedBooking>) {
        while expired.len() < EXPIRIES_PER_ENTRY_MAX
            && let Some(slot) = self.expiry.first_due(self.now)
        {
            let show = self.bookings.get(slot).show;
            if self.shows.get(show).cancelled_at_ms.is_some() {
                self.void(slot);
            } else if expired.len() + self.entries(slot) > EXPIRIES_PER_ENTRY_MAX {
                break;
            } else {
                self.expiry.remove(&mut self.bookings, slot);
                self.expire(slot, expired);
            }
        }
    }

    /// Ends a hold that has been taken out of the expiry.
    fn expire(&mut self, slot: u32, expired: &mut Vec<EndedBooking>) {
        if self.bookings.get(slot).is_order() {
            self.entries_of(slot, expired);
            self.give_back(slot, &SeatList::new(), Place::Held);
        } else {
            let facts = self.facts(slot);
            self.give_back(slot, &facts.seats, Place::Held);
            expired.push(facts);
        }
        self.end(slot, BookingState::Expired, self.now);
        self.count_unpaid(slot);
    }

    /// Counts a hold that ended unpaid, if its show has a cool-down.
    #[inline]
    pub(crate) fn count_unpaid(&mut self, slot: u32) {
        let booking = self.bookings.get(slot);
        let cooldown_ms = self.shows.get(booking.show).cooldown_ms;
        if cooldown_ms > 0 {
            self.users.count_unpaid(booking.user, cooldown_ms, self.now);
        }
    }

    /// Frees the places of a booking and lowers its user's counter. `seats` are those of a booking
    /// without an order.
    pub(crate) fn give_back(&mut self, slot: u32, seats: &SeatList, from: Place) {
        let booking = self.bookings.get(slot);
        let places = booking.places();
        if booking.is_order() {
            self.free_order(slot, from);
        }
        let booking = self.bookings.get(slot);
        let show = self.shows.get_mut(booking.show);
        if !booking.is_order() {
            show.turn(booking.zone(), seats, places, from, Place::Free);
        }
        if from == Place::Sold {
            show.sales -= 1;
            self.confirmed -= 1;
        } else {
            show.holds -= 1;
            self.holds -= 1;
        }
        self.users.subtract_places(booking.user, places);
    }

    /// Marks a booking as ended, to be forgotten in time.
    pub(crate) fn end(&mut self, slot: u32, state: BookingState, at_ms: LogTimeMs) {
        self.bookings.get_mut(slot).become_ended(state, at_ms);
        self.ended.push(&mut self.bookings, slot);
    }

    /// The facts of a booking as outcomes contain them.
    #[inline]
    pub(crate) fn facts(&self, slot: u32) -> EndedBooking {
        let booking = self.bookings.get(slot);
        EndedBooking {
            booking: booking.offset,
            show: self.shows.get(booking.show).id,
            user: self.user_of(booking),
            zone: zone_index(booking),
            seats: self.seats_of(booking),
            quantity: booking.places(),
        }
    }

    #[inline]
    pub(crate) fn user_of(&self, booking: &Booking) -> UserId {
        self.users.get(booking.user).user
    }

    /// Empty for general admission.
    #[inline]
    pub(crate) fn seats_of(&self, booking: &Booking) -> SeatList {
        if booking.is_order() {
            self.order_of(booking)
                .map_or_else(SeatList::new, Order::seats)
        } else if self.is_seated(booking) {
            self.bookings.seats(booking)
        } else {
            SeatList::new()
        }
    }

    #[inline]
    pub(crate) fn is_seated(&self, booking: &Booking) -> bool {
        let zone = &self.shows.get(booking.show).zones[booking.zone()];
        matches!(zone.kind, ZoneKind::Seated(_))
    }

    /// When the booking ended.
    #[inline]
    pub(crate) fn ended_at_ms(&self, booking: &Booking) -> Option<LogTimeMs> {
        match booking.state {
            BookingState::Cancelled | BookingState::Expired => Some(booking.ended_at_ms()),
            BookingState::Vacant
            | BookingState::Reserved
            | BookingState::Confirmed
            | BookingState::Voided => self.shows.get(booking.show).cancelled_at_ms,
        }
    }

    /// The booking that a command names, if the caller may touch it and its show is on. A due hold
    /// that was not swept yet expires by being named; one that the caller may not touch does not.
    #[inline]
    pub(crate) fn resolve(
        &mut self,
        booking: Offset,
        by: &Actor,
        asked: &Asked<'_>,
        expired: &mut Vec<EndedBooking>,
    ) -> Result<u32, Rejection> {
        let slot = self
            .bookings
            .find_at(booking, asked.hint)
            .ok_or(Rejection::UnknownBooking)?;
        let record = self.bookings.get(slot);
        if self
            .ended_at_ms(record)
            .is_some_and(|at| is_forgotten(at, self.now))
        {
            return Err(Rejection::UnknownBooking);
        }
        if let Actor::Buyer(user) = by
            && self.user_of(record) != *user
        {
            return Err(Rejection::UnknownBooking);
        }
        let show = self.shows.get(record.show);
        if !asked.may_touch(show.tenant) {
            return Err(Rejection::UnknownBooking);
        }
        if show.cancelled_at_ms.is_some() {
            return Err(Rejection::ShowCancelled);
        }
        if record.state == BookingState::Reserved && record.expires_at_ms() <= self.now {
            self.expiry.remove(&mut self.bookings, slot);
            self.expire(slot, expired);
        }
        Ok(slot)
    }
}

/// The zone of a booking as it goes over the wire.
#[inline]
pub(crate) fn zone_index(booking: &Booking) -> ZoneIndex {
    // A show has at most 256 zones.
    ZoneIndex::try_from(booking.zone()).unwrap_or(ZoneIndex::MAX)
}
