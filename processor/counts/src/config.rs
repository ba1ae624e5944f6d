//! Section `redis`.

use onsale_settings::Secret;
use serde::{Deserialize, Serialize};

/// Redis, for the precheck of several ingress nodes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://HOST:PORT`. Not used by the embedded log, whose precheck is in the process.
    pub url: Option<Secret>,
}
