//! What is done to the cluster while it is under load.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::brokers::broker_killed;
use crate::cluster::{Cluster, PATIENCE, sum};
use crate::full_disk::full_disk;
use crate::load::Load;
use crate::soak;
use crate::stalls::{ingress_with_few_files, node_id_twice, processors_paused};

/// What a projection that keeps up has left to do at any moment, in records.
const PROJECTION_LAG_SMALL: f64 = 500.0;
/// How long it may take to catch up.
const PROJECTION_PATIENCE: Duration = Duration::from_secs(180);

type Run = for<'a> fn(&'a Cluster, &'a Load) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
}

macro_rules! fault {
    ($name:ident) => {
        Fault {
            name: stringify!($name),
            run: |cluster, load| Box::pin($name(cluster, load)),
        }
    };
}

pub(crate) const FAULTS: &[Fault] = &[
    fault!(nothing),
    fault!(hand_over_back_and_forth),
    fault!(owner_killed),
    fault!(standby_killed),
    fault!(ingress_killed),
    fault!(projector_killed),
    fault!(owner_paused),
    fault!(processors_paused),
    fault!(node_id_twice),
    fault!(ingress_with_few_files),
    fault!(kafka_killed),
    fault!(broker_killed),
    fault!(postgres_killed),
    fault!(redis_killed),
    fault!(full_disk),
    fault!(rolling_restart),
];

/// What the load is like by itself.
async fn nothing(_: &Cluster, load: &Load) {
    for _ in 0..10 {
        load.forget_gaps();
        load.progress().await;
        load.note_gap("nothing", |_| true);
    }
}

async fn hand_over_back_and_forth(cluster: &Cluster, load: &Load) {
    let rounds = if soak() { 10 } else { 2 };
    for _ in 0..rounds {
        for to in ["processor-2", "processor-1"] {
            load.forget_gaps();
            cluster.hand_over(to).await;
            load.progress().await;
            load.note_gap(&format!("hand-over of all partitions to {to}"), |_| true);
            give_everything_to(cluster, to).await;
        }
    }
}

/// Has a node own every partition. One that has just started takes back what it prefers, once: then
/// it is asked again.
pub(crate) async fn give_everything_to(cluster: &Cluster, node: &str) {
    let began = std::time::Instant::now();
    loop {
        cluster.hand_over(node).await;
        let owners = cluster.owners().await;
        if owners.iter().all(|owner| owner == node) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "owners: {owners:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn owner_killed(cluster: &Cluster, load: &Load) {
    let kills = if soak() { 50 } else { 3 };
    for _ in 0..kills {
        let owners = cluster.owners().await;
        let victim = owners[0].clone();
        load.forget_gaps();
        cluster.script(&["kill", &victim]).await;
        load.progress().await;
        load.note_gap(&format!("kill -9 of {victim}, an owner"), |partition| {
            owners[partition] == victim
        });
        cluster.script(&["start", &victim]).await;
        load.progress().await;
    }
}

async fn standby_killed(cluster: &Cluster, load: &Load) {
    give_everything_to(cluster, "processor-1").await;
    load.forget_gaps();
    cluster.script(&["kill", "processor-2"]).await;
    load.progress().await;
    load.note_gap("kill -9 of the standby", |_| true);
    cluster.script(&["start", "processor-2"]).await;
}

async fn ingress_killed(cluster: &Cluster, load: &Load) {
    load.forget_gaps();
    cluster.script(&["kill", "ingress-1"]).await;
    load.progress().await;
    load.note_gap("kill -9 of an ingress", |_| true);
    cluster.script(&["start", "ingress-1"]).await;
}

async fn projector_killed(cluster: &Cluster, load: &Load) {
    load.forget_gaps();
    cluster.script(&["kill", "projector-1"]).await;
    load.progress().await;
    load.note_gap("kill -9 of the projector", |_| true);
    cluster.script(&["start", "projector-1"]).await;
}

/// Two owners at once, when it comes back.
async fn owner_paused(cluster: &Cluster, load: &Load) {
    let owners = cluster.owners().await;
    let victim = owners[0].clone();
    let away = Duration::from_secs(if soak() { 10 } else { 3 });
    load.forget_gaps();
    cluster.script(&["pause", &victim]).await;
    tokio::time::sleep(away).await;
    load.progress().await;
    load.note_gap("SIGSTOP of an owner", |partition| {
        owners[partition] == victim
    });
    load.forget_gaps();
    cluster.script(&["resume", &victim]).await;
    load.progress().await;
    load.note_gap("SIGCONT of the former owner", |partition| {
        owners[partition] == victim
    });
}

async fn kafka_killed(cluster: &Cluster, load: &Load) {
    load.forget_gaps();
    cluster.script(&["kill", "kafka"]).await;
    cluster.script(&["start", "kafka"]).await;
    load.progress().await;
    load.note_gap("kill -9 and start of Kafka", |_| true);
}

/// Sales go on without it, and what was sold is in it once it is back.
async fn postgres_killed(cluster: &Cluster, load: &Load) {
    load.forget_gaps();
    cluster.script(&["kill", "postgres"]).await;
    load.progress().await;
    if soak() {
        tokio::time::sleep(Duration::from_secs(60)).await;
        load.progress().await;
    }
    load.note_gap("PostgreSQL away", |_| true);
    cluster.script(&["start", "postgres"]).await;
    let began = std::time::Instant::now();
    until_projected(cluster).await;
    load.figure(
        "projected again after ms",
        began.elapsed().as_secs_f64() * 1e3,
    );
}

/// Waits until the projector has next to nothing left to do.
async fn until_projected(cluster: &Cluster) {
    let began = std::time::Instant::now();
    loop {
        let metrics = cluster.metrics("projector-1").await;
        let lag = sum(&metrics, "onsale_projector_lag_records");
        if lag.is_some_and(|lag| lag <= PROJECTION_LAG_SMALL) {
            return;
        }
        assert!(
            began.elapsed() < PROJECTION_PATIENCE,
            "the projection is {lag:?} records behind"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn redis_killed(cluster: &Cluster, load: &Load) {
    load.forget_gaps();
    cluster.script(&["kill", "redis"]).await;
    load.progress().await;
    load.note_gap("Redis away", |_| true);
    cluster.script(&["start", "redis"]).await;
}

async fn rolling_restart(cluster: &Cluster, load: &Load) {
    for node in [
        "ingress-1",
        "ingress-2",
        "processor-1",
        "processor-2",
        "projector-1",
    ] {
        load.forget_gaps();
        cluster.script(&["restart", node]).await;
        load.progress().await;
        load.note_gap(&format!("restart of {node}"), |_| true);
    }
}
