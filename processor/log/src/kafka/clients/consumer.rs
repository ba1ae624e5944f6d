//! Consumers whose clients are replaced and closed with care.

use std::ops::Deref;
use std::time::Instant;

use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::config::consumer_config;
use super::logging::PlainContext;
use crate::kafka::contact::{ClientContact, SILENCE_MAX};
use crate::kafka::{KafkaError, KafkaSettings};

/// The thread on which a replaced consumer is closed.
const CLOSING_THREAD: &str = "kafka-closing";

/// A consumer of one topic that assigns its partitions itself and is notified of the end of each.
/// `name` is what it is called in reports.
pub(in crate::kafka) fn consumer(
    settings: &KafkaSettings,
    name: &'static str,
) -> Result<Consumer, KafkaError> {
    Ok(Consumer {
        client: ConsumerClient::new(settings)?,
        settings: settings.clone(),
        contact: settings.contact.of(name),
        replaced: None,
    })
}

/// A consumer that is assigned its partitions, and whose client can be replaced.
pub(in crate::kafka) struct Consumer {
    client: ConsumerClient,
    settings: KafkaSettings,
    contact: ClientContact,
    replaced: Option<Instant>,
}

impl Consumer {
    /// Reads these partitions instead of what was read before.
    pub(in crate::kafka) fn assign(&self, list: &TopicPartitionList) -> Result<(), ClientError> {
        self.client.come_to_rest()?;
        self.client.0.assign(list)
    }

    /// Reads these partitions beside the others.
    pub(in crate::kafka) fn start(&self, list: &TopicPartitionList) -> Result<(), ClientError> {
        self.client.come_to_rest()?;
        self.client.0.incremental_assign(list)
    }

    /// Reads these partitions no more.
    pub(in crate::kafka) fn stop(&self, list: &TopicPartitionList) -> Result<(), ClientError> {
        self.client.come_to_rest()?;
        self.client.0.incremental_unassign(list)
    }

    /// The owner has read something that only a broker can have sent since the last loss.
    pub(in crate::kafka) fn heard(&self) {
        self.contact.heard();
    }

    /// The client reported an error to its owner.
    pub(in crate::kafka) fn lost(&self) {
        self.contact.lost();
    }

    /// Replaces a client that has been silent for too long. True when it was replaced: the owner has
    /// to assign its partitions then.
    pub(in crate::kafka) fn replace_if_silent(&mut self) -> bool {
        let is_due = |at: Instant| at.elapsed() >= SILENCE_MAX;
        self.contact.silence() >= SILENCE_MAX
            && self.replaced.is_none_or(is_due)
            && self.replace("nothing was heard since it lost its brokers")
    }

    /// Replaces the client, as [`Consumer::replace_if_silent`]. The old one is kept when there is no
    /// new one.
    pub(in crate::kafka) fn replace(&mut self, why: &str) -> bool {
        self.replaced = Some(Instant::now());
        let fresh = match ConsumerClient::new(&self.settings) {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::error!(%error, "no Kafka client can be created; trying again");
                return false;
            }
        };
        self.contact.note_replacement(why);
        close_aside(std::mem::replace(&mut self.client, fresh));
        true
    }
}

impl Deref for Consumer {
    type Target = BaseConsumer<PlainContext>;

    fn deref(&self) -> &Self::Target {
        &self.client.0
    }
}

/// The client of a consumer.
///
/// librdkafka up to 2.15.0 ends the process when it has to stop a partition that it is stopping
/// already (an assertion of `rktp->rktp_started`, confluentinc/librdkafka#5573): partitions are
/// therefore only added, taken away and closed once the client has come to rest. Nothing is paused
/// and resumed either: a resumption that is overtaken by the start of its partition is lost
/// (confluentinc/librdkafka#5591).
struct ConsumerClient(BaseConsumer<PlainContext>);

impl ConsumerClient {
    fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        BaseConsumer::from_config_and_context(&consumer_config(settings), PlainContext::default())
            .map(Self)
            .map_err(|error| KafkaError::Settings(error.to_string()))
    }

    /// Waits until every stop that was asked for is done. The client's main thread works on one thing
    /// after the other: before it answers the first question it has stopped the partitions, before
    /// it answers the second it has heard of it.
    fn come_to_rest(&self) -> Result<(), ClientError> {
        self.0.assignment()?;
        self.0.assignment()?;
        Ok(())
    }
}

impl Drop for ConsumerClient {
    fn drop(&mut self) {
        if let Err(error) = self.come_to_rest() {
            tracing::debug!("a Kafka client that is closed does not answer: {error}");
        }
    }
}

/// Closes a client on a thread of its own: one that has lost its brokers may take its time, for
/// example for a name that is being looked up.
fn close_aside(client: ConsumerClient) {
    let closing = std::thread::Builder::new().name(CLOSING_THREAD.to_owned());
    if let Err(error) = closing.spawn(move || drop(client)) {
        // It was closed here.
        tracing::debug!("no thread to close a Kafka client: {error}");
    }
}
