//! What must hold between any two records, recomputed from scratch.

mod orders;

use std::collections::{BTreeMap, BTreeSet};

use onsale_schemas::ZoneIndex;

use super::bookings::{Booking, BookingState};
use super::machine::Model;
use super::shows::{Places, Seat, Show, Zone};
use crate::table::Table;

type Check = Result<(), String>;

fn ensure(holds: bool, broken: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(broken()) }
}

impl Model {
    /// Recomputes everything that is counted and looks for contradictions: a seat with two live
    /// holders or with one that is not live, wrong counts, a user over the limit, a hold past its
    /// end without a backlog.
    ///
    /// # Errors
    /// The first contradiction in words.
    pub fn check_invariants(&self) -> Result<(), String> {
        let mut live: BTreeMap<_, Vec<&Booking>> = BTreeMap::new();
        for booking in self.live_bookings() {
            live.entry(booking.show).or_default().push(booking);
        }
        for show in self.shows() {
            let live = live.get(&show.id()).map_or(&[][..], Vec::as_slice);
            check_seats(show, live)?;
            for (index, zone) in (0..).zip(&show.zones) {
                check_zone(show, index, zone, live)?;
            }
            orders::check_phases(show, live)?;
            orders::check_codes(show, live)?;
            for booking in live {
                orders::check_order(show, booking)?;
            }
        }
        for booking in self.bookings() {
            self.check_booking(booking)?;
        }
        self.check_orders()?;
        self.check_users()?;
        self.check_tables()
    }

    fn check_booking(&self, booking: &Booking) -> Check {
        let offset = booking.offset;
        let Some(show) = self.shows.get(booking.show) else {
            return Err(format!("booking {offset} is of an unknown show"));
        };
        for line in &booking.lines {
            let in_zone = match show.zone(line.zone).map(|zone| &zone.places) {
                Some(Places::Seated(_)) => {
                    let known = |&seat: &_| {
                        let was_there = show.rows(line.zone).iter().any(|row| row.has(seat));
                        was_there && (show.has_seat(line.zone, seat) || !booking.is_live())
                    };
                    u32::try_from(line.seats.len()) == Ok(line.quantity)
                        && line.seats.iter().all(known)
                }
                Some(Places::General(_)) => line.seats.is_empty(),
                None => false,
            };
            ensure(in_zone, || {
                format!("booking {offset} does not fit into its zones")
            })?;
        }
        ensure(booking.quantity() > 0 || !booking.is_live(), || {
            format!("booking {offset} lives without a place")
        })?;
        ensure(offset < self.next_offset, || {
            format!("booking {offset} belongs to a future record")
        })?;
        ensure(!(show.cancelled && booking.is_live()), || {
            format!("booking {offset} lives in a cancelled show")
        })
    }

    /// The ordered sets list exactly what the bookings say, and nothing is overdue.
    fn check_orders(&self) -> Check {
        let holds: BTreeSet<_> = self
            .bookings()
            .filter(|booking| booking.state == BookingState::Held)
            .map(|booking| (booking.expires_at_ms, booking.offset))
            .collect();
        ensure(holds == self.bookings.holds, || {
            "the ends of holds are listed wrong".to_owned()
        })?;
        let ended: BTreeSet<_> = self
            .bookings()
            .filter_map(|booking| Some((booking.ended_at_ms()?, booking.offset)))
            .collect();
        ensure(ended == self.bookings.ended, || {
            "the ended bookings are listed wrong".to_owned()
        })?;
        let overdue = self.bookings.first_due(self.now);
        ensure(overdue.is_none() || self.sweep_was_cut, || {
            format!("hold {overdue:?} outlived its end without a backlog")
        })
    }

    fn check_users(&self) -> Check {
        let mut tickets = Table::default();
        for booking in self.live_bookings() {
            *tickets.entry((booking.event, booking.user)).or_insert(0) += booking.quantity();
        }
        ensure(tickets == self.users.tickets, || {
            "tickets per user do not add up".to_owned()
        })?;
        for (key, &count) in &self.users.tickets {
            let limit = self.users.widest_limit.get(&key.0).copied().unwrap_or(0);
            let excused = limit == 0 || self.users.revived.contains(key);
            ensure(excused || count <= u32::from(limit), || {
                format!("{key:?} has {count} tickets, never more than {limit} were allowed")
            })?;
        }
        Ok(())
    }

    fn check_tables(&self) -> Check {
        let within = |len: usize, max: u32| len <= max as usize;
        ensure(within(self.shows.len(), self.limits.shows_max), || {
            "more shows than allowed".to_owned()
        })?;
        ensure(
            within(self.bookings.len(), self.limits.bookings_max),
            || "more bookings than allowed".to_owned(),
        )?;
        let answers = within(self.answers.len(), self.limits.remembered_answers_max);
        ensure(answers && self.answers.is_consistent(), || {
            "the remembered answers are too many or listed wrong".to_owned()
        })
    }
}

/// Every taken seat has one holder that lists it, and every holder has all its seats.
fn check_seats(show: &Show, live: &[&Booking]) -> Check {
    let id = show.id();
    let mut holders = BTreeMap::new();
    for &booking in live {
        for &seat in booking.seats().iter() {
            if let Some(other) = holders.insert(seat, booking) {
                let (a, b) = (other.offset, booking.offset);
                return Err(format!("show {id}: seat {seat} is held by {a} and by {b}"));
            }
        }
    }
    for (seat, state) in (0u32..).zip(&show.seats) {
        let want = match holders.get(&seat) {
            Some(booking) if booking.state == BookingState::Held => Seat::Held(booking.offset),
            Some(booking) => Seat::Sold(booking.offset),
            None if matches!(state, Seat::Blocked | Seat::Taken) => *state,
            None => Seat::Free,
        };
        ensure(*state == want, || {
            format!("show {id}: seat {seat} is {state:?}, its bookings say {want:?}")
        })?;
    }
    Ok(())
}

/// The counts of a zone are those of its bookings.
fn check_zone(show: &Show, index: ZoneIndex, zone: &Zone, live: &[&Booking]) -> Check {
    let id = show.id();
    let (mut held, mut sold) = (0, 0);
    for booking in live {
        for part in booking.parts().iter().filter(|part| part.zone == index) {
            match booking.state {
                BookingState::Held => held += part.quantity,
                _ => sold += part.quantity,
            }
        }
    }
    let counts = show.counts(zone);
    ensure((counts.held, counts.sold) == (held, sold), || {
        format!("show {id} zone {index}: {counts:?}, its bookings add up to {held} and {sold}")
    })?;
    match &zone.places {
        Places::General(general) => {
            let taken =
                u64::from(general.held) + u64::from(general.sold) + u64::from(general.blocked);
            ensure(taken <= u64::from(general.capacity), || {
                format!("show {id} zone {index}: {general:?} is oversold")
            })
        }
        Places::Seated(rows) => rows.iter().try_for_each(|row| {
            let free = show.row(row).iter().filter(|s| **s == Seat::Free).count();
            ensure(free == row.free, || {
                format!("show {id} zone {index}: {row:?} has {free} free seats")
            })
        }),
    }
}

#[cfg(test)]
mod tests;
