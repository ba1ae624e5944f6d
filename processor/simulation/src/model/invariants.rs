//! What must hold between any two records, recomputed from scratch.

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
        let places = show.zone(booking.zone).map(|zone| &zone.places);
        let in_zone = match places {
            Some(Places::Seated(rows)) => {
                u32::try_from(booking.seats.len()) == Ok(booking.quantity)
                    && booking
                        .seats
                        .iter()
                        .all(|&seat| rows.iter().any(|row| row.has(seat)))
            }
            Some(Places::General(_)) => booking.seats.is_empty(),
            None => false,
        };
        ensure(in_zone && booking.quantity > 0, || {
            format!("booking {offset} does not fit into its zone")
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
            *tickets.entry((booking.event, booking.user)).or_insert(0) += booking.quantity;
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
        for &seat in booking.seats.iter() {
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
            None if *state == Seat::Blocked => Seat::Blocked,
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
    for booking in live.iter().filter(|booking| booking.zone == index) {
        match booking.state {
            BookingState::Held => held += booking.quantity,
            _ => sold += booking.quantity,
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
mod tests {
    use super::*;
    use crate::model::testing::{Script, reserve_general, reserve_seats, user};

    type Damage = fn(&mut Model);

    /// Each damage must be named, otherwise the check cannot fail.
    #[test]
    fn every_damage_is_found() {
        let damages: &[(Damage, &str)] = &[
            (
                |model| model.show_mut().set_seat(0, 3, Seat::Free),
                "its bookings say Held",
            ),
            (
                |model| model.show_mut().set_seat(0, 9, Seat::Sold(1)),
                "its bookings say Free",
            ),
            (
                |model| {
                    let mut twin = model.bookings.get(1).unwrap().clone();
                    twin.offset = 2;
                    model.bookings.insert(twin);
                },
                "is held by 1 and by 2",
            ),
            (
                |model| model.show_mut().general_mut(1).unwrap().held = 0,
                "its bookings add up to",
            ),
            (
                |model| model.show_mut().general_mut(1).unwrap().blocked = 11,
                "oversold",
            ),
            (
                |model| {
                    let Places::Seated(rows) = &mut model.show_mut().zones[0].places else {
                        panic!()
                    };
                    rows[0].free += 1;
                },
                "free seats",
            ),
            (|model| model.show_mut().cancelled = true, "cancelled show"),
            (
                |model| model.now = 10_000_000,
                "outlived its end without a backlog",
            ),
            (
                |model| {
                    model.bookings.holds.pop_first();
                },
                "the ends of holds",
            ),
            (
                |model| {
                    model.bookings.ended.insert((5, 5));
                },
                "the ended bookings",
            ),
            (
                |model| model.users.tickets.clear(),
                "tickets per user do not add up",
            ),
            (
                |model| {
                    model.users.widest_limit.values_mut().for_each(|l| *l = 1);
                },
                "never more than 1",
            ),
            (|model| model.limits.bookings_max = 1, "more bookings"),
            (|model| model.limits.shows_max = 0, "more shows"),
        ];
        for (damage, want) in damages {
            let mut script = Script::new();
            script.hold(reserve_seats(1, 1, &[3, 4]));
            script.hold(reserve_general(1, 2, 2));
            damage(&mut script.model);
            let found = script.model.check_invariants().expect_err(want);
            assert!(found.contains(want), "{found:?} should say {want:?}");
        }
    }

    #[test]
    fn a_late_confirm_excuses_its_user_from_the_limit() {
        let mut script = Script::new();
        let event = script.model.show_mut().event();
        script.hold(reserve_seats(1, 1, &[3, 4]));
        script.model.users.note_limit(event, 1);
        script.model.users.widest_limit.insert(event, 1);
        assert!(script.model.check_invariants().is_err());
        script.model.users.revived.insert((event, user(1)));
        assert_eq!(script.model.check_invariants(), Ok(()));
    }

    impl Model {
        fn show_mut(&mut self) -> &mut Show {
            self.shows
                .get_mut(crate::model::testing::show_id(1))
                .unwrap()
        }
    }
}
