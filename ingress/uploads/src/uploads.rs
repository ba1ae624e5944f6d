//! The one place where uploads lie.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;

use crate::config::UploadsConfig;
use crate::folder::Folder;
use crate::s3::Bucket;

/// Longest name, in bytes.
const NAME_MAX_BYTES: usize = 200;

/// Why an upload is not kept, found or deleted.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The configuration cannot be used.
    #[error("{0}")]
    Config(String),
    /// It is no name of an upload.
    #[error("{0:?} is no name of an upload")]
    Name(String),
    /// The folder.
    #[error("the folder of uploads")]
    Folder(#[from] io::Error),
    /// The server of the bucket cannot be asked, or did not answer in time.
    #[error("the server of uploads")]
    Unreachable(#[source] reqwest::Error),
    /// The server of the bucket refused.
    #[error("the server of uploads answered with status {status}")]
    Refused {
        /// Its status.
        status: u16,
    },
    /// The server of the bucket refused to be looked at.
    #[error("the server of uploads answered with status {status}{}", spaced(.code))]
    Trial {
        /// Its status.
        status: u16,
        /// The code of its error, as `NoSuchBucket`; empty where it gave none.
        code: String,
    },
    /// What lies there is larger than anything that was put there.
    #[error("what lies there is larger than an upload may be")]
    TooLarge,
}

fn spaced(code: &str) -> String {
    match code {
        "" => String::new(),
        code => format!(" {code}"),
    }
}

/// What a server of a bucket said of what is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answered {
    /// That it is not there.
    NotThere,
    /// Nothing: the key may not list, so it does not say, or may not read at all.
    NotShown,
}

/// Where uploads lie. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Uploads {
    /// In a folder of this machine.
    Folder(Folder),
    /// In a bucket.
    Bucket(Bucket),
}

impl Uploads {
    /// The place that the configuration names; `None` where it names none. Nothing is created or asked yet.
    ///
    /// # Errors
    /// When its values cannot be used.
    pub fn new(config: &UploadsConfig) -> Result<Option<Self>, UploadError> {
        let place = match (config.bucket(), &config.location) {
            (Some((bucket, prefix)), _) => Self::Bucket(Bucket::new(config, bucket, prefix)?),
            (None, Some(folder)) => Self::Folder(Folder::new(PathBuf::from(folder))),
            (None, None) => return Ok(None),
        };
        Ok(Some(place))
    }

    /// Asks the server of a bucket for what is not there, by a signed request; `None` for a folder.
    ///
    /// # Errors
    /// When it cannot be asked, knows no such bucket, or refuses the key.
    pub async fn try_bucket(&self) -> Option<Result<Answered, UploadError>> {
        match self {
            Self::Folder(_) => None,
            Self::Bucket(bucket) => Some(bucket.try_it().await),
        }
    }

    /// Keeps an upload; one of that name is replaced.
    ///
    /// # Errors
    /// When it is not kept for certain.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), UploadError> {
        check(name)?;
        match self {
            Self::Folder(folder) => folder.put(name, bytes).await,
            Self::Bucket(bucket) => bucket.put(name, bytes).await,
        }
    }

    /// An upload; `None` when there is none of that name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&self, name: &str) -> Result<Option<Bytes>, UploadError> {
        check(name)?;
        match self {
            Self::Folder(folder) => folder.get(name).await,
            Self::Bucket(bucket) => bucket.get(name).await,
        }
    }

    /// Deletes an upload, if there is one of that name.
    ///
    /// # Errors
    /// When it may still be there.
    pub async fn delete(&self, name: &str) -> Result<(), UploadError> {
        check(name)?;
        match self {
            Self::Folder(folder) => folder.delete(name).await,
            Self::Bucket(bucket) => bucket.delete(name).await,
        }
    }
}

/// Names are chosen by this program. What leads elsewhere is refused all the same: rows name files.
fn check(name: &str) -> Result<(), UploadError> {
    let is_plain = |part: &str| {
        let is_fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_fine)
    };
    if name.len() <= NAME_MAX_BYTES && name.split('/').all(is_plain) {
        Ok(())
    } else {
        Err(UploadError::Name(name.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_keeps_replaces_and_deletes() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("not/there/yet");
        let uploads = Uploads::Folder(Folder::new(place.clone()));
        let name = "logos/1.png";
        assert!(uploads.get(name).await.unwrap().is_none());
        uploads.delete(name).await.unwrap();
        for text in [&b"first"[..], b"second"] {
            uploads.put(name, Bytes::from_static(text)).await.unwrap();
            assert_eq!(uploads.get(name).await.unwrap().unwrap(), text);
        }
        // A crash while it was written once more.
        let unfinished = place.join("logos/1.png.tmp");
        std::fs::write(&unfinished, "half").unwrap();
        uploads.delete(name).await.unwrap();
        assert!(uploads.get(name).await.unwrap().is_none());
        assert!(!unfinished.exists());
        // It may be all that there is.
        std::fs::write(&unfinished, "half").unwrap();
        uploads.delete(name).await.unwrap();
        assert!(!unfinished.exists());
    }

    #[tokio::test]
    async fn no_name_leads_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::Folder(Folder::new(folder.path().join("uploads")));
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        for name in [
            "",
            "../secret",
            "/etc/passwd",
            "a//b",
            "a/..",
            "A",
            "a\0",
            "..",
        ] {
            let read = uploads.get(name).await;
            assert!(matches!(read, Err(UploadError::Name(_))), "{name:?}");
        }
    }
}
