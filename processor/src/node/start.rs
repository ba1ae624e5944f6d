//! Puts the parts of a node together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use onsale_log::LogError;
use onsale_log::kafka::{
    CommandConsumer, CommandProducer, CommandProducerOptions, KafkaError, KafkaReader,
    KafkaSettings, Topics,
};
use onsale_schemas::{NodeName, PartitionId};
use onsale_snapshot::directory::Directory;
use onsale_store::Store;

use super::assignment::Assignment;
use super::driver::Driver;
use super::follow::Outcomes;
use super::foundation::Foundation;
use super::publish::Publisher;
use super::recovery::Bases;
use super::runtime::Node;
use super::snapshots::Unpublished;
use super::state::NodeState;
use crate::clock::{self, BrokerClock, ClockWatch};
use crate::fit::{KeptSnapshots, Misfit};
use crate::member::{Member, MemberSettings, ranks};
use crate::metrics::Metrics;
use crate::recovery::RecoveryError;
use crate::snapshots::{Newest, Shelf, snapshot_queue, work_off};
use crate::start::StartFailure;
use crate::threads;

/// Requests to the driver that may wait.
const CONTROL_QUEUED_MAX: usize = 64;

/// How long the end of the log may be behind a snapshot: a broker that has just become the leader
/// learns from the others what was acknowledged.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is asked meanwhile.
const END_POLL: Duration = Duration::from_millis(100);

/// Settings of a node.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Its name in the log.
    pub node: NodeName,
    /// How to reach Kafka.
    pub kafka: KafkaSettings,
    /// The topics as they are.
    pub topics: Topics,
    /// All processors of the cluster, this one among them.
    pub processors: Vec<NodeName>,
    /// How many of them follow each partition.
    pub replicas: u16,
    /// How members behave.
    pub member: MemberSettings,
    /// Folder of the snapshots.
    pub snapshots_dir: PathBuf,
    /// Snapshots kept of each partition.
    pub snapshots_kept: u32,
    /// Whether they are stored in the database too.
    pub snapshots_in_database: bool,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What either mode needs.
    #[error(transparent)]
    Start(#[from] StartFailure),
}

pub(super) fn start(
    options: NodeOptions,
    store: Store,
    metrics: Metrics,
    runtime: &tokio::runtime::Handle,
) -> Result<Node, NodeError> {
    let started = Instant::now();
    clock::check_wall(clock::now_ms()).map_err(StartFailure::from)?;
    let own_clock = ClockWatch::start(0);
    let directory = Directory::open(&options.snapshots_dir).map_err(StartFailure::from)?;
    let ranks = ranks_of(&options);
    let partitions: Vec<PartitionId> = ranks.keys().copied().collect();
    let outcomes = Outcomes::at_the_end(&options.kafka, &partitions)?;
    let newest = Arc::new(Newest::default());
    let mut reader = KafkaReader::new(&options.kafka)?;
    let log_id = options.topics.log_id;
    let kept = KeptSnapshots::read(&options.snapshots_dir).map_err(StartFailure::from)?;
    refuse_foreign(|| kept.look(log_id, &reader))?;
    let to_compare = store.past_latch();
    let bases = runtime.block_on(Bases::look(log_id, &directory, &to_compare));
    refuse_foreign(|| bases.ahead_of(&reader))?;
    let assignments = runtime.block_on(async {
        assigned(&options, ranks, &bases, &outcomes, &mut reader, &newest).await
    });
    let assignments = assignments.map_err(StartFailure::from)?;
    tracing::info!(
        partitions = assignments.len(),
        ms = started.elapsed().as_millis(),
        "bases found; following the log from there"
    );

    let shared = Arc::new(NodeState::default());
    shared.show(assignments.iter().map(Assignment::shown).collect());
    let (to_writer, jobs) = snapshot_queue();
    let (control, controls) = crossbeam_channel::bounded(CONTROL_QUEUED_MAX);
    let producer = CommandProducer::new(&options.kafka, CommandProducerOptions::default())?;
    let driver = Driver {
        assignments,
        settings: options.kafka.clone(),
        commands: CommandConsumer::new(&options.kafka)?,
        outcomes,
        producer,
        publisher: Publisher::new(&options.kafka)?,
        snapshots: Unpublished::new(to_writer),
        control: controls,
        shared: shared.clone(),
        clock: own_clock.clone(),
        broker: BrokerClock::default(),
        started: Instant::now(),
        actions: Vec::new(),
        shown_at_ms: 0,
        counted_at_ms: None,
        metrics: metrics.clone(),
    };
    let shelf = Shelf {
        log_id,
        directory,
        store,
        runtime: runtime.clone(),
        newest: newest.clone(),
        kept: options.snapshots_kept,
        in_database: options.snapshots_in_database,
        metrics: metrics.clone(),
    };
    let failures = metrics.snapshot_failures.clone();
    let writing = threads::spawn("snapshots", move || {
        let write = |cut: &_, _| shelf.write_new(cut);
        work_off(&jobs, &failures, write, || {});
    })
    .map_err(StartFailure::Thread)?;
    let driving = threads::spawn("driver", {
        let shared = shared.clone();
        move || run(driver, &shared)
    })
    .map_err(StartFailure::Thread)?;
    let foundation = Foundation {
        reader,
        shared: shared.clone(),
        newest: newest.clone(),
        control: control.clone(),
        metrics: metrics.clone(),
    };
    let watching =
        threads::spawn("foundation", move || foundation.watch()).map_err(StartFailure::Thread)?;
    Ok(Node {
        name: options.node,
        log_id,
        kafka: options.kafka,
        snapshots_dir: options.snapshots_dir,
        shared,
        newest,
        control,
        metrics,
        clock: own_clock,
        catalog: OnceLock::new(),
        threads: Mutex::new(Some([driving, writing, watching])),
    })
}

/// Nothing is sold on a log that has lost what was sold on it before.
fn refuse_foreign(look: impl Fn() -> Result<Option<Misfit>, LogError>) -> Result<(), NodeError> {
    let began = Instant::now();
    loop {
        match look()? {
            None => return Ok(()),
            Some(Misfit::SnapshotAhead { .. }) if began.elapsed() < END_PATIENCE => {
                std::thread::sleep(END_POLL);
            }
            Some(foreign) => return Err(StartFailure::Misfit(foreign).into()),
        }
    }
}

/// The partitions of this node, each from the base that it starts from.
async fn assigned(
    options: &NodeOptions,
    ranks: BTreeMap<PartitionId, u32>,
    bases: &Bases<'_>,
    outcomes: &Outcomes,
    reader: &mut KafkaReader,
    newest: &Newest,
) -> Result<Vec<Assignment>, RecoveryError> {
    let mut assignments = Vec::with_capacity(ranks.len());
    for (partition, rank) in ranks {
        let published = outcomes.newest(partition).map(|newest| newest.offset);
        let base = bases.base(partition, published, reader).await?;
        if let Some(snapshot) = base.snapshot {
            newest.set(snapshot);
        }
        let member = Member::new(
            base.machine,
            options.node.clone(),
            rank,
            options.member,
            published,
            0,
        );
        assignments.push(Assignment::new(member, base.last_record_checksum));
    }
    Ok(assignments)
}

/// The partitions that a node follows, with its place among those that do.
fn ranks_of(options: &NodeOptions) -> BTreeMap<PartitionId, u32> {
    (0..options.topics.partitions)
        .map(PartitionId)
        .filter_map(|partition| {
            let rank = ranks::rank(partition, &options.node, &options.processors)?;
            (rank < u32::from(options.replicas)).then_some((partition, rank))
        })
        .collect()
}

fn run(driver: Driver, shared: &NodeState) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| driver.run()));
    let why = match result {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the driver thread panicked".to_owned(),
    };
    tracing::error!(why, "the driver has stopped: this process must end");
    shared.fail(why);
}
