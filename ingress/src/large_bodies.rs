//! The memory that large request bodies may take together.

use std::sync::Arc;
use std::time::Duration;

use onsale_schemas::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::HttpConfig;
use crate::error::{ApiError, Code, RETRY_AFTER_BUSY_SECONDS};
use crate::patience::Pace;
use crate::rate_limit::Key;
use crate::tally::{Counted, Tally};

/// Bytes that one permit stands for: a semaphore has a largest number of permits.
const PERMIT_BYTES: usize = 1_024;
/// Large bodies that one user may have at once: a slow sender cannot block others with a second
/// one.
const PER_USER_MAX: usize = 1;
/// The fraction of a body's time during which its client may send nothing while it occupies room.
const PATIENCE_PART: u32 = 5;

/// Shares out [`HttpConfig::large_bodies_max_bytes`], which bounds the total that many clients send
/// at once and not only each body.
pub(crate) struct LargeBodies {
    permits: Arc<Semaphore>,
    users: Arc<Tally>,
}

/// Room for one body until this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    /// How slowly the body may arrive while it occupies room.
    pub(crate) pace: Pace,
    _permits: OwnedSemaphorePermit,
    _counted: Counted,
}

impl LargeBodies {
    pub(crate) fn new(http: &HttpConfig) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(http.large_bodies_max_bytes / PERMIT_BYTES)),
            users: Arc::default(),
        }
    }

    /// Room for a body of `declared` bytes, or for the largest one if unknown. Waits for others to
    /// finish, as long as a body may take.
    ///
    /// # Errors
    /// `PAYLOAD_TOO_LARGE` for more than is ever accepted; `RATE_LIMITED` to a user who has another
    /// one in progress; `OVERLOADED` when there was no room.
    pub(crate) async fn share(
        &self,
        user: UserId,
        declared: Option<usize>,
        http: &HttpConfig,
    ) -> Result<Share, ApiError> {
        let limit = http.layout_body_max_bytes;
        let bytes = declared.unwrap_or(limit);
        if bytes > limit {
            return Err(too_large(limit));
        }
        let Some(counted) = self.users.enter(Key::User(user), PER_USER_MAX) else {
            return Err(ApiError::new(
                Code::RateLimited,
                "Another large body of yours is still being read. Nothing was changed; send one at a \
                 time.",
            )
            .retry_after(RETRY_AFTER_BUSY_SECONDS));
        };
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
        let share = self.permits.clone().acquire_many_owned(permits);
        match tokio::time::timeout(http.body_timeout(), share).await {
            Ok(Ok(permits)) => Ok(Share {
                pace: pace(bytes, http.body_timeout()),
                _permits: permits,
                _counted: counted,
            }),
            _ => Err(ApiError::overloaded(
                "Too many large bodies are being read. Nothing was changed; try again.",
            )
            .retry_after(RETRY_AFTER_BUSY_SECONDS)),
        }
    }
}

/// As fast as it has to arrive anyway to be complete in time; a client that has room and sends
/// nothing keeps it only for a fraction of that time.
fn pace(bytes: usize, timeout: Duration) -> Pace {
    let ms = u64::try_from(timeout.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    Pace {
        timeout: timeout / PATIENCE_PART,
        bytes_per_second: bytes.saturating_mul(1_000) / ms,
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
        let share = |user: u8, declared| {
            let user = UserId::from_bytes([user; 16]);
            bodies.share(user, declared, &http)
        };
        let first = share(1, Some(7 << 20)).await.unwrap();
        // There is room, and not for a second one of the same user.
        let refused = share(1, Some(1 << 20)).await.unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited);
        // Of unknown length: as much as the maximum.
        let second = share(2, None).await.unwrap();
        let refused = share(3, Some(7 << 20)).await.unwrap_err();
        assert_eq!(refused.code(), Code::Overloaded);
        let refused = share(3, Some(9 << 20)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PayloadTooLarge);
        drop(first);
        let third = share(1, Some(7 << 20)).await.unwrap();
        drop((second, third));
        assert_eq!(
            bodies.permits.available_permits(),
            (16 << 20) / PERMIT_BYTES
        );
    }
}
