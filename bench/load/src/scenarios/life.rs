//! Whole lives: a booking is confirmed, cancelled, or left until its hold expires.

use std::collections::VecDeque;

use super::{CAPACITY_LARGE, SHOWS_SPREAD, body};
use crate::answer::Answer;
use crate::draft::{Draft, Op, Who};
use crate::scenario::{Scenario, Stage};
use crate::world::WorldSize;

/// Holds expire after this many seconds, so that a short run sees many of them expire.
const HOLD_S: u32 = 5;
/// How many of a hundred bookings are confirmed, and how many cancelled; the rest expire.
const CONFIRMED: u64 = 60;
const CANCELLED: u64 = 25;
/// Bookings waiting for their next step; further ones expire.
const WAITING_MAX: usize = 100_000;

pub(crate) fn world_size() -> WorldSize {
    WorldSize {
        hold_s: HOLD_S,
        general: CAPACITY_LARGE,
        ..WorldSize::seated(SHOWS_SPREAD, 20_000, 50)
    }
}

struct Step {
    booking: String,
    who: Who,
    places: u32,
    confirm: bool,
}

pub(crate) struct Life {
    stage: Stage,
    steps: VecDeque<Step>,
    reserve: bool,
    confirmed: usize,
}

impl Life {
    pub(crate) fn new(stage: Stage) -> Self {
        Self {
            stage,
            steps: VecDeque::new(),
            reserve: false,
            confirmed: 0,
        }
    }
}

impl Scenario for Life {
    fn next(&mut self, draft: &mut Draft) {
        // A reservation and a next step in turn, as long as there are steps to take.
        self.reserve = !self.reserve;
        if !self.reserve
            && let Some(step) = self.steps.pop_front()
        {
            if step.confirm {
                body::confirm(draft, &step.booking, self.confirmed);
                self.confirmed = self.confirmed.wrapping_add(1);
            } else {
                body::cancel(draft, step.who, &step.booking, step.places);
            }
            return;
        }
        let who = self.stage.user();
        let number = usize::try_from(self.stage.number()).unwrap_or(0);
        let shows = &self.stage.world.shows;
        let Some(show) = shows.get(number % shows.len().max(1)) else {
            return;
        };
        let seated = show.seated().filter(|_| self.stage.random.below(2) == 0);
        if let Some(zone) = seated.or_else(|| show.general()).or_else(|| show.seated()) {
            body::reserve_quantity(draft, who, show, zone, 2);
        }
    }

    fn answered(&mut self, draft: &Draft, answer: Option<&Answer<'_>>) {
        let Some(answer) = answer else { return };
        if draft.op != Op::Reserve || answer.status != 201 || self.steps.len() >= WAITING_MAX {
            return;
        }
        let fate = self.stage.random.below(100);
        if fate >= CONFIRMED + CANCELLED {
            return;
        }
        if let Some(booking) = answer.text("booking_id") {
            self.steps.push_back(Step {
                booking: booking.to_owned(),
                who: draft.who,
                places: draft.places,
                confirm: fate < CONFIRMED,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::testing;

    #[test]
    fn a_booking_goes_on_where_it_was_granted() {
        let mut life = Life::new(testing::stage(&world_size(), 0, 1));
        let mut seen = [0u32; 2];
        for _ in 0..1_000 {
            let mut draft = Draft::default();
            life.next(&mut draft);
            match draft.op {
                Op::Confirm => {
                    seen[0] += 1;
                    assert_eq!(draft.path, "/api/v1/bookings/b-1/confirm");
                }
                Op::Cancel => {
                    seen[1] += 1;
                    assert_eq!(draft.places, 2);
                    assert!(matches!(draft.who, Who::User(_)));
                }
                _ => {}
            }
            let answer = Answer {
                status: 201,
                body: br#"{"booking_id":"b-1"}"#,
                retry_after: false,
                replayed: false,
                close: false,
            };
            life.answered(&draft, Some(&answer));
        }
        assert!(seen[0] > seen[1] && seen[1] > 50, "{seen:?}");
    }
}
