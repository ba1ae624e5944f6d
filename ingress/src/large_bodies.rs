//! The memory that large request bodies may take together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::HttpConfig;
use crate::error::{ApiError, Code, RETRY_AFTER_BUSY_SECONDS};

/// Bytes that one permit stands for: there are only so many permits.
const PERMIT_BYTES: usize = 1_024;

/// Shares out [`HttpConfig::large_bodies_max_bytes`], so that what many send at once is bounded and
/// not only what each one sends.
pub(crate) struct LargeBodies {
    permits: Arc<Semaphore>,
}

impl LargeBodies {
    pub(crate) fn new(http: &HttpConfig) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(http.large_bodies_max_bytes / PERMIT_BYTES)),
        }
    }

    /// Room for a body of `declared` bytes, or for the largest where nobody said. Waits for others
    /// to be done, as long as a body may take.
    ///
    /// # Errors
    /// `PAYLOAD_TOO_LARGE` for more than is ever taken; `OVERLOADED` when there was no room.
    pub(crate) async fn share(
        &self,
        declared: Option<usize>,
        http: &HttpConfig,
    ) -> Result<OwnedSemaphorePermit, ApiError> {
        let limit = http.layout_body_max_bytes;
        let bytes = declared.unwrap_or(limit);
        if bytes > limit {
            return Err(too_large(limit));
        }
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
        let share = self.permits.clone().acquire_many_owned(permits);
        match tokio::time::timeout(http.body_timeout(), share).await {
            Ok(Ok(share)) => Ok(share),
            _ => Err(ApiError::overloaded(
                "Too many large bodies are being read. Nothing was changed; try again.",
            )
            .retry_after(RETRY_AFTER_BUSY_SECONDS)),
        }
    }
}

/// A body of more than `limit` bytes.
pub(crate) fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        Code::PayloadTooLarge,
        format!("The body is larger than {limit} bytes."),
    )
    .with_details(serde_json::json!({ "limit_bytes": limit }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_room_for_so_many_bytes_and_no_more() {
        let http = HttpConfig {
            layout_body_max_bytes: 8 << 20,
            large_bodies_max_bytes: 16 << 20,
            body_timeout_ms: 20,
            ..HttpConfig::default()
        };
        let bodies = LargeBodies::new(&http);
        let first = bodies.share(Some(7 << 20), &http).await.unwrap();
        // Of unknown length: as much as it may become.
        let second = bodies.share(None, &http).await.unwrap();
        let refused = bodies.share(Some(7 << 20), &http).await.unwrap_err();
        assert_eq!(refused.code(), Code::Overloaded);
        let refused = bodies.share(Some(9 << 20), &http).await.unwrap_err();
        assert_eq!(refused.code(), Code::PayloadTooLarge);
        drop(first);
        let third = bodies.share(Some(7 << 20), &http).await.unwrap();
        drop((second, third));
        assert_eq!(
            bodies.permits.available_permits(),
            (16 << 20) / PERMIT_BYTES
        );
    }
}
