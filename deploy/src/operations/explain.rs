//! Explanations of requests, as the ingress wants them.

use onsale_ingress::OperationError;
use onsale_schemas::{Offset, PartitionId, RequestId, Standing};

use crate::fairness::{ExplainError, Fairness};

/// Runs work that reads files where it keeps nobody waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExplainError> + Send + 'static,
) -> Result<T, OperationError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| OperationError::Failed(error.to_string()))?
        .map_err(|error| match error {
            gone @ ExplainError::Gone { .. } => OperationError::Gone(gone.to_string()),
            busy @ ExplainError::Busy => OperationError::Unavailable(busy.to_string()),
            ExplainError::Failed(error) => OperationError::Failed(format!("{error:#}")),
        })
}

/// The request at a position.
pub(super) async fn explain(
    fairness: &Fairness,
    partition: PartitionId,
    offset: Offset,
) -> Result<Option<Standing>, OperationError> {
    let fairness = fairness.clone();
    blocking(move || fairness.explain(partition, offset)).await
}

/// Where the newest record of a request stands.
pub(super) async fn find_request(
    fairness: &Fairness,
    request: RequestId,
) -> Result<Option<(PartitionId, Offset)>, OperationError> {
    let fairness = fairness.clone();
    blocking(move || fairness.find(request)).await
}
