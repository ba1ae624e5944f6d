//! Impatient clients: every reservation is sent several times under one idempotency key, some of
//! the repeats while the first is still in flight. All granted answers of a key must name one
//! booking.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;

use super::{CAPACITY_LARGE, SHOWS_SPREAD, body};
use crate::answer::Answer;
use crate::draft::{Draft, Who};
use crate::scenario::{Finding, Scenario, Stage};
use crate::world::WorldSize;

/// Repeats of every request.
const REPEATS: u32 = 3;
/// Most requests with repeats to come; beyond this no new one is created.
const WAITING: usize = 64;
/// Keys whose booking is remembered; older ones are forgotten.
const REMEMBERED_MAX: usize = 200_000;

pub(crate) fn world_size() -> WorldSize {
    WorldSize::general(SHOWS_SPREAD, CAPACITY_LARGE)
}

#[derive(Clone, Copy)]
struct Repeat {
    number: u64,
    who: Who,
    left: u32,
}

pub(crate) struct RetryStorm {
    stage: Stage,
    repeats: VecDeque<Repeat>,
    bookings: HashMap<u64, String>,
    order: VecDeque<u64>,
    looked: u64,
    broken: u64,
    example: Option<String>,
}

impl RetryStorm {
    pub(crate) fn new(stage: Stage) -> Self {
        Self {
            stage,
            repeats: VecDeque::new(),
            bookings: HashMap::new(),
            order: VecDeque::new(),
            looked: 0,
            broken: 0,
            example: None,
        }
    }

    fn fill(&self, draft: &mut Draft, who: Who, number: u64) {
        let shows = &self.stage.world.shows;
        let at = usize::try_from(number).unwrap_or(0) % shows.len().max(1);
        if let Some(show) = shows.get(at)
            && let Some(zone) = show.general().or_else(|| show.seated())
        {
            body::reserve_quantity(draft, who, show, zone, 1);
            draft.tag = number;
            // Writing into a String cannot fail.
            let _ = write!(draft.key, "storm-{number}");
        }
    }
}

impl Scenario for RetryStorm {
    fn next(&mut self, draft: &mut Draft) {
        // One new request for this many repeats.
        let many = self.repeats.len() > WAITING;
        if (many || self.stage.random.below(u64::from(REPEATS) + 1) > 0)
            && let Some(mut repeat) = self.repeats.pop_front()
        {
            self.fill(draft, repeat.who, repeat.number);
            repeat.left -= 1;
            if repeat.left > 0 {
                self.repeats.push_back(repeat);
            }
            return;
        }
        let who = self.stage.user();
        let number = self.stage.number();
        self.fill(draft, who, number);
        self.repeats.push_back(Repeat {
            number,
            who,
            left: REPEATS,
        });
    }

    fn answered(&mut self, draft: &Draft, answer: Option<&Answer<'_>>) {
        let Some(answer) = answer.filter(|answer| answer.status == 201) else {
            return;
        };
        let booking = answer.text("booking_id").unwrap_or_default();
        self.looked += 1;
        match self.bookings.get(&draft.tag) {
            Some(first) if first != booking => {
                self.broken += 1;
                self.example
                    .get_or_insert_with(|| format!("{}: {first} and {booking}", draft.key));
            }
            Some(_) => {}
            None => {
                self.bookings.insert(draft.tag, booking.to_owned());
                self.order.push_back(draft.tag);
                if self.order.len() > REMEMBERED_MAX
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.bookings.remove(&oldest);
                }
            }
        }
    }

    fn findings(&mut self) -> Vec<Finding> {
        vec![Finding {
            promise: "one booking for an idempotency key",
            looked: self.looked,
            broken: self.broken,
            example: self.example.take(),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::testing;

    fn granted(body: &'static str) -> Answer<'static> {
        Answer {
            status: 201,
            body: body.as_bytes(),
            retry_after: false,
            replayed: false,
            close: false,
        }
    }

    #[test]
    fn every_request_is_repeated_to_the_letter() {
        let mut storm = RetryStorm::new(testing::stage(&world_size(), 0, 1));
        let mut sent: HashMap<String, Vec<(String, Who)>> = HashMap::new();
        for _ in 0..4_000 {
            let mut draft = Draft::default();
            storm.next(&mut draft);
            sent.entry(draft.key)
                .or_default()
                .push((draft.body, draft.who));
        }
        let whole = sent.values().filter(|sent| sent.len() == 4).count();
        assert!(whole > 900, "{whole}");
        assert!(
            sent.values()
                .all(|sent| sent.len() <= 4 && sent.iter().all(|one| one == &sent[0]))
        );
    }

    #[test]
    fn two_bookings_for_a_key_are_found() {
        let mut storm = RetryStorm::new(testing::stage(&world_size(), 0, 1));
        let mut draft = Draft::default();
        storm.next(&mut draft);
        storm.answered(&draft, Some(&granted(r#"{"booking_id":"a"}"#)));
        storm.answered(&draft, Some(&granted(r#"{"booking_id":"a"}"#)));
        assert_eq!(storm.findings()[0].broken, 0);
        storm.answered(&draft, Some(&granted(r#"{"booking_id":"b"}"#)));
        let finding = &storm.findings()[0];
        assert_eq!((finding.looked, finding.broken), (3, 1));
        assert!(finding.example.as_ref().unwrap().contains("a and b"));
    }
}
