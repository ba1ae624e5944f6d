//! Events of which only buyers with a verified address reserve.
//!
//! It is a setting of the event, and no matter of the order in which requests come: the log knows nothing of
//! addresses, and this is compared before it. A reservation must not wait for the database, so what was read
//! is remembered for some seconds, and for longer while the database is away.

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
pub(crate) struct VerifiedOnly(Mutex<Bounded<EventId, Read>>);

/// What was read of an event.
#[derive(Clone, Copy)]
struct Read {
    is_required: bool,
    at: Instant,
}

/// What is known of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    Fresh(bool),
    /// It is to be read again, by this one; others take it for fresh meanwhile.
    Stale(bool),
    Nothing,
}

impl VerifiedOnly {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Bounded::new(EVENTS_MAX)))
    }

    /// Notes what was read of an event.
    pub(crate) fn note(&self, event: &EventRow) {
        self.note_at(
            event.event_id,
            event.requires_verified_account,
            Instant::now(),
        );
    }

    fn note_at(&self, event: EventId, is_required: bool, at: Instant) {
        let read = Read { is_required, at };
        *self.0.lock().get_or_insert_with(event, || read) = read;
    }

    /// What is known at `now`.
    fn known(&self, event: EventId, now: Instant) -> Known {
        match self.0.lock().get_mut(&event) {
            None => Known::Nothing,
            Some(read) if now.saturating_duration_since(read.at) < KNOWN_FOR => {
                Known::Fresh(read.is_required)
            }
            Some(read) => {
                read.at = now;
                Known::Stale(read.is_required)
            }
        }
    }

    /// Whether an event takes a verified address.
    ///
    /// # Errors
    /// When it is not known and the database cannot say.
    pub(crate) async fn is_required(
        state: &IngressState,
        event: EventId,
    ) -> Result<bool, ApiError> {
        let before = match state.verified_only.known(event, Instant::now()) {
            Known::Fresh(is_required) => return Ok(is_required),
            Known::Stale(is_required) => Some(is_required),
            Known::Nothing => None,
        };
        // What is remembered is everybody's.
        match state.installation.event(event).await {
            Ok(Some(row)) => {
                state.verified_only.note(&row);
                Ok(row.requires_verified_account)
            }
            // The catalog was lost or set back; what was known of it holds until it is there again.
            Ok(None) => Ok(before.unwrap_or(false)),
            Err(error) => match before {
                Some(is_required) => {
                    tracing::warn!(%event, %error, "whether it takes verified accounts is as it was");
                    Ok(is_required)
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
        let events = VerifiedOnly::new();
        let event = EventId::from_bytes([1; 16]);
        let begin = Instant::now();
        assert_eq!(events.known(event, begin), Known::Nothing);
        events.note_at(event, true, begin);
        assert_eq!(events.known(event, begin), Known::Fresh(true));
        let later = begin + KNOWN_FOR;
        assert_eq!(events.known(event, later), Known::Stale(true));
        assert_eq!(events.known(event, later), Known::Fresh(true), "one reads");
        events.note_at(event, false, later);
        assert_eq!(events.known(event, later), Known::Fresh(false));
    }
}
