//! Calls that change the catalog: safe to repeat under an idempotency key.

use http::StatusCode;
use onsale_schemas::derived::derived;
use onsale_schemas::{Rejection, RequestId};
use onsale_store::catalog::RememberedAnswer;
use uuid::Uuid;

use crate::error::ApiError;
use crate::idempotency::Identity;
use crate::rejection;
use crate::state::AppState;
use crate::submit::{Answer, Final};

/// The answer that was remembered for this key.
pub(super) async fn recall(
    state: &AppState,
    identity: Identity,
) -> Result<Option<Final>, ApiError> {
    let Some(fingerprint) = identity.fingerprint else {
        return Ok(None);
    };
    match state.store.recall_answer(identity.request_id).await? {
        Some(remembered) => replayed(remembered, fingerprint).map(Some),
        None => Ok(None),
    }
}

/// Remembers an answer; of two at the same time the first one wins and is given to both.
pub(super) async fn remember(
    state: &AppState,
    identity: Identity,
    answer: Final,
) -> Result<Final, ApiError> {
    let Some(fingerprint) = identity.fingerprint else {
        return Ok(answer);
    };
    let ours = RememberedAnswer {
        fingerprint,
        status: answer.status.as_u16(),
        body: String::from_utf8(answer.data.clone()).map_err(ApiError::internal)?,
    };
    let now_ms = state.clock.now_ms();
    let first = state
        .store
        .remember_answer(identity.request_id, &ours, now_ms)
        .await?;
    if first == ours {
        Ok(answer)
    } else {
        replayed(first, fingerprint)
    }
}

/// As it is told of a request that was also a command of the log.
pub(super) fn of_command(answer: Final, identity: Identity) -> Answer {
    Answer::Final(Final {
        command: Some(identity.request_id),
        ..answer
    })
}

fn replayed(remembered: RememberedAnswer, fingerprint: u64) -> Result<Final, ApiError> {
    if remembered.fingerprint != fingerprint {
        return Err(key_reused());
    }
    Ok(Final {
        status: StatusCode::from_u16(remembered.status).map_err(ApiError::internal)?,
        data: remembered.body.into_bytes(),
        replayed: true,
        hold: None,
        command: None,
    })
}

/// The key belongs to another request.
pub(super) fn key_reused() -> ApiError {
    rejection::to_error(&Rejection::IdempotencyKeyReused, None, None)
}

/// The id of what a request makes: the same when the request comes again, so that a crash between
/// two steps leads to the same row and not to a second one.
pub(super) fn derived_id(kind: &str, request: RequestId) -> Uuid {
    let name = "onsale 2026 request id to catalog id";
    Uuid::new_v8(derived(name, &[kind.as_bytes(), request.as_bytes()]))
}

/// The id of a show's zone.
pub(super) fn zone_id(show: Uuid, index: u16) -> Uuid {
    let name = "onsale 2026 show id and index to zone id";
    Uuid::new_v8(derived(name, &[show.as_bytes(), &index.to_be_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids in databases were derived so.
    #[test]
    fn derived_ids_stay_what_they_are() {
        let id = derived_id("show", RequestId::from_bytes([3; 16]));
        assert_eq!(id.to_string(), "d606f54d-464e-8cea-9b50-17614d2aac7c");
        let id = zone_id(Uuid::from_bytes([3; 16]), 5);
        assert_eq!(id.to_string(), "f07dd08f-9d35-8d28-9d04-450ae41b76da");
    }
}
