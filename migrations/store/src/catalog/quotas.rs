//! How much there may be.

use serde::{Deserialize, Serialize};

/// How much an organizer may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Events of one organizer.
    pub events_per_organizer_max: u64,
    /// Shows of one event.
    pub shows_per_event_max: u64,
    /// Named seats of all shows of one organizer.
    pub seats_per_organizer_max: u64,
    /// Bytes of all layouts of one organizer, labels included.
    pub layout_bytes_per_organizer_max: u64,
    /// Codes of all shows of one organizer, those that ended and are kept still included.
    pub codes_per_organizer_max: u64,
}

impl Quotas {
    /// None at all.
    pub const UNLIMITED: Self = Self {
        events_per_organizer_max: u64::MAX,
        shows_per_event_max: u64::MAX,
        seats_per_organizer_max: u64::MAX,
        layout_bytes_per_organizer_max: u64::MAX,
        codes_per_organizer_max: u64::MAX,
    };
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            events_per_organizer_max: 2_000,
            shows_per_event_max: 2_000,
            seats_per_organizer_max: 10_000_000,
            layout_bytes_per_organizer_max: 256 << 20,
            // A tenth of what a partition has room for.
            codes_per_organizer_max: 200_000,
        }
    }
}
