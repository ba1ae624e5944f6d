//! Uploads in a folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use onsale_disk::{Disk as _, FileSystem, TEMPORARY_SUFFIX, replace};

use crate::uploads::UploadError;

/// See the module.
#[derive(Clone, Debug)]
pub struct Folder {
    path: Arc<Path>,
}

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path: path.into() }
    }

    /// Written beside its place, synced and put there as a whole: a crash leaves the whole of it or nothing.
    pub(crate) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), UploadError> {
        let path = self.path.join(name);
        self.on_disk(move |disk| {
            if let Some(folder) = path.parent() {
                disk.create_folder(folder)?;
            }
            replace(disk, &path, &bytes)
        })
        .await
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Option<Bytes>, UploadError> {
        match tokio::fs::read(self.path.join(name)).await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// With what a crash may have left beside it while it was written.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), UploadError> {
        for suffix in ["", TEMPORARY_SUFFIX] {
            match tokio::fs::remove_file(self.path.join(format!("{name}{suffix}"))).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Goes on to its end although the caller hangs up.
    async fn on_disk(
        &self,
        work: impl FnOnce(&FileSystem) -> io::Result<()> + Send + 'static,
    ) -> Result<(), UploadError> {
        let done = tokio::task::spawn_blocking(move || work(&FileSystem::default())).await;
        done.map_err(io::Error::other)?.map_err(UploadError::Folder)
    }
}
