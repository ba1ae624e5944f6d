//! `Block`.

use onsale_schemas::command::{BlockPlaces, SeatBlock};
use onsale_schemas::limits::SEATS_PER_BLOCK_MAX;
use onsale_schemas::outcome::BlockChange;
use onsale_schemas::{Outcome, Rejection, SeatList};

use super::Verdict;
use super::places::{Places, check_list, check_quantity, check_seats, check_zone};
use crate::asked::Asked;
use crate::seats::Place;
use crate::state::State;

impl State {
    pub(super) fn block(&mut self, command: SeatBlock, asked: &Asked<'_>) -> Verdict {
        self.turn_block(command, asked, Place::Free, Place::Blocked)
            .map(Outcome::Blocked)
    }

    /// Turns all places of a command from `from` into `to`, or none of them.
    pub(super) fn turn_block(
        &mut self,
        command: SeatBlock,
        asked: &Asked<'_>,
        from: Place,
        to: Place,
    ) -> Result<BlockChange, Rejection> {
        let SeatBlock {
            show: show_id,
            zone,
            places,
        } = command;
        let (seats, quantity, wanted) = match &places {
            BlockPlaces::Seats(seats) => {
                check_list(seats, SEATS_PER_BLOCK_MAX)?;
                let quantity = u32::try_from(seats.len()).unwrap_or(u32::MAX);
                (seats.clone(), quantity, Places::Seats(seats))
            }
            &BlockPlaces::Quantity(quantity) => {
                check_quantity(quantity, u32::MAX)?;
                (SeatList::new(), quantity, Places::General)
            }
        };
        let slot = self.find_show(&show_id, asked)?;
        let show = self.shows.get(slot);
        check_zone(show, zone, &wanted)?;
        match wanted {
            Places::Seats(seats) => check_seats(seats, |seat| show.seats.place(seat) != from)?,
            Places::AnySeats | Places::General => {
                let counts = &show.zones[usize::from(zone)].counts;
                let available = match from {
                    Place::Blocked => counts.blocked,
                    _ => counts.available,
                };
                if quantity > available {
                    return Err(Rejection::InsufficientStock {
                        available,
                        not_together: false,
                    });
                }
            }
        }
        self.shows
            .get_mut(slot)
            .turn(usize::from(zone), &seats, quantity, from, to);
        Ok(BlockChange {
            show: show_id,
            zone,
            seats,
            quantity,
        })
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::rejection::InvalidReason;
    use onsale_schemas::{Command, SeatStatus};

    use super::super::places::invalid;
    use super::*;
    use crate::testing::{Machine, NOW, general, open, seated, show_id};

    fn seats(show: u8, zone: u16, list: &[u32]) -> SeatBlock {
        SeatBlock {
            show: show_id(show),
            zone,
            places: BlockPlaces::Seats(list.into()),
        }
    }

    fn quantity(show: u8, zone: u16, quantity: u32) -> SeatBlock {
        SeatBlock {
            show: show_id(show),
            zone,
            places: BlockPlaces::Quantity(quantity),
        }
    }

    /// The refusals that block and unblock share, then those of each.
    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[4]), general(3)]));
        m.run_open(open(2, vec![seated(&[4])]));
        m.run_ok(Command::CancelShow { show: show_id(2) });
        m.reserve_seats(1, 1, 0, &[1]);
        m.run_ok(Command::Block(seats(1, 0, &[2])));
        m.run_ok(Command::Block(quantity(1, 1, 1)));
        let shared = [
            (seats(9, 9, &[]), invalid(InvalidReason::NothingAsked)),
            (quantity(9, 9, 0), invalid(InvalidReason::NothingAsked)),
            (
                seats(9, 9, &[7, 1, 7]),
                invalid(InvalidReason::DuplicateSeat),
            ),
            (seats(9, 9, &[7, 1]), Rejection::UnknownShow),
            (seats(2, 9, &[7, 1]), Rejection::ShowCancelled),
            (seats(1, 9, &[7, 1]), invalid(InvalidReason::UnknownZone)),
            (seats(1, 1, &[7, 1]), invalid(InvalidReason::WrongAdmission)),
            (quantity(1, 0, 70), invalid(InvalidReason::WrongAdmission)),
            (seats(1, 0, &[7, 1]), invalid(InvalidReason::UnknownSeat)),
        ];
        for (command, expected) in shared {
            m.expect_refusal(Command::Block(command.clone()), expected.clone());
            m.expect_refusal(Command::Unblock(command), expected);
        }
        let lost = |list: &[u32]| Rejection::SeatUnavailable { seats: list.into() };
        m.expect_refusal(Command::Block(seats(1, 0, &[3, 2, 1])), lost(&[2, 1]));
        m.expect_refusal(Command::Unblock(seats(1, 0, &[3, 2, 1])), lost(&[3, 1]));
        let stock = |available| Rejection::InsufficientStock {
            available,
            not_together: false,
        };
        m.expect_refusal(Command::Block(quantity(1, 1, 3)), stock(2));
        m.expect_refusal(Command::Unblock(quantity(1, 1, 2)), stock(1));
    }

    #[test]
    fn blocked_places_are_off_sale_until_unblocked_in_and_out_of_the_window() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[4]), general(3)]));
        m.run_ok(Command::CloseShow { show: show_id(1) });
        let blocked = m.run_ok(Command::Block(seats(1, 0, &[3, 0])));
        assert_eq!(
            blocked,
            Outcome::Blocked(BlockChange {
                show: show_id(1),
                zone: 0,
                seats: [3, 0].as_slice().into(),
                quantity: 2,
            })
        );
        m.run_ok(Command::Block(quantity(1, 1, 2)));
        m.amend(show_id(1), |amend| amend.sale_closes_at_ms = Some(NOW + 99));
        m.expect_refusal(
            m.seats(1, 1, 0, &[0]),
            Rejection::SeatUnavailable {
                seats: [0].as_slice().into(),
            },
        );
        m.expect_refusal(
            m.general(1, 1, 1, 2),
            Rejection::InsufficientStock {
                available: 1,
                not_together: false,
            },
        );
        let view = m.partition.show_seats(show_id(1)).unwrap();
        assert_eq!(
            view.unavailable,
            [(0, SeatStatus::Blocked), (3, SeatStatus::Blocked)]
        );
        let unblocked = m.run_ok(Command::Unblock(seats(1, 0, &[0])));
        assert!(matches!(unblocked, Outcome::Unblocked(change) if change.quantity == 1));
        m.run_ok(Command::Unblock(quantity(1, 1, 2)));
        m.reserve_seats(1, 1, 0, &[0]);
        m.reserve_general(1, 1, 1, 3);
    }

    #[test]
    fn the_longest_list_is_taken() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[500; 30])]));
        let all: Vec<u32> = (0..SEATS_PER_BLOCK_MAX).rev().collect();
        m.run_ok(Command::Block(seats(1, 0, &all)));
        let view = m.partition.show_seats(show_id(1)).unwrap();
        assert_eq!(view.zones[0].blocked, SEATS_PER_BLOCK_MAX);
        m.partition.self_check().unwrap();
    }
}
