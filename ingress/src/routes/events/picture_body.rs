//! The picture of an event, as clients read it.

use onsale_store::catalog::EventPicture;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::routes::pictures;

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
