//! Section `retention`.

use onsale_settings::{ConfigProblem, check_range};
use serde::{Deserialize, Serialize};

use super::Kind;

const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// Days of a year: never fewer than one has.
const DAYS_PER_YEAR: u64 = 366;
/// Longest time that anything is kept, in years.
const YEARS_MAX: u64 = 100;
/// Longest time between two reports, and before one is applied, in hours.
const HOURS_MAX: u64 = 24 * 366;

/// How long things are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Sessions, from their end.
    pub sessions_days: u64,
    /// Addresses of guests, from the purchase: within it an account may take it over.
    pub guest_addresses_years: u64,
    /// Entries of the audit trail.
    pub audit_years: u64,
    /// Analytics. None are kept yet.
    pub analytics_years: u64,
    /// Bookings, from the day of the show and the last thing that happened to any of its bookings.
    pub bookings_years: u64,
    /// How often what is too old is looked for; 0: only by `onsale retention report`.
    pub every_hours: u64,
    /// How long a report waits for somebody to withdraw it before it is applied; 0: it is only applied by
    /// `onsale retention apply`.
    pub apply_after_hours: u64,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            sessions_days: 30,
            guest_addresses_years: 2,
            audit_years: 3,
            analytics_years: 2,
            bookings_years: 7,
            every_hours: 24,
            apply_after_hours: 24,
        }
    }
}

impl RetentionConfig {
    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        let days_max = YEARS_MAX * DAYS_PER_YEAR;
        check_range(
            problems,
            "retention.sessions_days",
            self.sessions_days,
            1..=days_max,
        );
        for (key, years) in [
            (
                "retention.guest_addresses_years",
                self.guest_addresses_years,
            ),
            ("retention.audit_years", self.audit_years),
            ("retention.analytics_years", self.analytics_years),
            ("retention.bookings_years", self.bookings_years),
        ] {
            check_range(problems, key, years, 1..=YEARS_MAX);
        }
        for (key, hours) in [
            ("retention.every_hours", self.every_hours),
            ("retention.apply_after_hours", self.apply_after_hours),
        ] {
            check_range(problems, key, hours, 0..=HOURS_MAX);
        }
    }

    /// Days that entries of the audit trail are kept.
    pub fn audit_days(&self) -> u64 {
        self.audit_years * DAYS_PER_YEAR
    }

    /// What is from before this moment is too old, where now is `now_ms`, both in milliseconds since 1970.
    pub fn before_ms(&self, kind: Kind, now_ms: u64) -> u64 {
        let days = match kind {
            Kind::Sessions => self.sessions_days,
            Kind::Guests => self.guest_addresses_years * DAYS_PER_YEAR,
            Kind::Audit => self.audit_days(),
            Kind::Analytics => self.analytics_years * DAYS_PER_YEAR,
            Kind::Bookings => self.bookings_years * DAYS_PER_YEAR,
        };
        now_ms.saturating_sub(days * DAY_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_deleted_before_its_time() {
        let config = RetentionConfig::default();
        let now_ms = 1_800_000_000_000;
        let kept_days = |kind| (now_ms - config.before_ms(kind, now_ms)) / DAY_MS;
        assert_eq!(kept_days(Kind::Sessions), 30);
        assert_eq!(kept_days(Kind::Guests), 2 * 366);
        assert_eq!(kept_days(Kind::Audit), 3 * 366);
        assert_eq!(config.audit_days(), 1_098, "as migration 0015 has it");
        assert_eq!(kept_days(Kind::Bookings), 7 * 366);
        assert_eq!(config.before_ms(Kind::Bookings, 1), 0);
        let mut problems = Vec::new();
        config.check(&mut problems);
        assert_eq!(problems, []);
        let wrong = RetentionConfig {
            sessions_days: 0,
            bookings_years: 0,
            ..config
        };
        wrong.check(&mut problems);
        let keys: Vec<&str> = problems
            .iter()
            .map(|problem| problem.key.as_str())
            .collect();
        assert_eq!(
            keys,
            ["retention.sessions_days", "retention.bookings_years"]
        );
    }
}
