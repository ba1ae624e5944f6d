//! The world itself: time goes from event to event.

use onsale_schemas::PartitionId;

use super::broker::Partition;
use super::clients::Asked;
use super::events::{Event, Queue};
use super::faults::Projector;
use super::ingress::Ingress;
use super::plan::Plan;
use super::processor::Processor;
use super::upgrade;
use crate::projection::Database;
use crate::seed::{Lived, Options};
use crate::stats::Stats;
use crate::trace::Trace;
use crate::workload::{Profile, Rng, START_MS};

/// What happens in one step, or what is wrong.
pub(super) type Step = Result<(), String>;

/// Everything there is.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) now_ms: u64,
    pub(super) rng: Rng,
    pub(super) queue: Queue,
    pub(super) trace: Trace,
    pub(super) stats: Stats,
    pub(super) partitions: Vec<Partition>,
    pub(super) databases: Vec<Database>,
    pub(super) processors: Vec<Processor>,
    pub(super) ingresses: Vec<Ingress>,
    pub(super) projectors: Vec<Projector>,
    pub(super) asked: Vec<Asked>,
    pub(super) asks_left: u64,
    /// Commands after which a rolling upgrade begins.
    pub(super) upgrade_after: u64,
    pub(super) database_down_until_ms: u64,
    pub(super) topic_stalled_until_ms: u64,
    pub(super) is_healed: bool,
    pub(super) is_upgraded: bool,
    /// Whose commands clients use.
    pub(super) machine_version: u16,
    sessions: u64,
}

/// Runs the world of a seed to its end.
pub(crate) fn run(options: Options) -> Lived {
    let mut world = World::new(options);
    let result = world.live();
    Lived {
        result,
        stats: world.stats,
        trace: world.trace,
    }
}

impl World {
    fn new(options: Options) -> Self {
        let mut rng = Rng::new(options.seed);
        let plan = Plan::new(&mut rng, options.machine_version);
        let count = plan.partitions;
        let clients = if plan.asks_ahead {
            Profile::of_clients_ahead()
        } else {
            Profile::of_clients(options.machine_version)
        };
        let profile = Profile {
            keys: plan.keys,
            ..clients
        };
        // What the program of each node knows at first.
        let version = upgrade::before(options.machine_version);
        let partitions = (0u16..)
            .take(count)
            .map(|id| {
                let seed = rng.next_u64();
                Partition::new(PartitionId(id), seed, profile.clone(), START_MS, version)
            })
            .collect();
        Self {
            now_ms: 0,
            queue: Queue::default(),
            trace: Trace::new(options.in_words),
            stats: Stats::default(),
            partitions,
            databases: (0..count).map(|_| Database::default()).collect(),
            processors: (0..plan.processors)
                .map(|number| Processor::new(number, count, version))
                .collect(),
            ingresses: (0..plan.ingresses).map(|_| Ingress::default()).collect(),
            projectors: (0..plan.projectors).map(|_| Projector::default()).collect(),
            asked: Vec::new(),
            asks_left: options.commands,
            // Behind the barrier, offers come before orders: that takes its time.
            upgrade_after: options.commands / if plan.asks_ahead { 3 } else { 2 },
            database_down_until_ms: 0,
            topic_stalled_until_ms: 0,
            is_healed: false,
            is_upgraded: false,
            machine_version: options.machine_version,
            sessions: 0,
            plan,
            rng,
        }
    }

    fn live(&mut self) -> Step {
        self.begin_with_new_rules()?;
        for node in 0..self.processors.len() {
            let at_ms = self.rng.below(1_000);
            self.queue.plan(at_ms, Event::StartProcessor { node });
        }
        for ingress in 0..self.ingresses.len() {
            self.queue.plan(0, Event::StartIngress { ingress });
        }
        for projector in 0..self.projectors.len() {
            self.queue.plan(0, Event::StartProjector { projector });
        }
        self.queue.plan(1, Event::Ask);
        self.queue.plan(500, Event::Fault);
        while self.asks_left > 0 {
            self.run_until(self.now_ms + 1_000)?;
        }
        self.heal_and_finish()
    }

    /// Runs everything that is planned up to then.
    pub(super) fn run_until(&mut self, until_ms: u64) -> Step {
        while let Some((at_ms, event)) = self.queue.next_until(until_ms) {
            self.pass(at_ms);
            self.happen(event)?;
        }
        self.pass(until_ms);
        Ok(())
    }

    fn pass(&mut self, to_ms: u64) {
        let by_ms = to_ms.saturating_sub(self.now_ms);
        self.now_ms += by_ms;
        for partition in &mut self.partitions {
            partition.clock_ms += by_ms;
        }
    }

    fn happen(&mut self, event: Event) -> Step {
        match event {
            Event::PollProcessor { node, life } => self.poll_processor(node, life),
            Event::StartProcessor { node } => {
                self.start_processor(node);
                Ok(())
            }
            Event::Flush {
                node,
                partition,
                session,
            } => self.flush(node, partition, session),
            Event::LateFlush { partition, items } => {
                self.stats.late_outcomes += items.len() as u64;
                self.publish(partition, items)
            }
            Event::SnapshotWritten {
                node,
                life,
                partition,
                bytes,
            } => {
                self.keep_snapshot(node, life, partition, bytes);
                Ok(())
            }
            Event::Append {
                partition,
                number,
                payload,
                from,
            } => self.append(partition, number, payload, from),
            Event::Reported { asking, report } => self.reported(asking, report),
            Event::Ask => self.ask_something(),
            Event::Timeout { ask, attempt } => self.time_out(ask, attempt),
            Event::PollIngress { ingress, life } => self.poll_ingress(ingress, life),
            Event::StartIngress { ingress } => {
                self.start_ingress(ingress);
                Ok(())
            }
            Event::PollProjector { projector, life } => self.poll_projector(projector, life),
            Event::StartProjector { projector } => {
                self.start_projector(projector);
                Ok(())
            }
            Event::Fault => self.fail_somehow(),
            Event::Upgrade { node } => {
                self.upgrade_node(node);
                Ok(())
            }
            Event::Barrier { partition } => self.ask_for_next_rules(partition),
        }
    }

    pub(super) fn latency(&mut self) -> u64 {
        1 + self.rng.below(self.plan.latency_max_ms)
    }

    pub(super) fn next_session(&mut self) -> u64 {
        self.sessions += 1;
        self.sessions
    }
}
