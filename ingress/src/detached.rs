//! Work that goes on when its caller hangs up. What blocks a thread would go on anyway, and
//! the next who asks would begin it once more beside it; a transaction that is dropped half way costs
//! its connection, and a show of which only the row exists would wait for the next start.

use tracing::Instrument;

use crate::error::ApiError;

/// Runs work to its end, whether or not anyone still waits for it. What bounds such work, a permit
/// say, belongs into it.
pub(crate) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work.in_current_span())
        .await
        .map_err(ApiError::internal)?
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_permit_stays_with_the_work_when_its_caller_is_gone() {
        let permits = Arc::new(Semaphore::new(1));
        let permit = permits.clone().try_acquire_owned().unwrap();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let work = detached(async move {
            let _ = ended.await;
            drop(permit);
            Ok(())
        });
        assert!(work.now_or_never().is_none(), "and is dropped");
        tokio::task::yield_now().await;
        assert_eq!(permits.available_permits(), 0);
        end.send(()).unwrap();
        let _permit = permits.acquire().await.unwrap();
    }
}
