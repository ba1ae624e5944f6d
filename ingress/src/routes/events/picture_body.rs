//! The picture of an event, as clients read it, and what both of its changes have in common.

use axum::response::Response;
use http::StatusCode;
use onsale_schemas::EventId;
use onsale_store::catalog::{EventPicture, EventRow};
use onsale_store::document::Versioned;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{self, EventBody};
use crate::context::RequestContext;
use crate::envelope;
use crate::error::ApiError;
use crate::routes::pictures;
use crate::state::AppState;
use crate::versions::{self, IfMatch};

/// The picture of an event. Its files never change: another picture has another id.
#[derive(Serialize, ToSchema)]
#[schema(as = EventPicture)]
pub(crate) struct PictureBody {
    /// Of `GET /pictures/{id}/{width}`.
    id: Uuid,
    /// The widths that there are, in pixels, the narrowest first.
    widths: Vec<u32>,
    /// How high the widest is, in pixels.
    height: u32,
    /// Where the widest is, on this server. Another one of `widths` in the place of the last part leads to that.
    #[schema(example = "/api/v1/pictures/3d0b9c3c-3a4e-4a5e-9d3b-6f0f2f6f2b11/1280")]
    url: String,
    /// What is to be seen on it, for those who do not see it.
    alt: Option<String>,
}

impl From<EventPicture> for PictureBody {
    fn from(picture: EventPicture) -> Self {
        let files = picture.files;
        let widest = files.widths.last().copied().unwrap_or_default();
        Self {
            id: files.picture_id,
            url: pictures::path(files.picture_id, widest),
            widths: files.widths,
            height: picture.height,
            alt: picture.alt,
        }
    }
}

/// The version that an event has to be of for its picture to be changed, where the client says one.
///
/// # Errors
/// `PRECONDITION_FAILED` where it is of another one already; `NOT_FOUND`; as every read.
pub(super) async fn expected(
    state: &AppState,
    event: EventId,
    if_match: &IfMatch,
) -> Result<Option<u64>, ApiError> {
    if !if_match.is_given() {
        return Ok(None);
    }
    let present = state.store.versioned_event(event).await?;
    let present = present.ok_or_else(|| ApiError::not_found("event"))?;
    if_match.expected(present.version)
}

/// The event with its other picture, and its tag.
///
/// # Errors
/// None for what can be answered.
pub(super) fn answer(
    context: &RequestContext,
    event: Versioned<EventRow>,
) -> Result<Response, ApiError> {
    let tag = body::tag(event.version, &event.row);
    let body = EventBody::from(event.row);
    let mut response = envelope::success(context, StatusCode::OK, &body)?;
    versions::set_tag(response.headers_mut(), &tag)?;
    Ok(response)
}
