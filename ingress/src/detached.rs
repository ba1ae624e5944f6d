//! Work that goes on when the caller that waited for it hangs up. What blocks a thread would go on
//! anyway, and the next caller would begin it once more beside it; a show of which only the row exists
//! would wait for the next start; and what follows an outcome here has to be done all the same. A single
//! write of the store needs none of this: the store sees it through by itself.

use onsale_store::Scope;
use tracing::Instrument;

use crate::error::ApiError;

/// Runs work to its end, whether or not its caller still waits, and for whom its caller works. What bounds
/// such work, such as a permit, belongs inside it.
pub(crate) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(Scope::current().cover(work.in_current_span()))
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
