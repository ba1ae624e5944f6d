//! How to reach the brokers, and how the topics must be configured.

use std::collections::BTreeMap;

use super::config::Shown;
use super::contact::BrokerContact;
use super::foreign::ForeignRecords;

/// Settings of every Kafka client of a node, and of the topics.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port` of the first brokers to ask, several with commas.
    pub brokers: String,
    /// Prefix of the topic names.
    pub topic_prefix: String,
    /// Partitions of commands and outcomes. Frozen once the topics exist.
    pub partitions: u16,
    /// Copies of each partition.
    pub replication: u16,
    /// Copies that must have a record before it counts as written.
    pub min_insync: u16,
    /// Hours for which records are kept; 0 keeps them forever.
    pub retention_hours: u64,
    /// Whether missing topics are created.
    pub create_topics: bool,
    /// Passed on to librdkafka: `security.protocol`, `sasl.*`, `ssl.*` and the like. They come
    /// last, so they can also change what this crate sets.
    pub properties: BTreeMap<String, String>,
    /// Name of this node in the brokers' logs.
    pub client_id: String,
    /// Where all readers with these settings report foreign records.
    pub foreign: ForeignRecords,
    /// Where all clients with these settings report whether they hear from brokers.
    pub contact: BrokerContact,
}

impl KafkaSettings {
    /// Topic of the commands.
    pub fn commands_topic(&self) -> String {
        format!("{}.commands", self.topic_prefix)
    }

    /// Topic of the outcomes.
    pub fn outcomes_topic(&self) -> String {
        format!("{}.outcomes", self.topic_prefix)
    }

    /// Topic of the nodes' status.
    pub fn nodes_topic(&self) -> String {
        format!("{}.nodes", self.topic_prefix)
    }
}

impl std::fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSettings")
            .field("brokers", &self.brokers)
            .field("topic_prefix", &self.topic_prefix)
            .field("partitions", &self.partitions)
            .field("replication", &self.replication)
            .field("min_insync", &self.min_insync)
            .field("retention_hours", &self.retention_hours)
            .field("create_topics", &self.create_topics)
            .field("properties", &Shown(&self.properties))
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Default for KafkaSettings {
    /// One local broker, one copy, records kept for ever.
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".to_owned(),
            topic_prefix: "onsale".to_owned(),
            partitions: 4,
            replication: 1,
            min_insync: 1,
            retention_hours: 0,
            create_topics: true,
            properties: BTreeMap::new(),
            client_id: "onsale".to_owned(),
            foreign: ForeignRecords::default(),
            contact: BrokerContact::default(),
        }
    }
}
