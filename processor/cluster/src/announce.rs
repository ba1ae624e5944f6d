//! Reports once a second what this node is doing.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use onsale_log::kafka::{BrokerContact, ForeignRecords, NodesPublisher};
use onsale_processor::clock;
use onsale_processor::node::Node;
use onsale_processor::node::status::NodeStatus;
use onsale_schemas::NodeName;
use tokio_util::sync::CancellationToken;

use crate::internal::ProjectionSlot;

/// How often.
const EVERY: Duration = Duration::from_secs(1);
/// How long the last report is waited for.
const FLUSH: Duration = Duration::from_millis(500);

/// Foreign records that are named.
const FOREIGN_MAX: usize = 8;

/// What a node announces, and where.
pub struct Announcer {
    /// Publishes it.
    pub publisher: NodesPublisher,
    /// This node.
    pub name: NodeName,
    /// Its roles, as in the configuration.
    pub roles: Vec<String>,
    /// Where it is reached.
    pub url: String,
    /// Where its operations listener is reached.
    pub operations_url: String,
    /// Its data folder, whose disk is looked at.
    pub data_dir: PathBuf,
    /// The processor, where it is one.
    pub node: Option<Arc<Node>>,
    /// The projector, where it is one.
    pub projection: ProjectionSlot,
    /// Set when it goes away in order.
    pub stopping: Arc<AtomicBool>,
    /// Identifies this start of the process.
    pub run: String,
    /// Partitions of the log.
    pub log_partitions: u16,
    /// Records of others that its readers have skipped.
    pub foreign: ForeignRecords,
    /// Whether its Kafka clients hear from their brokers.
    pub contact: BrokerContact,
}

impl Announcer {
    /// Announces once a second until `stop`, and once more then.
    pub async fn run(self, stop: CancellationToken) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let last = tokio::select! {
                () = stop.cancelled() => true,
                _ = every.tick() => false,
            };
            let status = self.status();
            match serde_json::to_vec(&status) {
                Ok(bytes) => self.publisher.publish(&self.name.0, &bytes),
                Err(error) => tracing::warn!(%error, "this node's status cannot be written"),
            }
            if last {
                drop(tokio::task::spawn_blocking(move || self.publisher.flush(FLUSH)).await);
                return;
            }
        }
    }

    fn status(&self) -> NodeStatus {
        let projection = self.projection.get();
        let silent = self.contact.silent();
        let mut problems: Vec<String> = silent.iter().map(ToString::to_string).collect();
        let mut partitions = Vec::new();
        let mut clocks = Vec::new();
        if let Some(node) = &self.node {
            partitions = node.status();
            problems.extend(node.problems());
            problems.extend(node.warnings());
            clocks = node.clocks();
        }
        if let Some(projection) = projection {
            problems.extend(projection.problems());
        }
        NodeStatus {
            node: self.name.clone(),
            roles: self.roles.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            url: self.url.clone(),
            operations_url: self.operations_url.clone(),
            clock_ms: clock::now_ms(),
            disk_free_bytes: free_bytes(&self.data_dir),
            problems,
            partitions,
            projected: projection.map(|p| p.offsets()).unwrap_or_default(),
            stopping: self.stopping.load(Ordering::Relaxed),
            clocks,
            run: self.run.clone(),
            log_partitions: self.log_partitions,
            foreign: self
                .foreign
                .newest(FOREIGN_MAX)
                .into_iter()
                .map(Into::into)
                .collect(),
        }
    }
}

/// Bytes that an ordinary user may still write to the disk of a folder.
fn free_bytes(dir: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
