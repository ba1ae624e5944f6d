//! How many new idempotency keys a buyer may use: each is remembered for a day.

use std::sync::Arc;

use onsale_schemas::UserId;
use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use parking_lot::Mutex;

use crate::bounded::Bounded;
use crate::clock::Clock;
use crate::config::RateLimitConfig;
use crate::error::{ApiError, Code};

/// Users that are counted; the oldest one makes room. About 80 bytes each.
const USERS_MAX: usize = 100_000;

/// See the module.
pub(crate) struct KeyQuotas {
    per_user_max: u32,
    clock: Arc<dyn Clock>,
    users: Mutex<Bounded<UserId, Used>>,
}

struct Used {
    since_ms: u64,
    keys: u32,
}

impl KeyQuotas {
    pub(crate) fn new(config: &RateLimitConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            per_user_max: if config.enabled {
                config.idempotency_keys_per_day
            } else {
                u32::MAX
            },
            clock,
            users: Mutex::new(Bounded::new(USERS_MAX)),
        }
    }

    /// Counts a key of the user before it is known whether it is new: a client that disconnects
    /// meanwhile has used it.
    ///
    /// # Errors
    /// `RATE_LIMITED` to a user who has used up a day's keys.
    pub(crate) fn take(&self, user: UserId) -> Result<(), ApiError> {
        let now_ms = self.clock.now_ms();
        let mut users = self.users.lock();
        if let Some(used) = users.get(&user) {
            let ends_ms = used.since_ms.saturating_add(IDEMPOTENCY_WINDOW_MS);
            if used.keys >= self.per_user_max && now_ms < ends_ms {
                return Err(refusal(self.per_user_max, ends_ms - now_ms));
            }
        }
        count(&mut users, user, now_ms);
        Ok(())
    }

    /// Counts a key that is known to have been used before.
    pub(crate) fn take_again(&self, user: UserId) {
        let now_ms = self.clock.now_ms();
        count(&mut self.users.lock(), user, now_ms);
    }

    /// The key was already remembered, or nothing was submitted under it.
    pub(crate) fn give_back(&self, user: UserId) {
        if let Some(used) = self.users.lock().get_mut(&user) {
            used.keys = used.keys.saturating_sub(1);
        }
    }

    /// How many new keys anyone may use within a day.
    pub(crate) fn per_user_max(&self) -> u32 {
        self.per_user_max
    }
}

/// Refuses a key of who has used up a day's `max`.
pub(crate) fn refusal(max: u32, wait_ms: u64) -> ApiError {
    ApiError::new(
        Code::RateLimited,
        format!(
            "You have used {max} idempotency keys within 24 hours, which is the maximum. \
             Repeat requests under their own keys, or leave the key out where repeating does \
             no harm."
        ),
    )
    .with_details(serde_json::json!({ "limit": "idempotency_keys_per_day", "max": max }))
    .retry_after(wait_ms.div_ceil(1_000))
}

fn count(users: &mut Bounded<UserId, Used>, user: UserId, now_ms: u64) {
    let begin = || Used {
        since_ms: now_ms,
        keys: 0,
    };
    let used = users.get_or_insert_with(user, begin);
    if now_ms >= used.since_ms.saturating_add(IDEMPOTENCY_WINDOW_MS) {
        *used = begin();
    }
    used.keys = used.keys.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct ManualClock(AtomicU64);

    impl Clock for ManualClock {
        fn now_ms(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }

    fn keys(idempotency_keys_per_day: u32) -> RateLimitConfig {
        RateLimitConfig {
            idempotency_keys_per_day,
            ..RateLimitConfig::default()
        }
    }

    fn user(n: u64) -> UserId {
        UserId(uuid::Uuid::from_u64_pair(0, n))
    }

    #[test]
    fn a_days_keys_are_counted_by_user_and_begin_anew() {
        let clock = Arc::new(ManualClock(AtomicU64::new(1_000)));
        let quotas = KeyQuotas::new(&keys(2), clock.clone());
        for _ in 0..2 {
            assert!(quotas.take(user(1)).is_ok());
        }
        let refused = quotas.take(user(1)).unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited);
        assert_eq!(refused.retry_after_seconds(), Some(86_400));
        assert!(quotas.take(user(2)).is_ok());
        quotas.give_back(user(1));
        assert!(quotas.take(user(1)).is_ok(), "it was a known key");
        assert!(quotas.take(user(1)).is_err());
        quotas.take_again(user(1));
        quotas.give_back(user(1));
        assert!(quotas.take(user(1)).is_err(), "a known key gives none back");
        clock.0.fetch_add(IDEMPOTENCY_WINDOW_MS, Ordering::SeqCst);
        for _ in 0..2 {
            assert!(quotas.take(user(1)).is_ok());
        }
    }

    #[test]
    fn its_size_is_bounded() {
        let quotas = KeyQuotas::new(&keys(1), Arc::new(ManualClock(AtomicU64::new(0))));
        for n in 0..=u64::try_from(USERS_MAX).unwrap() {
            assert!(quotas.take(user(n)).is_ok());
        }
        let last = u64::try_from(USERS_MAX).unwrap();
        assert!(quotas.take(user(last)).is_err());
        assert!(quotas.take(user(0)).is_ok(), "the oldest is forgotten");
    }
}
