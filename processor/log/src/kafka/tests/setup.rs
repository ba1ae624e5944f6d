//! Misconfigured topics are refused, with advice.

use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig as _;

use super::super::{KafkaError, KafkaSettings, check, clients, ensure, topics};
use super::support::{TestTopics, brokers, settings};

/// Creates the topics of `settings`, the commands topic as given, and deletes them at the end.
struct MadeByHand(KafkaSettings);

impl MadeByHand {
    fn new(settings: KafkaSettings, partitions: i32, set: &[(&str, &str)]) -> Self {
        let admin: AdminClient<DefaultClientContext> =
            AdminClient::from_config(&clients::admin_config(&settings)).unwrap();
        let name = settings.commands_topic();
        let topic = set.iter().fold(
            NewTopic::new(&name, partitions, TopicReplication::Fixed(1)),
            |topic, (name, value)| topic.set(name, value),
        );
        for made in block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap() {
            made.unwrap();
        }
        Self(settings)
    }
}

impl Drop for MadeByHand {
    fn drop(&mut self) {
        // Topics that were never created cannot be deleted.
        let _some_missing = topics::delete(&self.0);
    }
}

const RIGHT: [(&str, &str); 4] = [
    ("message.timestamp.type", "LogAppendTime"),
    ("retention.ms", "-1"),
    ("max.message.bytes", "2097152"),
    ("cleanup.policy", "delete"),
];

#[test]
fn topics_are_made_once_and_found_again() {
    let Some(made) = TestTopics::make(3) else {
        return;
    };
    assert_eq!(made.topics.partitions, 3);
    assert_eq!(ensure(&made.settings).unwrap(), made.topics);
    assert_eq!(check(&made.settings, || None).unwrap(), []);
}

#[test]
fn a_wrong_timestamp_type_is_refused_with_the_command_that_mends_it() {
    let Some(brokers) = brokers() else { return };
    let mut set = RIGHT;
    set[0].1 = "CreateTime";
    let made = MadeByHand::new(settings(&brokers, 2), 2, &set);
    let message = ensure(&made.0).unwrap_err().to_string();
    let expected = format!(
        "topic {topic}: message.timestamp.type is CreateTime, expected LogAppendTime (only the \
         broker's clock may stamp commands); to correct it: kafka-configs.sh \
         --bootstrap-server {brokers} --alter --entity-type topics --entity-name {topic} \
         --add-config message.timestamp.type=LogAppendTime",
        topic = made.0.commands_topic()
    );
    assert_eq!(message, expected);
}

#[test]
fn another_number_of_partitions_is_refused() {
    let Some(brokers) = brokers() else { return };
    let made = MadeByHand::new(settings(&brokers, 2), 3, &RIGHT);
    let message = ensure(&made.0).unwrap_err().to_string();
    assert!(message.contains("partitions is 3, expected 2"), "{message}");
    assert!(message.contains("log.partitions"), "{message}");
}

#[test]
fn compaction_and_short_retention_are_refused_together() {
    let Some(brokers) = brokers() else { return };
    let mut set = RIGHT;
    set[1].1 = "60000";
    set[3].1 = "compact";
    let made = MadeByHand::new(settings(&brokers, 2), 2, &set);
    let Err(KafkaError::WrongTopics(findings)) = ensure(&made.0) else {
        panic!("the topics were taken");
    };
    let wrong: Vec<_> = findings
        .iter()
        .map(|finding| (finding.setting.as_str(), finding.found.as_str()))
        .collect();
    assert_eq!(
        wrong,
        [("cleanup.policy", "compact"), ("retention.ms", "60000")]
    );
    // The doctor sees the same without changing anything.
    assert_eq!(check(&made.0, || None).unwrap(), findings);
}

#[test]
fn missing_topics_that_must_not_be_made_are_refused_with_the_command_that_makes_them() {
    let Some(brokers) = brokers() else { return };
    let settings = KafkaSettings {
        create_topics: false,
        ..settings(&brokers, 2)
    };
    let message = ensure(&settings).unwrap_err().to_string();
    assert!(message.contains("--create --topic"), "{message}");
    assert!(
        message.contains("message.timestamp.type=LogAppendTime"),
        "{message}"
    );
    let findings = check(&settings, || None).unwrap();
    assert_eq!(findings.len(), 3);
    assert!(findings.iter().all(|finding| finding.setting == "topic"));
}

#[test]
fn missing_brokers_are_reported() {
    let settings = settings("127.0.0.1:1", 2);
    let message = ensure(&settings).unwrap_err().to_string();
    assert!(
        message.starts_with("Kafka at 127.0.0.1:1: fetch metadata: "),
        "{message}"
    );
}

#[test]
fn settings_that_make_no_client_name_the_setting() {
    let mut settings = settings("127.0.0.1:1", 2);
    settings
        .properties
        .insert("security.protocol".to_owned(), "WRONG".to_owned());
    let message = ensure(&settings).unwrap_err().to_string();
    assert!(
        message.contains("security.protocol") && message.contains("WRONG"),
        "{message}"
    );
}
