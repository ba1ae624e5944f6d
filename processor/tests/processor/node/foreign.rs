//! A foreign client writes into the topics, or deletes from them: sales, projection and restarts
//! continue.

use std::time::{Duration, Instant};

use onsale_log::LogReader as _;
use onsale_log::kafka::{KafkaError, KafkaReader, NodesPublisher, ensure};
use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;
use onsale_schemas::{Outcome, OutcomeRecord, PartitionId, codec};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::node::projecting::{caught_up, projection};
use crate::node::support::{ALL, PATIENCE, World, owned_by_either, until};

/// An outcome in form, of a command far away, that follows nothing.
fn outcome_of_nothing() -> Vec<u8> {
    let record = OutcomeRecord {
        offset: 700_000,
        previous: Some(600_000),
        log_time_ms: 1,
        request_id: None,
        replay_of: None,
        expired: Vec::new(),
        outcome: Outcome::Nothing,
    };
    codec::encode(&record).unwrap()
}

/// Key and value, as they are.
type Raw<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// Garbage, a tombstone, a record without a key, an oversized one, and an outcome of nothing, into
/// every partition of every topic.
fn put_everywhere(world: &World) {
    let settings = &world.kafka;
    let producer: BaseProducer = client(world).create().unwrap();
    let nothing = outcome_of_nothing();
    let oversized = vec![0x02; RECORD_SIZE_MAX_BYTES + 1_000];
    let digest: &[u8] = &[7; 8];
    let records: [Raw<'_>; 5] = [
        (None, Some(&[0xA5; 20])),
        (Some(digest), None),
        (None, Some(&nothing)),
        (Some(digest), Some(&oversized)),
        (Some(digest), Some(&nothing)),
    ];
    let put = |topic: &str, partition: i32| {
        for (key, payload) in records {
            let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).partition(partition);
            (record.key, record.payload) = (key, payload);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
    };
    for partition in ALL {
        put(&settings.commands_topic(), partition.0.into());
        put(&settings.outcomes_topic(), partition.0.into());
    }
    put(&settings.nodes_topic(), 0);
    producer.flush(Duration::from_secs(60)).unwrap();
}

fn client(world: &World) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &world.kafka.brokers);
    config.set("message.max.bytes", (4 << 20).to_string());
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_records_in_every_topic_stop_nothing() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let (one, two) = world.start_both().await;
    let first = projection(&world).await;
    world.sell(5);
    world.check_outcomes().await;

    put_everywhere(&world);
    world.sell(5);
    world.check_outcomes().await;
    caught_up(&world, &first).await;
    assert_eq!(first.problems(), Vec::<String>::new());
    for node in [&one, &two] {
        until("it is at the end", || node.problems().is_empty()).await;
    }
    let counts = world.kafka.foreign.counts();
    let partitions = ALL.len() as u64;
    assert_eq!(counts[&world.kafka.commands_topic()], 5 * partitions);
    assert_eq!(counts[&world.kafka.outcomes_topic()], 5 * partitions);
    let named = world.kafka.foreign.newest(usize::MAX);
    assert!(named.iter().any(|record| record.why.contains("tombstone")));
    assert!(
        named
            .iter()
            .any(|record| record.why.contains("not a digest"))
    );
    // Who is there is known all the same.
    let nodes = NodesPublisher::new(&world.kafka).unwrap();
    nodes.publish("one", b"{}");
    assert!(nodes.flush(Duration::from_secs(60)));
    let known = onsale_log::kafka::read_nodes(&world.kafka, Duration::from_secs(60)).unwrap();
    assert!(known.iter().any(|record| record.node == "one"));

    // Everything is started again with such records at the very end of each topic.
    put_everywhere(&world);
    first.stop().await;
    one.stop().await;
    two.stop().await;
    let one = world.start("one").await;
    let two = world.start("two").await;
    owned_by_either(&one, &two).await;
    let second = projection(&world).await;
    world.sell(5);
    world.check_outcomes().await;
    caught_up(&world, &second).await;
    assert_eq!(second.problems(), Vec::<String>::new());
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.differences, []);
    assert_eq!(report.checked.bookings, 30);
    second.stop().await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_loses_its_beginning_gets_a_snapshot_at_once() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let one = world.start_alone().await;
    world.sell(20);
    world.check_outcomes().await;
    assert!(
        one.status()
            .iter()
            .all(|on_node| on_node.snapshot.is_none())
    );

    delete_before(&world, 10).await;
    let reaches = |partition: PartitionId| {
        one.status().iter().any(|on_node| {
            let snapshot = on_node.snapshot.map_or(0, |snapshot| snapshot.next_offset);
            on_node.partition == partition && snapshot >= 10
        })
    };
    until("snapshots reach the log", || ALL.into_iter().all(reaches)).await;
    until("nothing is wrong", || one.warnings().is_empty()).await;
    one.stop().await;

    // So it can be started again.
    let one = world.start("one").await;
    world.sell(5);
    until("it sells on", || {
        one.status().iter().all(|on_node| on_node.live_holds == 25)
    })
    .await;
    one.stop().await;
}

/// Deletes commands and outcomes with everything in them and creates them again.
pub(crate) async fn recreate(world: &World) {
    let admin: AdminClient<DefaultClientContext> = client(world).create().unwrap();
    let names = [world.kafka.commands_topic(), world.kafka.outcomes_topic()];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let deleted = admin.delete_topics(&names, &AdminOptions::new()).await;
    assert!(deleted.unwrap().iter().all(Result::is_ok));
    // The broker deletes them in its own time, and refuses to create them until then.
    let began = Instant::now();
    loop {
        let kafka = world.kafka.clone();
        let made = tokio::task::spawn_blocking(move || {
            ensure(&kafka)?;
            let reader = KafkaReader::new(&kafka)?;
            Ok::<_, KafkaError>(ALL.map(|p| reader.bounds(p).ok()))
        });
        if let Ok([Some((0, 0)), Some((0, 0))]) = made.await.unwrap() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "they are not created");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Deletes what is before `offset` from commands and outcomes.
async fn delete_before(world: &World, offset: i64) {
    let topics = [world.kafka.commands_topic(), world.kafka.outcomes_topic()];
    delete_of_before(world, &topics, offset).await;
}

pub(crate) async fn delete_of_before(world: &World, topics: &[String], offset: i64) {
    let admin: AdminClient<DefaultClientContext> = client(world).create().unwrap();
    let mut list = TopicPartitionList::new();
    for topic in topics {
        for partition in ALL {
            let before = rdkafka::Offset::Offset(offset);
            list.add_partition_offset(topic, partition.0.into(), before)
                .unwrap();
        }
    }
    let deleted = admin
        .delete_records(&list, &AdminOptions::new())
        .await
        .unwrap();
    for element in deleted.elements() {
        element.error().unwrap();
    }
}
