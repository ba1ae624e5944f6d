//! Bodies of requests as they come, read once, within bounds of size, time and memory.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use serde_json::Value;
use tokio::time::Instant;

use crate::auth::Caller;
use crate::error::{ApiError, Code};
use crate::large_bodies::{Share, too_large};
use crate::patience::Patience;
use crate::state::AppState;

/// How long a server that stops waits for the rest of a body.
const STOPPING_PATIENCE: Duration = Duration::from_secs(1);

/// A file of at most `size_max_bytes`, and its share of the memory that large bodies may take together. Call it
/// once the caller is known to be one who may send it.
///
/// # Errors
/// `PAYLOAD_TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE` for one that is encoded, and those of slow and broken bodies.
pub(crate) async fn file(
    request: Request,
    size_max_bytes: usize,
    caller: &Caller,
    state: &AppState,
) -> Result<(Bytes, Option<Share>), ApiError> {
    let (parts, body) = request.into_parts();
    check_encoding(&parts.headers)?;
    whole(body, size_max_bytes, Some(caller), state).await
}

/// The whole of a body. `large` is the caller of one that may be large, who then shares memory with others.
pub(crate) async fn whole(
    body: Body,
    size_max_bytes: usize,
    large: Option<&Caller>,
    state: &AppState,
) -> Result<(Bytes, Option<Share>), ApiError> {
    let http = &state.config.http;
    let declared = body
        .size_hint()
        .exact()
        .and_then(|bytes| usize::try_from(bytes).ok());
    if declared.is_some_and(|bytes| bytes > size_max_bytes) {
        return Err(too_large(size_max_bytes));
    }
    let mut share = None;
    if let Some(caller) = large
        && declared.is_some_and(|bytes| bytes > http.body_max_bytes)
    {
        share = Some(
            state
                .large_bodies
                .share(caller.user, declared, http)
                .await?,
        );
    }
    let body = Limited::new(body, size_max_bytes);
    let read = async {
        if let Some(caller) = large
            && (declared.is_none() || share.is_some())
        {
            return receive(body, size_max_bytes, &mut share, caller, state).await;
        }
        let collected = body.collect().await;
        collected
            .map(Collected::to_bytes)
            .map_err(|error| broken(&*error, size_max_bytes))
    };
    let stopping = async {
        state.closing.cancelled().await;
        tokio::time::sleep(STOPPING_PATIENCE).await;
    };
    let bytes = tokio::select! {
        biased;
        read = tokio::time::timeout(http.body_timeout(), read) => read.map_err(|_elapsed| {
            ApiError::new(Code::RequestTimeout, "The body did not arrive in time.")
        })??,
        () = stopping => {
            return Err(ApiError::overloaded("The server is stopping; send this again."));
        }
    };
    Ok((bytes, share))
}

/// Reads a body that is large or may become so. One of unknown length gets a share of
/// the memory for large ones only once it is large, so that a client that sends nothing holds nothing,
/// and one that holds some has to send.
async fn receive(
    mut body: Limited<Body>,
    size_max_bytes: usize,
    share: &mut Option<Share>,
    caller: &Caller,
    state: &AppState,
) -> Result<Bytes, ApiError> {
    let http = &state.config.http;
    let began = Instant::now();
    let mut patience = share.as_ref().map(|share| Patience::new(share.pace));
    let mut bytes = BytesMut::new();
    loop {
        let due = patience.as_mut().and_then(|patience| {
            patience.wait(began.elapsed());
            patience.due()
        });
        let next = match due {
            Some(due) => tokio::time::timeout_at(began + due, body.frame())
                .await
                .map_err(|_elapsed| {
                    ApiError::new(
                        Code::RequestTimeout,
                        "The body is arriving too slowly to be complete in time.",
                    )
                })?,
            None => body.frame().await,
        };
        let Some(frame) = next else {
            return Ok(bytes.freeze());
        };
        let frame = frame.map_err(|error| broken(&*error, size_max_bytes))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if share.is_none() && bytes.len() + data.len() > http.body_max_bytes {
            let given = state.large_bodies.share(caller.user, None, http).await?;
            patience = Some(Patience::new(given.pace));
            *share = Some(given);
        }
        if let Some(patience) = &mut patience {
            patience.take(data.len(), began.elapsed());
        }
        bytes.extend_from_slice(&data);
    }
}

/// Why a body could not be read to its end.
fn broken(error: &(dyn std::error::Error + Send + Sync + 'static), limit: usize) -> ApiError {
    if error.is::<LengthLimitError>() {
        too_large(limit)
    } else {
        let what = "ended before it was complete";
        ApiError::wrong("body", Value::Null, what, "a complete body")
    }
}

/// Refuses a body that is said to be compressed or the like, which nobody undoes here.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_encoded = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_encoded {
        return Err(ApiError::new(
            Code::UnsupportedMediaType,
            "Send the body as it is, without `Content-Encoding`.",
        ));
    }
    Ok(())
}
