//! librdkafka's clients of each kind, and what all have in common. Whether they still hear from brokers
//! is watched in [`contact`](super::contact).

mod asking;
mod config;
mod consumer;
mod logging;
mod producer;

pub(super) use self::asking::{
    add, broker_error, native, native_offset, offset_of, patiently, watermarks,
};
pub(super) use self::config::{MESSAGE_MAX_BYTES, REQUEST_TIMEOUT, admin_config, producer_config};
pub(super) use self::consumer::{Consumer, consumer};
pub(super) use self::logging::Logging;
pub(super) use self::producer::{LastingProducer, PolledProducer, Replaceable, give_up};
