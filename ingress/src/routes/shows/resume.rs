//! Shows whose opening a crash interrupted.

use onsale_log::SubmitError;
use onsale_schemas::Command;
use onsale_store::catalog::ShowStatus;

use super::layout::open_command;
use crate::error::ApiError;
use crate::state::AppState;
use crate::submit::hand_in_own;

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
        let command = Command::OpenShowV2(open_command(&show, &event)?);
        let received = hand_in_own(state, show.partition, command)?;
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
