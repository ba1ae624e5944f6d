//! How often a user or an address may ask: token buckets (GCRA) by class of call.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue};
use onsale_schemas::UserId;

use crate::config::{Rate, RateLimitConfig};
use crate::error::{ApiError, Code};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Keys of one class above which new ones share buckets.
const KEYS_MAX: usize = 1_000_000;
/// Shared buckets.
const SHARED_BUCKETS: u16 = 4_096;
/// The table is checked once per this number of requests.
const CHECK_EVERY_REQUESTS: u32 = 65_536;
const MINUTE: Duration = Duration::from_secs(60);

/// Who is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Key {
    User(UserId),
    /// An account whose password is tried, an address of e-mail that guests give, or a tenant.
    Account([u8; 16]),
    /// IPv6 counts by its /56: a single subscriber has that many addresses.
    Address([u8; 8]),
    /// Everybody of a hash while the table is full.
    Shared(u16),
}

impl Key {
    pub(crate) fn of_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                // 2001:db8::/32 is documentation only, so no real /56 meets these.
                Self::Address([0x20, 0x01, 0x0d, 0xb8, a, b, c, d])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, ..] = v6.octets();
                Self::Address([a, b, c, d, e, f, g, 0])
            }
        }
    }

    fn shared(self) -> Self {
        let sum = match self {
            Self::User(user) => fold(user.as_bytes()),
            Self::Account(account) => fold(&account),
            Self::Address(address) => fold(&address),
            Self::Shared(bucket) => u32::from(bucket),
        };
        Self::Shared(u16::try_from(sum % u32::from(SHARED_BUCKETS)).unwrap_or(0))
    }
}

fn fold(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// A class of calls that share a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Reserve,
    /// A request that is looked for in the log, beside what the call itself counts as.
    Lookup,
    /// Attempts to sign in, by address; to confirm a password, by user as well.
    Login,
    /// Attempts to sign in, once more by account.
    LoginByAccount,
    /// New accounts, by address.
    Register,
    /// Tokens of guests, by address.
    Guest,
    /// Tokens of guests, once more by the address of e-mail that they give.
    GuestByEmail,
    /// Links that reset a password, verify an address or change it, and invitations, by address.
    Reset,
    /// Files that organizers upload, by user.
    Upload,
    /// Those that are kept, once more by tenant.
    UploadByTenant,
    /// New codes of shows, by user.
    Codes,
    Other,
}

impl Class {
    /// Whether its calls count by address even where a valid token is sent beside them.
    pub(crate) fn is_by_address(self) -> bool {
        match self {
            Self::Login
            | Self::LoginByAccount
            | Self::Register
            | Self::Guest
            | Self::GuestByEmail
            | Self::Reset => true,
            Self::Reserve
            | Self::Lookup
            | Self::Upload
            | Self::UploadByTenant
            | Self::Codes
            | Self::Other => false,
        }
    }
}

type Limiter = RateLimiter<Key, DashMapStateStore<Key>, MonotonicClock, StateInformationMiddleware>;

struct Bucket {
    name: &'static str,
    limiter: Limiter,
    clock: MonotonicClock,
    policy: HeaderValue,
    refill_seconds: u64,
    requests: AtomicU32,
    full: AtomicBool,
}

/// All limits.
pub(crate) struct RateLimits {
    reserve: Bucket,
    lookup: Bucket,
    login: Bucket,
    login_by_account: Bucket,
    register: Bucket,
    guest: Bucket,
    guest_by_email: Bucket,
    reset: Bucket,
    upload: Bucket,
    upload_by_tenant: Bucket,
    codes: Bucket,
    other: Bucket,
    enabled: bool,
}

/// What a request left in its bucket, for the answer's headers.
pub(crate) struct Passed {
    policy: HeaderValue,
    name: &'static str,
    remaining: u32,
    refill_seconds: u64,
}

impl RateLimits {
    pub(crate) fn new(config: &RateLimitConfig) -> Self {
        Self {
            reserve: Bucket::new("reserve", config.reserve),
            lookup: Bucket::new("lookup", config.lookup),
            login: Bucket::new("login", config.login),
            login_by_account: Bucket::new("login_by_account", config.login_by_account),
            register: Bucket::new("register", config.register),
            guest: Bucket::new("guest", config.guest),
            guest_by_email: Bucket::new("guest_by_email", config.guest_by_email),
            reset: Bucket::new("reset", config.reset),
            upload: Bucket::new("upload", config.upload),
            upload_by_tenant: Bucket::new("upload_by_tenant", config.upload_by_tenant),
            codes: Bucket::new("codes", config.codes),
            other: Bucket::new("other", config.other),
            enabled: config.enabled,
        }
    }

    /// Counts a request.
    pub(crate) fn check(
        &self,
        class: Class,
        key: Key,
    ) -> Result<Option<Passed>, (ApiError, Passed)> {
        if !self.enabled {
            return Ok(None);
        }
        match class {
            Class::Reserve => &self.reserve,
            Class::Lookup => &self.lookup,
            Class::Login => &self.login,
            Class::LoginByAccount => &self.login_by_account,
            Class::Register => &self.register,
            Class::Guest => &self.guest,
            Class::GuestByEmail => &self.guest_by_email,
            Class::Reset => &self.reset,
            Class::Upload => &self.upload,
            Class::UploadByTenant => &self.upload_by_tenant,
            Class::Codes => &self.codes,
            Class::Other => &self.other,
        }
        .check(key)
        .map(Some)
    }
}

/// The refusal of a caller who may ask again after `seconds`.
pub(crate) fn too_often(seconds: u64) -> ApiError {
    ApiError::new(
        Code::RateLimited,
        format!("Too many requests; try again in {seconds} s."),
    )
    .retry_after(seconds)
}

impl Bucket {
    fn new(name: &'static str, rate: Rate) -> Self {
        let per_minute = NonZeroU32::new(rate.per_minute).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        let one_per = MINUTE / per_minute.get();
        let quota = Quota::with_period(one_per)
            .unwrap_or_else(|| Quota::per_minute(per_minute))
            .allow_burst(burst);
        let refill_seconds = (u64::from(burst.get()) * 60).div_ceil(u64::from(per_minute.get()));
        let policy = HeaderValue::from_str(&format!("\"{name}\";q={burst};w={refill_seconds}"))
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        let clock = MonotonicClock;
        Self {
            name,
            limiter: RateLimiter::<_, _, _, NoOpMiddleware<Instant>>::new(
                quota,
                DashMapStateStore::default(),
                clock.clone(),
            )
            .with_middleware::<StateInformationMiddleware>(),
            clock,
            policy,
            refill_seconds,
            requests: AtomicU32::new(0),
            full: AtomicBool::new(false),
        }
    }

    fn check(&self, key: Key) -> Result<Passed, (ApiError, Passed)> {
        if self.requests.fetch_add(1, Ordering::Relaxed) % CHECK_EVERY_REQUESTS
            == CHECK_EVERY_REQUESTS - 1
        {
            self.shrink();
        }
        let key = if self.full.load(Ordering::Relaxed) {
            key.shared()
        } else {
            key
        };
        match self.limiter.check_key(&key) {
            Ok(state) => Ok(self.passed(state.remaining_burst_capacity(), self.refill_seconds)),
            Err(not_until) => {
                let now: Instant = self.clock.now();
                let wait = not_until.wait_time_from(now);
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                let seconds = seconds.max(1);
                Err((too_often(seconds), self.passed(0, seconds)))
            }
        }
    }

    fn passed(&self, remaining: u32, refill_seconds: u64) -> Passed {
        Passed {
            policy: self.policy.clone(),
            name: self.name,
            remaining,
            refill_seconds,
        }
    }

    /// Drops the keys whose bucket is full again: they are as good as new ones.
    fn shrink(&self) {
        if self.limiter.len() > KEYS_MAX / 2 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.full
            .store(self.limiter.len() > KEYS_MAX, Ordering::Relaxed);
    }
}

impl Passed {
    /// Writes `RateLimit` and `RateLimit-Policy`.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        headers.insert(RATE_LIMIT_POLICY, self.policy);
        let text = format!(
            "\"{}\";r={};t={}",
            self.name, self.remaining, self.refill_seconds
        );
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(RATE_LIMIT, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_counts_new_keys_together() {
        let bucket = Bucket::new(
            "t",
            Rate {
                per_minute: 1,
                burst: 1,
            },
        );
        let key = |n: u8| Key::User(UserId::from_bytes([n; 16]));
        assert!(bucket.check(key(1)).is_ok());
        assert!(bucket.check(key(2)).is_ok());
        bucket.full.store(true, Ordering::Relaxed);
        let before = bucket.limiter.len();
        for n in 0..=u8::MAX {
            let _ = bucket.check(key(n));
        }
        assert!(bucket.limiter.len() <= before + usize::from(SHARED_BUCKETS));
        assert!(bucket.check(key(3)).is_err());
    }

    #[test]
    fn addresses_of_one_subscriber_count_together() {
        let key = |text: &str| Key::of_address(text.parse().unwrap());
        assert_eq!(key("2a00:1::1"), key("2a00:1::2"));
        assert_eq!(key("2a00:1:0:100::1"), key("2a00:1:0:1ff::1"));
        assert_ne!(key("2a00:1:0:100::1"), key("2a00:1:0:200::1"));
        assert_eq!(key("10.0.0.1"), key("::ffff:10.0.0.1"));
        assert_ne!(key("10.0.0.1"), key("10.0.0.2"));
    }
}
