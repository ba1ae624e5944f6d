//! Whether as many calls are remembered as are room for, looked at now and then.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use onsale_store::{Store, StoreError};

/// How long what was seen is good, in milliseconds. Meanwhile as many are added as the limits of calls allow.
const LOOK_EVERY_MS: u64 = 60_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct AnswerCount {
    /// When it was looked at, in milliseconds since 1970; 0: never.
    looked_at_ms: AtomicU64,
    is_full: AtomicBool,
}

impl AnswerCount {
    /// Whether the calls that are remembered are `max` or more.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub(crate) async fn is_full(
        &self,
        store: &Store,
        max: u32,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        if self.is_due(now_ms) {
            let count = store.count_account_answers(max).await?;
            self.is_full.store(count >= max, Ordering::Release);
        }
        Ok(self.is_full.load(Ordering::Acquire))
    }

    /// Whether it is to be looked at: of several at once, for one of them.
    fn is_due(&self, now_ms: u64) -> bool {
        let looked_at_ms = self.looked_at_ms.load(Ordering::Acquire);
        if now_ms.abs_diff(looked_at_ms) < LOOK_EVERY_MS {
            return false;
        }
        let taken = self.looked_at_ms.compare_exchange(
            looked_at_ms,
            now_ms,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_at_once_a_minute_whichever_way_the_clock_goes() {
        let count = AnswerCount::default();
        let start_ms = 10 * LOOK_EVERY_MS;
        for (now_ms, is_due) in [
            (start_ms, true),
            (start_ms, false),
            (start_ms + LOOK_EVERY_MS - 1, false),
            (start_ms + LOOK_EVERY_MS, true),
            (start_ms + 1, false),
            (start_ms, true),
        ] {
            assert_eq!(count.is_due(now_ms), is_due, "{now_ms}");
        }
    }
}
