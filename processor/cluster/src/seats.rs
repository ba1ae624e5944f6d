//! Where live views start from: the database, once it has come as far as the ingress has read.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_log::SubmitError;
use onsale_log::kafka::SeatSource;
use onsale_schemas::{Offset, PartitionId, ShowId, ShowSeats};
use onsale_store::Store;

use crate::watermarks::Watermarks;

/// How long the projection is waited for.
const PROJECTION_PATIENCE: Duration = Duration::from_secs(5);

/// Seats as projected.
#[derive(Debug)]
pub struct StoredSeats {
    store: Store,
    watermarks: Arc<Watermarks>,
}

impl StoredSeats {
    /// Reads from the database once its projection has come far enough.
    pub fn new(store: Store, watermarks: Arc<Watermarks>) -> Self {
        Self { store, watermarks }
    }
}

#[async_trait]
impl SeatSource for StoredSeats {
    async fn show_seats(
        &self,
        partition: PartitionId,
        show: ShowId,
        seen: Option<Offset>,
    ) -> Result<Option<ShowSeats>, SubmitError> {
        if let Some(seen) = seen
            && !self
                .watermarks
                .wait_for(partition, seen, PROJECTION_PATIENCE)
                .await
        {
            return Err(SubmitError::Unavailable);
        }
        self.store.show_seats(show).await.map_err(|error| {
            tracing::warn!(%show, %error, "the seats of a show cannot be read");
            SubmitError::Unavailable
        })
    }
}
