//! Section `shows`.

use onsale_schemas::limits::COOLDOWN_MAX_MS;
use onsale_settings::{ConfigProblem, check_range};
use serde::{Deserialize, Serialize};

/// What new shows get that their organizers do not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShowsConfig {
    /// How long a buyer who let two holds of an event in a row end unpaid may not hold again, in
    /// seconds; it doubles with each further one, up to eight times. 0: never.
    pub cooldown_seconds: u32,
}

impl Default for ShowsConfig {
    fn default() -> Self {
        Self {
            cooldown_seconds: 60,
        }
    }
}

impl ShowsConfig {
    /// See [`ShowsConfig::cooldown_seconds`], in milliseconds.
    pub(crate) fn cooldown_ms(&self) -> u32 {
        self.cooldown_seconds.saturating_mul(1_000)
    }

    pub(super) fn check(&self, problems: &mut Vec<ConfigProblem>) {
        check_range(
            problems,
            "shows.cooldown_seconds",
            self.cooldown_seconds,
            0..=COOLDOWN_MAX_MS / 1_000,
        );
    }
}
