//! Who owns which partition, as the outcomes say: newer than what the nodes say once a second.

use std::sync::{Arc, Mutex, PoisonError};

use onsale_log::OutcomeBatch;
use onsale_schemas::{NodeName, Outcome, PartitionId};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// The claims seen in the outcomes since the start of this process.
#[derive(Clone, Debug)]
pub struct Claims(Arc<Mutex<Vec<Option<Claim>>>>);

/// Epoch and owner.
type Claim = (u64, NodeName);

impl Claims {
    /// Follows the feed until `stop`.
    pub fn follow(
        mut feed: Receiver<Arc<OutcomeBatch>>,
        partitions: u16,
        stop: CancellationToken,
    ) -> Self {
        let claims = Self(Arc::new(Mutex::new(vec![None; usize::from(partitions)])));
        let seen = claims.clone();
        tokio::spawn(async move {
            loop {
                let received = tokio::select! {
                    () = stop.cancelled() => return,
                    received = feed.recv() => received,
                };
                match received {
                    Ok(batch) => seen.take(&batch),
                    // The nodes announce a claim that was missed within a second.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        claims
    }

    fn take(&self, batch: &OutcomeBatch) {
        for record in &batch.records {
            if let Outcome::Claimed { node, epoch } = &record.outcome {
                let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(owner) = all.get_mut(usize::from(batch.partition.0))
                    && owner.as_ref().is_none_or(|(known, _)| known < epoch)
                {
                    *owner = Some((*epoch, node.clone()));
                }
            }
        }
    }

    /// Epoch and owner, where a claim later than `epoch` was seen.
    pub(crate) fn later_than(&self, partition: PartitionId, epoch: u64) -> Option<Claim> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = all.get(usize::from(partition.0))?.clone()?;
        (owner.0 > epoch).then_some(owner)
    }
}
