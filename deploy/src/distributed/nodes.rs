//! Who is there, as every node says of itself once a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onsale_log::kafka::{KafkaError, KafkaSettings, NodeRecord, NodesConsumer};
use onsale_processor::node::status::{MemberRole, NodeStatus, PartitionOnNode};
use onsale_schemas::{NodeName, PartitionId};

/// A node that was not heard for so long is taken for gone, in milliseconds.
pub(crate) const SILENT_AFTER_MS: u64 = 3_500;
/// Longest wait for a record. Bounds how late a stop is noticed.
const IDLE: Duration = Duration::from_millis(200);
/// Pause before a failed reader is made again.
const RETRY: Duration = Duration::from_secs(1);

/// A node as it was last heard.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) status: NodeStatus,
    /// The broker's time of what it said.
    pub(crate) time_ms: u64,
}

/// All nodes that were heard, and which of them are alive.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeList {
    nodes: BTreeMap<String, Heard>,
    /// The newest time of all: the broker's clock, as far as this tells it.
    newest_ms: u64,
}

/// Where a partition stands in the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    /// The member that knows most of its owner's life.
    pub(crate) leading: &'a PartitionOnNode,
    /// The owner by the log.
    pub(crate) owner: Option<NodeName>,
    /// A live node that would take over, the furthest one.
    pub(crate) standby: Option<(&'a NodeStatus, &'a PartitionOnNode)>,
}

impl NodeList {
    /// Takes what a node said.
    pub(crate) fn take(&mut self, record: NodeRecord) {
        if record.status.is_empty() {
            self.nodes.remove(&record.node);
            return;
        }
        match serde_json::from_slice(&record.status) {
            Ok(status) => {
                self.newest_ms = self.newest_ms.max(record.time_ms);
                let time_ms = record.time_ms;
                self.nodes.insert(record.node, Heard { status, time_ms });
            }
            Err(error) => {
                tracing::debug!(node = record.node, %error, "a node's status cannot be read");
            }
        }
    }

    /// Everything that was ever heard and not taken off the list.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Heard> {
        self.nodes.values()
    }

    /// The nodes that are there.
    pub(crate) fn alive(&self) -> impl Iterator<Item = &NodeStatus> {
        self.nodes
            .values()
            .filter(|heard| self.is_alive(heard))
            .map(|heard| &heard.status)
    }

    fn is_alive(&self, heard: &Heard) -> bool {
        self.newest_ms.saturating_sub(heard.time_ms) < SILENT_AFTER_MS
    }

    /// A live node by name.
    pub(crate) fn node(&self, name: &NodeName) -> Option<&NodeStatus> {
        self.alive().find(|status| status.node == *name)
    }

    /// Where a partition stands; `None` when no live node follows it.
    pub(crate) fn place(&self, partition: PartitionId) -> Option<Place<'_>> {
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
        Some(Place {
            leading,
            owner,
            standby,
        })
    }
}

/// The list, kept up to date by a thread.
#[derive(Debug)]
pub(crate) struct Nodes {
    list: Arc<Mutex<NodeList>>,
    stop: Arc<AtomicBool>,
}

impl Nodes {
    /// Starts following.
    ///
    /// # Errors
    /// When no client or thread can be made.
    pub(crate) fn follow(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        let nodes = Self {
            list: Arc::default(),
            stop: Arc::default(),
        };
        let mut consumer = NodesConsumer::new(settings)?;
        let (list, stop) = (nodes.list.clone(), nodes.stop.clone());
        let settings = settings.clone();
        let work = move || {
            while !stop.load(Ordering::Relaxed) {
                let polled = consumer.poll(IDLE, |record| lock(&list).take(record));
                if let Err(error) = polled {
                    tracing::warn!(%error, "the nodes' status cannot be read; trying again");
                    std::thread::sleep(RETRY);
                    if let Ok(again) = NodesConsumer::new(&settings) {
                        consumer = again;
                    }
                }
            }
        };
        let name = "onsale-nodes";
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(|source| KafkaError::Thread { name, source })?;
        Ok(nodes)
    }

    /// As of now.
    pub(crate) fn list(&self) -> NodeList {
        lock(&self.list).clone()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A thread that panicked while it held the lock leaves a list that is still right to read.
fn lock(list: &Mutex<NodeList>) -> MutexGuard<'_, NodeList> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}
