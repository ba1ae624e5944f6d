//! To whom events are sold: to buyers with a verified address alone, to those who say that they are of an age.
//!
//! These are settings of the event, and no matter of the order in which requests come: the log knows nothing of
//! addresses and ages, and this is compared before it. A reservation must not wait for the database, so what was
//! read is remembered for some seconds, and for longer while the database is away.

use std::time::{Duration, Instant};

use onsale_schemas::EventId;
use onsale_store::catalog::EventRow;
use parking_lot::Mutex;

use crate::bounded::Bounded;
use crate::error::ApiError;
use crate::state::IngressState;

/// For how long what was read counts, and so how soon a change counts on other nodes.
const KNOWN_FOR: Duration = Duration::from_secs(5);
/// Events that are remembered; about 60 bytes each.
const EVENTS_MAX: usize = 65_536;

/// See the module.
pub(crate) struct SoldTo(Mutex<Bounded<EventId, Read>>);

/// What an event asks of its buyers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Asks {
    /// An account with a verified address.
    pub(crate) verified_account: bool,
    /// To confirm that they have this age, in years; 0 where nothing is asked.
    pub(crate) minimum_age: u8,
}

impl Asks {
    fn of(event: &EventRow) -> Self {
        Self {
            verified_account: event.requires_verified_account,
            minimum_age: event.minimum_age.unwrap_or(0),
        }
    }
}

/// What was read of an event.
#[derive(Clone, Copy)]
struct Read {
    asks: Asks,
    at: Instant,
}

/// What is known of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    Fresh(Asks),
    /// It is to be read again, by this one; others take it for fresh meanwhile.
    Stale(Asks),
    Nothing,
}

impl SoldTo {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Bounded::new(EVENTS_MAX)))
    }

    /// Notes what was read of an event.
    pub(crate) fn note(&self, event: &EventRow) {
        self.note_at(event.event_id, Asks::of(event), Instant::now());
    }

    fn note_at(&self, event: EventId, asks: Asks, at: Instant) {
        let read = Read { asks, at };
        *self.0.lock().get_or_insert_with(event, || read) = read;
    }

    /// What is known at `now`.
    fn known(&self, event: EventId, now: Instant) -> Known {
        match self.0.lock().get_mut(&event) {
            None => Known::Nothing,
            Some(read) if now.saturating_duration_since(read.at) < KNOWN_FOR => {
                Known::Fresh(read.asks)
            }
            Some(read) => {
                read.at = now;
                Known::Stale(read.asks)
            }
        }
    }

    /// What an event asks of its buyers.
    ///
    /// # Errors
    /// When it is not known and the database cannot say.
    pub(crate) async fn asks(state: &IngressState, event: EventId) -> Result<Asks, ApiError> {
        let before = match state.sold_to.known(event, Instant::now()) {
            Known::Fresh(asks) => return Ok(asks),
            Known::Stale(asks) => Some(asks),
            Known::Nothing => None,
        };
        // What is remembered is everybody's.
        match state.installation.event(event).await {
            Ok(Some(row)) => {
                state.sold_to.note(&row);
                Ok(Asks::of(&row))
            }
            // The catalog was lost or set back; what was known of it holds until it is there again.
            Ok(None) => Ok(before.unwrap_or_default()),
            Err(error) => match before {
                Some(asks) => {
                    tracing::warn!(%event, %error, "what it asks of its buyers is as it was");
                    Ok(asks)
                }
                None => Err(error.into()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_read_again_by_one_after_some_seconds() {
        let events = SoldTo::new();
        let event = EventId::from_bytes([1; 16]);
        let begin = Instant::now();
        let (first, second) = (
            Asks {
                verified_account: true,
                minimum_age: 0,
            },
            Asks {
                verified_account: false,
                minimum_age: 18,
            },
        );
        assert_eq!(events.known(event, begin), Known::Nothing);
        events.note_at(event, first, begin);
        assert_eq!(events.known(event, begin), Known::Fresh(first));
        let later = begin + KNOWN_FOR;
        assert_eq!(events.known(event, later), Known::Stale(first));
        assert_eq!(events.known(event, later), Known::Fresh(first), "one reads");
        events.note_at(event, second, later);
        assert_eq!(events.known(event, later), Known::Fresh(second));
    }
}
