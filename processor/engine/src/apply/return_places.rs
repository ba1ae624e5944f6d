//! `ReturnPlaces`.

use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_schemas::order::ReturnPlaces;
use onsale_schemas::outcome::{EndedBooking, Line, PlacesReturned};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{Actor, LineIndex, Outcome, Rejection, SeatIndex, SeatList};

use super::Verdict;
use super::order::check_companions;
use super::places::{has_duplicate, invalid};
use crate::asked::Asked;
use crate::bookings::State as BookingState;
use crate::orders::{Order, parts};
use crate::seats::Place;
use crate::state::{State, zone_index};

impl State {
    /// Puts some places of a sale back on sale.
    pub(super) fn return_places(
        &mut self,
        command: &ReturnPlaces,
        asked: &Asked<'_>,
        expired: &mut Vec<EndedBooking>,
    ) -> Verdict {
        check_asked(command)?;
        let slot = self.resolve(command.booking, &Actor::Staff, asked, expired)?;
        match self.bookings.get(slot).state {
            BookingState::Confirmed => {}
            BookingState::Reserved => return Err(Rejection::NotConfirmed),
            BookingState::Cancelled => return Err(Rejection::AlreadyCancelled),
            BookingState::Expired => return Err(Rejection::ReservationExpired),
            BookingState::Voided => return Err(Rejection::ShowCancelled),
            BookingState::Vacant => return Err(Rejection::UnknownBooking),
        }
        let mut order = self.as_order(slot);
        let returned = take_out(&mut order.lines, command)?;
        self.check_left(slot, &order)?;
        Ok(self.give_some_back(slot, order, &returned))
    }

    /// The order of a booking, or what it would be of a booking without one.
    fn as_order(&self, slot: u32) -> Order {
        let booking = self.bookings.get(slot);
        if let Some(order) = self.order_of(booking) {
            return order.clone();
        }
        let unit_price = booking.unit_price();
        Order {
            is_plain: true,
            lines: vec![Line::plain(
                zone_index(booking),
                self.seats_of(booking),
                booking.places(),
                unit_price,
            )],
            order_fee: 0,
            order_fee_tax: 0,
            currency: self.shows.get(booking.show).zones[booking.zone()].currency,
            reserved_total: unit_price.saturating_mul(i64::from(booking.places())),
            code: None,
        }
    }

    /// The companion seats that stay have accessible ones to stay with.
    fn check_left(&self, slot: u32, order: &Order) -> Result<(), Rejection> {
        let show = self.shows.get(self.bookings.get(slot).show);
        let (mut accessible, mut companions) = (0, 0);
        for line in &order.lines {
            for &seat in line.seats.iter() {
                match show.seat_kind(line.zone, seat) {
                    SeatKind::Ordinary => {}
                    SeatKind::Accessible => accessible += 1,
                    SeatKind::Companion => companions += 1,
                }
            }
        }
        let ratio = self.sale_of(show).companions_per_accessible;
        check_companions(accessible, companions, ratio)
    }

    /// `order` is what is left, `returned` the places that are not any more.
    fn give_some_back(&mut self, slot: u32, mut order: Order, returned: &[Line]) -> Outcome {
        let booking = self.bookings.get(slot);
        let (show, user, offset) = (booking.show, booking.user, booking.offset);
        self.turn_lines(show, returned, Place::Sold, Place::Free);
        if order.has_phase() {
            let sale = self.shows.get_mut(show).sale_mut();
            for line in returned {
                sale.uncount_phase(line.rule, line.quantity);
            }
        }
        let places: u32 = returned.iter().map(|line| line.quantity).sum();
        self.users.subtract_places(user, places);
        let sum = |of: fn(&Line) -> i64| -> i64 {
            let lines = returned.iter();
            lines.map(|line| i64::from(line.quantity) * of(line)).sum()
        };
        let refund_price = sum(|line| line.unit_price);
        let mut refund_fees = sum(|line| line.unit_fee);
        let ended = order.places() == 0;
        if ended {
            refund_fees += std::mem::take(&mut order.order_fee);
            order.order_fee_tax = 0;
            self.count_code(show, order.code, |uses| uses.saturating_sub(1));
            self.shows.get_mut(show).sales -= 1;
            self.confirmed -= 1;
        }
        let (total, tax) = order.totals();
        let outcome = PlacesReturned {
            booking: offset,
            show: self.shows.get(show).id,
            user: self.users.get(user).user,
            parts: parts(returned.iter()),
            refund_price,
            refund_fees,
            lines: order.lines.clone(),
            order_fee: order.order_fee,
            order_fee_tax: order.order_fee_tax,
            total,
            tax,
            currency: order.currency,
            ended,
        };
        self.keep_order(slot, order);
        if ended {
            self.end(slot, BookingState::Cancelled, self.now);
        }
        Outcome::PlacesReturned(Box::new(outcome))
    }

    /// Replaces the order of a booking, which may have none yet.
    fn keep_order(&mut self, slot: u32, order: Order) {
        let booking = self.bookings.get(slot);
        let places = order.places();
        if booking.is_order() {
            if let Some(known) = self.orders.get_mut(booking.order()) {
                *known = order;
            }
        } else {
            let seated = self.is_seated(booking);
            let at = self.orders.insert(order);
            self.bookings.become_order(slot, at, seated);
        }
        self.bookings.set_places(slot, places);
    }
}

fn check_asked(command: &ReturnPlaces) -> Result<(), Rejection> {
    let ReturnPlaces {
        booking: _,
        seats,
        places,
    } = command;
    let is_nothing = seats.is_empty() && places.is_empty();
    if is_nothing || places.iter().any(|&(_, quantity)| quantity == 0) {
        return Err(invalid(InvalidReason::NothingAsked));
    }
    let most = TICKETS_PER_BOOKING_MAX as usize;
    if seats.len() > most || places.len() > most {
        return Err(invalid(InvalidReason::TooMany));
    }
    let mut lines = [false; 256];
    let is_twice =
        |&(line, _): &(LineIndex, u32)| std::mem::replace(&mut lines[usize::from(line)], true);
    if has_duplicate(seats) || places.iter().any(is_twice) {
        return Err(invalid(InvalidReason::DuplicateSeat));
    }
    Ok(())
}

/// Takes places out of lines, and returns them as lines of their own, in the same order.
fn take_out(lines: &mut [Line], command: &ReturnPlaces) -> Result<Vec<Line>, Rejection> {
    let has = |seat: SeatIndex| lines.iter().any(|line| line.seats.contains(&seat));
    let missing: SeatList = command
        .seats
        .iter()
        .copied()
        .filter(|&seat| !has(seat))
        .collect();
    if !missing.is_empty() {
        return Err(Rejection::PlacesNotOfBooking {
            seats: missing,
            line: None,
        });
    }
    let is_wrong = |&&(line, quantity): &&(LineIndex, u32)| {
        lines
            .get(usize::from(line))
            .is_none_or(|line| !line.seats.is_empty() || line.quantity < quantity)
    };
    if let Some(&(line, _)) = command.places.iter().find(is_wrong) {
        return Err(Rejection::PlacesNotOfBooking {
            seats: SeatList::new(),
            line: Some(line),
        });
    }
    // All lines, also those that nothing is taken out of: zones keep the order of the booking.
    let mut returned = Vec::with_capacity(lines.len());
    for (number, line) in (0u8..).zip(lines) {
        let mut out = line.clone();
        if line.seats.is_empty() {
            let asked = command.places.iter().find(|&&(asked, _)| asked == number);
            out.quantity = asked.map_or(0, |&(_, quantity)| quantity);
        } else {
            let is_out = |seat: &SeatIndex| command.seats.contains(seat);
            out.seats = line.seats.iter().copied().filter(is_out).collect();
            line.seats = line
                .seats
                .iter()
                .copied()
                .filter(|seat| !is_out(seat))
                .collect();
            out.quantity = u32::try_from(out.seats.len()).unwrap_or(u32::MAX);
        }
        line.quantity -= out.quantity;
        returned.push(out);
    }
    Ok(returned)
}

#[cfg(test)]
mod tests;
