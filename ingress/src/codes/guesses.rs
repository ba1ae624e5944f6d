//! How many wrong codes an account and a network may try.
//!
//! Each has a bucket that wrong codes fill and time empties. A full one refuses every code, right or
//! wrong, so that nothing is learnt from it; whoever has none to try is not held up. Each ingress counts
//! what it has answered itself, so several allow as many times as much.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use onsale_schemas::UserId;
use parking_lot::Mutex;

use crate::address_blocks::AddressBlock;
use crate::bounded::Bounded;
use crate::clock::Clock;
use crate::error::{ApiError, Code};

/// Wrong codes of one account: so many at once, then so many a minute.
const OF_USER: Limit = Limit {
    name: "codes.wrong_by_account",
    burst: 10,
    per_minute: 1,
};
/// Wrong codes of one network, the buyers of a house or an office together.
const OF_NETWORK: Limit = Limit {
    name: "codes.wrong_by_network",
    burst: 60,
    per_minute: 6,
};
/// Accounts that are counted; the one that was wrong first makes room. About 80 bytes each.
const USERS_MAX: usize = 100_000;
/// Networks that are counted; the one that was wrong first makes room. About 70 bytes each.
const NETWORKS_MAX: usize = 100_000;
/// A wrong code is counted in parts, so that slow emptying is exact: one a minute is a part a millisecond.
const PARTS_PER_CODE: u64 = 60_000;

/// How much is allowed.
#[derive(Clone, Copy)]
struct Limit {
    name: &'static str,
    burst: u32,
    per_minute: u32,
}

/// What is in a bucket, in parts of a code, and since when.
struct Tried {
    parts: u64,
    at_ms: u64,
}

impl Limit {
    /// What is left of it by now.
    fn left(self, tried: &Tried, now_ms: u64) -> u64 {
        let emptied = now_ms
            .saturating_sub(tried.at_ms)
            .saturating_mul(u64::from(self.per_minute));
        tried.parts.saturating_sub(emptied)
    }

    /// Milliseconds until one more may be wrong; `None`: it may.
    fn wait_ms(self, tried: Option<&Tried>, now_ms: u64) -> Option<u64> {
        let full = u64::from(self.burst.saturating_sub(1)) * PARTS_PER_CODE;
        let over = self.left(tried?, now_ms).checked_sub(full)?;
        (over > 0).then(|| over.div_ceil(u64::from(self.per_minute).max(1)))
    }

    fn refusal(self, wait_ms: u64) -> ApiError {
        let seconds = wait_ms.div_ceil(1_000).max(1);
        ApiError::new(
            Code::RateLimited,
            format!("Too many wrong codes were tried lately; try again in {seconds} s."),
        )
        .with_details(serde_json::json!({ "limit": self.name, "max": self.burst }))
        .retry_after(seconds)
    }

    fn count<K: Copy + Eq + Hash>(self, all: &mut Bounded<K, Tried>, key: K, now_ms: u64) {
        let tried = all.get_or_insert_with(key, || Tried {
            parts: 0,
            at_ms: now_ms,
        });
        // What hung about the limit when several were tried at once does not count for hours.
        let full = u64::from(self.burst) * PARTS_PER_CODE;
        tried.parts = self
            .left(tried, now_ms)
            .saturating_add(PARTS_PER_CODE)
            .min(full);
        tried.at_ms = now_ms;
    }
}

/// See the module.
pub(super) struct Guesses {
    is_on: bool,
    clock: Arc<dyn Clock>,
    users: Mutex<Bounded<UserId, Tried>>,
    networks: Mutex<Bounded<AddressBlock, Tried>>,
}

impl Guesses {
    pub(super) fn new(is_on: bool, clock: Arc<dyn Clock>) -> Self {
        Self {
            is_on,
            clock,
            users: Mutex::new(Bounded::new(USERS_MAX)),
            networks: Mutex::new(Bounded::new(NETWORKS_MAX)),
        }
    }

    /// See [`super::Codes::admit`].
    pub(super) fn admit(&self, client: IpAddr, user: Option<UserId>) -> Result<(), ApiError> {
        if !self.is_on {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        if let Some(user) = user
            && let Some(wait_ms) = OF_USER.wait_ms(self.users.lock().get(&user), now_ms)
        {
            return Err(OF_USER.refusal(wait_ms));
        }
        let network = AddressBlock::of(client);
        match OF_NETWORK.wait_ms(self.networks.lock().get(&network), now_ms) {
            Some(wait_ms) => Err(OF_NETWORK.refusal(wait_ms)),
            None => Ok(()),
        }
    }

    /// See [`super::Codes::was_wrong`].
    pub(super) fn was_wrong(&self, client: IpAddr, user: Option<UserId>) {
        if !self.is_on {
            return;
        }
        let now_ms = self.clock.now_ms();
        if let Some(user) = user {
            OF_USER.count(&mut self.users.lock(), user, now_ms);
        }
        let network = AddressBlock::of(client);
        OF_NETWORK.count(&mut self.networks.lock(), network, now_ms);
    }
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

    fn guesses() -> (Guesses, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock(AtomicU64::new(1_000_000)));
        (Guesses::new(true, clock.clone()), clock)
    }

    fn user(number: u64) -> Option<UserId> {
        Some(UserId(uuid::Uuid::from_u64_pair(7, number)))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_account_that_guesses_waits_wherever_it_is_and_nobody_else_does() {
        let (guesses, clock) = guesses();
        for number in 0..OF_USER.burst {
            // From everywhere.
            let client = IpAddr::from([10, 0, u8::try_from(number).unwrap(), 1]);
            assert!(guesses.admit(client, user(1)).is_ok(), "{number}");
            guesses.was_wrong(client, user(1));
        }
        let elsewhere = address("10.9.9.9");
        let refused = guesses.admit(elsewhere, user(1)).unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited);
        assert_eq!(refused.retry_after_seconds(), Some(60));
        assert!(guesses.admit(elsewhere, user(2)).is_ok());
        assert!(guesses.admit(elsewhere, None).is_ok());
        clock.0.fetch_add(60_000, Ordering::SeqCst);
        assert!(guesses.admit(elsewhere, user(1)).is_ok(), "one a minute");
        guesses.was_wrong(elsewhere, user(1));
        assert!(guesses.admit(elsewhere, user(1)).is_err());
        // However many were tried at once, they are forgotten in the same time.
        for _ in 0..1_000 {
            guesses.was_wrong(elsewhere, user(1));
        }
        clock.0.fetch_add(60_000, Ordering::SeqCst);
        assert!(guesses.admit(elsewhere, user(1)).is_ok());
    }

    #[test]
    fn a_network_that_guesses_waits_with_whatever_accounts_and_others_do_not() {
        let (guesses, clock) = guesses();
        let inside = ["10.1.2.3", "::ffff:10.1.2.200"];
        for number in 0..OF_NETWORK.burst {
            let client = address(inside[usize::try_from(number % 2).unwrap()]);
            assert!(guesses.admit(client, user(number.into())).is_ok());
            guesses.was_wrong(client, user(number.into()));
        }
        for client in inside {
            assert!(guesses.admit(address(client), user(1_000)).is_err());
            assert!(guesses.admit(address(client), None).is_err());
        }
        assert!(guesses.admit(address("10.1.3.3"), user(1_000)).is_ok());
        clock.0.fetch_add(10_000, Ordering::SeqCst);
        assert!(
            guesses.admit(address(inside[0]), None).is_ok(),
            "six a minute"
        );
    }

    #[test]
    fn switched_off_it_counts_nothing() {
        let guesses = Guesses::new(false, guesses().1);
        for _ in 0..=OF_NETWORK.burst {
            guesses.was_wrong(address("10.1.2.3"), user(1));
        }
        assert!(guesses.admit(address("10.1.2.3"), user(1)).is_ok());
        assert_eq!(guesses.networks.lock().values_mut().count(), 0);
    }

    #[test]
    fn its_size_is_bounded() {
        let (guesses, _clock) = guesses();
        let last = u64::try_from(USERS_MAX).unwrap();
        for number in 0..=last {
            guesses.was_wrong(address("10.1.2.3"), user(number));
        }
        assert_eq!(guesses.users.lock().values_mut().count(), USERS_MAX);
    }
}
