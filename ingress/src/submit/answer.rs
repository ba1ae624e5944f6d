//! The answer to a call that went through the log.

use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use onsale_schemas::{OutcomeRecord, RequestId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::address_blocks::NewHold;
use crate::context::RequestContext;
use crate::envelope;
use crate::error::{ApiError, RETRY_AFTER_BUSY_SECONDS};
use crate::idempotency::IDEMPOTENT_REPLAYED;
use crate::values::Instant;

/// An answer, known or not yet.
pub(crate) enum Answer {
    Final(Final),
    /// The outcome is not known; ask under this id.
    Pending(RequestId),
}

/// A known answer of success.
#[derive(Clone)]
pub(crate) struct Final {
    pub(crate) status: StatusCode,
    /// The JSON of `data`.
    pub(crate) data: Vec<u8>,
    /// Whether it is that of an earlier request with the same key.
    pub(crate) replayed: bool,
    /// What a reservation now holds.
    pub(crate) hold: Option<NewHold>,
    /// The command that it answers.
    pub(crate) command: Option<RequestId>,
}

/// What is said while an outcome is not known.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingAnswer {
    request_id: uuid::Uuid,
    /// `pending`.
    status: &'static str,
    /// Where to ask for the final answer.
    location: String,
}

impl Final {
    pub(crate) fn new<T: Serialize>(status: StatusCode, data: &T) -> Result<Self, ApiError> {
        let mut bytes = Vec::with_capacity(512);
        serde_json::to_writer(&mut bytes, data).map_err(ApiError::internal)?;
        Ok(Self {
            status,
            data: bytes,
            replayed: false,
            hold: None,
            command: None,
        })
    }

    pub(crate) fn into_response(self, context: &RequestContext) -> Response {
        let mut response =
            envelope::success_of_command(context, self.command, self.status, &self.data);
        if self.replayed {
            response
                .headers_mut()
                .insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl Answer {
    pub(crate) fn into_response(self, context: &RequestContext) -> Response {
        match self {
            Self::Final(answer) => answer.into_response(context),
            Self::Pending(request_id) => pending(context, request_id),
        }
    }
}

fn pending(context: &RequestContext, request_id: RequestId) -> Response {
    let location = format!("/api/v1/requests/{request_id}");
    let header = HeaderValue::from_str(&location);
    let body = PendingAnswer {
        request_id: request_id.0,
        status: "pending",
        location,
    };
    let data = match serde_json::to_vec(&body) {
        Ok(data) => data,
        Err(error) => return ApiError::internal(error).into_response(),
    };
    let mut response =
        envelope::success_of_command(context, Some(request_id), StatusCode::ACCEPTED, &data);
    if let Ok(header) = header {
        response.headers_mut().insert(LOCATION, header);
    }
    response
        .headers_mut()
        .insert(RETRY_AFTER, RETRY_AFTER_BUSY_SECONDS.into());
    response
}

/// When an outcome was decided, by the log, so that a replay is the same answer to the byte.
pub(crate) fn decided_at(record: &OutcomeRecord) -> Instant {
    let first = record.replay_of;
    Instant(first.map_or(record.log_time_ms, |first| first.log_time_ms))
}

/// Time left of a hold at `now_ms`, in whole seconds, rounded up so that it is not zero too early.
pub(crate) fn seconds_left(expires_at: Instant, now: Instant) -> u64 {
    expires_at.0.saturating_sub(now.0).div_ceil(1_000)
}
