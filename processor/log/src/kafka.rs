//! The log on Kafka.
//!
//! Three topics below one prefix:
//!
//! - `<prefix>.commands`: the encoded [`onsale_schemas::Envelope`]s, stamped with the time at which
//!   the broker appended them, so that each has its offset and its time for good;
//! - `<prefix>.outcomes`: what the machines decided, an [`OutcomeChain`](crate::OutcomeChain) per
//!   partition;
//! - `<prefix>.nodes`: which nodes are alive, compacted.
//!
//! [`ensure`] creates and checks them. [`KafkaWriter`] and [`KafkaReader`] are the two faces of the
//! log for a blocking processor; [`CommandProducer`], [`CommandConsumer`], [`OutcomePublisher`] and
//! [`OutcomeConsumer`] are the parts of one that does not block; [`KafkaCommandLog`] is what an
//! ingress uses. Consumers assign their partitions themselves: there is no consumer group, because
//! ownership is in the log.
//!
//! Clients are watched ([`BrokerContact`]) and replaced when they have lost their brokers for good,
//! which librdkafka does not notice.
//!
//! Anyone with write access to these topics can put foreign records there. They are skipped and
//! reported ([`ForeignRecords`]): a command that does not decode has no effect; an outcome that
//! does not decode, has no digest as its key, or does not follow the chain is dropped; a node
//! status that does not decode is not listed. A record that looks right in every respect is *not*
//! defended against: only the brokers' ACLs do that.

mod clients;
mod command_consumer;
mod commands;
mod config;
mod contact;
mod error;
mod faked_clock;
mod foreign;
mod ingress_log;
mod nodes;
mod outcome_consumer;
mod outcomes;
mod reader;
mod settings;
mod tail;
#[cfg(test)]
mod tests;
mod topics;
mod writer;

pub use command_consumer::{CommandConsumer, LogEvent};
pub use commands::{CommandProducer, CommandProducerOptions, Delivered, OnDelivered, SendError};
pub use config::KafkaConfig;
pub use contact::{BrokerContact, SilentClient};
pub use error::KafkaError;
pub use faked_clock::refuse_faked_clock;
pub use foreign::{ForeignRecord, ForeignRecords};
pub use ingress_log::{KafkaCommandLog, KafkaCommandLogOptions, SeatSource, Serving};
pub use nodes::{NodeRecord, NodesConsumer, NodesPublisher, read_nodes};
pub use outcome_consumer::{
    ChainEnds, OutcomeConsumer, OutcomeEvent, OutcomeStart, PublishedOutcome, not_in_chain,
};
pub use outcomes::{OutcomePublisher, PublishError, PublishFailure};
pub use reader::KafkaReader;
pub use settings::KafkaSettings;
pub use topics::{Finding, Topics, check, ensure, ensure_as, identity};
pub use writer::KafkaWriter;
