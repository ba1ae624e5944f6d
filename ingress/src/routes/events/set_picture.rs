//! `PUT /events/{id}/picture`

use axum::extract::{Request, State};
use axum::response::Response;
use onsale_schemas::EventId;
use onsale_store::catalog::{EventPicture, PictureFiles, PictureFormat};
use onsale_uploads::{PHOTO_MAX_BYTES, Photo, PhotoFormat};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{EventBody, check_line};
use super::picture_body::{answer, expected};
use super::update::changed;
use crate::audit;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{self, PathId, Query};
use crate::ids;
use crate::rate_limit::{Class, Key};
use crate::routes::managers::{MANAGE_EVENTS, managed_event};
use crate::state::AppState;
use crate::uploads;
use crate::values::FileBody;
use crate::versions::IfMatch;

/// Longest description of what is to be seen, in characters.
const ALT_MAX_CHARS: usize = 300;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[(Of::Parameter("alt"), Bound::Line(ALT_MAX_CHARS))];

/// What is said of the picture.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PictureQuery {
    /// What is to be seen on it, for those who do not see it: one line of at most 300 characters.
    alt: Option<String>,
}

/// Give an event a picture: a PNG or a JPEG of at most 4 MiB and 16 million pixels, at most twice as high as wide.
///
/// The file itself says which of these it is. It is drawn anew in widths of 320, 640 and 1,280 pixels, none of them
/// wider than what was sent, without anything else that was in the file: as JPEG, or as PNG where something is to be
/// seen through it. The files of the picture before are deleted an hour later.
#[utoipa::path(
    put, path = "/api/v1/events/{id}/picture", operation_id = "set_event_picture", tag = "catalog",
    request_body(content = FileBody, content_type = "application/octet-stream", description = "The file as it is"),
    params(
        ("id" = Uuid, Path, description = "The event"),
        PictureQuery,
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the event as you read it: nothing is changed if someone else has changed it since"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The event as it is now", body = Success<EventBody>, headers(("ETag" = String, description = "Of the event"))),
        (status = 400, description = "`VALIDATION_ERROR`: it is no image that is taken", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: someone has changed the event since; `details.etag` is its present one", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: there is no place for uploads", body = Problem),
    ),
)]
pub(crate) async fn set_picture(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    Query(query): Query<PictureQuery>,
    if_match: IfMatch,
    request: Request,
) -> Result<Response, ApiError> {
    // Who may not, or has no such event, sends nothing.
    let managed = managed_event(&state, &caller, EventId(id), &MANAGE_EVENTS).await?;
    let place = state.files.uploads()?;
    let expected = expected(&state, managed.row.event_id, &if_match).await?;
    if let Some(alt) = &query.alt {
        check_line("alt", alt, ALT_MAX_CHARS)?;
    }
    let (sent, share) = extract::file(request, PHOTO_MAX_BYTES, &caller, &state).await?;
    let photo = state.files.photo(sent).await?;
    drop(share);
    // What is kept takes room for all of the tenant's people.
    let tenant = managed.row.tenant_id;
    let room = Key::Account(tenant.into_bytes());
    let counted = state.limits.check(Class::UploadByTenant, room);
    counted.map(drop).map_err(|(error, _passed)| error)?;
    let picture = described(&photo, query.alt)?;
    // Before the files are put there, so that nothing of them stays if this ends here.
    state.installation.announce_picture(&picture.files).await?;
    for (name, file) in picture.files.names().zip(photo.files) {
        let put = place.put(&name, file.bytes).await;
        put.map_err(uploads::unavailable)?;
    }
    let event = managed.row.event_id;
    let entry = audit::actor(&caller, &context)
        .did("event.picture", "event", event)
        .of_tenant(tenant);
    let set = state
        .store
        .set_picture(event, Some(picture), expected, entry);
    let set = set.await?.ok_or_else(|| ApiError::not_found("event"))?;
    changed(&state, &set.row).await;
    answer(&context, set)
}

/// What the event says of a new picture.
fn described(photo: &Photo, alt: Option<String>) -> Result<EventPicture, ApiError> {
    let widest = photo.files.last();
    let widest = widest.ok_or_else(|| ApiError::internal("a picture without files"))?;
    Ok(EventPicture {
        files: PictureFiles {
            picture_id: ids::random(),
            format: match photo.format {
                PhotoFormat::Jpeg => PictureFormat::Jpeg,
                PhotoFormat::Png => PictureFormat::Png,
            },
            widths: photo.files.iter().map(|file| file.width).collect(),
        },
        height: widest.height,
        alt,
    })
}
