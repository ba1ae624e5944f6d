//! Key `rate_limit.address_blocks`.

use onsale_settings::{ConfigProblem, check_range};
use serde::{Deserialize, Serialize};

const PLACES_MAX: u32 = 100_000_000;

/// What all buyers of one block of addresses may reserve together: of IPv4 a /24, of IPv6 a /56.
/// A thousand accounts on one line have one share of the house.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddressBlocksConfig {
    /// Whether there are such limits.
    pub mode: AddressBlocksMode,
    /// Places that a block may newly hold per minute.
    pub places_per_minute: u32,
    /// Places that it may newly hold at once after a quiet time.
    pub places_burst: u32,
    /// Places that it may hold unpaid at any time.
    pub held_places_max: u32,
}

/// Whether the buyers of a block of addresses are limited together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressBlocksMode {
    /// Unless `http.trusted_proxies` says that a proxy stands in front, which then limits.
    #[default]
    Auto,
    /// Also behind a proxy, by the addresses that it names.
    On,
    /// Never.
    Off,
}

impl Default for AddressBlocksConfig {
    fn default() -> Self {
        Self {
            mode: AddressBlocksMode::Auto,
            places_per_minute: 600,
            places_burst: 400,
            held_places_max: 400,
        }
    }
}

impl AddressBlocksConfig {
    pub(super) fn check(&self, problems: &mut Vec<ConfigProblem>) {
        for (key, value) in [
            ("places_per_minute", self.places_per_minute),
            ("places_burst", self.places_burst),
            ("held_places_max", self.held_places_max),
        ] {
            check_range(
                problems,
                &format!("rate_limit.address_blocks.{key}"),
                value,
                1..=PLACES_MAX,
            );
        }
    }
}
