//! How many wrong codes an account and a network may try.
//!
//! Each has a bucket that wrong codes fill and time empties. A full one refuses every code, right or
//! wrong, so that nothing is learnt from it; whoever has none to try is not held up. Each ingress counts
//! what it has answered itself, so several allow as many times as much.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
/// When whoever comes while others wait for their answers may try again.
const ANSWERED_WITHIN_MS: u64 = 1_000;

/// How much is allowed.
#[derive(Clone, Copy)]
struct Limit {
    name: &'static str,
    burst: u32,
    per_minute: u32,
}

/// What is in a bucket.
struct Tried {
    /// Wrong codes, in parts of one, as of `at_ms`.
    parts: u64,
    at_ms: u64,
    /// Codes of which nobody knows yet whether they are right. They count as if they were wrong, so that those who
    /// try many at once are told of no more than who tries one after the other.
    asked: u32,
}

impl Limit {
    /// What is left of the wrong ones by now.
    fn left(self, tried: &Tried, now_ms: u64) -> u64 {
        let emptied = now_ms
            .saturating_sub(tried.at_ms)
            .saturating_mul(u64::from(self.per_minute));
        tried.parts.saturating_sub(emptied)
    }

    /// Milliseconds until one more may be wrong; `None`: it may.
    fn wait_ms(self, tried: Option<&Tried>, now_ms: u64) -> Option<u64> {
        let tried = tried?;
        let full = u64::from(self.burst.saturating_sub(1)) * PARTS_PER_CODE;
        let wrong = self.left(tried, now_ms);
        if let Some(over) = wrong.checked_sub(full).filter(|over| *over > 0) {
            return Some(over.div_ceil(u64::from(self.per_minute).max(1)));
        }
        let all = wrong.saturating_add(u64::from(tried.asked) * PARTS_PER_CODE);
        (all > full).then_some(ANSWERED_WITHIN_MS)
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

    /// One more is asked for.
    fn ask<K: Copy + Eq + Hash>(all: &mut Bounded<K, Tried>, key: K, now_ms: u64) {
        let tried = all.get_or_insert_with(key, || Tried::none(now_ms));
        tried.asked = tried.asked.saturating_add(1);
    }

    /// One that was asked for is known to be wrong, or it is of no matter any more.
    fn settle<K: Copy + Eq + Hash>(
        self,
        all: &mut Bounded<K, Tried>,
        key: K,
        is_wrong: bool,
        now_ms: u64,
    ) {
        if !is_wrong {
            if let Some(tried) = all.get_mut(&key) {
                tried.asked = tried.asked.saturating_sub(1);
            }
            return;
        }
        let tried = all.get_or_insert_with(key, || Tried::none(now_ms));
        tried.asked = tried.asked.saturating_sub(1);
        // Nothing is forgiven: admission bounds it.
        tried.parts = self.left(tried, now_ms).saturating_add(PARTS_PER_CODE);
        tried.at_ms = now_ms;
    }
}

impl Tried {
    fn none(now_ms: u64) -> Self {
        Self {
            parts: 0,
            at_ms: now_ms,
            asked: 0,
        }
    }
}

/// A network, and whether those of its guesses are meant that come with an account: who has none cannot keep
/// those who have one from using their codes.
type Network = (AddressBlock, bool);

/// See the module.
pub(super) struct Guesses {
    is_on: bool,
    clock: Arc<dyn Clock>,
    users: Mutex<Bounded<UserId, Tried>>,
    networks: Mutex<Bounded<Network, Tried>>,
}

/// A code that is tried. It counts as a wrong one unless it is given back.
#[must_use = "a guess that is dropped counts as a wrong code"]
pub(crate) struct Guess {
    of: Option<(Arc<Guesses>, Option<UserId>, Network)>,
    is_settled: AtomicBool,
}

impl Guess {
    /// The code was right, or nothing was told of it: another request was decided before, or it was refused for
    /// something else. Where it was counted before, that stays.
    pub(crate) fn give_back(&self) {
        self.settle(false);
    }

    /// The code was wrong, and who tried it is told so.
    pub(crate) fn was_wrong(&self) {
        self.settle(true);
    }

    fn settle(&self, is_wrong: bool) {
        let Some((guesses, user, network)) = &self.of else {
            return;
        };
        if self.is_settled.swap(true, Ordering::AcqRel) {
            return;
        }
        let now_ms = guesses.clock.now_ms();
        if let Some(user) = user {
            OF_USER.settle(&mut guesses.users.lock(), *user, is_wrong, now_ms);
        }
        OF_NETWORK.settle(&mut guesses.networks.lock(), *network, is_wrong, now_ms);
    }
}

impl Drop for Guess {
    fn drop(&mut self) {
        self.settle(true);
    }
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
    pub(super) fn admit(
        self: &Arc<Self>,
        client: IpAddr,
        user: Option<UserId>,
    ) -> Result<Guess, ApiError> {
        self.ask(client, user, true)
    }

    /// See [`super::Codes::admit_again`].
    pub(super) fn admit_again(self: &Arc<Self>, client: IpAddr, user: Option<UserId>) -> Guess {
        // Nothing is refused where nothing is looked at.
        self.ask(client, user, false).unwrap_or(Guess {
            of: None,
            is_settled: AtomicBool::new(true),
        })
    }

    /// Looks whether one more may be tried, if that matters, and counts it, with nobody in between.
    fn ask(
        self: &Arc<Self>,
        client: IpAddr,
        user: Option<UserId>,
        may_refuse: bool,
    ) -> Result<Guess, ApiError> {
        if !self.is_on {
            return Ok(Guess {
                of: None,
                is_settled: AtomicBool::new(true),
            });
        }
        let now_ms = self.clock.now_ms();
        let network = (AddressBlock::of(client), user.is_some());
        let mut users = self.users.lock();
        let mut networks = self.networks.lock();
        if may_refuse {
            let of_user = user.and_then(|user| OF_USER.wait_ms(users.get(&user), now_ms));
            if let Some(wait_ms) = of_user {
                return Err(OF_USER.refusal(wait_ms));
            }
            if let Some(wait_ms) = OF_NETWORK.wait_ms(networks.get(&network), now_ms) {
                return Err(OF_NETWORK.refusal(wait_ms));
            }
        }
        if let Some(user) = user {
            Limit::ask(&mut users, user, now_ms);
        }
        Limit::ask(&mut networks, network, now_ms);
        drop((users, networks));
        Ok(Guess {
            of: Some((self.clone(), user, network)),
            is_settled: AtomicBool::new(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    struct ManualClock(AtomicU64);

    impl Clock for ManualClock {
        fn now_ms(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }

    fn guesses() -> (Arc<Guesses>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock(AtomicU64::new(1_000_000)));
        (Arc::new(Guesses::new(true, clock.clone())), clock)
    }

    fn user(number: u64) -> Option<UserId> {
        Some(UserId(uuid::Uuid::from_u64_pair(7, number)))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Whether one may be tried now, which then is none.
    fn may(guesses: &Arc<Guesses>, client: IpAddr, user: Option<UserId>) -> bool {
        guesses
            .admit(client, user)
            .map(|guess| guess.give_back())
            .is_ok()
    }

    #[test]
    fn an_account_that_guesses_waits_wherever_it_is_and_nobody_else_does() {
        let (guesses, clock) = guesses();
        for number in 0..OF_USER.burst {
            // From everywhere.
            let client = IpAddr::from([10, 0, u8::try_from(number).unwrap(), 1]);
            guesses.admit(client, user(1)).unwrap().was_wrong();
        }
        let elsewhere = address("10.9.9.9");
        let refused = guesses.admit(elsewhere, user(1)).err().unwrap();
        assert_eq!(refused.code(), Code::RateLimited);
        assert_eq!(refused.retry_after_seconds(), Some(60));
        assert!(may(&guesses, elsewhere, user(2)));
        assert!(may(&guesses, elsewhere, None));
        clock.0.fetch_add(60_000, Ordering::SeqCst);
        let again = guesses.admit(elsewhere, user(1)).unwrap();
        again.was_wrong();
        assert!(!may(&guesses, elsewhere, user(1)), "one a minute");
    }

    #[test]
    fn a_network_that_guesses_waits_with_whatever_accounts_and_others_do_not() {
        let (guesses, clock) = guesses();
        let inside = ["10.1.2.3", "::ffff:10.1.2.200"];
        for number in 0..OF_NETWORK.burst {
            let client = address(inside[usize::try_from(number % 2).unwrap()]);
            let guess = guesses.admit(client, user(number.into())).unwrap();
            guess.was_wrong();
        }
        for client in inside {
            assert!(!may(&guesses, address(client), user(1_000)));
        }
        assert!(may(&guesses, address("10.1.3.3"), user(1_000)));
        clock.0.fetch_add(10_000, Ordering::SeqCst);
        assert!(
            may(&guesses, address(inside[0]), user(1_000)),
            "six a minute"
        );
    }

    #[test]
    fn who_has_no_account_keeps_nobody_who_has_one_from_a_code() {
        let (guesses, _clock) = guesses();
        let client = address("10.1.2.3");
        for _ in 0..OF_NETWORK.burst {
            guesses.admit(client, None).unwrap().was_wrong();
        }
        assert!(!may(&guesses, client, None));
        assert!(may(&guesses, client, user(1)));
    }

    #[test]
    fn those_who_guess_at_once_try_no_more_than_one_after_the_other() {
        let (guesses, clock) = guesses();
        let client = address("10.1.2.3");
        for user in [user(1), None] {
            let limit = if user.is_some() { OF_USER } else { OF_NETWORK };
            let burst = usize::try_from(limit.burst).unwrap();
            let open: Vec<Guess> = (0..3 * burst)
                .filter_map(|_| guesses.admit(client, user).ok())
                .collect();
            assert_eq!(open.len(), burst);
            let refused = guesses.admit(client, user).err().unwrap();
            // They are answered in a moment.
            assert_eq!(refused.retry_after_seconds(), Some(1));
            // One is right, the others are wrong, also those of which nobody waited for the answer.
            open[0].give_back();
            open[1].was_wrong();
            open[1].give_back();
            drop(open);
            assert!(may(&guesses, client, user));
            guesses.admit(client, user).unwrap().was_wrong();
            let refused = guesses.admit(client, user).err().unwrap();
            let wait = u64::from(60 / limit.per_minute);
            assert_eq!(refused.retry_after_seconds(), Some(wait));
            // All of it has to run out, however long that takes.
            let minutes = u64::from(limit.burst / limit.per_minute);
            clock.0.fetch_add(minutes * 60_000, Ordering::SeqCst);
        }
        assert!(may(&guesses, client, user(1)));
    }

    #[test]
    fn one_that_was_decided_before_is_counted_beyond_the_limit() {
        let (guesses, clock) = guesses();
        let client = address("10.1.2.3");
        for _ in 0..OF_USER.burst {
            guesses.admit(client, user(1)).unwrap().was_wrong();
        }
        guesses.admit_again(client, user(1)).give_back();
        guesses.admit_again(client, user(1)).was_wrong();
        clock.0.fetch_add(60_000, Ordering::SeqCst);
        assert!(!may(&guesses, client, user(1)), "that was one more");
        clock.0.fetch_add(60_000, Ordering::SeqCst);
        assert!(may(&guesses, client, user(1)));
    }

    #[test]
    fn switched_off_it_counts_nothing() {
        let guesses = Arc::new(Guesses::new(false, guesses().1));
        for _ in 0..=OF_NETWORK.burst {
            guesses
                .admit(address("10.1.2.3"), user(1))
                .unwrap()
                .was_wrong();
        }
        assert!(may(&guesses, address("10.1.2.3"), user(1)));
        assert_eq!(guesses.networks.lock().values_mut().count(), 0);
    }

    #[test]
    fn its_size_is_bounded() {
        let (guesses, _clock) = guesses();
        let last = u64::try_from(USERS_MAX).unwrap();
        for number in 0..=last {
            guesses
                .admit_again(address("10.1.2.3"), user(number))
                .was_wrong();
        }
        assert_eq!(guesses.users.lock().values_mut().count(), USERS_MAX);
    }
}
