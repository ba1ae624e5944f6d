//! Answers remembered under a client's idempotency key.

use std::collections::VecDeque;

use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use onsale_schemas::outcome::Replayed;
use onsale_schemas::{LogTimeMs, Outcome, RequestId};

use crate::table::Table;

/// What is known about a request.
pub(super) enum Lookup {
    /// Never seen, or too long ago.
    Unknown,
    /// Seen with the same body.
    Same { first: Replayed, outcome: Outcome },
    /// Seen with another body.
    OtherBody,
}

#[derive(Clone, Debug)]
struct Answer {
    fingerprint: u64,
    first: Replayed,
    outcome: Outcome,
}

/// The table, and its requests by age.
#[derive(Clone, Default, Debug)]
pub(super) struct Answers {
    by_request: Table<RequestId, Answer>,
    by_age: VecDeque<(LogTimeMs, RequestId)>,
}

impl Answers {
    pub(super) fn len(&self) -> usize {
        self.by_request.len()
    }

    pub(super) fn look_up(&self, request: RequestId, fingerprint: u64) -> Lookup {
        match self.by_request.get(&request) {
            None => Lookup::Unknown,
            Some(answer) if answer.fingerprint == fingerprint => Lookup::Same {
                first: answer.first,
                outcome: answer.outcome.clone(),
            },
            Some(_) => Lookup::OtherBody,
        }
    }

    pub(super) fn remember(
        &mut self,
        request: RequestId,
        fingerprint: u64,
        first: Replayed,
        outcome: Outcome,
    ) {
        self.by_age.push_back((first.log_time_ms, request));
        self.by_request.insert(
            request,
            Answer {
                fingerprint,
                first,
                outcome,
            },
        );
    }

    /// Drops answers that are as old as the window.
    pub(super) fn forget(&mut self, now: LogTimeMs) {
        while let Some(&(at, request)) = self.by_age.front()
            && now.saturating_sub(at) >= IDEMPOTENCY_WINDOW_MS
        {
            self.by_age.pop_front();
            self.by_request.remove(&request);
        }
    }

    /// No answer was given later than now.
    pub(super) fn clamp(&mut self, now: LogTimeMs) {
        for (at, request) in &mut self.by_age {
            *at = now.min(*at);
            if let Some(answer) = self.by_request.get_mut(request) {
                answer.first.log_time_ms = *at;
            }
        }
    }

    /// True when both halves of the table agree.
    pub(super) fn is_consistent(&self) -> bool {
        self.by_age.len() == self.by_request.len()
            && self.by_age.iter().all(|(at, request)| {
                self.by_request
                    .get(request)
                    .is_some_and(|answer| answer.first.log_time_ms == *at)
            })
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::codec;
    use onsale_schemas::command::Command;
    use onsale_schemas::rejection::FullTable;
    use onsale_schemas::{Entry, Envelope, OutcomeRecord, PartitionId, Rejection};

    use super::*;
    use crate::model::testing::{limits, reserve_general, show};
    use crate::model::{Model, ModelLimits};

    fn ask(
        model: &mut Model,
        at: LogTimeMs,
        key: u8,
        body: u64,
        command: Command,
    ) -> OutcomeRecord {
        let envelope = Envelope {
            request_id: Some(RequestId::from_bytes([key; 16])),
            idempotency: Some(body),
            trace: None,
            command,
            by: None,
        };
        let payload = codec::encode(&envelope).unwrap();
        let entry = Entry {
            offset: model.next_offset(),
            log_time_ms: at,
            payload: &payload,
        };
        model.apply(entry).unwrap()
    }

    fn opened(limits: ModelLimits) -> Model {
        let mut model = Model::new(PartitionId(0), limits);
        ask(&mut model, 0, 200, 0, Command::OpenShow(show(1)));
        model
    }

    #[test]
    fn same_key_and_body_get_the_first_answer_and_have_no_effect() {
        let mut model = opened(limits());
        let first = ask(&mut model, 10, 1, 7, reserve_general(1, 1, 2));
        let again = ask(&mut model, 20, 1, 7, reserve_general(1, 1, 2));
        assert_eq!(again.outcome, first.outcome);
        assert_eq!(again.offset, 2);
        let replayed = Replayed {
            offset: 1,
            log_time_ms: 10,
        };
        assert_eq!(again.replay_of, Some(replayed));
        assert_eq!(model.live_bookings().count(), 1);
    }

    #[test]
    fn same_key_with_another_body_is_refused_and_leaves_the_first_answer() {
        let mut model = opened(limits());
        let first = ask(&mut model, 10, 1, 7, reserve_general(1, 1, 2));
        let reused = ask(&mut model, 20, 1, 8, reserve_general(1, 1, 3));
        assert_eq!(
            reused.outcome,
            Outcome::Rejected(Rejection::IdempotencyKeyReused)
        );
        let again = ask(&mut model, 30, 1, 7, reserve_general(1, 1, 2));
        assert_eq!(again.outcome, first.outcome);
    }

    #[test]
    fn an_answer_as_old_as_the_window_is_forgotten() {
        for (age, replayed) in [
            (IDEMPOTENCY_WINDOW_MS - 1, true),
            (IDEMPOTENCY_WINDOW_MS, false),
        ] {
            let mut model = opened(limits());
            ask(&mut model, 10, 1, 7, reserve_general(9, 1, 2));
            let again = ask(&mut model, 10 + age, 1, 7, reserve_general(9, 1, 2));
            assert_eq!(again.replay_of.is_some(), replayed, "age {age}");
        }
    }

    #[test]
    fn a_refusal_is_remembered_unless_it_is_transient() {
        let mut model = opened(ModelLimits {
            bookings_max: 1,
            ..limits()
        });
        ask(&mut model, 10, 1, 1, reserve_general(9, 1, 1));
        assert!(
            ask(&mut model, 10, 1, 1, reserve_general(9, 1, 1))
                .replay_of
                .is_some()
        );
        ask(&mut model, 10, 2, 2, reserve_general(1, 1, 1));
        for _ in 0..2 {
            let full = ask(&mut model, 10, 3, 3, reserve_general(1, 1, 1));
            let table = FullTable::Bookings;
            assert_eq!(full.outcome, Outcome::Rejected(Rejection::Full { table }));
            assert_eq!(full.replay_of, None);
        }
    }

    #[test]
    fn a_full_table_refuses_before_the_command_runs() {
        let mut model = opened(ModelLimits {
            remembered_answers_max: 1,
            ..limits()
        });
        let full = ask(&mut model, 10, 1, 1, reserve_general(1, 1, 1));
        let table = FullTable::Idempotency;
        assert_eq!(full.outcome, Outcome::Rejected(Rejection::Full { table }));
        assert_eq!(model.bookings().count(), 0);
        let same = ask(&mut model, 10, 200, 0, Command::OpenShow(show(1)));
        assert!(same.replay_of.is_some(), "what is known is still answered");
    }
}
