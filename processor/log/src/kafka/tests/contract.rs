//! The contract of every log.

use super::super::{KafkaReader, KafkaWriter};
use super::support::{TestTopics, brokers};
use crate::contract::{LogUnderTest, PARTITIONS};
use crate::log_contract;

struct OnKafka {
    topics: TestTopics,
}

impl LogUnderTest for OnKafka {
    type Writer = KafkaWriter;
    type Reader = KafkaReader;

    fn is_there() -> bool {
        brokers().is_some()
    }

    fn create() -> Self {
        Self {
            topics: TestTopics::make(PARTITIONS).unwrap(),
        }
    }

    fn writer(&mut self) -> KafkaWriter {
        KafkaWriter::new(&self.topics.settings).unwrap()
    }

    fn reader(&mut self) -> KafkaReader {
        KafkaReader::new(&self.topics.settings).unwrap()
    }
}

log_contract!(OnKafka);
