//! Jobs that the clock enqueues.

use std::time::Duration;

use onsale_store::job::NewJob;
use onsale_store::{Store, StoreError};

/// A job that is enqueued periodically. Time is divided into slots of `every`, and a slot has one
/// job, however many workers enqueue it: its key is the slot. A slot in which no worker ran is
/// skipped, not caught up on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// The kind, which takes no payload.
    pub kind: &'static str,
    /// How often.
    pub every: Duration,
    /// How many attempts it has before it is left to an operator.
    pub attempts_max: u16,
}

impl Schedule {
    /// The job of the slot that a moment is in.
    fn job_at(&self, now_ms: u64) -> NewJob {
        let every_ms = u64::try_from(self.every.as_millis()).map_or(u64::MAX, |every| every.max(1));
        let slot = now_ms / every_ms;
        NewJob {
            kind: self.kind,
            key: format!("every {every_ms} ms, number {slot}"),
            payload: "null".to_owned(),
            delay_ms: 0,
            attempts_max: self.attempts_max,
        }
    }

    /// Enqueues the job of this slot unless it is there; true when it is new.
    pub(crate) async fn enqueue(&self, store: &Store) -> Result<bool, StoreError> {
        let now_ms = store.clock_ms().await?;
        store.enqueue_job(&self.job_at(now_ms)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_one_key() {
        let hourly = Schedule {
            kind: "x",
            every: Duration::from_secs(3_600),
            attempts_max: 3,
        };
        let key = |now_ms| hourly.job_at(now_ms).key;
        assert_eq!(key(3_600_000), key(7_199_999));
        assert_ne!(key(3_599_999), key(3_600_000));
    }
}
