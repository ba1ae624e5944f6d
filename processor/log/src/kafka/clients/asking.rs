//! Questions to the brokers, and how librdkafka counts what they are about.

use std::time::{Duration, Instant};

use onsale_schemas::PartitionId;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::config::REQUEST_TIMEOUT;
use super::consumer::Consumer;
use crate::kafka::{KafkaError, KafkaSettings};

/// Pause before a request is repeated.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Shorthand for [`KafkaError::Broker`].
pub(in crate::kafka) fn broker_error(
    settings: &KafkaSettings,
    doing: &'static str,
) -> impl FnOnce(rdkafka::error::KafkaError) -> KafkaError {
    let brokers = settings.brokers.clone();
    move |cause| KafkaError::Broker {
        brokers,
        doing,
        cause: Box::new(cause),
        complaint: None,
    }
}

/// The first offset that a topic's partition keeps and the one after its last.
pub(in crate::kafka) fn watermarks(
    settings: &KafkaSettings,
    consumer: &Consumer,
    topic: &str,
    partition: PartitionId,
) -> Result<(u64, u64), KafkaError> {
    let (first, next) = patiently(settings, "ask for the bounds", || {
        consumer.fetch_watermarks(topic, native(partition), REQUEST_TIMEOUT)
    })?;
    Ok((offset_of(first), offset_of(next)))
}

/// Asks again while a partition is between leaders, as it is for a moment after its topic was
/// created and while a broker starts.
pub(in crate::kafka) fn patiently<T>(
    settings: &KafkaSettings,
    doing: &'static str,
    mut ask: impl FnMut() -> Result<T, rdkafka::error::KafkaError>,
) -> Result<T, KafkaError> {
    let began = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) if is_transient(&error) && began.elapsed() < REQUEST_TIMEOUT => {
                std::thread::sleep(ASK_AGAIN);
            }
            Err(error) => return Err(broker_error(settings, doing)(error)),
        }
    }
}

fn is_transient(error: &rdkafka::error::KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::ReplicaNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::FencedLeaderEpoch
                | RDKafkaErrorCode::UnknownLeaderEpoch
                | RDKafkaErrorCode::OffsetNotAvailable
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::RequestTimedOut
        )
    )
}

/// Adds a partition that is read from `next` on.
pub(in crate::kafka) fn add(
    list: &mut TopicPartitionList,
    topic: &str,
    partition: PartitionId,
    next: u64,
) -> Result<(), ClientError> {
    let next = rdkafka::Offset::Offset(native_offset(next));
    list.add_partition_offset(topic, native(partition), next)
}

/// A partition as librdkafka numbers it.
pub(in crate::kafka) fn native(partition: PartitionId) -> i32 {
    i32::from(partition.0)
}

/// A place in a topic as librdkafka counts it. Offsets never come near the end of either type.
pub(in crate::kafka) fn native_offset(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// And back; librdkafka's negative ones are not offsets.
pub(in crate::kafka) fn offset_of(native: i64) -> u64 {
    u64::try_from(native).unwrap_or(0)
}
