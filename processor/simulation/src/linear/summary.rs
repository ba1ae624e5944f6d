//! What a checked log amounts to.

use std::collections::BTreeMap;

use onsale_schemas::{Offset, Outcome, OutcomeRecord};

use crate::model::{BookingState, Model};

/// Counts of a checked log and of the state at its end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Offset of the first record that was not in the log.
    pub next_offset: Offset,
    /// Records read.
    pub records: u64,
    /// Records that had an outcome.
    pub outcomes: u64,
    /// Of these, outcomes compared with recorded ones.
    pub compared: u64,
    /// Answers that were repeated under an idempotency key, including refused claims of payment
    /// references, which the machine decides each time.
    pub replays: u64,
    /// Holds that ran out.
    pub expired: u64,
    /// Shows at the end.
    pub shows: u64,
    /// Holds alive at the end.
    pub live_holds: u64,
    /// Confirmed bookings at the end.
    pub confirmed: u64,
    /// Refusals by the code that clients see, repeated answers left out.
    pub refusals: BTreeMap<&'static str, u64>,
}

impl Summary {
    /// `is_repeated` says that the refusal was counted the first time.
    pub(super) fn count(&mut self, outcome: Option<&OutcomeRecord>, is_repeated: bool) {
        self.records += 1;
        let Some(record) = outcome else { return };
        self.outcomes += 1;
        self.expired += u64::try_from(record.expired.len()).unwrap_or(u64::MAX);
        if record.replay_of.is_some() || is_repeated {
            self.replays += 1;
        } else if let Outcome::Rejected(rejection) = &record.outcome {
            *self.refusals.entry(rejection.code()).or_insert(0) += 1;
        }
    }

    pub(super) fn at_the_end(mut self, model: &Model) -> Self {
        self.next_offset = model.next_offset();
        self.shows = count(model.shows());
        self.live_holds = count(model.bookings().filter(|b| b.state == BookingState::Held));
        self.confirmed = count(
            model
                .bookings()
                .filter(|b| matches!(b.state, BookingState::Confirmed { .. })),
        );
        self
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}
