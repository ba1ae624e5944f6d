//! What happens to a booking after its reservation: confirm, release, return, extend.

use onsale_schemas::command::{Confirm, Currency};
use onsale_schemas::limits::{HOLD_MAX_MS, PAYMENT_REFERENCE_MAX_BYTES};
use onsale_schemas::outcome::{Confirmed, ConfirmedV2, PriceRule, ReleasedV2};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{Actor, LogTimeMs, Offset, Outcome, Rejection};

use super::bookings::{Booking, BookingState};
use super::lifecycle::invalid;
use super::machine::Model;
use super::shows::Show;

impl Model {
    pub(super) fn confirm(
        &mut self,
        confirm: &Confirm,
        paid: Option<(i64, Currency)>,
    ) -> Result<Outcome, Rejection> {
        let reference = &confirm.payment_reference;
        if !(1..=PAYMENT_REFERENCE_MAX_BYTES).contains(&reference.len()) {
            return Err(invalid(InvalidReason::PaymentReference));
        }
        let booking = self.touch(confirm.booking, confirm.by)?;
        let total = booking.reserved_total;
        let currency = booking.currency;
        if paid.is_some_and(|paid| paid != (total, currency)) {
            return Err(Rejection::AmountDiffers { total, currency });
        }
        match &booking.state {
            BookingState::Held => {
                self.sell(&booking, reference);
                Ok(confirmed(&booking, reference, self.now, true, false))
            }
            BookingState::Confirmed {
                at_ms,
                payment_reference,
            } if payment_reference == reference => {
                Ok(confirmed(&booking, reference, *at_ms, false, false))
            }
            BookingState::Confirmed { .. } => Err(Rejection::AlreadyConfirmed),
            BookingState::Cancelled { .. } => Err(Rejection::AlreadyCancelled),
            BookingState::Expired { .. } => {
                let show = self.shows.get(booking.show);
                if !show.is_some_and(|show| self.may_revive(show, &booking)) {
                    return Err(Rejection::ReservationExpired);
                }
                self.sell(&booking, reference);
                self.users
                    .add(booking.event, booking.user, booking.quantity());
                self.users.revived.insert((booking.event, booking.user));
                Ok(confirmed(&booking, reference, self.now, true, true))
            }
        }
    }

    pub(super) fn release(&mut self, offset: Offset, by: Actor) -> Result<Outcome, Rejection> {
        let booking = self.touch(offset, by)?;
        match booking.state {
            BookingState::Held => {
                let hold_ms = self.show(booking.show).map_or(0, |show| show.hold_ms);
                let held_ms = self.now.saturating_sub(booking.reserved_at_ms);
                if matches!(by, Actor::Buyer(_)) && held_ms.saturating_mul(2) > u64::from(hold_ms) {
                    self.note_unpaid(&booking);
                }
                Ok(self.cancel(&booking, false))
            }
            BookingState::Confirmed { .. } => Err(Rejection::AlreadyConfirmed),
            BookingState::Cancelled { .. } => Err(Rejection::AlreadyCancelled),
            BookingState::Expired { .. } => Err(Rejection::ReservationExpired),
        }
    }

    pub(super) fn give_back(&mut self, offset: Offset) -> Result<Outcome, Rejection> {
        let booking = self.touch(offset, Actor::Staff)?;
        match booking.state {
            BookingState::Held => Ok(self.cancel(&booking, false)),
            BookingState::Confirmed { .. } => Ok(self.cancel(&booking, true)),
            BookingState::Cancelled { .. } => Err(Rejection::AlreadyCancelled),
            BookingState::Expired { .. } => Err(Rejection::ReservationExpired),
        }
    }

    pub(super) fn extend(&mut self, offset: Offset, by_ms: u32) -> Result<Outcome, Rejection> {
        if by_ms == 0 {
            return Err(invalid(InvalidReason::OutOfRange));
        }
        let booking = self.touch(offset, Actor::Staff)?;
        match booking.state {
            BookingState::Held => {}
            BookingState::Confirmed { .. } => return Err(Rejection::AlreadyConfirmed),
            BookingState::Cancelled { .. } => return Err(Rejection::AlreadyCancelled),
            BookingState::Expired { .. } => return Err(Rejection::ReservationExpired),
        }
        let expires_at_ms = booking.expires_at_ms.saturating_add(u64::from(by_ms));
        if expires_at_ms.saturating_sub(booking.reserved_at_ms) > u64::from(HOLD_MAX_MS) {
            return Err(invalid(InvalidReason::OutOfRange));
        }
        self.bookings.set_expires_at(offset, expires_at_ms);
        Ok(Outcome::Extended {
            booking: offset,
            show: booking.show,
            user: booking.user,
            expires_at_ms,
        })
    }

    /// Whether everything that an expired booking had can be taken back.
    fn may_revive(&self, show: &Show, booking: &Booking) -> bool {
        let counts = self.phase_counts(show);
        let phases_have_room = show.offer.phases.iter().all(|phase| {
            let own: u64 = booking
                .lines
                .iter()
                .filter(|line| line.rule == PriceRule::Phase(phase.id))
                .map(|line| u64::from(line.quantity))
                .sum();
            let taken = counts.get(&phase.id).copied().unwrap_or(0);
            own == 0 || phase.places == 0 || taken + own <= u64::from(phase.places)
        });
        show.could_take(booking) && phases_have_room && self.may_use_again(show, booking)
    }

    /// The booking that a command names, if the caller may touch it. A hold that is due but was not
    /// swept yet expires here.
    pub(super) fn touch(&mut self, offset: Offset, by: Actor) -> Result<Booking, Rejection> {
        let booking = self
            .bookings
            .get(offset)
            .filter(|booking| by == Actor::Staff || by == Actor::Buyer(booking.user))
            .filter(|booking| !self.is_foreign_show(booking.show))
            .ok_or(Rejection::UnknownBooking)?;
        if self.shows.get(booking.show).is_some_and(|s| s.cancelled) {
            return Err(Rejection::ShowCancelled);
        }
        if booking.state == BookingState::Held && booking.expires_at_ms <= self.now {
            self.expire(offset);
        }
        self.bookings
            .get(offset)
            .cloned()
            .ok_or(Rejection::UnknownBooking)
    }

    /// Makes a hold, or an expired one whose places are free, a sale.
    fn sell(&mut self, booking: &Booking, reference: &str) {
        let sold = Booking {
            state: BookingState::Confirmed {
                at_ms: self.now,
                payment_reference: reference.to_owned(),
            },
            ..booking.clone()
        };
        if let Some(show) = self.shows.get_mut(booking.show) {
            show.give_back(booking);
            show.take(&sold);
        }
        self.bookings.set_state(booking.offset, sold.state);
        self.note_paid(booking);
    }

    fn cancel(&mut self, booking: &Booking, was_confirmed: bool) -> Outcome {
        let at_ms = self.now;
        self.end(booking.offset, BookingState::Cancelled { at_ms });
        match booking.ended().into_iter().next() {
            Some(ended) if booking.is_plain => Outcome::Released {
                booking: ended,
                was_confirmed,
            },
            _ => Outcome::ReleasedV2(ReleasedV2 {
                booking: booking.offset,
                show: booking.show,
                user: booking.user,
                parts: booking.parts(),
                was_confirmed,
            }),
        }
    }
}

fn confirmed(
    booking: &Booking,
    reference: &str,
    confirmed_at_ms: LogTimeMs,
    first: bool,
    revived: bool,
) -> Outcome {
    if !booking.is_plain {
        return Outcome::ConfirmedV2(ConfirmedV2 {
            booking: booking.offset,
            show: booking.show,
            user: booking.user,
            parts: booking.parts(),
            total: booking.total(),
            currency: booking.currency,
            payment_reference: reference.to_owned(),
            confirmed_at_ms,
            first,
            revived,
        });
    }
    Outcome::Confirmed(Confirmed {
        booking: booking.offset,
        show: booking.show,
        user: booking.user,
        zone: booking.zone(),
        seats: booking.seats(),
        quantity: booking.quantity(),
        payment_reference: reference.to_owned(),
        confirmed_at_ms,
        first,
        revived,
    })
}

#[cfg(test)]
mod tests;
