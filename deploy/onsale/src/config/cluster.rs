//! Who follows which partition, and how patient a standby is.

use onsale_settings::check_range;
use serde::{Deserialize, Serialize};

use super::Problem;
use super::node::is_name;

/// Most processors that follow one partition.
const REPLICAS_MAX: u16 = 16;
/// Times between two signs of an owner, in milliseconds.
const TICK_MIN_MS: u64 = 10;
const TICK_MAX_MS: u64 = 10_000;
/// Longest patience of a standby, in milliseconds.
const PATIENCE_MAX_MS: u64 = 600_000;

/// The processors of the distributed mode. The same on every node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterConfig {
    /// Ids of the nodes that run seat machines.
    pub processors: Vec<String>,
    /// How many of them follow each partition: its preferred owner and its standbys.
    pub replicas: u16,
    /// How often an owner says that it is there, in milliseconds.
    pub tick_ms: u64,
    /// After how long without that sign the first standby takes over, in milliseconds.
    pub patience_ms: u64,
    /// By how much each further standby waits longer, in milliseconds.
    pub stagger_ms: u64,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            processors: vec!["processor-1".to_owned(), "processor-2".to_owned()],
            replicas: 2,
            tick_ms: 100,
            patience_ms: 500,
            stagger_ms: 250,
        }
    }
}

impl ClusterConfig {
    /// `own` is this node's id where it is a processor.
    pub(super) fn check(&self, problems: &mut Vec<Problem>, own: Option<&str>) {
        let names = || format!("{:?}", self.processors);
        let distinct: std::collections::BTreeSet<&String> = self.processors.iter().collect();
        if self.processors.is_empty()
            || distinct.len() != self.processors.len()
            || !self.processors.iter().all(|name| is_name(name))
        {
            problems.push(Problem::new(
                "cluster.processors",
                names(),
                "the ids of the processors, each once",
            ));
        }
        if let Some(own) = own
            && !self.processors.iter().any(|name| name == own)
        {
            problems.push(Problem::new(
                "cluster.processors",
                names(),
                format!("a list that names this processor, {own:?}: every node needs the same one"),
            ));
        }
        check_range(
            problems,
            "cluster.replicas",
            self.replicas,
            1..=REPLICAS_MAX,
        );
        check_range(
            problems,
            "cluster.tick_ms",
            self.tick_ms,
            TICK_MIN_MS..=TICK_MAX_MS,
        );
        // Fewer than three missed signs would be a hiccup.
        check_range(
            problems,
            "cluster.patience_ms",
            self.patience_ms,
            self.tick_ms.saturating_mul(3)..=PATIENCE_MAX_MS,
        );
        check_range(
            problems,
            "cluster.stagger_ms",
            self.stagger_ms,
            0..=PATIENCE_MAX_MS,
        );
    }
}
