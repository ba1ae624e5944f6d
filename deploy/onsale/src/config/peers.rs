//! Whether nodes of a cluster can ask each other.

use super::{Config, Problem};

impl Config {
    /// What is missing where this node could neither ask another one nor know one that asks.
    pub(super) fn peers_problem(&self) -> Option<Problem> {
        let has_way = self.auth.can_mint() || self.cluster.has_secret();
        (self.has_key() && !has_way).then(|| {
            Problem::new(
                "cluster.secret",
                "(not set)",
                "a secret of at least 32 bytes, the same on every node (or cluster.secret_file): \
                 nodes authenticate to each other with it, because public keys can only verify",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use onsale_settings::Secret;

    use super::super::ConfigError;
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
            Err(ConfigError::Problems(problems)) => problems
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
            // One process has nobody to ask.
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
