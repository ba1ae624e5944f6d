//! Section `cluster`: who follows which partition, how patient a standby is, and the secret of nodes.

use std::path::PathBuf;

use onsale_auth::{KeyError, check_secret, secret_file};
use onsale_schemas::NodeName;
use onsale_settings::{ConfigProblem, NamedFile, Secret, check_range};
use serde::{Deserialize, Serialize};

/// Most processors that follow one partition.
const REPLICAS_MAX: u16 = 16;
/// Times between two signs of an owner, in milliseconds.
const TICK_MIN_MS: u64 = 10;
const TICK_MAX_MS: u64 = 10_000;
const SECRET_FILE: &str = "cluster.secret_file";
/// Longest patience of a standby, in milliseconds.
const PATIENCE_MAX_MS: u64 = 600_000;

/// The processors of the distributed mode. The same on every node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterConfig {
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
    /// Secret by which nodes know one another, at least 32 bytes, the same on every node; used for
    /// nothing but calls between nodes. Unset: they use the secret that tokens are minted with, so it
    /// has to be set where there are public keys only.
    pub secret: Option<Secret>,
    /// File that holds that secret; white space around it is cut off.
    pub secret_file: Option<PathBuf>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            processors: vec!["processor-1".to_owned(), "processor-2".to_owned()],
            replicas: 2,
            tick_ms: 100,
            patience_ms: 500,
            stagger_ms: 250,
            secret: None,
            secret_file: None,
        }
    }
}

impl ClusterConfig {
    /// The nodes that run seat machines.
    pub fn processors(&self) -> Vec<NodeName> {
        self.processors.iter().cloned().map(NodeName).collect()
    }

    /// Whether the cluster has a secret of its own.
    pub fn has_secret(&self) -> bool {
        self.secret.is_some() || self.secret_file.is_some()
    }

    /// The secret of the cluster, where it has one of its own.
    ///
    /// # Errors
    /// When its file cannot be read, or holds too short a one.
    pub fn shared_secret(&self) -> Result<Option<Secret>, KeyError> {
        onsale_auth::secret(
            self.secret.as_ref(),
            SECRET_FILE,
            self.secret_file.as_deref(),
        )
    }

    /// The files that its settings name.
    pub fn files(&self) -> Vec<NamedFile> {
        let file = self.secret_file.iter();
        file.map(|path| secret_file(SECRET_FILE, path)).collect()
    }

    /// Adds every setting that cannot be used; `own` is this node's id if it is a processor.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>, own: Option<&str>) {
        let names = || format!("{:?}", self.processors);
        let distinct: std::collections::BTreeSet<&String> = self.processors.iter().collect();
        if self.processors.is_empty()
            || distinct.len() != self.processors.len()
            || !self.processors.iter().all(|name| NodeName::is_name(name))
        {
            problems.push(ConfigProblem::new(
                "cluster.processors",
                names(),
                "the ids of the processors, each once",
            ));
        }
        if let Some(own) = own
            && !self.processors.iter().any(|name| name == own)
        {
            problems.push(ConfigProblem::new(
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
        if let Some(secret) = &self.secret {
            check_secret(problems, "cluster.secret", secret.expose());
        }
        let file = self.secret_file.as_deref();
        Secret::check_once(problems, ("cluster", "secret"), self.secret.as_ref(), file);
    }
}
