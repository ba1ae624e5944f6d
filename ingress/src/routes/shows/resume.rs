//! Shows whose opening a crash interrupted.

use onsale_log::{Submission, SubmitError};
use onsale_schemas::{Command, Envelope, RequestId, codec};
use onsale_store::catalog::ShowStatus;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::layout::open_command;
use crate::error::ApiError;
use crate::state::AppState;

/// Hands in the opening of every show that is in the catalog and perhaps not in the log; opening
/// one again with the same values changes nothing, and one that an older program opened is refused,
/// which changes nothing either. Returns how many were handed in.
pub(crate) async fn resume_openings(state: &AppState) -> Result<usize, ApiError> {
    let mut resumed = 0;
    for show in state.store.shows_with_status(ShowStatus::Opening).await? {
        let Some(event) = state.store.event(show.event_id).await? else {
            tracing::warn!(show = %show.show_id, "a show of no event is not opened");
            continue;
        };
        let request_id = RequestId(Uuid::new_v4());
        let payload = codec::encode(&Envelope {
            request_id: Some(request_id),
            idempotency: None,
            trace: None,
            command: Command::OpenShowV2(open_command(&show, &event)?),
            by: None,
        })
        .map_err(ApiError::internal)?;
        let (reply, received) = oneshot::channel();
        state.log.submit(Submission {
            partition: show.partition,
            request_id,
            payload,
            reply,
        })?;
        // Unknown is fine: the next start asks again.
        match received.await {
            Ok(Ok(_)) | Err(_) => resumed += 1,
            Ok(Err(error)) if error != SubmitError::Unavailable => {
                return Err(error.into());
            }
            Ok(Err(_)) => {}
        }
    }
    Ok(resumed)
}
