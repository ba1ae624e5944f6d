//! Which nodes are alive, as every node reports about itself once a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use onsale_log::kafka::{KafkaError, KafkaSettings, NodeRecord, NodesConsumer, read_nodes};
use onsale_processor::node::status::{MemberRole, NodeStatus, PartitionOnNode};
use onsale_schemas::{NodeName, PartitionId};

/// A node that has not been heard for this long is taken for gone, in milliseconds.
const SILENT_AFTER_MS: u64 = 3_500;
/// Starts that are remembered of each id.
const EARLIER_MAX: usize = 8;
/// How often an id that several processes share is logged.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);
/// Longest wait for a record. Bounds how late a stop is noticed.
const IDLE: Duration = Duration::from_millis(200);
/// Pause before a failed reader is replaced.
const RETRY: Duration = Duration::from_secs(1);

/// A node as it was last heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What it said.
    pub status: NodeStatus,
    /// The broker's time of its report.
    pub time_ms: u64,
    /// Earlier starts of processes with this id.
    earlier: Vec<String>,
    /// When an earlier start reported again after a later one, which only happens with two
    /// processes at once.
    twice_ms: Option<u64>,
}

/// All known nodes, and which of them are alive.
#[derive(Clone, Debug, Default)]
pub struct NodeList {
    nodes: BTreeMap<String, Heard>,
    /// The newest time of all: the broker's clock, as far as it shows here.
    newest_ms: u64,
}

impl Heard {
    /// What a node said after what it had said before.
    fn after(before: Option<Self>, status: NodeStatus, time_ms: u64) -> Self {
        let (mut earlier, mut twice_ms) = (Vec::new(), None);
        if let Some(before) = before {
            (earlier, twice_ms) = (before.earlier, before.twice_ms);
            let last = before.status.run;
            if !last.is_empty() && last != status.run {
                if earlier.contains(&status.run) && time_ms >= before.time_ms {
                    twice_ms = Some(time_ms);
                }
                if !earlier.contains(&last) {
                    earlier.push(last);
                }
                let surplus = earlier.len().saturating_sub(EARLIER_MAX);
                earlier.drain(..surplus);
            }
        }
        Self {
            status,
            time_ms,
            earlier,
            twice_ms,
        }
    }
}

/// What to do about a node id that several processes have.
pub fn twice_advice(node: &NodeName) -> String {
    format!(
        "several processes run with node.id {node}: stop all but one, or give each its own id; \
         nothing is sold twice meanwhile, but a partition has one replica fewer than it seems"
    )
}

/// The state of a partition in the cluster.
#[derive(Clone, Debug)]
pub struct Replicas<'a> {
    /// The member that knows most of its owner's life.
    pub leading: &'a PartitionOnNode,
    /// The owner by the log.
    pub owner: Option<NodeName>,
    /// A live node that would take over, the furthest one.
    pub standby: Option<(&'a NodeStatus, &'a PartitionOnNode)>,
}

impl NodeList {
    /// Takes what a node said.
    pub fn take(&mut self, record: NodeRecord) {
        if record.status.is_empty() {
            self.nodes.remove(&record.node);
            return;
        }
        match serde_json::from_slice(&record.status) {
            Ok(status) => {
                self.newest_ms = self.newest_ms.max(record.time_ms);
                let before = self.nodes.remove(&record.node);
                let heard = Heard::after(before, status, record.time_ms);
                self.nodes.insert(record.node, heard);
            }
            Err(error) => {
                // The reader of the topic has said so.
                tracing::debug!(node = record.node, %error, "a node's status cannot be read");
            }
        }
    }

    /// Ids that several living processes have.
    pub fn twice(&self) -> impl Iterator<Item = &NodeName> {
        let is_now = |at_ms: u64| self.newest_ms.saturating_sub(at_ms) < SILENT_AFTER_MS;
        self.nodes
            .values()
            .filter(move |heard| heard.twice_ms.is_some_and(is_now))
            .map(|heard| &heard.status.node)
    }

    /// Partitions that no living node owns.
    pub(crate) fn unowned(&self, partitions: u16) -> Vec<PartitionId> {
        let is_owned = |partition: PartitionId| {
            let mut followed = self.alive().flat_map(|node| &node.partitions);
            followed.any(|on| on.partition == partition && on.role == MemberRole::Owner)
        };
        let all = (0..partitions).map(PartitionId);
        all.filter(|partition| !is_owned(*partition)).collect()
    }

    /// Everything that was ever reported and not removed from the list.
    pub fn all(&self) -> impl Iterator<Item = &Heard> {
        self.nodes.values()
    }

    /// The nodes that are there.
    pub fn alive(&self) -> impl Iterator<Item = &NodeStatus> {
        self.nodes
            .values()
            .filter(|heard| self.is_alive(heard))
            .map(|heard| &heard.status)
    }

    fn is_alive(&self, heard: &Heard) -> bool {
        self.newest_ms.saturating_sub(heard.time_ms) < SILENT_AFTER_MS
    }

    /// A live node by name.
    pub fn node(&self, name: &NodeName) -> Option<&NodeStatus> {
        self.alive().find(|status| status.node == *name)
    }

    /// Where a partition stands; `None` when no live node follows it.
    pub fn replicas(&self, partition: PartitionId) -> Option<Replicas<'_>> {
        let members = || {
            self.alive().flat_map(move |node| {
                let of_node = node.partitions.iter();
                of_node
                    .filter(move |on_node| on_node.partition == partition)
                    .map(move |on_node| (node, on_node))
            })
        };
        let (_, furthest) =
            members().max_by_key(|(_, on_node)| (on_node.epoch, on_node.next_offset))?;
        let owner = furthest.owner.clone();
        let leading = members()
            .find(|(node, on_node)| {
                on_node.role == MemberRole::Owner && Some(&node.node) == owner.as_ref()
            })
            .map_or(furthest, |(_, on_node)| on_node);
        let standby = members()
            .filter(|(node, on_node)| {
                on_node.role == MemberRole::Standby
                    && !node.stopping
                    && Some(&node.node) != owner.as_ref()
            })
            .max_by_key(|(_, on_node)| on_node.next_offset);
        Some(Replicas {
            leading,
            owner,
            standby,
        })
    }
}

/// How long a start waits for the reports of earlier nodes.
const RECORDED_WAIT: Duration = Duration::from_secs(10);

/// How many partitions earlier nodes of this log were started with: another number than the
/// configured one, where any of them says so. Blocks.
pub fn recorded_partitions(settings: &KafkaSettings) -> Option<u16> {
    let nodes = match read_nodes(settings, RECORDED_WAIT) {
        Ok(nodes) => nodes,
        Err(error) => {
            tracing::warn!(%error, "the reports of earlier nodes cannot be read");
            return None;
        }
    };
    let said: Vec<u16> = nodes
        .iter()
        .filter_map(|record| serde_json::from_slice::<NodeStatus>(&record.status).ok())
        .map(|status| status.log_partitions)
        .filter(|partitions| *partitions > 0)
        .collect();
    let other = said.iter().find(|said| **said != settings.partitions);
    other.or(said.first()).copied()
}

/// The list, updated by a thread.
#[derive(Debug)]
pub struct Nodes {
    list: Arc<Mutex<NodeList>>,
    /// When the last report arrived, here.
    heard: Arc<Mutex<Instant>>,
    stop: Arc<AtomicBool>,
}

impl Nodes {
    /// Starts following.
    ///
    /// # Errors
    /// When no client or thread can be created.
    pub fn follow(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        let nodes = Self {
            list: Arc::default(),
            heard: Arc::new(Mutex::new(Instant::now())),
            stop: Arc::default(),
        };
        let mut consumer = NodesConsumer::new(settings)?;
        let (list, stop) = (nodes.list.clone(), nodes.stop.clone());
        let heard = nodes.heard.clone();
        let settings = settings.clone();
        let work = move || {
            let mut complained: Option<Instant> = None;
            while !stop.load(Ordering::Relaxed) {
                let polled = consumer.poll(IDLE, |record| {
                    lock(&list).take(record);
                    *lock(&heard) = Instant::now();
                });
                if let Err(error) = polled {
                    tracing::warn!(%error, "the nodes' status cannot be read; trying again");
                    std::thread::sleep(RETRY);
                    if let Ok(again) = NodesConsumer::new(&settings) {
                        consumer = again;
                    }
                }
                if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
                    let list = lock(&list);
                    for node in list.twice() {
                        complained = Some(Instant::now());
                        tracing::error!("{}", twice_advice(node));
                    }
                }
            }
        };
        let name = "onsale-nodes";
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(|cause| KafkaError::Thread { name, cause })?;
        Ok(nodes)
    }

    /// How long no node has been heard, this one included, if that is longer than it should be. No
    /// node is taken for gone then: nobody says how late it is.
    pub(crate) fn silent_for(&self) -> Option<Duration> {
        let silence = lock(&self.heard).elapsed();
        (silence > Duration::from_millis(SILENT_AFTER_MS)).then_some(silence)
    }

    /// As of now.
    pub fn list(&self) -> NodeList {
        lock(&self.list).clone()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A thread that panicked while it held the lock leaves a value that is still right to read.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(run: &str, time_ms: u64) -> NodeRecord {
        let status = NodeStatus {
            node: NodeName("processor-1".to_owned()),
            roles: Vec::new(),
            version: String::new(),
            url: String::new(),
            operations_url: String::new(),
            clock_ms: 0,
            disk_free_bytes: None,
            problems: Vec::new(),
            partitions: Vec::new(),
            projected: Vec::new(),
            stopping: false,
            clocks: Vec::new(),
            run: run.to_owned(),
            log_partitions: 4,
            foreign: Vec::new(),
        };
        NodeRecord {
            node: "processor-1".to_owned(),
            time_ms,
            status: serde_json::to_vec(&status).unwrap(),
        }
    }

    fn heard(runs: &[&str]) -> NodeList {
        let mut list = NodeList::default();
        for (second, run) in (1..).zip(runs) {
            list.take(record(run, 1_000 * second));
        }
        list
    }

    #[test]
    fn two_processes_with_one_id_are_distinguished_from_a_restart() {
        let is_twice = |runs: &[&str]| heard(runs).twice().count() == 1;
        assert!(!is_twice(&["a", "a", "b", "b", "c", "c"]));
        assert!(is_twice(&["a", "b", "a"]));
        assert!(is_twice(&["a", "a", "b", "b", "a", "b"]));
        // One of them was stopped since.
        assert!(!is_twice(&["a", "b", "a", "b", "b", "b", "b", "b"]));
        // A program that does not say.
        assert!(!is_twice(&["", "b", "", "b"]));
    }

    #[test]
    fn what_is_no_status_changes_nothing() {
        let mut list = heard(&["a"]);
        for status in [&b"nonsense"[..], b"{}", &[0xA5; 20]] {
            list.take(NodeRecord {
                node: "processor-1".to_owned(),
                time_ms: 9_000_000,
                status: status.to_vec(),
            });
        }
        assert_eq!(list.alive().count(), 1);
        assert_eq!(list.unowned(2), [PartitionId(0), PartitionId(1)]);
    }
}
