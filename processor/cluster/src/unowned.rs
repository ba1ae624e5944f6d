//! Watches whether every partition has a living owner.

use std::sync::Arc;
use std::time::Duration;

use onsale_processor::metrics::Metrics;
use onsale_schemas::PartitionId;
use tokio_util::sync::CancellationToken;

use crate::nodes::Nodes;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Reports in log and metrics which partitions have no owner, until `stop`.
pub async fn watch(nodes: Arc<Nodes>, partitions: u16, metrics: Metrics, stop: CancellationToken) {
    let mut reported: Vec<PartitionId> = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let list = nodes.list();
        // Before the first report of a node nothing is known.
        let unowned = if list.all().next().is_none() {
            Vec::new()
        } else {
            list.unowned(partitions)
        };
        let count = |len: usize| i64::try_from(len).unwrap_or(i64::MAX);
        metrics.partitions_without_owner.set(count(unowned.len()));
        metrics.node_ids_twice.set(count(list.twice().count()));
        if unowned != reported {
            match unowned.is_empty() {
                true => tracing::info!("every partition has an owner again"),
                false => tracing::error!(
                    partitions = names(&unowned),
                    "no living node owns these partitions: requests for them are not answered"
                ),
            }
            reported = unowned;
        }
    }
}

/// Partitions as text.
pub(crate) fn names(partitions: &[PartitionId]) -> String {
    let names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
    names.join(", ")
}
