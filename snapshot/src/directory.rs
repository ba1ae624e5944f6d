//! Snapshots in a folder.

use std::path::{Path, PathBuf};

use onsale_schemas::{Offset, PartitionId};

use crate::error::SnapshotError;
use crate::folder::Folder;
use crate::format::{Snapshot, SnapshotHeader};
use crate::manifest::Manifest;

pub use crate::manifest::Listed;

/// A folder of snapshots.
#[derive(Debug)]
pub struct Directory {
    folder: Folder,
    /// `None` when opened for reading only, and where none can be had.
    manifest: Option<Manifest>,
}

impl Directory {
    /// Opens the folder for writing and makes it where there is none. What a crash left half
    /// written is removed; a manifest that does not fit the files is rebuilt. It also opens where
    /// the disk is full: then without a manifest.
    ///
    /// # Errors
    /// [`SnapshotError::InUse`]; or when the folder cannot be created, read or written.
    pub fn open(folder: &Path) -> Result<Self, SnapshotError> {
        let mut directory = Self::without_manifest(Folder::new(folder))?;
        match Manifest::open(folder) {
            Ok((manifest, is_new)) => {
                directory.manifest = Some(manifest);
                if is_new || !directory.manifest_fits()? {
                    directory.rebuild_manifest()?;
                }
            }
            Err(error @ SnapshotError::InUse(_)) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "going without a manifest: the files themselves are read");
            }
        }
        Ok(directory)
    }

    /// For writing, with the files alone, which are all that anything is decided by.
    pub(crate) fn without_manifest(folder: Folder) -> Result<Self, SnapshotError> {
        folder.make_ready()?;
        Ok(Self {
            folder,
            manifest: None,
        })
    }

    /// Opens the folder for reading, also beside a running server: the files are looked at
    /// themselves and nothing is changed.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open_read_only(folder: &Path) -> Result<Self, SnapshotError> {
        let folder = Folder::new(folder);
        folder.scan()?;
        Ok(Self {
            folder,
            manifest: None,
        })
    }

    /// Writes a snapshot durably, reads it back, and gives its size in bytes.
    ///
    /// # Errors
    /// When it could not be written or did not read back; an older one is never harmed.
    pub fn save(&self, snapshot: &Snapshot) -> Result<u64, SnapshotError> {
        let size_bytes = self.folder.write(snapshot)?;
        let listed = Listed {
            header: snapshot.header.clone(),
            size_bytes,
        };
        self.note(|manifest| manifest.put(&listed));
        Ok(size_bytes)
    }

    /// The newest sound snapshot of a partition at or below `limit` (any, if `None`). A damaged one
    /// is passed over with a warning.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn newest(
        &self,
        partition: PartitionId,
        limit: Option<Offset>,
    ) -> Result<Option<Snapshot>, SnapshotError> {
        let offsets = self.offsets(partition)?;
        for offset in offsets.into_iter().rev() {
            if limit.is_some_and(|limit| offset > limit) {
                continue;
            }
            match self.folder.read(partition, offset) {
                Ok((snapshot, _)) => return Ok(Some(snapshot)),
                Err(error) => tracing::warn!(
                    file = %self.folder.path_of(partition, offset).display(),
                    %error,
                    "a snapshot cannot be used; trying the one before"
                ),
            }
        }
        Ok(None)
    }

    /// What there is, ascending by partition and offset: by the manifest, or by reading every file
    /// (damaged ones left out) where there is none.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, SnapshotError> {
        if let Some(manifest) = &self.manifest {
            match manifest.list() {
                Ok(listed) => return Ok(listed),
                Err(why) => tracing::warn!(why, "the manifest cannot be read; reading the files"),
            }
        }
        let sound = self
            .verify_all()?
            .into_iter()
            .filter_map(|(_, result)| result.ok());
        Ok(sound.collect())
    }

    /// Reads every file as a start would.
    ///
    /// # Errors
    /// When the folder cannot be read; what is wrong with a file is beside its path.
    #[expect(clippy::type_complexity, reason = "a list of files with a result each")]
    pub fn verify_all(
        &self,
    ) -> Result<Vec<(PathBuf, Result<Listed, SnapshotError>)>, SnapshotError> {
        let found = self.folder.scan()?;
        Ok(found
            .into_iter()
            .map(|(partition, offset)| {
                let result = self
                    .folder
                    .read(partition, offset)
                    .map(|(Snapshot { header, .. }, size_bytes)| Listed { header, size_bytes });
                (self.folder.path_of(partition, offset), result)
            })
            .collect())
    }

    /// Deletes all but the newest `keep` sound snapshots of a partition (damaged ones newer than those
    /// stay, to be looked at), never the one at `never_remove`;
    /// gives how many went.
    ///
    /// # Errors
    /// When one cannot be deleted.
    pub fn prune(
        &self,
        partition: PartitionId,
        keep: u32,
        never_remove: Option<Offset>,
    ) -> Result<usize, SnapshotError> {
        let mut sound = 0;
        let mut removed = 0;
        for offset in self.offsets(partition)?.into_iter().rev() {
            if sound < keep {
                // Only what could be started from counts as kept.
                sound += u32::from(self.folder.read(partition, offset).is_ok());
            } else if Some(offset) != never_remove {
                self.folder.remove(partition, offset)?;
                self.note(|manifest| manifest.remove(partition, offset));
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The oldest offset that a kept snapshot of the partition begins at.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn oldest_offset(&self, partition: PartitionId) -> Result<Option<Offset>, SnapshotError> {
        Ok(self.offsets(partition)?.first().copied())
    }

    /// Offsets of a partition's snapshots, ascending.
    fn offsets(&self, partition: PartitionId) -> Result<Vec<Offset>, SnapshotError> {
        let all = self.folder.scan()?.into_iter();
        Ok(all
            .filter(|(of, _)| *of == partition)
            .map(|(_, offset)| offset)
            .collect())
    }

    /// Writes to the manifest. It is only a convenience, so a failure is said and not passed on.
    fn note(&self, change: impl FnOnce(&Manifest) -> Result<(), String>) {
        if let Some(manifest) = &self.manifest
            && let Err(why) = change(manifest)
        {
            tracing::warn!(
                why,
                "the manifest could not be written; the next start makes it anew"
            );
        }
    }

    fn manifest_fits(&self) -> Result<bool, SnapshotError> {
        let Some(Ok(listed)) = self.manifest.as_ref().map(Manifest::list) else {
            return Ok(false);
        };
        let at = |header: &SnapshotHeader| (header.partition, header.next_offset);
        let listed: Vec<_> = listed.iter().map(|entry| at(&entry.header)).collect();
        Ok(listed == self.folder.scan()?)
    }

    fn rebuild_manifest(&self) -> Result<(), SnapshotError> {
        let found = self.verify_all()?;
        self.note(Manifest::clear);
        for (path, result) in found {
            match result {
                Ok(listed) => self.note(|manifest| manifest.put(&listed)),
                Err(error) => tracing::warn!(file = %path.display(), %error, "damaged snapshot"),
            }
        }
        Ok(())
    }
}
