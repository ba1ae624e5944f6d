//! Whether every partition could be started again: from a snapshot and the log after it.
//!
//! The beginning of the log may go while a node runs, by retention or by hand. The node
//! does not need it, but the next start does. So a snapshot is cut at once where none reaches it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use onsale_log::LogReader as _;
use onsale_log::kafka::KafkaReader;
use onsale_schemas::{Offset, PartitionId};
use tokio::sync::oneshot;

use super::driver::ToDriver;
use super::state::NodeState;
use crate::metrics::Metrics;
use crate::snapshots::Newest;

/// How often the beginning of the log is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a snapshot that was asked for may take before it is asked for again.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// Longest sleep; bounds how late a stop is noticed.
const NAP: Duration = Duration::from_millis(100);

/// Looks at where the log begins.
pub(super) struct Foundation {
    pub(super) reader: KafkaReader,
    pub(super) shared: Arc<NodeState>,
    pub(super) newest: Arc<Newest>,
    pub(super) control: Sender<ToDriver>,
    pub(super) metrics: Metrics,
}

impl Foundation {
    /// Until the node stops.
    pub(super) fn watch(self) {
        let mut asked: Vec<(PartitionId, Instant)> = Vec::new();
        let mut looked: Option<Instant> = None;
        while !self.shared.is_stopping() {
            if looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
                self.look(&mut asked);
                looked = Some(Instant::now());
            }
            std::thread::sleep(NAP);
        }
    }

    fn look(&self, asked: &mut Vec<(PartitionId, Instant)>) {
        let mut unfounded = Vec::new();
        for partition in self.shared.partitions() {
            // A broker that does not answer has lost nothing as far as we know.
            let Ok((first, _)) = self.reader.bounds(partition) else {
                return;
            };
            let is_founded = is_founded(first, self.newest.get(partition).map(|s| s.next_offset));
            self.metrics.show_log_foundation(partition, is_founded);
            if is_founded {
                asked.retain(|(other, _)| *other != partition);
                continue;
            }
            unfounded.push((partition, first));
            let is_asked = asked
                .iter()
                .any(|(other, at)| *other == partition && at.elapsed() < ASK_EVERY);
            if !is_asked {
                self.ask(partition, first);
                asked.retain(|(other, _)| *other != partition);
                asked.push((partition, Instant::now()));
            }
        }
        self.shared.show_unfounded(unfounded);
    }

    fn ask(&self, partition: PartitionId, first: Offset) {
        tracing::error!(
            %partition, first,
            "the log begins after the newest snapshot: a start would not be possible now; a \
             snapshot is being cut"
        );
        // What came of it shows at the next look.
        let (reply, _) = oneshot::channel();
        let partition = Some(partition);
        if self
            .control
            .try_send(ToDriver::Snapshot { partition, reply })
            .is_err()
        {
            tracing::warn!("the driver is busy; the snapshot is asked for again");
        }
    }
}

/// Whether a start finds everything: a log from its beginning, or a snapshot that reaches it.
fn is_founded(first: Offset, snapshot: Option<Offset>) -> bool {
    first == 0 || snapshot.is_some_and(|next_offset| next_offset >= first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_without_its_beginning_needs_a_snapshot_that_reaches_it() {
        assert!(is_founded(0, None));
        assert!(!is_founded(1, None));
        assert!(!is_founded(10, Some(9)));
        assert!(is_founded(10, Some(10)));
    }
}
