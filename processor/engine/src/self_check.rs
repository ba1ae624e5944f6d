//! Recomputes everything that the tables store redundantly and compares.

mod bookings;
mod orders;
mod shows;

use std::collections::BTreeMap;

use self::bookings::{bookings, cancelled, ended, expiry, references, unpaid, users};
use self::orders::orders;
use self::shows::{documents, events, seats};
use crate::bookings::Booking;
use crate::partition::Partition;
use crate::state::State;

/// The first contradiction in a partition's tables.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct SelfCheckError(String);

type Checked = Result<(), SelfCheckError>;

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(SelfCheckError(otherwise()))
    }
}

impl Partition {
    /// Checks that bitsets, counters, queues and indexes agree with the bookings. Visits
    /// everything: for tests and for `onsale verify`.
    ///
    /// # Errors
    /// The first contradiction found: a bug in the machine, never something that input can cause.
    pub fn self_check(&self) -> Result<(), SelfCheckError> {
        let state = &self.state;
        bookings(state)?;
        users(state)?;
        let mut by_show: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (slot, booking) in all(state) {
            by_show.entry(booking.show).or_default().push(slot);
        }
        for (slot, show) in (0u32..).zip(state.shows.iter()) {
            seats(state, show, by_show.get(&slot).map_or(&[], Vec::as_slice))?;
        }
        expiry(state)?;
        ended(state)?;
        cancelled(state)?;
        answers(state)?;
        late(state)?;
        events(state)?;
        unpaid(state)?;
        references(state)?;
        documents(state)?;
        orders(state)
    }
}

fn all(state: &State) -> impl Iterator<Item = (u32, &Booking)> {
    state
        .bookings
        .slots()
        .map(|slot| (slot, state.bookings.get(slot)))
}

fn answers(state: &State) -> Checked {
    let mut count = 0;
    let mut last = 0;
    for (head, _) in state.answers.iter() {
        count += 1;
        ensure(head.log_time_ms >= last, || {
            format!("the answer to {} is out of order", head.request_id)
        })?;
        last = head.log_time_ms;
        ensure(state.answers.is_known(&head.request_id), || {
            format!("the answer to {} is not found", head.request_id)
        })?;
    }
    ensure(count == state.answers.len(), || "answers were lost".into())?;
    ensure(u64::from(state.answers.indexed()) <= count, || {
        "more answers are indexed than kept".into()
    })
}

fn late(state: &State) -> Checked {
    let late = state.bookings.reserved_late();
    for (slot, booking) in all(state) {
        let known = late.get(&booking.offset).copied();
        let ends_at_ms = state.bookings.get(slot).expires_at_ms();
        ensure(
            (booking.hold_ms == 0) == known.is_some() && known.is_none_or(|at| at >= ends_at_ms),
            || {
                format!(
                    "booking {} is held for {} ms and was reserved late at {known:?}",
                    booking.offset, booking.hold_ms
                )
            },
        )?;
    }
    let count = all(state).filter(|(_, b)| b.hold_ms == 0).count();
    ensure(late.len() == count, || {
        "bookings reserved late are known that are not in the table".into()
    })
}
