//! The table of bookings: fixed-size records in pages, found by the offset of their `Reserve`.
//!
//! Records of 72 bytes make a million live holds affordable, so fields that are never needed at the
//! same time share their place; accessors say which state they belong to.

use std::collections::BTreeMap;

use onsale_schemas::{LogTimeMs, Offset, SeatIndex, SeatList};
use triomphe::Arc;

use crate::index::NONE;
use crate::offsets::Offsets;
use crate::pages::Pages;

/// Seats kept in the record itself. A booking of more keeps two here and the rest in blocks.
const SEATS_INLINE: usize = 3;
const SEATS_PER_BLOCK: usize = 7;
/// Set beside the number of places, which is at most 100, when the booking has an order.
const IS_ORDER: u8 = 0x80;

/// What a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub(crate) enum State {
    /// Not in use.
    #[default]
    Vacant,
    /// A hold that waits for its end in [`crate::expiry::Expiry`].
    Reserved,
    /// Sold.
    Confirmed,
    /// Released or returned.
    Cancelled,
    /// Ran out.
    Expired,
    /// Was held or sold when its show was cancelled, and its user's counter was lowered. Until that
    /// is needed the record stays `Reserved` or `Confirmed`.
    Voided,
}

impl State {
    /// True while the booking is in its user's counter (its seats are taken unless the show is
    /// cancelled).
    #[inline]
    pub(crate) fn is_live(self) -> bool {
        matches!(self, Self::Reserved | Self::Confirmed)
    }
}

/// One record.
#[derive(Clone, Copy, Default)]
pub(crate) struct Booking {
    pub(crate) offset: Offset,
    /// When it was reserved. For a hold that a clock reset made end no later than that: its end,
    /// see [`Bookings::reserved_at_ms`].
    reserved_at_ms: LogTimeMs,
    /// Confirmed: hash of the payment reference. Ended: when.
    word: u64,
    price_low: u32,
    price_high: u8,
    zone: u8,
    /// Places, and [`IS_ORDER`].
    count: u8,
    pub(crate) state: State,
    /// Length of the hold with all extensions; 0 when it ends no later than it was reserved.
    pub(crate) hold_ms: u32,
    /// Slot of the show.
    pub(crate) show: u32,
    /// Slot of the user's counter.
    pub(crate) user: u32,
    /// Reserved: place in its lane or in the heap, and which of them. Confirmed: when, in two halves.
    /// Ended: place in the queue of ended bookings. Vacant: next vacant record.
    pub(crate) links: [u32; 2],
    /// Neighbours in the list of the user's bookings of the event.
    pub(crate) user_links: [u32; 2],
    seats: [SeatIndex; SEATS_INLINE],
}

/// What a new record is made of.
#[derive(Clone, Copy)]
pub(crate) struct NewBooking<'a> {
    pub(crate) offset: Offset,
    pub(crate) reserved_at_ms: LogTimeMs,
    pub(crate) hold_ms: u32,
    pub(crate) show: u32,
    pub(crate) user: u32,
    /// The booking before this one in the user's list.
    pub(crate) user_next: u32,
    pub(crate) zone: u8,
    pub(crate) quantity: u8,
    pub(crate) unit_price: i64,
    /// Empty for general admission.
    pub(crate) seats: &'a [SeatIndex],
}

impl Booking {
    /// The first seat; meaningless for general admission.
    #[inline]
    pub(crate) fn first_seat(&self) -> SeatIndex {
        self.seats[0]
    }

    #[inline]
    pub(crate) fn expires_at_ms(&self) -> LogTimeMs {
        self.reserved_at_ms.saturating_add(u64::from(self.hold_ms))
    }

    /// Order in which holds run out.
    #[inline]
    pub(crate) fn expiry_key(&self) -> (LogTimeMs, Offset) {
        (self.expires_at_ms(), self.offset)
    }

    #[inline]
    pub(crate) fn unit_price(&self) -> i64 {
        i64::from(self.price_low) | i64::from(self.price_high) << 32
    }

    #[inline]
    pub(crate) fn zone(&self) -> usize {
        usize::from(self.zone)
    }

    #[inline]
    pub(crate) fn places(&self) -> u32 {
        u32::from(self.count & !IS_ORDER)
    }

    /// True when it has an order, in the place that [`Booking::order`] says.
    #[inline]
    pub(crate) fn is_order(&self) -> bool {
        self.count & IS_ORDER != 0
    }

    /// Where its order is; meaningless for a booking without one.
    #[inline]
    pub(crate) fn order(&self) -> u32 {
        self.seats[0]
    }

    pub(crate) fn payment_hash(&self) -> u64 {
        self.word
    }

    pub(crate) fn confirmed_at_ms(&self) -> LogTimeMs {
        u64::from(self.links[0]) | u64::from(self.links[1]) << 32
    }

    pub(crate) fn ended_at_ms(&self) -> LogTimeMs {
        self.word
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the time is kept in two halves"
    )]
    pub(crate) fn become_confirmed(&mut self, payment_hash: u64, at_ms: LogTimeMs) {
        self.state = State::Confirmed;
        self.word = payment_hash;
        self.links = [at_ms as u32, (at_ms >> 32) as u32];
    }

    /// Changes the time at which an ended booking ended.
    pub(crate) fn set_ended_at_ms(&mut self, at_ms: LogTimeMs) {
        self.word = at_ms;
    }

    /// The caller puts it into the queue of ended bookings.
    pub(crate) fn become_ended(&mut self, state: State, at_ms: LogTimeMs) {
        self.state = state;
        self.word = at_ms;
        self.links = [NONE; 2];
    }
}

/// More seats of a booking.
#[derive(Clone, Copy, Default)]
struct SeatBlock {
    seats: [SeatIndex; SEATS_PER_BLOCK],
    next: u32,
}

/// The table.
#[derive(Clone)]
pub(crate) struct Bookings {
    records: Pages<Booking, 128>,
    made: u32,
    free: u32,
    blocks: Pages<SeatBlock, 64>,
    blocks_made: u32,
    blocks_free: u32,
    offsets: Offsets,
    /// When bookings were reserved that end no later than that; only a clock reset creates them.
    reserved_late: Arc<BTreeMap<Offset, LogTimeMs>>,
}

impl Bookings {
    pub(crate) fn new() -> Self {
        Self {
            records: Pages::new(),
            made: 0,
            free: NONE,
            blocks: Pages::new(),
            blocks_made: 0,
            blocks_free: NONE,
            offsets: Offsets::new(),
            reserved_late: Arc::new(BTreeMap::new()),
        }
    }

    /// When a booking was reserved.
    #[inline]
    pub(crate) fn reserved_at_ms(&self, booking: &Booking) -> LogTimeMs {
        if booking.hold_ms > 0 {
            return booking.reserved_at_ms;
        }
        let late = self.reserved_late.get(&booking.offset);
        late.copied().unwrap_or(booking.reserved_at_ms)
    }

    /// Sets another end for a hold that is not in the expiry: at most `u32::MAX` milliseconds after
    /// it was reserved.
    pub(crate) fn set_end(&mut self, slot: u32, expires_at_ms: LogTimeMs) {
        let reserved_at_ms = self.reserved_at_ms(self.get(slot));
        self.place_hold(slot, reserved_at_ms, expires_at_ms);
    }

    /// Sets time and end of a hold that is not in the expiry.
    pub(crate) fn place_hold(
        &mut self,
        slot: u32,
        reserved_at_ms: LogTimeMs,
        expires_at_ms: LogTimeMs,
    ) {
        let length_ms = expires_at_ms.saturating_sub(reserved_at_ms);
        let hold_ms = u32::try_from(length_ms).unwrap_or(u32::MAX);
        let record = self.records.get_mut(slot);
        let (offset, was_late) = (record.offset, record.hold_ms == 0);
        record.hold_ms = hold_ms;
        if hold_ms > 0 {
            record.reserved_at_ms = reserved_at_ms;
            if was_late {
                Arc::make_mut(&mut self.reserved_late).remove(&offset);
            }
        } else {
            record.reserved_at_ms = expires_at_ms;
            Arc::make_mut(&mut self.reserved_late).insert(offset, reserved_at_ms);
        }
    }

    /// Bookings that end no later than they were reserved, and when they were.
    pub(crate) fn reserved_late(&self) -> &BTreeMap<Offset, LogTimeMs> {
        &self.reserved_late
    }

    /// Bookings kept.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.offsets.len()
    }

    /// Slots that were ever in use.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &Booking {
        self.records.get(slot)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut Booking {
        self.records.get_mut(slot)
    }

    #[inline]
    pub(crate) fn find(&self, offset: Offset) -> Option<u32> {
        self.offsets.find(offset)
    }

    /// As [`Bookings::find`], trying first a slot where it may be.
    #[inline]
    pub(crate) fn find_at(&self, offset: Offset, hint: u32) -> Option<u32> {
        if hint < self.made {
            let record = self.records.get(hint);
            if record.offset == offset && record.state != State::Vacant {
                return Some(hint);
            }
        }
        self.find(offset)
    }

    /// Asks the memory for a record.
    #[inline]
    pub(crate) fn fetch(&self, slot: u32) {
        self.records.fetch(slot);
    }

    /// Where offsets lead to.
    #[inline]
    pub(crate) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// Slots in use, in the table's order; callers sort them as they need.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.made).filter(|&slot| self.get(slot).state != State::Vacant)
    }

    /// Slots in use, ascending by offset.
    pub(crate) fn slots_by_offset(&self) -> Vec<u32> {
        let mut slots: Vec<(Offset, u32)> = self
            .slots()
            .map(|slot| (self.get(slot).offset, slot))
            .collect();
        slots.sort_unstable();
        slots.into_iter().map(|(_, slot)| slot).collect()
    }

    /// A slot that is free: the next one to [`Bookings::insert`] into.
    #[inline]
    pub(crate) fn vacancy(&self) -> u32 {
        if self.free == NONE {
            self.made
        } else {
            self.free
        }
    }

    /// Puts a record in state `Reserved` into the [`Bookings::vacancy`]. It is already in its
    /// user's list and in no other; its offset is not in the table yet.
    #[inline]
    pub(crate) fn insert(&mut self, new: &NewBooking<'_>) -> u32 {
        let slot = self.vacancy();
        if self.free == NONE {
            self.made += 1;
            self.records.grow_to(slot);
        } else {
            self.free = self.records.get(slot).links[0];
        }
        let seats = self.store_seats(new.seats);
        // Prices are 0..=UNIT_PRICE_MAX_MINOR, which has 40 bits.
        let [p0, p1, p2, p3, p4, ..] = new.unit_price.to_le_bytes();
        *self.records.get_mut(slot) = Booking {
            offset: new.offset,
            reserved_at_ms: new.reserved_at_ms,
            word: 0,
            price_low: u32::from_le_bytes([p0, p1, p2, p3]),
            price_high: p4,
            zone: new.zone,
            count: new.quantity,
            state: State::Reserved,
            hold_ms: new.hold_ms,
            show: new.show,
            user: new.user,
            links: [NONE; 2],
            user_links: [NONE, new.user_next],
            seats,
        };
        if new.user_next != NONE {
            self.records.get_mut(new.user_next).user_links[0] = slot;
        }
        self.offsets.insert(new.offset, slot);
        slot
    }

    /// Removes a record that is no longer linked to anything.
    pub(crate) fn remove(&mut self, slot: u32, seated: bool) {
        let booking = *self.records.get(slot);
        let removed = self.offsets.remove(booking.offset);
        debug_assert!(removed, "every record is found by its offset");
        self.drop_seats(&booking, seated);
        if booking.hold_ms == 0 {
            Arc::make_mut(&mut self.reserved_late).remove(&booking.offset);
        }
        *self.records.get_mut(slot) = Booking {
            links: [self.free, NONE],
            ..Booking::default()
        };
        self.free = slot;
    }

    #[inline]
    fn drop_seats(&mut self, booking: &Booking, seated: bool) {
        if seated && !booking.is_order() && booking.places() as usize > SEATS_INLINE {
            self.free_blocks(booking.seats[SEATS_INLINE - 1]);
        }
    }

    /// Gives a booking an order, which has its seats from now on.
    pub(crate) fn become_order(&mut self, slot: u32, order: u32, seated: bool) {
        let booking = *self.records.get(slot);
        self.drop_seats(&booking, seated);
        let record = self.records.get_mut(slot);
        record.count |= IS_ORDER;
        record.seats = [order, 0, 0];
    }

    /// Sets the places that an order has left.
    pub(crate) fn set_places(&mut self, slot: u32, places: u32) {
        // At most TICKETS_PER_BOOKING_MAX.
        let count = u8::try_from(places).unwrap_or(u8::MAX);
        self.records.get_mut(slot).count = count | IS_ORDER;
    }

    #[inline]
    fn store_seats(&mut self, seats: &[SeatIndex]) -> [SeatIndex; SEATS_INLINE] {
        match *seats {
            [] => [0; SEATS_INLINE],
            [a] => [a, 0, 0],
            [a, b] => [a, b, 0],
            [a, b, c] => [a, b, c],
            [a, b, ref rest @ ..] => [a, b, self.store_blocks(rest)],
        }
    }

    fn store_blocks(&mut self, seats: &[SeatIndex]) -> u32 {
        let mut next = NONE;
        // From the back, so that every block knows the next one when it is written.
        for chunk in seats.chunks(SEATS_PER_BLOCK).rev() {
            let at = if self.blocks_free == NONE {
                let at = self.blocks_made;
                self.blocks_made += 1;
                self.blocks.grow_to(at);
                at
            } else {
                let at = self.blocks_free;
                self.blocks_free = self.blocks.get(at).next;
                at
            };
            let block = self.blocks.get_mut(at);
            block.seats = [0; SEATS_PER_BLOCK];
            block.seats[..chunk.len()].copy_from_slice(chunk);
            block.next = next;
            next = at;
        }
        next
    }

    fn free_blocks(&mut self, first: u32) {
        let mut at = first;
        while at != NONE {
            let block = self.blocks.get_mut(at);
            let next = block.next;
            block.next = self.blocks_free;
            self.blocks_free = at;
            at = next;
        }
    }

    /// The seats of a booking in a seated zone, in the order they were asked for.
    #[inline]
    pub(crate) fn seats(&self, booking: &Booking) -> SeatList {
        let quantity = booking.places() as usize;
        if let Some(inline) = booking.seats.get(..quantity) {
            return SeatList::from(inline);
        }
        let mut list = SeatList::from(&booking.seats[..SEATS_INLINE - 1]);
        let mut at = booking.seats[SEATS_INLINE - 1];
        while at != NONE {
            let block = self.blocks.get(at);
            let left = quantity - list.len();
            for &seat in block.seats.iter().take(left) {
                list.push(seat);
            }
            at = block.next;
        }
        list
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.records.memory_bytes()
            + self.blocks.memory_bytes()
            + self.offsets.memory_bytes()
            + self.reserved_late.len() * size_of::<(Offset, LogTimeMs)>()
    }
}

#[cfg(test)]
mod tests;
