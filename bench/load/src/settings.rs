//! What a run of a scenario is.

use std::path::PathBuf;
use std::time::Duration;

use crate::scenario::ScenarioKind;
use crate::target::Target;

/// A run of a scenario.
#[derive(Clone, Debug)]
pub struct LoadSettings {
    /// The server.
    pub target: Target,
    /// What is played.
    pub scenario: ScenarioKind,
    /// Intended starts per second; 0 for a closed loop.
    pub per_second: u64,
    /// How long they start.
    pub duration: Duration,
    /// Requests with an intended start within this time at the beginning are not counted.
    pub warm_up: Duration,
    /// Connections, one request at a time on each.
    pub connections: usize,
    /// Threads of the generator.
    pub threads: usize,
    /// Users on whose behalf requests are sent in turn.
    pub users: usize,
    /// A request without an answer this long after its intended start has failed.
    pub timeout: Duration,
    /// Sell this show instead of creating new ones.
    pub show: Option<String>,
    /// Leave the events that were created for the run on sale.
    pub keep_events: bool,
    /// Where the history is recorded.
    pub history: Option<PathBuf>,
    /// Seed of the scenario's choices.
    pub seed: u64,
}
