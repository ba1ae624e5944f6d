//! Section `data`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;

/// Where the process keeps its files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DataConfig {
    /// The folder; created if it is missing.
    pub dir: PathBuf,
}

impl Default for DataConfig {
    fn default() -> Self {
        let base = dirs::data_dir().unwrap_or_else(|| PathBuf::from("."));
        Self {
            dir: base.join("onsale"),
        }
    }
}

impl DataConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if self.dir.as_os_str().is_empty() {
            problems.push(Problem::new("data.dir", "\"\"", "a folder"));
        }
    }
}
