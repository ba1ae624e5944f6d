//! `GET /pictures/{id}/{width}`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use onsale_store::catalog::{EventStatus, PictureFiles};
use uuid::Uuid;

use crate::auth::Caller;
use crate::envelope::Problem;
use crate::error::{ApiError, Code};
use crate::extract::PathNumber;
use crate::routes::visible;
use crate::state::AppState;
use crate::values::FileBody;
use crate::versions;

/// A picture of that address never changes.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What not everybody may see is asked for each time.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// It is a picture and nothing else, also where it is opened on its own.
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// Read the picture of an event in one of its widths.
///
/// The event says which there are. That of a draft is shown to those who see the draft.
#[utoipa::path(
    get, path = "/api/v1/pictures/{id}/{width}", operation_id = "get_picture", tag = "catalog",
    params(
        ("id" = Uuid, Path, description = "The picture"),
        ("width" = u32, Path, description = "One of its widths, in pixels"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The picture, which may be kept for ever unless it is of a draft; a JPEG, or a PNG where something is to be seen through it", content_type = "image/*", body = FileBody, headers(("ETag" = String))),
        (status = 304, description = "It is the one you have"),
        (status = 404, description = "`NOT_FOUND`, as for a width that there is none of", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: there is no place for uploads", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    caller: Option<Caller>,
    PathNumber(id, width): PathNumber,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    state.files.uploads()?;
    let (files, caching) = match state.files.public_picture(id).await {
        Some(files) => (files, PUBLIC),
        None => seen(&state, caller.as_ref(), id).await?,
    };
    let name = files.name(width).ok_or_else(nothing)?;
    let tag = format!("\"{id}-{width}\"");
    let mut response = if versions::is_known(&headers, &tag) {
        let mut unchanged = Response::default();
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        let mut shown = Response::new(Body::from(state.files.picture_file(name).await?));
        let kind = HeaderValue::from_static(files.format.media_type());
        shown.headers_mut().insert(CONTENT_TYPE, kind);
        shown
    };
    let headers = response.headers_mut();
    versions::set_tag(headers, &tag)?;
    if caching == PRIVATE {
        // To others there is nothing here.
        headers.append(VARY, HeaderValue::from_static("authorization"));
    }
    headers.insert(CACHE_CONTROL, caching);
    headers.insert(CONTENT_SECURITY_POLICY, CSP);
    Ok(response)
}

/// The files of a picture whose event the caller sees, and how long answers with it may be kept.
async fn seen(
    state: &AppState,
    caller: Option<&Caller>,
    id: Uuid,
) -> Result<(Arc<PictureFiles>, HeaderValue), ApiError> {
    let found = state.store.picture(id).await?;
    let (event, files) = found.ok_or_else(nothing)?;
    let row = visible::event(state, caller, event).await.map_err(hidden)?;
    let files = Arc::new(files);
    match row.status {
        EventStatus::Draft => Ok((files, PRIVATE)),
        EventStatus::Published | EventStatus::Cancelled => {
            state.files.note_public(files.clone()).await;
            Ok((files, PUBLIC))
        }
    }
}

fn nothing() -> ApiError {
    ApiError::not_found("picture")
}

/// Says no more than of a picture that is not there.
fn hidden(error: ApiError) -> ApiError {
    match error.code() {
        Code::NotFound => nothing(),
        _ => error,
    }
}
