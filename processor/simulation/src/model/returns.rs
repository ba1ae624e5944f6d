//! Some places of a sale go back on sale.

use std::collections::BTreeSet;

use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_schemas::order::ReturnPlaces;
use onsale_schemas::outcome::{Line, PlacesReturned};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{Actor, LineIndex, Outcome, Rejection, SeatList};

use super::bookings::{Booking, BookingState};
use super::choice::companions_fit;
use super::lifecycle::invalid;
use super::lines;
use super::machine::Model;
use super::order::has_duplicate;

impl Model {
    pub(super) fn return_places(&mut self, asked: &ReturnPlaces) -> Result<Outcome, Rejection> {
        check(asked).map_err(invalid)?;
        let booking = self.touch(asked.booking, Actor::Staff)?;
        match booking.state {
            BookingState::Held => return Err(Rejection::NotConfirmed),
            BookingState::Confirmed { .. } => {}
            BookingState::Cancelled { .. } => return Err(Rejection::AlreadyCancelled),
            BookingState::Expired { .. } => return Err(Rejection::ReservationExpired),
        }
        check_places(&booking, asked)?;
        let (left, gone) = split(&booking.lines, asked);
        let show = self.shows.get(booking.show).ok_or(Rejection::UnknownShow)?;
        let stay = left.iter().flat_map(|line| line.seats.iter());
        let kinds: Vec<SeatKind> = stay.map(|&seat| show.kind(seat)).collect();
        companions_fit(show, &kinds)?;

        let ended = left.iter().all(|line| line.quantity == 0);
        let (order_fee, order_fee_tax) = if ended {
            (0, 0)
        } else {
            (booking.order_fee, booking.order_fee_tax)
        };
        let changed = Booking {
            lines: left,
            order_fee,
            order_fee_tax,
            ..booking.clone()
        };
        let parts = lines::parts(&gone);
        if let Some(show) = self.shows.get_mut(booking.show) {
            for part in &parts {
                show.give_back_part(part, true);
            }
        }
        let returned: u32 = gone.iter().map(|line| line.quantity).sum();
        self.users.subtract(booking.event, booking.user, returned);
        let outcome = PlacesReturned {
            booking: booking.offset,
            show: booking.show,
            user: booking.user,
            parts,
            refund_price: sum(&gone, |line| line.unit_price),
            refund_fees: sum(&gone, |line| line.unit_fee) + booking.order_fee - order_fee,
            lines: changed.lines.clone(),
            order_fee,
            order_fee_tax,
            total: changed.total(),
            tax: changed.tax(),
            currency: booking.currency,
            ended,
        };
        self.bookings.replace(changed);
        if ended {
            let at_ms = self.now;
            self.end(booking.offset, BookingState::Cancelled { at_ms });
        }
        Ok(Outcome::PlacesReturned(Box::new(outcome)))
    }
}

fn sum(lines: &[Line], amount: impl Fn(&Line) -> i64) -> i64 {
    lines
        .iter()
        .map(|line| i64::from(line.quantity) * amount(line))
        .sum()
}

/// Whether the command makes sense, whatever the booking.
fn check(asked: &ReturnPlaces) -> Result<(), InvalidReason> {
    let is_nothing = asked.seats.is_empty() && asked.places.is_empty();
    if is_nothing || asked.places.iter().any(|(_, quantity)| *quantity == 0) {
        return Err(InvalidReason::NothingAsked);
    }
    let max = TICKETS_PER_BOOKING_MAX as usize;
    if asked.seats.len() > max || asked.places.len() > max {
        return Err(InvalidReason::TooMany);
    }
    let named: BTreeSet<LineIndex> = asked.places.iter().map(|(line, _)| *line).collect();
    if has_duplicate(&asked.seats) || named.len() != asked.places.len() {
        return Err(InvalidReason::DuplicateSeat);
    }
    Ok(())
}

/// Whether the booking has all these places.
fn check_places(booking: &Booking, asked: &ReturnPlaces) -> Result<(), Rejection> {
    let own = booking.seats();
    let foreign: SeatList = asked
        .seats
        .iter()
        .copied()
        .filter(|seat| !own.contains(seat))
        .collect();
    if !foreign.is_empty() {
        return Err(Rejection::PlacesNotOfBooking {
            seats: foreign,
            line: None,
        });
    }
    for &(number, quantity) in &asked.places {
        let line = booking.lines.get(usize::from(number));
        let has_them = line.is_some_and(|line| line.seats.is_empty() && line.quantity >= quantity);
        if !has_them {
            return Err(Rejection::PlacesNotOfBooking {
                seats: SeatList::new(),
                line: Some(number),
            });
        }
    }
    Ok(())
}

/// What stays of each line, and what goes.
fn split(lines: &[Line], asked: &ReturnPlaces) -> (Vec<Line>, Vec<Line>) {
    let mut left = Vec::new();
    let mut gone = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let (going, staying): (Vec<u32>, Vec<u32>) = line
            .seats
            .iter()
            .partition(|seat| asked.seats.contains(seat));
        let places = asked.places.iter();
        let by_number: u32 = places
            .filter(|(of, _)| usize::from(*of) == number)
            .map(|(_, quantity)| *quantity)
            .sum();
        let quantity = by_number + u32::try_from(going.len()).unwrap_or(u32::MAX);
        left.push(Line {
            seats: SeatList::from(&staying[..]),
            quantity: line.quantity - quantity,
            ..line.clone()
        });
        gone.push(Line {
            seats: SeatList::from(&going[..]),
            quantity,
            ..line.clone()
        });
    }
    (left, gone)
}
