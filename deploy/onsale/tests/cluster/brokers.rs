//! One broker of several is killed: the one that leads commands.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::cluster::{Cluster, PATIENCE};
use crate::load::Load;
use crate::soak;

const COMMANDS: &str = "onsale.commands";
const BROKERS: usize = 3;
/// How long one look at the brokers may take.
const LOOK: Duration = Duration::from_secs(10);

/// Kills whichever broker leads the first partition of the commands, over and over.
pub(crate) async fn broker_killed(cluster: &Cluster, load: &Load) {
    let brokers = std::env::var("ONSALE_CLUSTER_BROKERS").ok();
    if brokers.is_none_or(|brokers| brokers != BROKERS.to_string()) {
        println!("left out: takes ONSALE_CLUSTER_BROKERS={BROKERS}");
        return;
    }
    for _ in 0..if soak() { 10 } else { 3 } {
        let victim = until_in_sync(cluster).await;
        load.forget_gaps();
        cluster.script(&["kill", &victim]).await;
        load.progress().await;
        load.note_gap(
            &format!("kill -9 of {victim}, which leads commands"),
            |_| true,
        );
        cluster.script(&["start", &victim]).await;
    }
    until_in_sync(cluster).await;
}

/// Waits until every copy of every partition is in sync; who leads the first one of the commands.
async fn until_in_sync(cluster: &Cluster) -> String {
    let brokers = cluster.brokers();
    let look = move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .create()
            .unwrap();
        let began = Instant::now();
        loop {
            let metadata = consumer.fetch_metadata(None, LOOK).unwrap();
            let topics = metadata.topics().iter();
            let ours: Vec<_> = topics
                .filter(|topic| topic.name().starts_with("onsale."))
                .collect();
            let mut partitions = ours.iter().flat_map(|topic| topic.partitions());
            if partitions.all(|partition| partition.isr().len() == BROKERS) {
                let commands = ours.iter().find(|topic| topic.name() == COMMANDS).unwrap();
                return match commands.partitions()[0].leader() {
                    1 => "kafka".to_owned(),
                    other => format!("kafka-{other}"),
                };
            }
            assert!(began.elapsed() < PATIENCE, "copies are not in sync");
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    tokio::task::spawn_blocking(look).await.unwrap()
}
