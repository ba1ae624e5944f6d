//! What snapshots and database tell of a log: each of them names its log and says how far it was, so
//! a log that was lost, recreated or exchanged is recognized by what is left of it.
//!
//! | log | database | snapshots | a start |
//! |---|---|---|---|
//! | there | there | there | starts from the snapshots |
//! | there | there | gone | replays the log |
//! | there | gone | there or gone | fills the database from the log ([`Misfit::Empty`]) |
//! | gone | there | there or gone | is refused ([`Misfit::LogLost`]) |
//! | gone | gone | there | is refused ([`Misfit::LogLost`]) |
//! | gone | gone | gone | begins a new log |
//! | another one | any | there | is refused ([`Misfit::OtherSnapshots`], [`Misfit::OtherLog`]) |
//! | shorter than it was | any | there | is refused ([`Misfit::SnapshotAhead`], [`Misfit::LogSetBack`]) |
//!
//! Began a new log beside the old snapshots instead, it would give the same bookings' ids again, and
//! the old snapshots would be kept for the newer ones.

use std::path::{Path, PathBuf};

use onsale_log::journal::Journal;
use onsale_log::{LogError, LogReader};
use onsale_schemas::{Offset, PartitionId};
use onsale_snapshot::directory::Directory;
use onsale_snapshot::{SnapshotError, SnapshotHeader};
use onsale_store::{Store, StoreError};

use super::{Misfit, hex};

/// The snapshots in a folder, as their headers say. Damaged ones say nothing.
#[derive(Debug)]
pub struct KeptSnapshots {
    folder: PathBuf,
    files: Vec<(PathBuf, SnapshotHeader)>,
}

impl KeptSnapshots {
    /// Reads them; a folder that is not there has none.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn read(folder: &Path) -> Result<Self, SnapshotError> {
        let found = if folder.exists() {
            Directory::open_read_only(folder)?.verify_all()?
        } else {
            Vec::new()
        };
        let sound = found.into_iter().filter_map(|(file, read)| {
            let listed = read.ok()?;
            Some((file, listed.header))
        });
        Ok(Self {
            folder: folder.to_owned(),
            files: sound.collect(),
        })
    }

    /// Where they are.
    pub fn offsets(&self) -> impl Iterator<Item = (PartitionId, Offset)> {
        let headers = self.files.iter().map(|(_, header)| header);
        headers.map(|header| (header.partition, header.next_offset))
    }

    /// Looks whether all of them are of the log that `reader` reads. They are to be read before the
    /// log is opened, where something else may be writing both.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn look(
        &self,
        log_id: [u8; 16],
        reader: &(impl LogReader + ?Sized),
    ) -> Result<Option<Misfit>, LogError> {
        let other: Vec<_> = self
            .files
            .iter()
            .filter(|(_, header)| header.log_id != log_id)
            .collect();
        if let Some((file, header)) = other.last() {
            return Ok(Some(Misfit::OtherSnapshots {
                folder: self.folder.clone(),
                count: other.len(),
                file: file.clone(),
                snapshots: hex(&header.log_id),
                log: hex(&log_id),
            }));
        }
        // They are in order, so the last one of each partition is the furthest.
        let next = self.files.iter().skip(1).map(|(_, header)| Some(header));
        for ((file, header), next) in self.files.iter().zip(next.chain([None])) {
            if next.is_some_and(|next| next.partition == header.partition) {
                continue;
            }
            let (_, end) = reader.bounds(header.partition)?;
            if header.next_offset > end {
                return Ok(Some(Misfit::SnapshotAhead {
                    place: file.display().to_string(),
                    partition: header.partition,
                    next_offset: header.next_offset,
                    end,
                }));
            }
        }
        Ok(None)
    }
}

/// Looks what is left of a journal that is not in its folder (any more).
///
/// # Errors
/// When the database cannot be read.
pub async fn look_for_lost_log(
    journal: &Path,
    kept: &KeptSnapshots,
    store: Option<&Store>,
) -> Result<Option<Misfit>, StoreError> {
    if Journal::is_there(journal) {
        return Ok(None);
    }
    let mut remains = Vec::new();
    let mut in_the_way = Vec::new();
    if let Some((file, header)) = kept.files.last() {
        remains.push(format!(
            "snapshots of log {} (as {})",
            hex(&header.log_id),
            file.display()
        ));
        in_the_way.push(format!("move {} away", kept.folder.display()));
    }
    if let Some(store) = store
        && let Some(what) = projection_of(store).await?
    {
        remains.push(what);
        let elsewhere = "set database.url to an empty database (or move the SQLite file away), without the \
                         accounts, tenants, API keys, audit entries and jobs of this one, which are in no log";
        in_the_way.push(elsewhere.to_owned());
    }
    if remains.is_empty() {
        return Ok(None);
    }
    Ok(Some(Misfit::LogLost {
        journal: journal.to_owned(),
        remains: remains.join(" and "),
        in_the_way: in_the_way.join(", "),
    }))
}

/// Which log a database is a projection of, in words; `None` where it is of none.
async fn projection_of(store: &Store) -> Result<Option<String>, StoreError> {
    if let Some(log_id) = store.log_identity().await? {
        return Ok(Some(format!("the database of log {}", hex(&log_id))));
    }
    if !store.has_schema().await? {
        return Ok(None);
    }
    // Of an earlier version, which wrote no identity down.
    let watermarks = store.watermarks().await?;
    let projected = watermarks.iter().find(|mark| mark.next_offset > 0);
    Ok(projected.map(|mark| {
        format!(
            "a database with outcomes up to offset {} of partition {}",
            mark.next_offset, mark.partition
        )
    }))
}
