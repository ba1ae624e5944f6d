//! The body around every answer.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use onsale_schemas::RequestId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::context::RequestContext;
use crate::error::{self, ApiError, Code};
use crate::idempotency::IDEMPOTENT_REPLAYED;
use crate::text;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// A reservation's answer is about 600 bytes.
const ANSWER_EXPECTED_BYTES: usize = 768;

/// Largest body of an error, whatever was asked for.
pub(crate) const PROBLEM_MAX_BYTES: usize = 8_192;
/// Characters of its sentence for people; ours are shorter.
const DETAIL_MAX_CHARS: usize = 512;
/// Characters of the path that an error repeats; ours are shorter.
const INSTANCE_MAX_CHARS: usize = 256;

/// About how much stands around the data of a success.
const END_EXPECTED_BYTES: usize = 128;

/// What the edge adds to an answer included.
const HEADERS_EXPECTED: usize = 12;

/// The body of a success.
#[derive(Serialize, ToSchema)]
pub(crate) struct Success<T: ToSchema> {
    /// True.
    success: bool,
    data: T,
    meta: Meta,
}

/// About the answer itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct Meta {
    /// Echo of `X-Request-ID`, or a new one.
    request_id: String,
    /// Where the call handed a command in to the log: the id that `GET /requests/{id}` and
    /// `GET /requests/{id}/explanation` take.
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<Uuid>,
}

/// The body of a failure: RFC 9457 and the house's own form in one.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Where the code is explained.
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// A sentence for people.
    detail: &'a str,
    /// The path asked for.
    instance: &'a str,
    /// False.
    success: bool,
    error: ErrorBody<'a>,
    meta: MetaRef<'a>,
}

/// The failure's body in the document.
pub(crate) type Problem = ProblemBody<'static>;

/// See [`ProblemBody`].
#[derive(Serialize, ToSchema)]
#[schema(as = ProblemError)]
pub(crate) struct ErrorBody<'a> {
    /// The code, as in `SEAT_UNAVAILABLE`.
    code: &'static str,
    message: &'a str,
    /// Facts for programs, by code.
    #[schema(value_type = Object)]
    details: &'a serde_json::Value,
}

/// See [`ProblemBody`].
#[derive(Serialize, ToSchema)]
#[schema(as = ProblemMeta)]
pub(crate) struct MetaRef<'a> {
    /// Echo of `X-Request-ID`, or a new one.
    request_id: &'a str,
    /// Where the log decided: the id that `GET /requests/{id}/explanation` takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<Uuid>,
}

/// A success with this data.
pub(crate) fn success<T: Serialize>(
    context: &RequestContext,
    status: StatusCode,
    data: &T,
) -> Result<Response, ApiError> {
    let mut body = Vec::with_capacity(ANSWER_EXPECTED_BYTES);
    body.extend_from_slice(b"{\"success\":true,\"data\":");
    serde_json::to_writer(&mut body, data).map_err(ApiError::internal)?;
    Ok(finish(context, status, body))
}

/// The answer to a command, with data that is JSON already.
pub(crate) fn success_of_command(
    context: &RequestContext,
    command: Option<RequestId>,
    status: StatusCode,
    data: &[u8],
) -> Response {
    let mut body = Vec::new();
    write_begin(&mut body, data);
    write_end(&mut body, context, command);
    json(status, body, JSON)
}

/// The beginning of a success, up to and with its data, for answers that many share.
pub(crate) fn begin(data: &[u8]) -> Bytes {
    let mut body = Vec::new();
    write_begin(&mut body, data);
    body.into()
}

/// See [`begin`].
pub(crate) fn write_begin(body: &mut Vec<u8>, data: &[u8]) {
    body.reserve_exact(data.len() + END_EXPECTED_BYTES);
    body.extend_from_slice(b"{\"success\":true,\"data\":");
    body.extend_from_slice(data);
}

/// The data of a success of this context, as [`success`] wrote it.
pub(crate) fn data_of<'a>(context: &RequestContext, body: &'a [u8]) -> Option<&'a [u8]> {
    let mut begin = Vec::new();
    write_begin(&mut begin, &[]);
    body.strip_prefix(begin.as_slice())?
        .strip_suffix(end(context).as_slice())
}

/// What stands behind the data of a success.
pub(crate) fn end(context: &RequestContext) -> Vec<u8> {
    let mut body = Vec::with_capacity(END_EXPECTED_BYTES);
    write_end(&mut body, context, None);
    body
}

/// A success with data and a cursor in `meta`.
pub(crate) fn success_page<T: Serialize, M: Serialize>(
    context: &RequestContext,
    data: &T,
    page: &M,
) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Paged<'a, T, M> {
        success: bool,
        data: &'a T,
        meta: PageMeta<'a, M>,
    }
    #[derive(Serialize)]
    struct PageMeta<'a, M> {
        request_id: &'a str,
        #[serde(flatten)]
        page: &'a M,
    }
    let body = serde_json::to_vec(&Paged {
        success: true,
        data,
        meta: PageMeta {
            request_id: context.request_id(),
            page,
        },
    })
    .map_err(ApiError::internal)?;
    Ok(json(StatusCode::OK, body, JSON))
}

/// The beginning of a success with data and a page in `meta`, for answers that many share; [`end_page`] ends it. `page`
/// has at least one field.
pub(crate) fn begin_page<T: Serialize, M: Serialize>(
    data: &T,
    page: &M,
) -> Result<Bytes, ApiError> {
    let data = serde_json::to_vec(data).map_err(ApiError::internal)?;
    let meta = serde_json::to_vec(page).map_err(ApiError::internal)?;
    let mut body = Vec::new();
    write_begin(&mut body, &data);
    body.extend_from_slice(b",\"meta\":");
    body.extend_from_slice(meta.strip_suffix(b"}").unwrap_or(&meta));
    Ok(body.into())
}

/// What stands behind [`begin_page`].
pub(crate) fn end_page(context: &RequestContext) -> Vec<u8> {
    let mut body = Vec::with_capacity(END_EXPECTED_BYTES);
    body.extend_from_slice(b",\"request_id\":");
    // Visible ASCII, but a quote or backslash is visible too.
    if serde_json::to_writer(&mut body, context.request_id()).is_err() {
        body.extend_from_slice(b"\"\"");
    }
    body.extend_from_slice(b"}}");
    body
}

fn finish(context: &RequestContext, status: StatusCode, mut body: Vec<u8>) -> Response {
    write_end(&mut body, context, None);
    json(status, body, JSON)
}

fn write_end(body: &mut Vec<u8>, context: &RequestContext, command: Option<RequestId>) {
    body.extend_from_slice(b",\"meta\":{\"request_id\":");
    // Visible ASCII, but a quote or backslash is visible too.
    if serde_json::to_writer(&mut *body, context.request_id()).is_err() {
        body.extend_from_slice(b"\"\"");
    }
    if let Some(command) = command {
        let mut buffer = Uuid::encode_buffer();
        body.extend_from_slice(b",\"command_id\":\"");
        body.extend_from_slice(command.0.hyphenated().encode_lower(&mut buffer).as_bytes());
        body.push(b'"');
    }
    body.extend_from_slice(b"}}");
}

/// The answer to an error, with the headers that go with its code.
pub(crate) fn problem(context: &RequestContext, path: &str, error: &ApiError) -> Response {
    let code = error.code();
    let no_details = || serde_json::Value::Object(serde_json::Map::new());
    let details = error.details().map_or_else(no_details, error::bounded);
    let mut body = problem_body(context, path, error, &details);
    if body.len() > PROBLEM_MAX_BYTES {
        let omitted = serde_json::json!({ "omitted": "the details are too large" });
        body = problem_body(context, path, error, &omitted);
    }
    let mut response = json(code.status(), body, PROBLEM_JSON);
    if error.is_replayed() {
        response
            .headers_mut()
            .insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    if let Some(seconds) = error.retry_after_seconds() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    if code == Code::Unauthorized {
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn problem_body(
    context: &RequestContext,
    path: &str,
    error: &ApiError,
    details: &serde_json::Value,
) -> Vec<u8> {
    let code = error.code();
    let detail = text::cut_at(error.detail(), DETAIL_MAX_CHARS);
    serde_json::to_vec(&ProblemBody {
        kind: format!(
            "urn:onsale:problem:{}",
            code.as_str().to_ascii_lowercase().replace('_', "-")
        ),
        title: code.title(),
        status: code.status().as_u16(),
        detail: &detail,
        instance: &text::cut_at(path, INSTANCE_MAX_CHARS),
        success: false,
        error: ErrorBody {
            code: code.as_str(),
            message: &detail,
            details,
        },
        meta: MetaRef {
            request_id: context.request_id(),
            command_id: error.command().map(|command| command.0),
        },
    })
    .unwrap_or_default()
}

fn json(status: StatusCode, body: Vec<u8>, content_type: HeaderValue) -> Response {
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::with_capacity(HEADERS_EXPECTED);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
