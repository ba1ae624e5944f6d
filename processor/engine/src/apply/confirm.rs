//! `Confirm` and `ConfirmV2`.

use onsale_schemas::command::{Confirm, Currency};
use onsale_schemas::limits::PAYMENT_REFERENCE_MAX_BYTES;
use onsale_schemas::outcome::{Confirmed, EndedBooking};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{LogTimeMs, Outcome, OutcomeRecord, Rejection};

use super::Done;
use super::places::invalid;
use crate::asked::Asked;
use crate::bookings::State as BookingState;
use crate::layout::ZoneKind;
use crate::seats::Place;
use crate::state::State;
use crate::views;

mod orders;

impl State {
    /// `paid` is the amount in [`ConfirmV2`](onsale_schemas::command::ConfirmV2).
    pub(super) fn confirm(
        &mut self,
        command: &mut Confirm,
        paid: Option<(i64, Currency)>,
        asked: &Asked<'_>,
        record: &mut OutcomeRecord,
    ) -> Done {
        let Confirm {
            booking,
            by,
            payment_reference,
        } = command;
        let booking = *booking;
        if payment_reference.is_empty() || payment_reference.len() > PAYMENT_REFERENCE_MAX_BYTES {
            return Err(invalid(InvalidReason::PaymentReference));
        }
        let slot = self.resolve(booking, by, asked, &mut record.expired)?;
        if let Some(paid) = paid {
            self.check_paid(slot, paid)?;
        }
        let payment_hash = views::payment_hash(payment_reference);
        if self.bookings.get(slot).is_order() {
            let done = self.confirm_order(slot, payment_hash)?;
            record.outcome = self.told(slot, payment_reference, done);
            return Ok(());
        }
        let known = self.bookings.get(slot);
        let mut tell = |facts: EndedBooking, confirmed_at_ms: LogTimeMs, first, revived| {
            record.outcome = Outcome::Confirmed(Confirmed {
                booking,
                show: facts.show,
                user: facts.user,
                zone: facts.zone,
                seats: facts.seats,
                quantity: facts.quantity,
                payment_reference: std::mem::take(payment_reference),
                confirmed_at_ms,
                first,
                revived,
            });
            Ok(())
        };
        match known.state {
            BookingState::Reserved => {
                let facts = self.facts(slot);
                self.expiry.remove(&mut self.bookings, slot);
                self.sell(slot, &facts, Place::Held, payment_hash);
                tell(facts, self.now, true, false)
            }
            BookingState::Confirmed if known.payment_hash() == payment_hash => {
                let confirmed_at_ms = known.confirmed_at_ms();
                tell(self.facts(slot), confirmed_at_ms, false, false)
            }
            BookingState::Confirmed => Err(Rejection::AlreadyConfirmed),
            BookingState::Expired => {
                let facts = self.facts(slot);
                if !self.can_have_back(slot, &facts) {
                    return Err(Rejection::ReservationExpired);
                }
                self.ended.remove(&mut self.bookings, slot);
                let user = self.bookings.get(slot).user;
                self.users.add_places(user, facts.quantity);
                self.sell(slot, &facts, Place::Free, payment_hash);
                tell(facts, self.now, true, true)
            }
            BookingState::Cancelled => Err(Rejection::AlreadyCancelled),
            BookingState::Voided => Err(Rejection::ShowCancelled),
            BookingState::Vacant => Err(Rejection::UnknownBooking),
        }
    }

    /// The amount paid is the booking's total.
    fn check_paid(&self, slot: u32, paid: (i64, Currency)) -> Result<(), Rejection> {
        let booking = self.bookings.get(slot);
        if let Some(order) = self.order_of(booking) {
            let (total, currency) = (order.reserved_total, order.currency);
            return if paid == (total, currency) {
                Ok(())
            } else {
                Err(Rejection::AmountDiffers { total, currency })
            };
        }
        let zone = &self.shows.get(booking.show).zones[booking.zone()];
        let total = booking
            .unit_price()
            .saturating_mul(i64::from(booking.places()));
        let currency = zone.currency;
        if paid == (total, currency) {
            Ok(())
        } else {
            Err(Rejection::AmountDiffers { total, currency })
        }
    }

    fn sell(&mut self, slot: u32, facts: &EndedBooking, from: Place, payment_hash: u64) {
        let now = self.now;
        let record = self.bookings.get_mut(slot);
        record.become_confirmed(payment_hash, now);
        let (show, zone, user) = (record.show, record.zone(), record.user);
        self.users.clear_unpaid(user);
        let show = self.shows.get_mut(show);
        show.turn(zone, &facts.seats, facts.quantity, from, Place::Sold);
        if from == Place::Held {
            show.holds -= 1;
            self.holds -= 1;
        }
        show.sales += 1;
        self.confirmed += 1;
    }

    /// True when all places of a booking that ran out are free.
    fn can_have_back(&self, slot: u32, facts: &EndedBooking) -> bool {
        let record = self.bookings.get(slot);
        let show = self.shows.get(record.show);
        let zone = &show.zones[record.zone()];
        match zone.kind {
            ZoneKind::Seated(_) => facts.seats.iter().all(|&seat| show.seats.is_free(seat)),
            ZoneKind::General { .. } => facts.quantity <= zone.counts.available,
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::ConfirmV2;
    use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;
    use onsale_schemas::{Actor, Command};

    use super::*;
    use crate::testing::{
        HOLD_MS, Machine, NOW, general, open, open_of, open_v2, seated, show_id, staff, user_id,
    };
    use crate::views::BookingState as Seen;

    fn confirm(booking: u64, by: Actor, reference: &str) -> Command {
        Command::Confirm(Confirm {
            booking,
            by,
            payment_reference: reference.into(),
        })
    }

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[9])]));
        m.run_open(open(2, vec![seated(&[9])]));
        let void = m.reserve_seats(2, 1, 0, &[1]);
        m.run_ok(Command::CancelShow { show: show_id(2) });
        let sold = m.reserve_seats(1, 1, 0, &[1]);
        m.run_ok(confirm(sold, Actor::Staff, "p"));
        let released = m.reserve_seats(1, 1, 0, &[2]);
        m.run_ok(Command::Release {
            booking: released,
            by: Actor::Staff,
        });
        let returned = m.reserve_seats(1, 1, 0, &[2]);
        m.run_ok(confirm(returned, Actor::Staff, "p"));
        m.run_ok(Command::Return { booking: returned });
        let lost = m.reserve_seats(1, 1, 0, &[3, 4]);
        m.advance(u64::from(HOLD_MS));
        m.reserve_seats(1, 2, 0, &[4]);

        let stranger = Actor::Buyer(user_id(9));
        let owner = Actor::Buyer(user_id(1));
        let long = "x".repeat(129);
        let cases = [
            (999, stranger, "", invalid(InvalidReason::PaymentReference)),
            (
                void,
                stranger,
                long.as_str(),
                invalid(InvalidReason::PaymentReference),
            ),
            (999, owner, "q", Rejection::UnknownBooking),
            (void, stranger, "q", Rejection::UnknownBooking),
            (sold, stranger, "p", Rejection::UnknownBooking),
            (void, owner, "q", Rejection::ShowCancelled),
            (sold, owner, "q", Rejection::AlreadyConfirmed),
            (released, owner, "q", Rejection::AlreadyCancelled),
            (returned, owner, "p", Rejection::AlreadyCancelled),
            (lost, owner, "q", Rejection::ReservationExpired),
        ];
        for (booking, by, reference, expected) in cases {
            m.expect_refusal(confirm(booking, by, reference), expected);
        }
        // The refusals changed nothing.
        let view = m.booking(lost);
        assert_eq!(view.state, Seen::Expired);
        assert_eq!(m.partition.show_seats(show_id(1)).unwrap().zones[0].sold, 1);
    }

    #[test]
    fn the_same_reference_yields_the_first_answer() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[9])]));
        let booking = m.reserve_seats(1, 1, 0, &[1, 0]);
        let reference = "x".repeat(128);
        let first = m.run_ok(confirm(booking, Actor::Buyer(user_id(1)), &reference));
        m.advance(10 * u64::from(HOLD_MS));
        let again = m.run_ok(confirm(booking, Actor::Staff, &reference));
        let Outcome::Confirmed(mut confirmed) = again else {
            panic!("{again:?}");
        };
        assert!(!confirmed.first);
        assert_eq!(confirmed.confirmed_at_ms, NOW);
        confirmed.first = true;
        assert_eq!(first, Outcome::Confirmed(confirmed));
        assert_eq!(m.booking(booking).confirmed_at_ms, Some(NOW));
    }

    #[test]
    fn a_late_payment_has_its_places_back_while_they_are_free() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[9]), general(3)]));
        let seats = m.reserve_seats(1, 1, 0, &[3, 4]);
        let places = m.reserve_general(1, 2, 1, 2);
        let late = m.reserve_seats(1, 3, 0, &[7]);
        m.advance(u64::from(HOLD_MS));
        m.run_ok(Command::CloseShow { show: show_id(1) });
        for booking in [seats, places] {
            let Outcome::Confirmed(confirmed) = m.run_ok(confirm(booking, Actor::Staff, "p"))
            else {
                panic!("confirmed");
            };
            assert!(confirmed.first && confirmed.revived);
            assert_eq!(confirmed.confirmed_at_ms, NOW + u64::from(HOLD_MS));
            assert_eq!(m.booking(booking).state, Seen::Confirmed);
        }
        let zones = m.partition.show_seats(show_id(1)).unwrap().zones;
        assert_eq!((zones[0].sold, zones[1].sold), (2, 2));
        m.advance(ENDED_BOOKING_KEPT_MS);
        m.expect_refusal(confirm(late, Actor::Staff, "p"), Rejection::UnknownBooking);
        assert_eq!(m.booking(seats).state, Seen::Confirmed);
    }

    #[test]
    fn a_revived_booking_counts_for_its_user_again() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![general(50)]));
        let old = m.reserve_general(1, 1, 0, 3);
        m.advance(u64::from(HOLD_MS));
        m.reserve_general(1, 1, 0, 4);
        m.run_ok(confirm(old, Actor::Staff, "p"));
        m.expect_refusal(
            m.general(1, 1, 0, 1),
            Rejection::MaxPerUserExceeded {
                limit: 4,
                current: 7,
            },
        );
    }

    #[test]
    fn a_blocked_seat_is_not_had_back() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[9])]));
        let booking = m.reserve_seats(1, 1, 0, &[3]);
        m.advance(u64::from(HOLD_MS));
        m.run_ok(m.block_seats(1, 0, &[3]));
        m.expect_refusal(
            confirm(booking, Actor::Staff, "p"),
            Rejection::ReservationExpired,
        );
    }

    fn pay(booking: u64, by: Actor, reference: &str, paid: Option<(i64, &[u8; 3])>) -> Command {
        Command::ConfirmV2(ConfirmV2 {
            confirm: Confirm {
                booking,
                by,
                payment_reference: reference.into(),
            },
            paid: paid.map(|(sum, currency)| (sum, Currency(*currency))),
        })
    }

    #[test]
    fn a_differing_sum_is_refused_in_its_place() {
        let mut m = Machine::second();
        m.run_ok(open_v2(1, 7, 10));
        m.run_ok(open_v2(2, 8, 10));
        let void = m.reserve_general(2, 1, 0, 1);
        m.run_ok(Command::CancelShow { show: show_id(2) });
        let hold = m.reserve_general(1, 1, 0, 3);
        let released = m.reserve_general(1, 1, 0, 1);
        m.run_ok(Command::Release {
            booking: released,
            by: Actor::Staff,
        });
        let wrong = Some((299, b"THB"));
        let differs = |total| Rejection::AmountDiffers {
            total,
            currency: Currency(*b"THB"),
        };
        let stranger = Actor::Buyer(user_id(9));
        let cases = [
            (
                20,
                999,
                stranger,
                "",
                invalid(InvalidReason::PaymentReference),
            ),
            (20, 999, stranger, "p", Rejection::UnknownBooking),
            (10, hold, stranger, "p", Rejection::UnknownBooking),
            (20, void, Actor::Staff, "p", Rejection::UnknownBooking),
            (10, void, Actor::Staff, "p", Rejection::ShowCancelled),
            (10, released, Actor::Staff, "p", differs(100)),
            (10, hold, Actor::Staff, "p", differs(300)),
        ];
        for (tenant, booking, by, reference, expected) in cases {
            let command = pay(booking, by, reference, wrong);
            m.expect_refusal_by(staff(Some(tenant)), command, expected);
        }
        for paid in [(300, b"USD"), (301, b"THB"), (-300, b"THB")] {
            m.expect_refusal(pay(hold, Actor::Staff, "p", Some(paid)), differs(300));
        }
        let first = m.run_ok(pay(hold, Actor::Staff, "p", Some((300, b"THB"))));
        assert!(matches!(first, Outcome::Confirmed(confirmed) if confirmed.first));
        // The amount is checked even after the sale.
        m.expect_refusal(pay(hold, Actor::Staff, "p", wrong), differs(300));
        m.run_ok(pay(hold, Actor::Staff, "p", None));
        m.run_ok(confirm(hold, Actor::Staff, "p"));
    }

    #[test]
    fn the_price_at_which_it_was_reserved_counts() {
        let mut m = Machine::second();
        m.run_open(open(1, vec![general(9)]));
        let hold = m.reserve_general(1, 1, 0, 2);
        m.amend(show_id(1), |amend| amend.prices = vec![(0, 700)]);
        // Naming a due hold expires it, whatever was paid.
        m.advance(u64::from(HOLD_MS));
        m.expect_refusal(
            pay(hold, Actor::Staff, "p", Some((1_400, b"THB"))),
            Rejection::AmountDiffers {
                total: 200,
                currency: Currency(*b"THB"),
            },
        );
        assert_eq!(m.records.last().unwrap().expired.len(), 1);
        m.run_ok(pay(hold, Actor::Staff, "p", Some((200, b"THB"))));
    }

    #[test]
    fn a_first_confirmation_ends_the_cool_down() {
        let mut m = Machine::second();
        m.run_ok(open_v2(1, 7, 10));
        m.run_open(open_of(2, 7, vec![general(9)]));
        let sale = m.reserve_general(2, 1, 0, 1);
        m.run_ok(confirm(sale, Actor::Staff, "p"));
        let holds = [1; 3].map(|n| m.reserve_general(1, 1, 0, n));
        m.advance(u64::from(HOLD_MS));
        let until_ms = m.now + 120_000;
        let refused = Rejection::CoolingDown { until_ms };
        m.expect_refusal(m.general(1, 1, 0, 1), refused.clone());
        // Not a first one.
        m.run_ok(confirm(sale, Actor::Staff, "p"));
        m.expect_refusal(m.general(1, 1, 0, 1), refused);
        m.run_ok(confirm(holds[1], Actor::Staff, "p"));
        m.reserve_general(1, 1, 0, 1);
        // The count starts again, with a free one.
        m.advance(u64::from(HOLD_MS));
        m.reserve_general(1, 1, 0, 1);
        m.partition.self_check().unwrap();
    }
}
