//! Section `precheck`.

use serde::{Deserialize, Serialize};

/// Early refusals of what the log would refuse by the state last seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrecheckConfig {
    /// Whether there are any. Without them the log decides everything.
    pub enabled: bool,
}

impl Default for PrecheckConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}
