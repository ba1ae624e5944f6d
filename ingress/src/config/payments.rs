//! Section `payments`.

use serde::{Deserialize, Serialize};

/// Payments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaymentsConfig {
    /// True lets buyers confirm their own bookings without paying. For development only.
    pub simulated: bool,
}
