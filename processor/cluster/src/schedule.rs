//! Reconciliation on a schedule: a processor compares what it owns and writes a report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use onsale_counts::Counts;
use onsale_processor::node::Node;
use onsale_processor::node::status::MemberRole;
use onsale_processor::reconcile::Report;
use onsale_schemas::PartitionId;
use onsale_store::Store;
use tokio_util::sync::CancellationToken;

/// Reports that are kept.
const REPORTS_MAX: usize = 20;

/// Folder of the reports below the data folder.
pub const REPORTS_DIR: &str = "reconciliation";

/// Compares what this node owns every `every` until `stop`.
pub async fn reconcile_every(
    every: Duration,
    data: PathBuf,
    node: Arc<Node>,
    store: Store,
    counts: Option<Counts>,
    stop: CancellationToken,
) {
    let dir = data.join(REPORTS_DIR);
    loop {
        // Only the pause is cut short, never a call of the database.
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let owned: Vec<PartitionId> = node
            .status()
            .into_iter()
            .filter(|on_node| on_node.role == MemberRole::Owner)
            .map(|on_node| on_node.partition)
            .collect();
        if owned.is_empty() {
            continue;
        }
        match node.reconcile(&owned, &store, counts.as_ref()).await {
            Ok(report) => keep(&dir, &report),
            Err(error) => tracing::warn!(%error, "no reconciliation this time"),
        }
    }
}

fn keep(dir: &Path, report: &Report) {
    let found = report.differences.len();
    let file = dir.join(format!("report-{:013}.json", report.created_at_ms));
    if let Err(error) = write(dir, &file, report) {
        tracing::warn!(file = %file.display(), %error, "the report cannot be written");
    }
    let bookings = report.checked.bookings;
    if found > 0 {
        tracing::error!(
            found,
            file = %file.display(),
            "engine and projections differ: read the report, then `onsale reconcile --apply` it"
        );
    } else {
        tracing::info!(bookings, "engine and projections agree");
    }
}

/// Writes a report and drops the oldest of too many.
fn write(dir: &Path, file: &Path, report: &Report) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    std::fs::write(file, serde_json::to_vec_pretty(report)?)?;
    let mut kept: Vec<PathBuf> = std::fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    kept.sort();
    let surplus = kept.len().saturating_sub(REPORTS_MAX);
    kept.iter().take(surplus).try_for_each(std::fs::remove_file)
}
