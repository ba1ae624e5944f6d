//! How requests fared, as the ingress asks for it.

use async_trait::async_trait;
use onsale_ingress::{Expected, OperationError};
use onsale_processor::standings::{Standings, StandingsError};
use onsale_schemas::{Offset, PartitionId, RequestId, Standing};

/// Answers from the log, in both modes.
pub(super) struct FromLog(pub(super) Standings);

#[async_trait]
impl onsale_ingress::Standings for FromLog {
    async fn of(
        &self,
        partition: PartitionId,
        offset: Offset,
        expected: Option<Expected>,
        is_its_turn: bool,
    ) -> Result<Option<Standing>, OperationError> {
        let standings = self.0.clone();
        blocking(move || standings.of(partition, offset, expected, is_its_turn)).await
    }

    async fn find(
        &self,
        request: RequestId,
    ) -> Result<Option<(PartitionId, Offset)>, OperationError> {
        let standings = self.0.clone();
        blocking(move || standings.find(request)).await
    }
}

/// Runs work that reads files where no other task waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StandingsError> + Send + 'static,
) -> Result<T, OperationError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| OperationError::Failed(error.to_string()))?
        .map_err(|error| match error {
            gone @ StandingsError::Gone { .. } => OperationError::Gone(gone.to_string()),
            ref busy @ StandingsError::Busy { wait } => OperationError::Later {
                why: busy.to_string(),
                wait,
            },
            other => OperationError::Failed(other.to_string()),
        })
}
