//! How far each partition is with something, for everyone who waits for it.

use std::time::Duration;

use onsale_schemas::{Offset, PartitionId};
use tokio::sync::watch;

/// The offset behind the last record that is done, by partition. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Offsets(watch::Receiver<Vec<Offset>>);

impl Offsets {
    /// Those that the sender is given, one for each partition; it begins with `offsets`.
    pub fn channel(offsets: Vec<Offset>) -> (watch::Sender<Vec<Offset>>, Self) {
        let (sender, receiver) = watch::channel(offsets);
        (sender, Self(receiver))
    }

    /// Every record of the partition before this offset is done, as last seen.
    pub fn of(&self, partition: PartitionId) -> Offset {
        let offsets = self.0.borrow();
        offsets.get(usize::from(partition.0)).copied().unwrap_or(0)
    }

    /// Waits until the record at `offset` is done; false when `patience` ran out first.
    pub async fn wait_for(
        &self,
        partition: PartitionId,
        offset: Offset,
        patience: Duration,
    ) -> bool {
        let mut offsets = self.0.clone();
        let index = usize::from(partition.0);
        let passed = offsets.wait_for(|all| all.get(index).is_some_and(|next| *next > offset));
        matches!(tokio::time::timeout(patience, passed).await, Ok(Ok(_)))
    }
}
