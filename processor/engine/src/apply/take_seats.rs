//! `TakeSeats`.

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
    /// Takes free or blocked seats, or free places, away for good: all of them or none.
    pub(super) fn take_seats(&mut self, command: SeatBlock, asked: &Asked<'_>) -> Verdict {
        let (seats, quantity) = match command.places {
            BlockPlaces::Seats(seats) => {
                check_list(&seats, SEATS_PER_BLOCK_MAX)?;
                let quantity = u32::try_from(seats.len()).unwrap_or(u32::MAX);
                (seats, quantity)
            }
            BlockPlaces::Quantity(quantity) => {
                check_quantity(quantity, u32::MAX)?;
                (SeatList::new(), quantity)
            }
        };
        let zone = command.zone;
        let slot = self.find_show(&command.show, asked)?;
        let show = self.shows.get(slot);
        if seats.is_empty() {
            check_zone(show, zone, &Places::General)?;
            let available = show.zones[usize::from(zone)].counts.available;
            if quantity > available {
                return Err(Rejection::InsufficientStock {
                    available,
                    not_together: false,
                });
            }
        } else {
            check_zone(show, zone, &Places::Seats(&seats))?;
            let is_lost = |seat| matches!(show.seats.place(seat), Place::Held | Place::Sold);
            check_seats(&seats, is_lost)?;
        }
        self.shows.get_mut(slot).take_away(zone, &seats, quantity);
        Ok(Outcome::SeatsTaken(BlockChange {
            show: command.show,
            zone,
            seats,
            quantity,
        }))
    }
}

#[cfg(test)]
mod tests;
