//! Section `rate_limit`.

use onsale_settings::{ConfigProblem, check_range};
use serde::{Deserialize, Serialize};

use super::address_blocks::AddressBlocksConfig;

const PER_MINUTE_MAX: u32 = 60_000_000;

/// How often one user (or one address, without a token) may ask, by class of call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitConfig {
    /// Whether there are limits.
    pub enabled: bool,
    /// `POST /bookings/reserve`.
    pub reserve: Rate,
    /// Requests that an address looks for in the log, because nobody remembers where they stand.
    /// Each goes through much of it.
    pub lookup: Rate,
    /// Attempts to sign in, and to confirm a password, by address.
    pub login: Rate,
    /// Attempts to sign in by account, from addresses that it has not signed in from. Well above what one
    /// address may try, so that it takes many addresses to keep somebody out.
    pub login_by_account: Rate,
    /// New accounts, by address.
    pub register: Rate,
    /// Tokens of guests, by address.
    pub guest: Rate,
    /// Tokens of guests by the address of e-mail that they give. Well above what one address may ask for, so
    /// that it takes many to keep somebody from buying.
    pub guest_by_email: Rate,
    /// Links that reset a password, verify an address or change it, and invitations, by address.
    pub reset: Rate,
    /// Files that organizers upload. Each is drawn anew, and lies where uploads do for an hour at least.
    pub upload: Rate,
    /// Those that are kept, by tenant, however many people it has.
    pub upload_by_tenant: Rate,
    /// New codes of shows. Each call may bring thousands.
    pub codes: Rate,
    /// Everything else.
    pub other: Rate,
    /// New idempotency keys of one buyer within 24 hours, in which each is remembered. The staff and
    /// payment services are bounded only by what a partition remembers. So many, too, of anyone's calls about
    /// accounts and tenants, which the database remembers.
    pub idempotency_keys_per_day: u32,
    /// Places that the buyers of a block of addresses may reserve together.
    pub address_blocks: AddressBlocksConfig,
}

/// A token bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests that it gains per minute.
    pub per_minute: u32,
    /// Requests that it holds when full.
    pub burst: u32,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        let rate = |per_minute, burst| Rate { per_minute, burst };
        Self {
            enabled: true,
            reserve: rate(20, 10),
            lookup: rate(30, 10),
            login: rate(5, 3),
            login_by_account: rate(60, 30),
            register: rate(3, 2),
            guest: rate(6, 3),
            guest_by_email: rate(30, 12),
            reset: rate(3, 2),
            upload: rate(6, 6),
            upload_by_tenant: rate(1, 12),
            codes: rate(20, 20),
            other: rate(100, 20),
            idempotency_keys_per_day: 10_000,
            address_blocks: AddressBlocksConfig::default(),
        }
    }
}

impl RateLimitConfig {
    pub(super) fn check(&self, problems: &mut Vec<ConfigProblem>) {
        self.address_blocks.check(problems);
        check_range(
            problems,
            "rate_limit.idempotency_keys_per_day",
            self.idempotency_keys_per_day,
            1..=u32::MAX,
        );
        for (class, rate) in [
            ("reserve", self.reserve),
            ("lookup", self.lookup),
            ("login", self.login),
            ("login_by_account", self.login_by_account),
            ("register", self.register),
            ("guest", self.guest),
            ("guest_by_email", self.guest_by_email),
            ("reset", self.reset),
            ("upload", self.upload),
            ("upload_by_tenant", self.upload_by_tenant),
            ("codes", self.codes),
            ("other", self.other),
        ] {
            let key = format!("rate_limit.{class}");
            check_range(
                problems,
                &format!("{key}.per_minute"),
                rate.per_minute,
                1..=PER_MINUTE_MAX,
            );
            check_range(
                problems,
                &format!("{key}.burst"),
                rate.burst,
                1..=PER_MINUTE_MAX,
            );
        }
    }
}
