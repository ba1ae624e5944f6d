//! Block and unblock.

use onsale_schemas::command::{BlockPlaces, SeatBlock};
use onsale_schemas::limits::SEATS_PER_BLOCK_MAX;
use onsale_schemas::outcome::BlockChange;
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{Outcome, Rejection, SeatList};

use super::lifecycle::invalid;
use super::machine::Model;
use super::order::{all_known, has_duplicate};
use super::shows::{Places, Seat};

impl Model {
    pub(super) fn block(&mut self, block: &SeatBlock) -> Result<Outcome, Rejection> {
        self.move_places(block, Seat::Free, Seat::Blocked)
            .map(Outcome::Blocked)
    }

    pub(super) fn unblock(&mut self, block: &SeatBlock) -> Result<Outcome, Rejection> {
        self.move_places(block, Seat::Blocked, Seat::Free)
            .map(Outcome::Unblocked)
    }

    /// Moves all places from one state to another, or none.
    fn move_places(
        &mut self,
        block: &SeatBlock,
        from: Seat,
        to: Seat,
    ) -> Result<BlockChange, Rejection> {
        let quantity = asked(&block.places).map_err(invalid)?;
        self.check_show(block.show)?;
        let show = self
            .shows
            .get_mut(block.show)
            .ok_or(Rejection::UnknownShow)?;
        if show.cancelled {
            return Err(Rejection::ShowCancelled);
        }
        let zone = show
            .zone(block.zone)
            .ok_or(invalid(InvalidReason::UnknownZone))?;
        let mut moved = SeatList::new();
        match (&block.places, &zone.places) {
            (BlockPlaces::Seats(seats), Places::Seated(_)) => {
                all_known(show, block.zone, seats).map_err(invalid)?;
                let lost: SeatList = seats
                    .iter()
                    .copied()
                    .filter(|&seat| show.seat(seat) != Some(from))
                    .collect();
                if !lost.is_empty() {
                    return Err(Rejection::SeatUnavailable { seats: lost });
                }
                for &seat in seats.iter() {
                    show.set_seat(block.zone, seat, to);
                }
                moved = seats.clone();
            }
            (BlockPlaces::Quantity(_), Places::General(general)) => {
                let available = if from == Seat::Free {
                    general.available()
                } else {
                    general.blocked
                };
                if available < quantity {
                    return Err(Rejection::InsufficientStock {
                        available,
                        not_together: false,
                    });
                }
                if let Some(general) = show.general_mut(block.zone) {
                    if to == Seat::Blocked {
                        general.blocked += quantity;
                    } else {
                        general.blocked -= quantity;
                    }
                }
            }
            _ => return Err(invalid(InvalidReason::WrongAdmission)),
        }
        Ok(BlockChange {
            show: block.show,
            zone: block.zone,
            seats: moved,
            quantity,
        })
    }
}

pub(super) fn asked(places: &BlockPlaces) -> Result<u32, InvalidReason> {
    match places {
        BlockPlaces::Quantity(0) => Err(InvalidReason::NothingAsked),
        BlockPlaces::Quantity(quantity) => Ok(*quantity),
        BlockPlaces::Seats(seats) => {
            let quantity = u32::try_from(seats.len()).unwrap_or(u32::MAX);
            if quantity == 0 {
                Err(InvalidReason::NothingAsked)
            } else if quantity > SEATS_PER_BLOCK_MAX {
                Err(InvalidReason::TooMany)
            } else if has_duplicate(seats) {
                Err(InvalidReason::DuplicateSeat)
            } else {
                Ok(quantity)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{Command, SeatIndex};

    use super::*;
    use crate::model::testing::{
        Script, block_quantity, block_seats, rejected, reserve_general, reserve_seats, short,
        show_id, unavailable,
    };

    #[test]
    fn refuses_in_order() {
        let many: Vec<SeatIndex> = (0..SEATS_PER_BLOCK_MAX).collect();
        let duplicate = block_seats(9, &[0, 99, 0]);
        let mut script = Script::new();
        let mut zone_9 = block_seats(1, &[99]);
        zone_9.zone = 9;
        let mut wrong = block_seats(1, &[99]);
        wrong.zone = 1;
        let unknown_show = Outcome::Rejected(Rejection::UnknownShow);
        let cases = [
            (block_seats(9, &[]), rejected(InvalidReason::NothingAsked)),
            (block_quantity(9, 0), rejected(InvalidReason::NothingAsked)),
            (duplicate, rejected(InvalidReason::DuplicateSeat)),
            (block_seats(9, &many), unknown_show.clone()),
            (block_quantity(9, u32::MAX), unknown_show),
            (zone_9, rejected(InvalidReason::UnknownZone)),
            (wrong, rejected(InvalidReason::WrongAdmission)),
            (
                block_seats(1, &[0, 10]),
                rejected(InvalidReason::UnknownSeat),
            ),
        ];
        for (block, want) in cases {
            assert_eq!(script.run(Command::Block(block.clone())), want);
            assert_eq!(script.run(Command::Unblock(block)), want);
        }
        script.run(Command::CancelShow { show: show_id(1) });
        let cancelled = Outcome::Rejected(Rejection::ShowCancelled);
        assert_eq!(script.run(Command::Block(block_seats(1, &[99]))), cancelled);
    }

    /// A longer list cannot even be decoded, so the rule is met by building one.
    #[test]
    fn a_list_beyond_the_limit_is_too_many() {
        let seats = (0..=SEATS_PER_BLOCK_MAX).collect();
        assert_eq!(
            asked(&BlockPlaces::Seats(seats)),
            Err(InvalidReason::TooMany)
        );
    }

    #[test]
    fn only_free_seats_are_blocked_and_only_blocked_ones_unblocked() {
        let mut script = Script::new();
        script.hold(reserve_seats(1, 1, &[3]));
        let block = |seats: &[SeatIndex]| Command::Block(block_seats(1, seats));
        let unblock = |seats: &[SeatIndex]| Command::Unblock(block_seats(1, seats));
        assert!(matches!(script.run(block(&[1, 2])), Outcome::Blocked(_)));
        assert_eq!(script.run(block(&[3, 0, 2])), unavailable(&[3, 2]));
        assert_eq!(script.run(unblock(&[3, 1, 0])), unavailable(&[3, 0]));
        assert_eq!(
            script.run(reserve_seats(1, 2, &[0, 1])),
            unavailable(&[1]),
            "a blocked seat is not on sale"
        );
        assert!(matches!(script.run(unblock(&[1])), Outcome::Unblocked(_)));
        script.hold(reserve_seats(1, 2, &[0, 1]));
    }

    #[test]
    fn places_are_blocked_by_number() {
        let mut script = Script::new();
        script.hold(reserve_general(1, 1, 4));
        let block = |n| Command::Block(block_quantity(1, n));
        let unblock = |n| Command::Unblock(block_quantity(1, n));
        assert_eq!(script.run(block(7)), short(6));
        assert!(matches!(script.run(block(5)), Outcome::Blocked(_)));
        assert_eq!(script.run(reserve_general(1, 2, 2)), short(1));
        assert_eq!(script.run(unblock(6)), short(5));
        assert!(matches!(script.run(unblock(5)), Outcome::Unblocked(_)));
        script.hold(reserve_general(1, 2, 2));
    }
}
