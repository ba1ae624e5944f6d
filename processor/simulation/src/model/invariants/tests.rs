//! Every damage is named.

use super::*;
use crate::model::testing::{Script, reserve_general, reserve_seats, user};

type Damage = fn(&mut Model);

/// Each damage must be named, otherwise the check cannot fail.
#[test]
fn every_damage_is_found() {
    let damages: &[(Damage, &str)] = &[
        (
            |model| model.first_show().set_seat(0, 3, Seat::Free),
            "its bookings say Held",
        ),
        (
            |model| model.first_show().set_seat(0, 9, Seat::Sold(1)),
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
            |model| model.first_show().general_mut(1).unwrap().held = 0,
            "its bookings add up to",
        ),
        (
            |model| model.first_show().general_mut(1).unwrap().blocked = 11,
            "oversold",
        ),
        (
            |model| {
                let Places::Seated(rows) = &mut model.first_show().zones[0].places else {
                    panic!()
                };
                rows[0].free += 1;
            },
            "free seats",
        ),
        (
            |model| model.first_show().cancelled = true,
            "cancelled show",
        ),
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
    let event = script.model.first_show().event();
    script.hold(reserve_seats(1, 1, &[3, 4]));
    script.model.users.note_limit(event, 1);
    script.model.users.widest_limit.insert(event, 1);
    assert!(script.model.check_invariants().is_err());
    script.model.users.revived.insert((event, user(1)));
    assert_eq!(script.model.check_invariants(), Ok(()));
}

impl Model {
    fn first_show(&mut self) -> &mut Show {
        self.shows
            .get_mut(crate::model::testing::show_id(1))
            .unwrap()
    }
}
