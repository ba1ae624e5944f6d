//! What organizers upload: where it lies, and what of it was read lately.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::future::Cache;
use onsale_store::branding::logo_name;
use onsale_store::catalog::PictureFiles;
use onsale_uploads::{
    Photo, Picture, PictureError, Pictures, Reading, UploadError, Uploads, UploadsConfig,
};
use serde_json::Value;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::error::{ApiError, Code};

/// Files that were read lately stay in memory, up to this number of bytes together: those of a sale are asked
/// for by all of its buyers at once.
const KEPT_MAX_BYTES: u64 = 32 << 20;
/// And as long as a file stays that no tenant has any more. Other caches may keep it for a year.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);
/// How long a picture of a public event is shown without another look at whether it still is one.
const PUBLIC_FOR: Duration = Duration::from_secs(5);
/// Pictures of which that is known.
const PUBLIC_MAX: u64 = 10_000;
/// Files that the place of uploads is asked for at once: anyone may ask for any, also for those that are not there.
const ASKED_AT_ONCE: usize = 32;
/// How long one waits for that.
const ASKED_PATIENCE: Duration = Duration::from_secs(2);

const LOGO_EXPECTED: &str =
    "a PNG, a JPEG, or an SVG of shapes and gradients, of at most 1 MiB and 16 million pixels";
const PHOTO_EXPECTED: &str =
    "a PNG or a JPEG of at most 4 MiB and 16 million pixels, at most twice as high as wide";

/// See the module.
pub(crate) struct Files {
    /// `None` where the nodes have no place in common.
    uploads: Option<Uploads>,
    pictures: Pictures,
    /// By name.
    kept: Cache<String, Bytes>,
    /// Pictures of public events.
    public: Cache<Uuid, Arc<PictureFiles>>,
    asked: Semaphore,
}

impl Files {
    /// # Errors
    /// When the configuration cannot be used.
    pub(crate) fn new(config: &UploadsConfig, reading: Reading) -> Result<Self, UploadError> {
        Ok(Self {
            uploads: Uploads::new(config)?,
            pictures: Pictures::new(reading),
            kept: Cache::builder()
                .weigher(|_, file: &Bytes| u32::try_from(file.len()).unwrap_or(u32::MAX))
                .max_capacity(KEPT_MAX_BYTES)
                .time_to_live(KEPT_FOR)
                .build(),
            public: Cache::builder()
                .max_capacity(PUBLIC_MAX)
                .time_to_live(PUBLIC_FOR)
                .build(),
            asked: Semaphore::new(ASKED_AT_ONCE),
        })
    }

    /// A logo. Its name is never used again, so what was read once stays right; one that was taken away is gone
    /// from here an hour after its file is.
    ///
    /// # Errors
    /// `NOT_FOUND` and `OVERLOADED`; `NOT_SUPPORTED` where there are no uploads.
    pub(crate) async fn logo(&self, logo_id: Uuid) -> Result<Bytes, ApiError> {
        self.file(logo_name(logo_id), "logo").await
    }

    /// A file of a picture, by its name; otherwise as a logo.
    ///
    /// # Errors
    /// As those of a logo.
    pub(crate) async fn picture_file(&self, name: String) -> Result<Bytes, ApiError> {
        self.file(name, "picture").await
    }

    async fn file(&self, name: String, what: &'static str) -> Result<Bytes, ApiError> {
        let uploads = self.uploads()?;
        let asked = name.clone();
        let read = async {
            let turn = tokio::time::timeout(ASKED_PATIENCE, self.asked.acquire()).await;
            // It is never closed.
            let _turn = turn.map_err(|_elapsed| {
                ApiError::overloaded("Many other files are being read; try again.")
            })?;
            let read = uploads.get(&asked).await;
            read.map_err(unavailable)?
                .ok_or_else(|| ApiError::not_found(what))
        };
        // One reads for all who ask meanwhile.
        let read = self.kept.try_get_with(name, read).await;
        read.map_err(|error: Arc<ApiError>| (*error).clone())
    }

    /// The files of a picture that everybody may see, as far as that was known just now.
    pub(crate) async fn public_picture(&self, id: Uuid) -> Option<Arc<PictureFiles>> {
        self.public.get(&id).await
    }

    /// Notes that everybody may see a picture.
    pub(crate) async fn note_public(&self, files: Arc<PictureFiles>) {
        self.public.insert(files.picture_id, files).await;
    }

    /// Draws a photograph that was sent in the widths that pages show it in.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` for what is none that is taken, and `OVERLOADED`.
    pub(crate) async fn photo(&self, sent: Bytes) -> Result<Photo, ApiError> {
        let drawn = self.pictures.draw(sent).await;
        drawn.map_err(|error| refused(&error, PHOTO_EXPECTED))
    }

    /// Makes a picture of what was sent.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` for what is no image that is taken, and `OVERLOADED`.
    pub(crate) async fn picture(&self, sent: Bytes) -> Result<Picture, ApiError> {
        let read = self.pictures.read(sent).await;
        read.map_err(|error| refused(&error, LOGO_EXPECTED))
    }

    /// Where uploads lie.
    ///
    /// # Errors
    /// `NOT_SUPPORTED`.
    pub(crate) fn uploads(&self) -> Result<&Uploads, ApiError> {
        self.uploads.as_ref().ok_or_else(|| {
            ApiError::new(
                Code::NotSupported,
                "There is no place for uploads in this installation. (To have one that all nodes reach, set \
                 uploads.location.)",
            )
        })
    }
}

/// Why an image is not taken.
fn refused(error: &PictureError, expected: &str) -> ApiError {
    match error {
        PictureError::Busy => {
            ApiError::overloaded("Other images are being read. Nothing was changed; try again.")
        }
        PictureError::Unavailable => {
            ApiError::overloaded("No image can be read now. Nothing was changed; try again.")
        }
        PictureError::TooManyBytes(_)
        | PictureError::TooManyPixels(..)
        | PictureError::Format
        | PictureError::NoPhoto
        | PictureError::TooManyPhotoBytes(_)
        | PictureError::TooHigh(..)
        | PictureError::TooDetailed(..)
        | PictureError::Damaged(_)
        | PictureError::Vector(_)
        | PictureError::Refused(_)
        | PictureError::TooMuch => {
            ApiError::wrong("body", Value::Null, &error.to_string(), expected)
        }
    }
}

/// A place that cannot be used now is told to the log, with its cause, and to the client as something that may
/// pass.
pub(crate) fn unavailable(error: UploadError) -> ApiError {
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    tracing::error!(%error, cause, "an upload cannot be read or kept");
    ApiError::overloaded("The place of uploads cannot be used right now; try again.")
}
