//! State to bytes.

use crate::bookings::State as BookingState;
use crate::ended::is_forgotten;
use crate::image::bytes::{put, put_bytes, put_option};
use crate::image::{SECOND, THIRD, orders, second, third};
use crate::layout::{SeatedZone, ZoneKind};
use crate::partition::Partition;
use crate::seats::Place;
use crate::shows::Show;
use crate::state::State;

pub(super) const SEATED: u8 = 0;
pub(super) const GENERAL: u8 = 1;

pub(super) fn partition(partition: &Partition, version: u8, out: &mut Vec<u8>) {
    let state = &partition.state;
    put(out, partition.id.0);
    put(out, partition.next_offset);
    put_option(out, partition.last_outcome);
    out.extend_from_slice(&partition.digest().to_le_bytes());
    put(out, state.now);
    put(out, state.epoch);
    match &state.owner {
        None => out.push(0),
        Some(owner) => {
            out.push(1);
            put_bytes(out, owner.0.as_bytes());
        }
    }
    put(out, state.machine_version);
    put_option(out, state.unsupported_version);
    shows(state, out);
    if version >= THIRD {
        third::write_shows(state, out);
    }
    bookings(state, out);
    answers(state, out);
    if version >= SECOND {
        second::write(state, out);
    }
    if version >= THIRD {
        third::write_codes(state, out);
    }
}

fn shows(state: &State, out: &mut Vec<u8>) {
    put(out, state.shows.len());
    for show in state.shows.iter() {
        out.extend_from_slice(show.id.as_bytes());
        out.extend_from_slice(show.event_id.as_bytes());
        put(out, show.max_tickets_per_user);
        put(out, show.hold_ms);
        put(out, show.sale_opens_at_ms);
        put(out, show.sale_closes_at_ms);
        put_option(out, show.cancelled_at_ms);
        out.extend_from_slice(&show.fingerprint.to_le_bytes());
        zones(show, out);
    }
}

fn zones(show: &Show, out: &mut Vec<u8>) {
    let opened = third::zones_opened(show);
    put(out, opened as u64);
    for zone in &show.zones[..opened] {
        put(out, zone.unit_price.cast_unsigned());
        out.extend_from_slice(&zone.currency.0);
        match &zone.kind {
            ZoneKind::Seated(seated) => {
                out.push(SEATED);
                let rows = show.seats.layout.row_lengths(seated);
                put(out, rows.len() as u64);
                for row in rows {
                    put(out, row);
                }
                blocked_seats(show, seated, out);
            }
            ZoneKind::General { capacity } => {
                out.push(GENERAL);
                put(out, *capacity);
                put(out, zone.counts.blocked);
            }
        }
    }
}

/// Number of runs, then of each the distance from the end of the one before and the length.
pub(super) fn blocked_seats(show: &Show, zone: &SeatedZone, out: &mut Vec<u8>) {
    let end = zone.first_seat + zone.seats;
    let is_blocked =
        |seat: &u32| show.seats.place(*seat) == Place::Blocked && !show.is_taken(*seat);
    let mut runs: Vec<(u32, u32)> = Vec::new();
    let mut at = zone.first_seat;
    while let Some(first) = (at..end).find(is_blocked) {
        let after = (first..end).find(|seat| !is_blocked(seat)).unwrap_or(end);
        runs.push((first - at, after - first));
        at = after;
    }
    put(out, runs.len() as u64);
    for (gap, length) in runs {
        put(out, gap);
        put(out, length);
    }
}

/// What is forgotten is not written, swept or not.
fn bookings(state: &State, out: &mut Vec<u8>) {
    let is_known = |&slot: &u32| {
        !state
            .ended_at_ms(state.bookings.get(slot))
            .is_some_and(|at| is_forgotten(at, state.now))
    };
    let slots: Vec<u32> = state
        .bookings
        .slots_by_offset()
        .into_iter()
        .filter(is_known)
        .collect();
    put(out, slots.len() as u64);
    let mut least = 0;
    for slot in slots {
        let booking = state.bookings.get(slot);
        // Relative to the lowest possible offset, so that every number means an ascending one.
        put(out, booking.offset - least);
        least = booking.offset + 1;
        put(out, booking.show);
        put(out, booking.zone() as u64);
        out.extend_from_slice(state.user_of(booking).as_bytes());
        let order = state.order_of(booking);
        put(out, if order.is_some() { 0 } else { booking.places() });
        put(out, booking.unit_price().cast_unsigned());
        // Of a hold that ends no later than it was reserved the end, and a length of 0; when it was
        // reserved then stands in the sections of version 2.
        let expires_at_ms = booking.expires_at_ms();
        put(
            out,
            state.bookings.reserved_at_ms(booking).min(expires_at_ms),
        );
        put(out, booking.hold_ms);
        // Whether the user's counter has been lowered already is not part of the state.
        let is_void =
            booking.state.is_live() && state.shows.get(booking.show).cancelled_at_ms.is_some();
        let written = if is_void {
            BookingState::Voided
        } else {
            booking.state
        };
        out.push(written as u8);
        match written {
            BookingState::Vacant | BookingState::Reserved | BookingState::Voided => {}
            BookingState::Confirmed => {
                out.extend_from_slice(&booking.payment_hash().to_le_bytes());
                put(out, booking.confirmed_at_ms());
            }
            BookingState::Cancelled | BookingState::Expired => {
                put(out, booking.ended_at_ms());
            }
        }
        if let Some(order) = order {
            orders::write(order, out);
            continue;
        }
        for &seat in state.seats_of(booking).iter() {
            put(out, seat);
        }
    }
}

/// Stale answers are not written, swept or not.
fn answers(state: &State, out: &mut Vec<u8>) {
    let fresh = || {
        state
            .answers
            .iter()
            .filter(|(head, _)| !head.is_stale(state.now))
    };
    put(out, fresh().count() as u64);
    for (head, body) in fresh() {
        out.extend_from_slice(head.request_id.as_bytes());
        out.extend_from_slice(&head.fingerprint.to_le_bytes());
        put(out, head.offset);
        put(out, head.log_time_ms);
        put_bytes(out, body);
    }
}
