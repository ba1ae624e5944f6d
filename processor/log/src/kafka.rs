//! The log on Kafka.
//!
//! Three topics below one prefix:
//!
//! - `<prefix>.commands`: the encoded [`onsale_schemas::Envelope`]s, stamped with the time at which
//!   the broker appended them, so that an offset and a time belong to each for good;
//! - `<prefix>.outcomes`: what the machines made of them, an [`OutcomeChain`](crate::OutcomeChain)
//!   per partition;
//! - `<prefix>.nodes`: who is there, compacted.
//!
//! [`ensure`] makes and checks them. [`KafkaWriter`] and [`KafkaReader`] are the two faces of the
//! log for a processor that waits; [`CommandProducer`], [`CommandConsumer`], [`OutcomePublisher`]
//! and [`OutcomeConsumer`] are the parts of one that does not; [`KafkaCommandLog`] is what an
//! ingress uses. Consumers assign their partitions themselves: there is no consumer group, because
//! ownership is in the log.
//!
//! Whoever may write into these topics can put records there that are none of ours. They are
//! skipped, loudly ([`ForeignRecords`]): a command that does not decode does nothing; an outcome
//! that does not decode, has no digest for a key, or does not follow the chain is dropped; a node
//! that does not read is not listed. What is *not* defended against is a record that looks right in
//! every respect: that wall is the brokers' ACLs.

mod clients;
mod command_consumer;
mod commands;
mod config;
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
