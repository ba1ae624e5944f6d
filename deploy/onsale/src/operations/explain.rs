//! Explanations of requests, as the ingress wants them.

use onsale_ingress::{Expected, OperationError};
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
            ref busy @ ExplainError::Busy { wait } => OperationError::Later {
                why: busy.to_string(),
                wait,
            },
            ExplainError::Failed(error) => OperationError::Failed(format!("{error:#}")),
        })
}

/// The request at a position, unless another is expected there.
pub(super) async fn explain(
    fairness: &Fairness,
    partition: PartitionId,
    offset: Offset,
    expected: Option<Expected>,
    is_its_turn: bool,
) -> Result<Option<Standing>, OperationError> {
    let fairness = fairness.clone();
    blocking(move || fairness.explain(partition, offset, expected, is_its_turn)).await
}

/// Where the newest record of a request stands.
pub(super) async fn find_request(
    fairness: &Fairness,
    request: RequestId,
) -> Result<Option<(PartitionId, Offset)>, OperationError> {
    let fairness = fairness.clone();
    blocking(move || fairness.find(request)).await
}
