//! Explanations of requests, as the ingress wants them.

use onsale_ingress::{Ahead, Explained, OperationError};
use onsale_processor::standing::Standing;
use onsale_schemas::{Offset, PartitionId, RequestId};

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
            ExplainError::Failed(error) => OperationError::Failed(format!("{error:#}")),
        })
}

fn explained(standing: Standing) -> Explained {
    Explained {
        outcome: standing.outcome,
        command: standing.command,
        user: standing.user,
        ahead: standing.ahead.map(|ahead| Ahead {
            counted_from: ahead.counted_from,
            complete: ahead.complete,
            requests: ahead.requests,
            granted: ahead.granted,
            places: ahead.places,
            places_given_back: ahead.places_given_back,
            taken_at: ahead.taken_at,
        }),
    }
}

/// The request at a position.
pub(super) async fn explain(
    fairness: &Fairness,
    partition: PartitionId,
    offset: Offset,
) -> Result<Option<Explained>, OperationError> {
    let fairness = fairness.clone();
    let standing = blocking(move || fairness.explain(partition, offset)).await?;
    Ok(standing.map(explained))
}

/// Where the newest record of a request stands.
pub(super) async fn find_request(
    fairness: &Fairness,
    request: RequestId,
) -> Result<Option<(PartitionId, Offset)>, OperationError> {
    let fairness = fairness.clone();
    blocking(move || fairness.find(request)).await
}
