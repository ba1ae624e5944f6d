//! `Reserve`.

use onsale_schemas::command::{Pick, Reserve};
use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::outcome::Reserved;
use onsale_schemas::rejection::FullTable;
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{Offset, Outcome, Rejection, SeatList, ShowId, UserId, ZoneIndex};

use super::Done;
use super::order::{Seen, Wanted};
use super::places::{Places, check_list, check_quantity, check_seats, check_zone, seated};
use crate::best_available;
use crate::bookings::NewBooking;
use crate::layout::ZoneKind;
use crate::seats::Place;
use crate::shows::Show;
use crate::state::State;

impl State {
    pub(super) fn reserve(
        &mut self,
        offset: Offset,
        command: &mut Reserve,
        hint: u32,
        outcome: &mut Outcome,
    ) -> Done {
        let Reserve {
            show: show_id,
            user,
            zone,
            pick,
            expected_unit_price,
        } = command;
        let (show_id, user, zone) = (*show_id, *user, *zone);
        let quantity = places_asked(pick)?;
        // Buyers of every tenant may reserve: `by` is ignored.
        let show_slot = self
            .shows
            .find_at(&show_id, hint)
            .ok_or(Rejection::UnknownShow)?;
        if self.shows.get(show_slot).cancelled_at_ms.is_some() {
            return Err(Rejection::ShowCancelled);
        }
        let show = self.shows.get(show_slot);
        if show.sale().is_some() {
            let wanted = (show_id, user, zone, *expected_unit_price);
            return self.reserve_of_offer(offset, wanted, pick, show_slot, outcome);
        }
        let places = match &*pick {
            Pick::Seats(seats) => Places::Seats(seats),
            Pick::BestAvailable { .. } => Places::AnySeats,
            Pick::General { .. } => Places::General,
        };
        let kind = check_zone(show, zone, &places)?;
        if self.now < show.sale_opens_at_ms {
            return Err(Rejection::SaleNotOpen {
                opens_at_ms: show.sale_opens_at_ms,
            });
        }
        if self.now >= show.sale_closes_at_ms {
            return Err(Rejection::SaleClosed);
        }
        let zone_slot = usize::from(zone);
        let unit_price = show.zones[zone_slot].unit_price;
        let currency = show.zones[zone_slot].currency;
        if expected_unit_price.is_some_and(|expected| expected != unit_price) {
            return Err(Rejection::PriceChanged { unit_price });
        }
        let counter = self.users.find(show.event, &user);
        let (event, limit) = (show.event, show.max_tickets_per_user);
        self.check_buyer(counter, event, limit, quantity)?;
        if let (Pick::BestAvailable { .. }, ZoneKind::Seated(seated)) = (&*pick, &kind) {
            self.shows.get_mut(show_slot).seats.refresh(seated);
        }
        let show = self.shows.get(show_slot);
        let (event_id, hold_ms) = (show.event_id, show.hold_ms);
        let seats = choose(show, zone_slot, &kind, pick)?;
        if !self.has_room_for_booking() {
            return Err(Rejection::Full {
                table: FullTable::Bookings,
            });
        }

        let slot = self.bookings.vacancy();
        let (user_slot, user_next) = self.users.book(counter, event, &user, quantity, slot);
        let booking = self.bookings.insert(&NewBooking {
            offset,
            reserved_at_ms: self.now,
            hold_ms,
            show: show_slot,
            user: user_slot,
            user_next,
            // At most 256 zones and TICKETS_PER_BOOKING_MAX places.
            zone: u8::try_from(zone).unwrap_or(u8::MAX),
            quantity: u8::try_from(quantity).unwrap_or(u8::MAX),
            unit_price,
            seats: &seats,
        });
        let show = self.shows.get_mut(show_slot);
        show.turn(zone_slot, &seats, quantity, Place::Free, Place::Held);
        show.holds += 1;
        self.holds += 1;
        self.expiry.insert(&mut self.bookings, booking);
        *outcome = Outcome::Reserved(Reserved {
            booking: offset,
            show: show_id,
            event: event_id,
            user,
            zone,
            seats,
            quantity,
            unit_price,
            currency,
            expires_at_ms: self.now.saturating_add(u64::from(hold_ms)),
        });
        Ok(())
    }

    /// A show that has something of machine version 3 decides by that.
    #[cold]
    fn reserve_of_offer(
        &mut self,
        offset: Offset,
        (show, user, zone, expected): (ShowId, UserId, ZoneIndex, Option<i64>),
        pick: &mut Pick,
        hint: u32,
        outcome: &mut Outcome,
    ) -> Done {
        let pick = match pick {
            Pick::Seats(seats) => PickV2::Seats(std::mem::take(seats)),
            &mut Pick::BestAvailable { quantity, together } => PickV2::BestAvailable {
                quantity,
                together,
                kind: SeatKind::Ordinary,
            },
            &mut Pick::General { quantity } => PickV2::General { quantity },
        };
        let item = Item {
            zone,
            pick,
            types: Vec::new(),
        };
        let wanted = Wanted {
            show,
            user,
            items: &[item],
            code: None,
            seen: Seen::Unit(expected),
        };
        self.order(offset, &wanted, hint, outcome)
    }

    /// Whether a buyer, who has this counter in the event, may have this many more places.
    #[inline]
    pub(super) fn check_buyer(
        &mut self,
        counter: Option<u32>,
        event: u32,
        limit: u16,
        quantity: u32,
    ) -> Done {
        if limit > 0 {
            if let Some(counter) = counter
                && self.shows.has_cancelled(event)
            {
                self.settle_user(counter);
            }
            let current = counter.map_or(0, |slot| self.users.get(slot).places);
            if current.saturating_add(quantity) > u32::from(limit) {
                return Err(Rejection::MaxPerUserExceeded { limit, current });
            }
        }
        if let Some(counter) = counter {
            let until_ms = self.users.cooling_until_ms(counter);
            if self.now < until_ms {
                return Err(Rejection::CoolingDown { until_ms });
            }
        }
        Ok(())
    }
}

/// How many places are asked for, where that is a possible number.
#[inline]
fn places_asked(pick: &Pick) -> Result<u32, Rejection> {
    match pick {
        Pick::Seats(seats) => {
            check_list(seats, TICKETS_PER_BOOKING_MAX)?;
            Ok(u32::try_from(seats.len()).unwrap_or(u32::MAX))
        }
        &Pick::BestAvailable { quantity, .. } | &Pick::General { quantity } => {
            check_quantity(quantity, TICKETS_PER_BOOKING_MAX)?;
            Ok(quantity)
        }
    }
}

/// The seats to hold (none for general admission), if the request can be met.
#[inline]
fn choose(
    show: &Show,
    zone: usize,
    kind: &ZoneKind,
    pick: &mut Pick,
) -> Result<SeatList, Rejection> {
    let available = show.zones[zone].counts.available;
    match pick {
        Pick::Seats(seats) => {
            check_seats(seats, |seat| !show.seats.is_free(seat))?;
            Ok(std::mem::take(seats))
        }
        &mut Pick::General { quantity } if quantity <= available => Ok(SeatList::new()),
        &mut Pick::BestAvailable { quantity, together } if quantity <= available => {
            let zone = seated(kind)?;
            if let Some(first) = best_available::together(&show.seats, zone, quantity) {
                return Ok((first..first + quantity).collect());
            }
            if together && quantity > 1 {
                return Err(Rejection::InsufficientStock {
                    available,
                    not_together: true,
                });
            }
            Ok(best_available::anywhere(&show.seats, zone, quantity))
        }
        Pick::General { .. } | Pick::BestAvailable { .. } => Err(Rejection::InsufficientStock {
            available,
            not_together: false,
        }),
    }
}

#[cfg(test)]
mod tests;
