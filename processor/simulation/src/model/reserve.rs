//! Reserve.

use onsale_schemas::command::{Pick, Reserve};
use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_schemas::outcome::Reserved;
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::{Offset, Outcome, Rejection, SeatIndex, SeatList};

use super::best_available;
use super::bookings::{Booking, BookingState};
use super::lifecycle::invalid;
use super::machine::Model;
use super::shows::{Places, Row, Seat, Show};

impl Model {
    pub(super) fn reserve(
        &mut self,
        offset: Offset,
        reserve: &Reserve,
    ) -> Result<Outcome, Rejection> {
        let quantity = asked(&reserve.pick).map_err(invalid)?;
        let show = self.shows.get(reserve.show).ok_or(Rejection::UnknownShow)?;
        if show.cancelled {
            return Err(Rejection::ShowCancelled);
        }
        let zone = show
            .zone(reserve.zone)
            .ok_or(invalid(InvalidReason::UnknownZone))?;
        fits(&reserve.pick, &zone.places).map_err(invalid)?;
        if self.now < show.sale_opens_at_ms {
            return Err(Rejection::SaleNotOpen {
                opens_at_ms: show.sale_opens_at_ms,
            });
        }
        if self.now >= show.sale_closes_at_ms {
            return Err(Rejection::SaleClosed);
        }
        let (unit_price, currency) = (zone.unit_price, zone.currency);
        if reserve
            .expected_unit_price
            .is_some_and(|price| price != unit_price)
        {
            return Err(Rejection::PriceChanged { unit_price });
        }
        let current = self.users.tickets(show.event(), reserve.user);
        let limit = show.max_tickets_per_user;
        if limit > 0 && u64::from(current) + u64::from(quantity) > u64::from(limit) {
            return Err(Rejection::MaxPerUserExceeded { limit, current });
        }
        self.check_cooldown(show.event(), reserve.user)?;
        let seats = choose(show, &reserve.pick, &zone.places)?;
        if self.bookings.len() >= self.limits.bookings_max as usize {
            let table = FullTable::Bookings;
            return Err(Rejection::Full { table });
        }
        let booking = Booking {
            offset,
            show: reserve.show,
            event: show.event(),
            user: reserve.user,
            zone: reserve.zone,
            seats,
            quantity,
            unit_price,
            currency,
            reserved_at_ms: self.now,
            expires_at_ms: self.now.saturating_add(u64::from(show.hold_ms)),
            state: BookingState::Held,
        };
        if let Some(show) = self.shows.get_mut(reserve.show) {
            show.take(&booking);
        }
        self.users.add(booking.event, booking.user, quantity);
        let reserved = Reserved {
            booking: offset,
            show: booking.show,
            event: booking.event,
            user: booking.user,
            zone: booking.zone,
            seats: booking.seats.clone(),
            quantity,
            unit_price,
            currency,
            expires_at_ms: booking.expires_at_ms,
        };
        self.bookings.insert(booking);
        Ok(Outcome::Reserved(reserved))
    }
}

/// How many places are asked for.
fn asked(pick: &Pick) -> Result<u32, InvalidReason> {
    let quantity = match pick {
        Pick::Seats(seats) => u32::try_from(seats.len()).unwrap_or(u32::MAX),
        Pick::BestAvailable { quantity, .. } | Pick::General { quantity } => *quantity,
    };
    if quantity == 0 {
        return Err(InvalidReason::NothingAsked);
    }
    if quantity > TICKETS_PER_BOOKING_MAX {
        return Err(InvalidReason::TooMany);
    }
    match pick {
        Pick::Seats(seats) if has_duplicate(seats) => Err(InvalidReason::DuplicateSeat),
        _ => Ok(quantity),
    }
}

/// True when a seat is listed twice.
pub(super) fn has_duplicate(seats: &[SeatIndex]) -> bool {
    let mut sorted = seats.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// Whether the pick can be meant for a zone with such places at all.
fn fits(pick: &Pick, places: &Places) -> Result<(), InvalidReason> {
    match (pick, places) {
        (Pick::Seats(seats), Places::Seated(rows)) => all_known(seats, rows),
        (Pick::BestAvailable { .. }, Places::Seated(_))
        | (Pick::General { .. }, Places::General(_)) => Ok(()),
        (Pick::Seats(_) | Pick::BestAvailable { .. }, Places::General(_))
        | (Pick::General { .. }, Places::Seated(_)) => Err(InvalidReason::WrongAdmission),
    }
}

/// Whether all seats stand in these rows.
pub(super) fn all_known(seats: &[SeatIndex], rows: &[Row]) -> Result<(), InvalidReason> {
    if seats
        .iter()
        .all(|&seat| rows.iter().any(|row| row.has(seat)))
    {
        Ok(())
    } else {
        Err(InvalidReason::UnknownSeat)
    }
}

/// The seats to hold; none for general admission.
fn choose(show: &Show, pick: &Pick, places: &Places) -> Result<SeatList, Rejection> {
    match (pick, places) {
        (Pick::Seats(seats), _) => {
            let lost: SeatList = seats
                .iter()
                .copied()
                .filter(|&seat| show.seat(seat) != Some(Seat::Free))
                .collect();
            if lost.is_empty() {
                Ok(seats.clone())
            } else {
                Err(Rejection::SeatUnavailable { seats: lost })
            }
        }
        (Pick::BestAvailable { quantity, together }, Places::Seated(rows)) => {
            best_available::choose(show, rows, *quantity, *together)
        }
        (Pick::General { quantity }, Places::General(general))
            if general.available() < *quantity =>
        {
            Err(Rejection::InsufficientStock {
                available: general.available(),
                not_together: false,
            })
        }
        _ => Ok(SeatList::new()),
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Command;

    use super::*;
    use crate::model::ModelLimits;
    use crate::model::testing::{
        CLOSES, PRICE, Script, limits, rejected, reserve, reserve_general, reserve_seats, seats,
        short, show, show_id, unavailable, user,
    };

    const OPENS_AT: u64 = 5_000;

    fn ask(show: u8, zone: u16, pick: Pick) -> Command {
        Command::Reserve(Reserve {
            show: show_id(show),
            user: user(1),
            zone,
            pick,
            expected_unit_price: Some(PRICE + 1),
        })
    }

    /// Each step lifts just the rule that refused before it, so each refusal wins over all that
    /// come after it.
    #[test]
    fn refuses_in_order() {
        let mut script = Script::with(ModelLimits {
            bookings_max: 2,
            ..limits()
        });
        let mut late = show(2);
        late.sale_opens_at_ms = OPENS_AT;
        script.run(Command::OpenShow(late));
        // The user has its four tickets, the table is full, seat 0 is gone.
        script.hold(reserve_general(1, 1, 3));
        script.hold(reserve_seats(1, 1, &[0]));

        let list = |list: &[SeatIndex]| Pick::Seats(seats(list));
        let best = |quantity| Pick::BestAvailable {
            quantity,
            together: true,
        };
        let many: Vec<SeatIndex> = vec![0; 101];
        let cases = [
            (9, 9, list(&[]), InvalidReason::NothingAsked),
            (9, 9, best(0), InvalidReason::NothingAsked),
            (
                9,
                9,
                Pick::General { quantity: 0 },
                InvalidReason::NothingAsked,
            ),
            (9, 9, list(&many), InvalidReason::TooMany),
            (9, 9, best(101), InvalidReason::TooMany),
            (
                9,
                9,
                Pick::General { quantity: 101 },
                InvalidReason::TooMany,
            ),
            (9, 9, list(&[0, 1, 0]), InvalidReason::DuplicateSeat),
        ];
        for (show, zone, pick, reason) in cases {
            assert_eq!(script.run(ask(show, zone, pick)), rejected(reason));
        }
        assert_eq!(
            script.run(ask(9, 9, list(&[99]))),
            Outcome::Rejected(Rejection::UnknownShow)
        );
        let cases = [
            (2, 9, list(&[99]), InvalidReason::UnknownZone),
            (2, 1, list(&[99]), InvalidReason::WrongAdmission),
            (2, 1, best(5), InvalidReason::WrongAdmission),
            (
                2,
                0,
                Pick::General { quantity: 1 },
                InvalidReason::WrongAdmission,
            ),
            (2, 0, list(&[0, 10]), InvalidReason::UnknownSeat),
        ];
        for (show, zone, pick, reason) in cases {
            assert_eq!(script.run(ask(show, zone, pick)), rejected(reason));
        }
        script.now = OPENS_AT - 1;
        let early = Rejection::SaleNotOpen {
            opens_at_ms: OPENS_AT,
        };
        assert_eq!(script.run(ask(2, 0, list(&[0]))), Outcome::Rejected(early));
        script.now = OPENS_AT;
        assert_eq!(
            script.run(ask(1, 0, list(&[0]))),
            Outcome::Rejected(Rejection::PriceChanged { unit_price: PRICE })
        );
        assert_eq!(
            script.run(reserve_seats(1, 1, &[0])),
            Outcome::Rejected(Rejection::MaxPerUserExceeded {
                limit: 4,
                current: 4
            })
        );
        assert_eq!(script.run(reserve_seats(1, 2, &[2, 0])), unavailable(&[0]));
        assert_eq!(script.run(reserve(1, 2, 0, best(4))), {
            // Seats 5..=9 have room for four, so the table is what is in the way.
            let table = FullTable::Bookings;
            Outcome::Rejected(Rejection::Full { table })
        });
        let cancel = Command::CancelShow { show: show_id(1) };
        script.run(cancel);
        assert_eq!(
            script.run(ask(1, 9, list(&[99]))),
            Outcome::Rejected(Rejection::ShowCancelled)
        );
    }

    #[test]
    fn the_sale_is_open_from_its_opening_and_closed_from_its_close() {
        for (now, open) in [
            (OPENS_AT - 1, false),
            (OPENS_AT, true),
            (CLOSES - 1, true),
            (CLOSES, false),
        ] {
            let mut script = Script::new();
            let mut late = show(2);
            late.sale_opens_at_ms = OPENS_AT;
            script.run(Command::OpenShow(late));
            script.now = now;
            let got = script.run(reserve_seats(2, 1, &[0]));
            assert_eq!(
                matches!(got, Outcome::Reserved(_)),
                open,
                "at {now}: {got:?}"
            );
        }
    }

    #[test]
    fn a_hold_tells_all_about_itself() {
        let mut script = Script::new();
        let record = script.record(reserve_seats(1, 3, &[7, 2]));
        let Outcome::Reserved(reserved) = record.outcome else {
            panic!("{record:?}");
        };
        assert_eq!(reserved.booking, record.offset);
        assert_eq!(reserved.seats, seats(&[7, 2]), "in the order asked for");
        assert_eq!((reserved.quantity, reserved.unit_price), (2, PRICE));
        assert_eq!(reserved.expires_at_ms, script.now + 60_000);
        let view = script.model.show_seats(show_id(1)).unwrap();
        assert_eq!((view.zones[0].available, view.zones[0].held), (8, 2));
    }

    #[test]
    fn every_lost_seat_is_listed_in_the_order_asked_for() {
        let mut script = Script::new();
        script.hold(reserve_seats(1, 1, &[1, 4, 8]));
        let got = script.run(reserve_seats(1, 2, &[8, 0, 4, 2]));
        assert_eq!(got, unavailable(&[8, 4]));
    }

    #[test]
    fn general_admission_sells_to_the_last_place_and_not_beyond() {
        let mut script = Script::new();
        script.hold(reserve_general(1, 1, 4));
        script.hold(reserve_general(1, 2, 4));
        assert_eq!(script.run(reserve_general(1, 3, 3)), short(2));
        script.hold(reserve_general(1, 3, 2));
        assert_eq!(script.run(reserve_general(1, 4, 1)), short(0));
    }

    #[test]
    fn the_limit_counts_over_all_shows_of_the_event_and_zero_is_none() {
        let mut script = Script::new();
        let mut free = show(2);
        free.max_tickets_per_user = 0;
        script.run(Command::OpenShow(free));
        script.hold(reserve_general(2, 1, 10));
        let want = Rejection::MaxPerUserExceeded {
            limit: 4,
            current: 10,
        };
        assert_eq!(
            script.run(reserve_general(1, 1, 1)),
            Outcome::Rejected(want)
        );
    }
}
