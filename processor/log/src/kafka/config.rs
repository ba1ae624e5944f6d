//! Section `kafka`.

use std::collections::BTreeMap;
use std::path::Path;

use onsale_settings::{ConfigProblem, NamedFile, check_range};
use serde::{Deserialize, Serialize};

use super::{BrokerContact, ForeignRecords, KafkaSettings};
use crate::config::RETENTION_MAX_HOURS;

/// Longest prefix of a topic's name, in bytes: Kafka allows 249 for the whole name.
const PREFIX_MAX_BYTES: usize = 200;
/// Most copies of a topic.
const REPLICATION_MAX: u16 = 15;
/// Properties that Onsale sets itself, because its guarantees rest on them.
const OWN_PROPERTIES: [&str; 12] = [
    "bootstrap.servers",
    "client.id",
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "partitioner",
    "group.id",
    "enable.auto.commit",
    "auto.offset.reset",
    "transactional.id",
];

/// Properties that name files, what those hold, and whether that is a secret.
const FILE_PROPERTIES: [(&str, &str, bool); 6] = [
    (
        "ssl.ca.location",
        "the certificates of authorities in PEM",
        false,
    ),
    (
        "ssl.crl.location",
        "a list of withdrawn certificates",
        false,
    ),
    (
        "ssl.certificate.location",
        "the client's certificate in PEM",
        false,
    ),
    (
        "ssl.key.location",
        "the private key in PEM of that certificate",
        true,
    ),
    (
        "ssl.keystore.location",
        "the client's key and certificate (PKCS#12)",
        true,
    ),
    ("sasl.kerberos.keytab", "a table of keys of Kerberos", true),
];

/// Kafka, for running on more than one machine.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaConfig {
    /// `HOST:PORT,…`; empty for the embedded log.
    pub brokers: String,
    /// Topics are `<prefix>.commands`, `<prefix>.outcomes` and `<prefix>.nodes`.
    pub topic_prefix: String,
    /// Copies of each topic; 3 in production.
    pub replication: u16,
    /// Copies that must have a record before it counts; 2 in production.
    pub min_insync: u16,
    /// Records older than this many hours are deleted; 0 keeps all.
    pub retention_hours: u64,
    /// Whether missing topics are created.
    pub create_topics: bool,
    /// Further settings of the client, as `security.protocol` or `sasl.username`.
    pub properties: BTreeMap<String, String>,
}

impl std::fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("topic_prefix", &self.topic_prefix)
            .field("replication", &self.replication)
            .field("min_insync", &self.min_insync)
            .field("retention_hours", &self.retention_hours)
            .field("create_topics", &self.create_topics)
            .field("properties", &Shown(&self.properties))
            .finish()
    }
}

/// Properties without the values of those that are secrets.
pub(super) struct Shown<'a>(pub(super) &'a BTreeMap<String, String>);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.0.iter().map(|(key, value)| {
            let is_secret = KafkaConfig::is_secret(key);
            (
                key,
                if is_secret {
                    "(hidden)"
                } else {
                    value.as_str()
                },
            )
        });
        f.debug_map().entries(shown).finish()
    }
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: String::new(),
            topic_prefix: "onsale".to_owned(),
            replication: 1,
            min_insync: 1,
            retention_hours: 0,
            create_topics: true,
            properties: BTreeMap::new(),
        }
    }
}

impl KafkaConfig {
    /// Settings of the clients of a node: its id, and how many partitions the log has.
    pub fn settings(&self, partitions: u16, client_id: &str) -> KafkaSettings {
        let settings = KafkaSettings {
            brokers: self.brokers.clone(),
            topic_prefix: self.topic_prefix.clone(),
            partitions,
            replication: self.replication,
            min_insync: self.min_insync,
            retention_hours: self.retention_hours,
            create_topics: self.create_topics,
            properties: self.properties.clone(),
            client_id: client_id.to_owned(),
            foreign: ForeignRecords::default(),
            contact: BrokerContact::default(),
        };
        for topic in [
            settings.commands_topic(),
            settings.outcomes_topic(),
            settings.nodes_topic(),
        ] {
            settings.foreign.watch(topic);
        }
        settings
    }

    /// Whether the log is on Kafka.
    pub fn is_used(&self) -> bool {
        !self.brokers.is_empty()
    }

    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        let host_and_port = |broker: &str| {
            broker
                .trim()
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if self.is_used() && !self.brokers.split(',').all(host_and_port) {
            problems.push(ConfigProblem::new(
                "kafka.brokers",
                format!("{:?}", self.brokers),
                "HOST:PORT, more of them separated by commas",
            ));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let prefix = &self.topic_prefix;
        if !(1..=PREFIX_MAX_BYTES).contains(&prefix.len()) || !prefix.chars().all(plain) {
            problems.push(ConfigProblem::new(
                "kafka.topic_prefix",
                format!("{prefix:?}"),
                format!("1 to {PREFIX_MAX_BYTES} letters, digits, '-', '_' or '.'"),
            ));
        }
        check_range(
            problems,
            "kafka.replication",
            self.replication,
            1..=REPLICATION_MAX,
        );
        check_range(
            problems,
            "kafka.min_insync",
            self.min_insync,
            1..=self.replication,
        );
        check_range(
            problems,
            "kafka.retention_hours",
            self.retention_hours,
            0..=RETENTION_MAX_HOURS,
        );
        for key in OWN_PROPERTIES {
            if let Some(value) = self.properties.get(key) {
                problems.push(ConfigProblem::new(
                    format!("kafka.properties.{key}"),
                    value,
                    "no value: Onsale sets it itself",
                ));
            }
        }
    }

    /// The files that its properties name. What they hold is the library's to say: a key may be encrypted.
    pub fn files(&self) -> Vec<NamedFile> {
        let mut files = Vec::new();
        for (property, expected, is_secret) in FILE_PROPERTIES {
            let Some(value) = self.properties.get(property) else {
                continue;
            };
            let (key, path) = (format!("kafka.properties.{property}"), Path::new(value));
            // Authorities may lie in a folder, or be looked for.
            if property == "ssl.ca.location" && (value == "probe" || path.is_dir()) {
                continue;
            }
            files.push(match is_secret {
                true => NamedFile::secret(key, path, expected, |_| Ok(())),
                false => NamedFile::public(key, path, expected, |_| Ok(())),
            });
        }
        files
    }

    /// Whether the value of this property is a secret.
    pub fn is_secret(key: &str) -> bool {
        let may_hold_one = [
            "password",
            "passphrase",
            "secret",
            "oauthbearer.config",
            "jaas",
        ];
        may_hold_one.iter().any(|part| key.contains(part)) || key.ends_with(".pem")
    }
}
