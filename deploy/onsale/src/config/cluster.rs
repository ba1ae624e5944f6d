//! Who follows which partition, and how patient a standby is.

use std::path::PathBuf;

use onsale_auth::{KeyError, check_secret};
use onsale_settings::{Secret, check_range};
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
    /// Whether the cluster has a secret of its own.
    pub(crate) fn has_secret(&self) -> bool {
        self.secret.is_some() || self.secret_file.is_some()
    }

    /// The secret of the cluster, where it has one of its own.
    ///
    /// # Errors
    /// When its file cannot be read, or holds too short a one.
    pub(crate) fn shared_secret(&self) -> Result<Option<Secret>, KeyError> {
        onsale_auth::secret(
            self.secret.as_ref(),
            "cluster.secret_file",
            self.secret_file.as_deref(),
        )
    }

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
        if let Some(secret) = &self.secret {
            check_secret(problems, "cluster.secret", secret.expose());
            if self.secret_file.is_some() {
                problems.push(Problem::new(
                    "cluster",
                    "secret and secret_file",
                    "one of them",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    /// A node of a cluster that verifies tokens with a public key.
    fn public_key_only(change: impl FnOnce(&mut Config)) -> Vec<(String, String)> {
        let mut config = Config::default();
        config.node.id = "processor-1".to_owned();
        config.kafka.brokers = "127.0.0.1:9092".to_owned();
        config.database.url = Some(Secret::new("postgres://onsale@127.0.0.1/onsale"));
        config.auth.ed25519_public_key_file = Some("tokens.pem".into());
        config.auth.booking_secret = Some(Secret::new("b".repeat(32)));
        change(&mut config);
        match config.checked(true) {
            Ok(_) => Vec::new(),
            Err(super::super::ConfigError::Problems(problems)) => problems
                .into_iter()
                .map(|problem| (problem.key, problem.expected))
                .collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn with_public_keys_only_nodes_need_a_secret_to_ask_each_other() {
        let problems = public_key_only(|_| {});
        let [(key, expected)] = problems.as_slice() else {
            panic!("{problems:?}");
        };
        assert_eq!(key, "cluster.secret");
        assert!(expected.contains("cluster.secret_file"), "{expected}");

        type Change = fn(&mut Config);
        let enough: [Change; 5] = [
            |config| config.cluster.secret = Some(Secret::new("c".repeat(32))),
            |config| config.cluster.secret_file = Some("secret".into()),
            // Any secret that mints is one that nodes can ask with.
            |config| {
                config.auth.ed25519_public_key_file = None;
                config.auth.hs256_secret_file = Some("secret".into());
            },
            |config| {
                config.auth.keys = vec![onsale_auth::NamedKey {
                    kid: "ours".to_owned(),
                    hs256_secret_file: Some("secret".into()),
                    ..Default::default()
                }];
            },
            // A single process has no other to call.
            |config| config.kafka.brokers.clear(),
        ];
        for (index, change) in enough.into_iter().enumerate() {
            let problems = public_key_only(change);
            assert!(problems.is_empty(), "{index}: {problems:?}");
        }
    }

    #[test]
    fn a_secret_is_long_enough_and_set_once() {
        let keys = |change: fn(&mut Config)| {
            let problems = public_key_only(change);
            problems.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        let short = keys(|config| config.cluster.secret = Some(Secret::new("short")));
        assert_eq!(short, ["cluster.secret"]);
        let twice = keys(|config| {
            config.cluster.secret = Some(Secret::new("c".repeat(32)));
            config.cluster.secret_file = Some("secret".into());
        });
        assert_eq!(twice, ["cluster"]);
    }
}
