//! Asking the brokers about topics and creating them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};

use super::super::clients::{self, Consumer, REQUEST_TIMEOUT, broker_error};
use super::super::{KafkaError, KafkaSettings};
use super::wanted::Wanted;

/// How long a client is asked why a call failed.
const COMPLAINT_PATIENCE: Duration = Duration::from_secs(2);
/// Longest wait for its next event.
const COMPLAINT_POLL: Duration = Duration::from_millis(20);

/// A topic as the brokers describe it.
pub(super) struct Found {
    pub(super) partitions: usize,
    /// The smallest number of copies of any partition.
    pub(super) replication: usize,
    /// Every partition has a leader.
    pub(super) all_led: bool,
    pub(super) settings: BTreeMap<String, String>,
}

/// What its consumer is called in reports.
const NAME: &str = "topics reader";

pub(super) struct Admin<'a> {
    settings: &'a KafkaSettings,
    client: AdminClient<DefaultClientContext>,
    /// Asked first: unlike the other client it says why a broker does not let it in.
    consumer: Consumer,
}

impl<'a> Admin<'a> {
    pub(super) fn new(settings: &'a KafkaSettings) -> Result<Self, KafkaError> {
        let client = AdminClient::from_config(&clients::admin_config(settings))
            .map_err(|error| KafkaError::Settings(error.to_string()))?;
        let consumer = clients::consumer(settings, NAME)?;
        Ok(Self {
            settings,
            client,
            consumer,
        })
    }

    /// An error with its reason: a call only says that no broker answered, even where one was there
    /// and refused the password.
    fn refused(&self, doing: &'static str, cause: ClientError) -> KafkaError {
        // Complaints arrive one by one in the client's queue, among other events, and perhaps a
        // moment after the call has failed.
        let began = Instant::now();
        while self.consumer.context().complaint().is_none() && began.elapsed() < COMPLAINT_PATIENCE
        {
            self.consumer.poll(COMPLAINT_POLL);
        }
        KafkaError::Broker {
            brokers: self.settings.brokers.clone(),
            doing,
            cause: Box::new(cause),
            complaint: self.consumer.context().complaint(),
        }
    }

    /// The topics that exist, by name.
    pub(super) fn describe(
        &self,
        wanted: &[Wanted],
    ) -> Result<BTreeMap<String, Found>, KafkaError> {
        let metadata = self
            .consumer
            .fetch_metadata(None, REQUEST_TIMEOUT)
            .map_err(|error| self.refused("fetch metadata", error))?;
        let mut found = BTreeMap::new();
        for topic in metadata.topics() {
            if !wanted.iter().any(|wanted| wanted.name == topic.name()) {
                continue;
            }
            let partitions = topic.partitions();
            found.insert(
                topic.name().to_owned(),
                Found {
                    partitions: partitions.len(),
                    replication: partitions
                        .iter()
                        .map(|partition| partition.replicas().len())
                        .min()
                        .unwrap_or(0),
                    all_led: !partitions.is_empty()
                        && partitions.iter().all(|partition| partition.leader() >= 0),
                    settings: BTreeMap::new(),
                },
            );
        }
        for (name, topic) in &mut found {
            topic.settings = self.settings_of(name)?;
        }
        Ok(found)
    }

    fn settings_of(&self, topic: &str) -> Result<BTreeMap<String, String>, KafkaError> {
        let failed = |error| broker_error(self.settings, "read a topic's settings")(error);
        let asked = [ResourceSpecifier::Topic(topic)];
        let answers = block_on(self.client.describe_configs(&asked, &options())).map_err(failed)?;
        let mut settings = BTreeMap::new();
        for answer in answers {
            let resource = answer.map_err(|code| failed(ClientError::AdminOp(code)))?;
            for entry in resource.entries {
                settings.insert(entry.name, entry.value.unwrap_or_default());
            }
        }
        Ok(settings)
    }

    /// Creates topics; one that another node created meanwhile is fine.
    pub(super) fn create(&self, missing: &[&Wanted]) -> Result<(), KafkaError> {
        let failed = |error| broker_error(self.settings, "make a topic")(error);
        let topics: Vec<NewTopic<'_>> = missing
            .iter()
            .map(|topic| {
                let new = NewTopic::new(
                    &topic.name,
                    i32::from(topic.partitions),
                    TopicReplication::Fixed(i32::from(self.settings.replication)),
                );
                topic
                    .to_create()
                    .fold(new, |new, (name, value)| new.set(name, value))
            })
            .collect();
        let made = block_on(self.client.create_topics(&topics, &options())).map_err(failed)?;
        for result in made {
            match result {
                Ok(topic) => tracing::info!(topic, "made a topic"),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(failed(ClientError::AdminOp(code))),
            }
        }
        Ok(())
    }

    /// Takes topics away.
    #[cfg(test)]
    pub(super) fn delete(&self, topics: &[&str]) -> Result<(), KafkaError> {
        let failed = |error| broker_error(self.settings, "delete a topic")(error);
        for result in block_on(self.client.delete_topics(topics, &options())).map_err(failed)? {
            result.map_err(|(_, code)| failed(ClientError::AdminOp(code)))?;
        }
        Ok(())
    }

    pub(super) fn cluster_id(&self) -> Result<String, KafkaError> {
        self.client
            .inner()
            .fetch_cluster_id(REQUEST_TIMEOUT)
            .ok_or_else(|| {
                broker_error(self.settings, "ask for the cluster's id")(
                    ClientError::NoMessageReceived,
                )
            })
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(REQUEST_TIMEOUT))
        .operation_timeout(Some(REQUEST_TIMEOUT - Duration::from_secs(1)))
}
