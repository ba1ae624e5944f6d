//! Bookings: each has to be possible beside the shows and the bookings before it.

use onsale_schemas::limits::{HOLD_MAX_MS, HOLD_MIN_MS, TICKETS_PER_BOOKING_MAX};
use onsale_schemas::{LogTimeMs, Offset, SeatIndex, UserId, ZoneIndex};
use smallvec::SmallVec;

use super::{Read, ensure, price};
use crate::bookings::{NewBooking, State as BookingState};
use crate::ended::is_forgotten;
use crate::image::bytes::Reader;
use crate::image::{FIRST, ImageError, THIRD, orders};
use crate::layout::ZoneKind;
use crate::orders::Order;
use crate::seats::Place;
use crate::shows::Show;
use crate::state::State;

pub(super) fn bookings(
    reader: &mut Reader<'_>,
    state: &mut State,
    version: u8,
    next_offset: Offset,
) -> Read<()> {
    let count: u32 = reader.narrow()?;
    let mut least: Offset = 0;
    for _ in 0..count {
        let offset = least
            .checked_add(reader.number()?)
            .filter(|&offset| offset < next_offset)
            .ok_or(ImageError::Impossible("a booking is ahead of the log"))?;
        least = offset + 1;
        booking(reader, state, version, offset)?;
    }
    Ok(())
}

/// A booking as written, without its seats.
struct Facts {
    offset: Offset,
    show: u32,
    zone: u8,
    user: UserId,
    quantity: u8,
    unit_price: i64,
    reserved_at_ms: LogTimeMs,
    hold_ms: u32,
    state: BookingState,
    payment_hash: u64,
    is_order: bool,
    /// When it was confirmed or ended.
    at_ms: LogTimeMs,
}

impl Facts {
    fn places(&self) -> u32 {
        u32::from(self.quantity)
    }
}

fn booking(reader: &mut Reader<'_>, state: &mut State, version: u8, offset: Offset) -> Read<()> {
    let mut facts = facts(reader, state, version, offset)?;
    if facts.is_order {
        return booking_of_order(reader, state, &mut facts);
    }
    let show = state.shows.get(facts.show);
    has_possible_show(&facts, show, state.now)?;
    let kind = show
        .zones
        .get(usize::from(facts.zone))
        .ok_or(ImageError::Impossible("a booking's zone does not exist"))?
        .kind;
    let mut seats = SmallVec::<[SeatIndex; 8]>::new();
    if let ZoneKind::Seated(zone) = kind {
        let index = ZoneIndex::from(facts.zone);
        let has = |seat| show.spans(index, &zone, seat);
        seats_of(reader, has, facts.places(), &mut seats)?;
    }
    if let Some(to) = count_with_show(state, &facts) {
        take_places(
            state,
            &facts,
            usize::from(facts.zone),
            (&seats, facts.places()),
            to,
        )?;
    }
    insert(state, &facts, &seats);
    Ok(())
}

/// A booking whose lines say which places it has.
fn booking_of_order(reader: &mut Reader<'_>, state: &mut State, facts: &mut Facts) -> Read<()> {
    let show = state.shows.get(facts.show);
    has_possible_show(facts, show, state.now)?;
    let order: Order = orders::read(reader, show)?;
    let first = order.lines.first();
    let places = order.places();
    ensure(
        first.is_some_and(|line| {
            line.zone == ZoneIndex::from(facts.zone) && line.unit_price == facts.unit_price
        }) && (places > 0 || facts.state == BookingState::Cancelled),
        "a booking is not what its order says",
    )?;
    facts.quantity = u8::try_from(places).unwrap_or(u8::MAX);
    if let Some(to) = count_with_show(state, facts) {
        for line in &order.lines {
            let places = (&*line.seats, line.quantity);
            take_places(state, facts, usize::from(line.zone), places, to)?;
        }
        if order.has_phase() {
            let sale = state.shows.get_mut(facts.show).sale_mut();
            sale.count_order(&order, true);
        }
    }
    let slot = insert(state, facts, &[]);
    let at = state.orders.insert(order);
    state.bookings.become_order(slot, at, false);
    Ok(())
}

fn facts(reader: &mut Reader<'_>, state: &State, version: u8, offset: Offset) -> Read<Facts> {
    let show: u32 = reader.narrow()?;
    ensure(show < state.shows.len(), "a booking's show does not exist")?;
    let zone: u8 = reader.narrow()?;
    let user = UserId::from_bytes(reader.array()?);
    let quantity: u8 = reader.narrow()?;
    let is_order = quantity == 0 && version >= THIRD;
    ensure(
        is_order || (1..=TICKETS_PER_BOOKING_MAX).contains(&u32::from(quantity)),
        "a booking has too few or too many places",
    )?;
    let unit_price = price(reader)?;
    let past = |at: LogTimeMs| -> Read<LogTimeMs> {
        ensure(at <= state.now, "a booking has a time in the future")?;
        Ok(at)
    };
    // After a clock reset, times of reservations and sales may be in the future, and holds may have
    // any length.
    let is_first = version == FIRST;
    let mut reserved_at_ms = reader.number()?;
    let hold_ms: u32 = reader.narrow()?;
    if is_first {
        reserved_at_ms = past(reserved_at_ms)?;
    }
    let shortest_ms = if is_first { HOLD_MIN_MS } else { 0 };
    ensure(
        (shortest_ms..=HOLD_MAX_MS).contains(&hold_ms),
        "a hold's length is out of range",
    )?;
    let record_state = booking_state(reader.byte()?)?;
    let mut payment_hash = 0;
    let mut at_ms = 0;
    match record_state {
        BookingState::Vacant | BookingState::Reserved | BookingState::Voided => {}
        BookingState::Confirmed => {
            payment_hash = u64::from_le_bytes(reader.array()?);
            at_ms = reader.number()?;
            if is_first {
                at_ms = past(at_ms)?;
            }
        }
        BookingState::Cancelled | BookingState::Expired => {
            at_ms = past(reader.number()?)?;
            ensure(
                !is_forgotten(at_ms, state.now),
                "a booking is there that should be forgotten",
            )?;
        }
    }
    Ok(Facts {
        offset,
        show,
        zone,
        user,
        quantity,
        unit_price,
        reserved_at_ms,
        hold_ms,
        state: record_state,
        payment_hash,
        is_order,
        at_ms,
    })
}

/// Bookings are void with their show, and forgotten with it.
fn has_possible_show(facts: &Facts, show: &Show, now: LogTimeMs) -> Read<()> {
    match (facts.state, show.cancelled_at_ms) {
        (BookingState::Voided, Some(at)) => ensure(
            !is_forgotten(at, now),
            "a booking is there that should be forgotten",
        ),
        (BookingState::Voided, None) => Err(ImageError::Impossible(
            "a booking is void and its show is not",
        )),
        (BookingState::Reserved | BookingState::Confirmed, Some(_)) => Err(ImageError::Impossible(
            "a cancelled show has a live booking",
        )),
        _ => Ok(()),
    }
}

/// Counts a booking with its show, and says what its places are if it is live.
fn count_with_show(state: &mut State, facts: &Facts) -> Option<Place> {
    let show = state.shows.get_mut(facts.show);
    match facts.state {
        BookingState::Confirmed => {
            show.sales += 1;
            state.confirmed += 1;
            Some(Place::Sold)
        }
        BookingState::Reserved => {
            show.holds += 1;
            state.holds += 1;
            Some(Place::Held)
        }
        BookingState::Voided => {
            show.voided += 1;
            None
        }
        BookingState::Vacant | BookingState::Cancelled | BookingState::Expired => None,
    }
}

/// Takes places of a live booking in one zone.
fn take_places(
    state: &mut State,
    facts: &Facts,
    zone: usize,
    (seats, places): (&[SeatIndex], u32),
    to: Place,
) -> Read<()> {
    let show = state.shows.get_mut(facts.show);
    ensure(
        seats.iter().all(|&seat| show.seats.is_free(seat))
            && places <= show.zones[zone].counts.available,
        "two bookings have the same place",
    )?;
    show.turn(zone, seats, places, Place::Free, to);
    Ok(())
}

fn insert(state: &mut State, facts: &Facts, seats: &[SeatIndex]) -> u32 {
    let event = state.shows.get(facts.show).event;
    let known = state.users.find(event, &facts.user);
    let live_places = if facts.state.is_live() {
        facts.places()
    } else {
        0
    };
    let slot = state.bookings.vacancy();
    let (user, user_next) = state
        .users
        .book(known, event, &facts.user, live_places, slot);
    let slot = state.bookings.insert(&NewBooking {
        offset: facts.offset,
        reserved_at_ms: facts.reserved_at_ms,
        hold_ms: facts.hold_ms,
        show: facts.show,
        user,
        user_next,
        zone: facts.zone,
        quantity: facts.quantity,
        unit_price: facts.unit_price,
        seats,
    });
    let record = state.bookings.get_mut(slot);
    match facts.state {
        BookingState::Vacant | BookingState::Reserved | BookingState::Voided => {
            record.state = facts.state;
        }
        BookingState::Confirmed => record.become_confirmed(facts.payment_hash, facts.at_ms),
        BookingState::Cancelled | BookingState::Expired => {
            record.become_ended(facts.state, facts.at_ms);
        }
    }
    slot
}

fn booking_state(byte: u8) -> Read<BookingState> {
    [
        BookingState::Reserved,
        BookingState::Confirmed,
        BookingState::Cancelled,
        BookingState::Expired,
        BookingState::Voided,
    ]
    .into_iter()
    .find(|&state| state as u8 == byte)
    .ok_or(ImageError::Impossible("a booking is in no known state"))
}

fn seats_of(
    reader: &mut Reader<'_>,
    has: impl Fn(SeatIndex) -> bool,
    places: u32,
    seats: &mut SmallVec<[SeatIndex; 8]>,
) -> Read<()> {
    for _ in 0..places {
        let seat: SeatIndex = reader.narrow()?;
        ensure(has(seat), "a seat is not one of its zone")?;
        ensure(!seats.contains(&seat), "a booking has a seat twice")?;
        seats.push(seat);
    }
    Ok(())
}
