//! Calls that change the catalog: repeatable safely, and finished even when their client is gone.

use std::future::Future;

use axum::response::Response;
use http::StatusCode;
use onsale_schemas::{Rejection, RequestId};
use onsale_store::catalog::RememberedAnswer;
use onsale_store::{Store, StoreError};
use uuid::Uuid;

use crate::context::RequestContext;
use crate::detached::detached;
use crate::error::ApiError;
use crate::idempotency::Identity;
use crate::rejection;
use crate::state::AppState;
use crate::submit::{Ask, Final, send};

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
    let mut hasher = blake3::Hasher::new_derive_key("onsale 2026 request id to catalog id");
    hasher.update(kind.as_bytes());
    hasher.update(request.as_bytes());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Uuid::new_v8(bytes)
}

/// The id of a show's zone.
pub(super) fn zone_id(show: Uuid, index: u16) -> Uuid {
    let mut hasher = blake3::Hasher::new_derive_key("onsale 2026 show id and index to zone id");
    hasher.update(show.as_bytes());
    hasher.update(&index.to_be_bytes());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Uuid::new_v8(bytes)
}

/// Has `write_down` note a change under the id of its request, at the time it is given, and then hands it
/// in: a crash must not lose what the log accepts. `write_down` says whether the id was free.
pub(super) async fn write_down_and_send<F>(
    state: AppState,
    context: &RequestContext,
    ask: Ask,
    write_down: impl FnOnce(Store, u64) -> F + Send + 'static,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<bool, StoreError>> + Send,
{
    let sent = context.clone();
    let answer = detached(async move {
        let now_ms = state.clock.now_ms();
        if !write_down(state.store.clone(), now_ms).await? {
            return Err(key_reused());
        }
        send(&state, &sent, ask).await
    })
    .await?;
    Ok(answer.into_response(context))
}
