//! Explanations of requests, each made once: it reads the log, and the past does not change.

use std::sync::Arc;
use std::time::Duration;

use onsale_schemas::{Offset, PartitionId, RequestId, Standing};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::ApiError;
use crate::operations::Operations;
use crate::routes::operation_error;

/// Explanations that are kept.
const KEPT_MAX: u64 = 4_096;
/// Explanations made at a time; sales go first.
const AT_A_TIME_MAX: usize = 2;
/// Callers that wait for their turn; most explanations take no time to speak of.
const WAITING_MAX: usize = 256;
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Explanations {
    kept: moka::sync::Cache<(PartitionId, Offset), Arc<Standing>>,
    permits: Semaphore,
    waiting: Semaphore,
}

impl Explanations {
    pub(crate) fn new() -> Self {
        Self {
            kept: moka::sync::Cache::new(KEPT_MAX),
            permits: Semaphore::new(AT_A_TIME_MAX),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }

    /// Where the newest record of a request stands, looked for among the latest ones.
    ///
    /// # Errors
    /// When the log cannot be read, or too many look at the moment.
    pub(crate) async fn find(
        &self,
        operations: &dyn Operations,
        request: RequestId,
    ) -> Result<Option<(PartitionId, Offset)>, ApiError> {
        let _permit = self.permit().await?;
        operations
            .find_request(request)
            .await
            .map_err(operation_error)
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        let busy = || ApiError::overloaded("Others are being explained at the moment; try again.");
        let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        match tokio::time::timeout(PATIENCE, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(busy()),
        }
    }

    /// What became of the request at a position.
    ///
    /// # Errors
    /// When there is none, the log no longer holds it, or too many ask at the moment.
    pub(crate) async fn of(
        &self,
        operations: &dyn Operations,
        partition: PartitionId,
        offset: Offset,
    ) -> Result<Arc<Standing>, ApiError> {
        if let Some(kept) = self.kept.get(&(partition, offset)) {
            return Ok(kept);
        }
        let _permit = self.permit().await?;
        let explained = operations
            .explain(partition, offset)
            .await
            .map_err(operation_error)?
            .ok_or_else(|| ApiError::not_found("request in the log"))?;
        let explained = Arc::new(explained);
        self.kept.insert((partition, offset), explained.clone());
        Ok(explained)
    }
}
