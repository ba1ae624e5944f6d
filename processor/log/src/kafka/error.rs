//! What can go wrong between a node and Kafka.

use onsale_schemas::{Offset, PartitionId};

use super::topics::Finding;

/// An error of the log on Kafka.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// No client can be created from the settings.
    #[error("Kafka client settings: {0}")]
    Settings(String),
    /// The client cannot work under a faked clock.
    #[error(
        "LD_PRELOAD={library} fakes the clock of this process: Kafka's client would mix it with \
         the real one and wait forever; run without it. Times in the log are the broker's: to try \
         another time, fake the broker's clock, or use the embedded log (no kafka.brokers)"
    )]
    FakedClock {
        /// The preloaded library.
        library: String,
    },
    /// The brokers do not answer, or answer with an error.
    #[error("Kafka at {brokers}: {doing}: {cause}{}", in_brackets(.complaint.as_deref()))]
    Broker {
        /// The brokers asked.
        brokers: String,
        /// What was tried, as in "fetch metadata".
        doing: &'static str,
        /// What the client library said.
        cause: Box<rdkafka::error::KafkaError>,
        /// What it last complained about before that, such as a refused password or certificate, if
        /// known.
        complaint: Option<String>,
    },
    /// A topic is missing and must not be created.
    #[error(
        "topic {topic} does not exist and kafka.create_topics is off; create it with {command}"
    )]
    NoTopic {
        /// The topic.
        topic: String,
        /// How to make it.
        command: String,
    },
    /// Topics are set up in a way that could lose or reorder records.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    WrongTopics(Vec<Finding>),
    /// Offsets in the log are not contiguous: records are missing.
    #[error(
        "partition {partition} of {topic} has a gap: offset {found} follows {last:?}; records are \
         missing or the topic was used by something else"
    )]
    Hole {
        /// The topic.
        topic: String,
        /// The partition.
        partition: PartitionId,
        /// The last offset read, `None` at the beginning.
        last: Option<Offset>,
        /// The offset found.
        found: Offset,
    },
    /// The offset to read from is not in the topic.
    #[error(
        "offset {asked} of partition {partition} of {topic} is no longer kept: the topic has {first} to {next}"
    )]
    OffsetGone {
        /// The topic.
        topic: String,
        /// The partition.
        partition: PartitionId,
        /// The offset asked for.
        asked: Offset,
        /// The first one kept.
        first: Offset,
        /// The one after the last.
        next: Offset,
    },
    /// The outcomes go on past the end of the commands.
    #[error(
        "partition {partition}: the outcomes go up to offset {outcome}, {commands} ends at {end}: the \
         commands topic was recreated or set back. Nothing can be sold on it: restore it, or begin a \
         new log with another kafka.topic_prefix, a new database and empty snapshots folders"
    )]
    SetBack {
        /// The commands topic.
        commands: String,
        /// The partition.
        partition: PartitionId,
        /// The highest outcome.
        outcome: Offset,
        /// Where the commands end.
        end: Offset,
    },
    /// The client cannot continue and has to be replaced.
    #[error("the Kafka client has failed and has to be replaced: {0}")]
    Fatal(String),
    /// The operating system gives no thread.
    #[error("start thread {name}: {cause}")]
    Thread {
        /// Its name.
        name: &'static str,
        /// What the system said.
        cause: std::io::Error,
    },
}

fn in_brackets(complaint: Option<&str>) -> String {
    complaint.map_or_else(String::new, |complaint| format!(" ({complaint})"))
}
