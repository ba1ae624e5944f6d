//! Pictures of events. Their files lie where uploads do.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::branding::SWEEP_DELAY_MS;
use crate::error::StoreError;
use crate::job::NewJob;

/// The kind of job that deletes the files of a picture that no event has.
pub const PICTURE_SWEEP_KIND: &str = "pictures.sweep";
/// Attempts before an operator looks at it: with pauses that double, about a day.
const SWEEP_ATTEMPTS_MAX: u16 = 12;

/// What the files of a picture are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PictureFormat {
    /// JPEG.
    Jpeg,
    /// PNG, where something is to be seen through it.
    Png,
}

impl PictureFormat {
    /// What names of files end with.
    fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    /// How HTTP names it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// The files of a picture: all that has to be known to find them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PictureFiles {
    /// Its id. Another picture has another.
    pub picture_id: Uuid,
    /// Of all its files.
    pub format: PictureFormat,
    /// Those that there are, in pixels, ascending.
    pub widths: Vec<u32>,
}

impl PictureFiles {
    /// Where the file of this width lies among uploads; `None` where there is none of it.
    pub fn name(&self, width: u32) -> Option<String> {
        self.widths
            .contains(&width)
            .then(|| self.name_of_file(width))
    }

    /// Where all of them lie.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.widths.iter().map(|width| self.name_of_file(*width))
    }

    fn name_of_file(&self, width: u32) -> String {
        let extension = self.format.extension();
        format!("pictures/{}-{width}.{extension}", self.picture_id)
    }
}

/// The picture of an event. It is part of the event's row and of its document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EventPicture {
    /// Its files.
    pub files: PictureFiles,
    /// How high the widest is, in pixels.
    pub height: u32,
    /// What is to be seen on it, for those who do not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
}

impl EventPicture {
    /// As the database keeps it.
    pub(crate) fn text(&self) -> Result<String, StoreError> {
        serde_json::to_string(self)
            .map_err(|error| StoreError::Invalid(format!("a picture: {error}")))
    }

    /// What [`EventPicture::text`] made.
    pub(crate) fn of_text(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text)
            .map_err(|error| StoreError::Corrupt(format!("a picture: {error}")))
    }
}

/// When a picture is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PictureLook {
    /// It is about to be put where uploads are, and an event may never get it.
    Announced,
    /// Its event has another, or none, or was deleted.
    Replaced,
}

impl PictureLook {
    /// The job that looks at the picture, and deletes its files if no event has it: an hour later, as uploads take
    /// minutes at most and pages that show the last one are kept for minutes.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where it has no JSON.
    pub fn job(self, files: &PictureFiles) -> Result<NewJob, StoreError> {
        let payload = serde_json::to_string(files)
            .map_err(|error| StoreError::Invalid(format!("a picture: {error}")))?;
        let why = match self {
            Self::Announced => "announced",
            Self::Replaced => "replaced",
        };
        Ok(NewJob {
            kind: PICTURE_SWEEP_KIND,
            key: format!("{} {why}", files.picture_id),
            payload,
            delay_ms: SWEEP_DELAY_MS,
            attempts_max: SWEEP_ATTEMPTS_MAX,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_widths_that_there_are_have_files() {
        let files = PictureFiles {
            picture_id: Uuid::from_u128(7),
            format: PictureFormat::Jpeg,
            widths: vec![320, 500],
        };
        let name = |width: u32| format!("pictures/{}-{width}.jpg", Uuid::from_u128(7));
        assert_eq!(files.name(500), Some(name(500)));
        assert_eq!(files.name(640), None);
        assert_eq!(files.names().collect::<Vec<_>>(), [name(320), name(500)]);
    }

    #[test]
    fn what_a_row_says_of_a_picture_is_read_as_it_was_written() {
        let picture = EventPicture {
            files: PictureFiles {
                picture_id: Uuid::from_u128(7),
                format: PictureFormat::Png,
                widths: vec![320],
            },
            height: 200,
            alt: Some("A \"hall\"".to_owned()),
        };
        let text = picture.text().unwrap();
        assert_eq!(EventPicture::of_text(&text).unwrap(), picture);
        assert!(EventPicture::of_text("{}").is_err());
    }
}
