//! Whether database and snapshots belong to a log, and the database has what the log needs of it.
//!
//! The log decides; each of the others may be lost, older or another one's, and so may the log be
//! that they were derived from. Each of that is said in the same words by a start, by `onsale doctor`
//! and by `onsale verify`, with a remedy that loses nothing. So are tables and zones that someone
//! deleted by hand, also by readiness while it runs.

mod catalog;
mod damage;
mod error;
mod kept;
mod later;

use std::path::PathBuf;

use onsale_log::{EntryBatch, LogError, LogReader};
use onsale_schemas::{Offset, PartitionId, ShowId};
use onsale_store::booking::{Watermark, projected_offset};
use onsale_store::store::LogMark;
use onsale_store::{Store, StoreError};

use crate::checksum::checksum;

pub(crate) use catalog::Catalog;
pub use catalog::look_at_shows;
pub use damage::{look_at_codes, look_at_schema, look_at_zones};
pub use error::FitError;
pub use kept::{KeptSnapshots, look_for_lost_log};
pub use later::warn_of_later_version;

/// What brings a database to where the log is.
pub(crate) const REPAIR: &str = "run `onsale reconcile --report FILE`, then `onsale reconcile --apply \
     FILE` (with `--offline` while the server is stopped)";

/// What no log brings back.
const IN_NO_LOG: &str = "accounts, tenants, API keys, audit entries and jobs are in no log: where they matter, \
     stop the server and restore the newest backup of the database first";

/// What an empty database is filled with, and what it loses.
const FILLED: &str = "filled from the log with events, shows and bookings; accounts, tenants, API keys, \
     audit entries and jobs are in no log, and only a backup of the database has them";

/// What to do about a log that ends before what was derived from it.
const RESTORE: &str = "Restore the log (deploy/README.md, \"When everything is lost\"). To continue \
     without what is missing, keep this database, set database.url to an empty one, and move snapshots \
     away that are ahead of the log; on Kafka, begin a new log with another kafka.topic_prefix, a new \
     database and empty snapshots folders";

/// Why database or snapshots do not fit the log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Misfit {
    /// It says that it belongs to another log.
    #[error(
        "the database belongs to log {database}, this log is {log}: nothing was changed. Set \
         database.url to the database of this log or to one restored from its backup, or data.dir to \
         the log of this database. Only where there is none of them: an empty database is {FILLED}"
    )]
    OtherLog {
        /// Log of the database, in hex.
        database: String,
        /// This log, in hex.
        log: String,
    },
    /// It has seen another record at that place.
    #[error(
        "partition {partition}: the database has projected another record at offset {offset} than \
         the log has: one of them was restored from a copy and continued separately; nothing was \
         changed. Restore the log that the database belongs to, or a backup of the database that \
         belongs to this log. Where neither was ever restored, someone has changed that row by hand: \
         DELETE FROM log_marks WHERE partition = {partition}, and the next start writes it again. Only \
         where there is none of them, set database.url to an empty database: it is {FILLED}"
    )]
    OtherRecord {
        /// The partition.
        partition: PartitionId,
        /// The record's offset.
        offset: Offset,
    },
    /// It knows records that the log does not have.
    #[error(
        "partition {partition}: the database has outcomes up to offset {projected}, the log ends at \
         {end}: the log was lost, recreated or set back; nothing was changed. {RESTORE}. \
         An empty database is {FILLED}"
    )]
    LogSetBack {
        /// The partition.
        partition: PartitionId,
        /// The projection's watermark.
        projected: Offset,
        /// The log's end.
        end: Offset,
    },
    /// A row says that it knows such records, and nothing else in it does.
    #[error(
        "partition {partition}: the row of projector_watermarks says that records up to offset \
         {projected} are projected, the log ends at {end}, and no booking and no snapshot of the \
         database is beyond that: the row was changed by hand, or the log has lost records in which \
         nothing was sold; nothing is projected until it is repaired; {REPAIR}"
    )]
    WatermarkBeyond {
        /// The partition.
        partition: PartitionId,
        /// What the row says.
        projected: Offset,
        /// The log's end.
        end: Offset,
    },
    /// A row is about a partition that there is not.
    #[error(
        "{table} has a row of partition {partition}, and the log has partitions 0 to {last}: the row \
         was written by hand, and nothing uses it; DELETE FROM {table} WHERE partition = {partition}"
    )]
    StrangeRow {
        /// The table.
        table: &'static str,
        /// What the row says.
        partition: PartitionId,
        /// The last partition of the log.
        last: PartitionId,
    },
    /// There is no log, and something is left of one.
    #[error(
        "the log was lost: there is none in {}, but {remains} can still be found; nothing was changed. \
         Mount or restore it (deploy/README.md, \"Backup\"), or correct data.dir; to begin a new log \
         without anything that was sold, {in_the_way}, and start again",
        .journal.display()
    )]
    LogLost {
        /// The folder that it should be in.
        journal: PathBuf,
        /// What is left of it, in words.
        remains: String,
        /// How to put that out of the way of a new log, in words.
        in_the_way: String,
    },
    /// Snapshots are of another log.
    #[error(
        "{count} of the snapshots in {} are of log {snapshots}, {} among them, and this log is \
         {log}: theirs was lost and another one begun in its place, or one of them is another \
         installation's; nothing was changed. Restore the log of the snapshots (deploy/README.md, \
         \"Backup\"), or correct data.dir (on Kafka also kafka.brokers and kafka.topic_prefix); if \
         this log is the right one, move those snapshots away",
        .folder.display(), .file.display()
    )]
    OtherSnapshots {
        /// Where they are.
        folder: PathBuf,
        /// How many.
        count: usize,
        /// One of them.
        file: PathBuf,
        /// Their log, in hex.
        snapshots: String,
        /// This log, in hex.
        log: String,
    },
    /// A snapshot knows records that the log does not have.
    #[error(
        "partition {partition}: the snapshot in {place} is at offset {next_offset}, the log ends at \
         {end}: the log was lost, recreated or set back; nothing was changed. {RESTORE}. \
         An empty database is {FILLED}"
    )]
    SnapshotAhead {
        /// Where it is kept.
        place: String,
        /// The partition.
        partition: PartitionId,
        /// The first offset that it does not contain.
        next_offset: Offset,
        /// The log's end.
        end: Offset,
    },
    /// There is nothing in it, and much in the log.
    #[error(
        "the database is empty and the log has {records} records: it was lost, or is another one; a \
         running server fills it from the log by itself, and if something is missing then, {REPAIR}; \
         {IN_NO_LOG}"
    )]
    Empty {
        /// Records of the log.
        records: u64,
    },
    /// It has been further: snapshots are cut behind the projection, and outcomes are kept for days.
    #[error(
        "the database is older than the log: partition {partition} is at {projected} and has been \
         at {was}: it was restored from a copy, or lost its last writes with the power; it is \
         brought forward from the log, and if that makes no progress, {REPAIR}; what it lacks of \
         {IN_NO_LOG}"
    )]
    Older {
        /// The partition.
        partition: PartitionId,
        /// The projection's watermark.
        projected: Offset,
        /// Where it was at least.
        was: Offset,
    },
    /// The catalog lacks shows that the log knows.
    #[error(
        "the catalog lacks {missing} of {known} shows of the log: the database was lost or is older \
         than the log, which a running server fills from the log by itself, or rows were deleted by \
         hand, which it does not; if it makes no progress, {REPAIR}"
    )]
    CatalogLacks {
        /// Shows that are missing.
        missing: usize,
        /// Shows of the log.
        known: usize,
    },
    /// The catalog lacks shows that the projection has passed.
    #[error(
        "the catalog lacks {missing} of {known} shows, {first} among them: rows were deleted by hand, \
         and nothing brings them back by itself; {REPAIR}"
    )]
    ShowsDeleted {
        /// Shows that are missing.
        missing: usize,
        /// Shows that should be there.
        known: usize,
        /// One of them.
        first: ShowId,
    },
    /// The catalog has shows whose zones were deleted.
    #[error(
        "the catalog lacks zones of {shows} shows, {first} among them: rows were deleted by hand, and \
         nothing of these shows can be sold or named; {REPAIR}"
    )]
    ZonesLack {
        /// Shows of which zones are missing.
        shows: usize,
        /// One of them.
        first: ShowId,
    },
    /// Codes were changed in a way that the database was not told of.
    #[error(
        "the database does not know what the codes of {groups} groups of {shows} shows are good for by \
         now, of show {first} among them: it was restored from a copy that is older than the log, or \
         was lost; codes go on to work as the log has them, quotes refuse them, and their terms can only \
         be given anew as a whole; {REPAIR}"
    )]
    CodesLack {
        /// Groups of codes.
        groups: u64,
        /// The shows that they are of.
        shows: usize,
        /// One of them.
        first: ShowId,
    },
    /// Something that the migrations have left is gone.
    #[error(
        "the database lacks {missing}: deleted or changed by hand. Create it again with those of the \
         statements of its migration that are about it (`onsale migrate --print NUMBER`; what tables \
         and columns held comes from a backup), or restore a backup of the database. Only where there \
         is none, set database.url to an empty database: it is {FILLED}"
    )]
    SchemaLacks {
        /// What, in words.
        missing: String,
    },
}

impl Misfit {
    /// True where it is one row that is wrong, or some are gone, of a database that belongs here:
    /// everything else can still be compared.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::WatermarkBeyond { .. }
            | Self::StrangeRow { .. }
            | Self::ShowsDeleted { .. }
            | Self::ZonesLack { .. }
            | Self::CodesLack { .. }
            | Self::SchemaLacks { .. } => true,
            Self::OtherLog { .. }
            | Self::OtherRecord { .. }
            | Self::LogSetBack { .. }
            | Self::LogLost { .. }
            | Self::OtherSnapshots { .. }
            | Self::SnapshotAhead { .. }
            | Self::Empty { .. }
            | Self::Older { .. }
            | Self::CatalogLacks { .. } => false,
        }
    }

    /// True where going on would write into what does not belong here.
    pub fn is_foreign(&self) -> bool {
        match self {
            Self::OtherLog { .. }
            | Self::OtherRecord { .. }
            | Self::LogSetBack { .. }
            | Self::LogLost { .. }
            | Self::OtherSnapshots { .. }
            | Self::SnapshotAhead { .. } => true,
            Self::Empty { .. }
            | Self::Older { .. }
            | Self::WatermarkBeyond { .. }
            | Self::StrangeRow { .. }
            | Self::CatalogLacks { .. }
            | Self::ShowsDeleted { .. }
            | Self::ZonesLack { .. }
            | Self::CodesLack { .. }
            | Self::SchemaLacks { .. } => false,
        }
    }
}

/// Looks whether `store` is a projection of the log that `reader` reads.
///
/// # Errors
/// When either cannot be read.
pub async fn look(
    store: &Store,
    log_id: [u8; 16],
    partitions: u16,
    reader: &mut (impl LogReader + ?Sized),
) -> Result<Option<Misfit>, FitError> {
    let identity = store.log_identity().await?;
    if let Some(database) = identity.filter(|id| *id != log_id) {
        return Ok(Some(Misfit::OtherLog {
            database: hex(&database),
            log: hex(&log_id),
        }));
    }
    // Nothing was ever migrated in one that is new.
    let watermarks = match store.has_schema().await? {
        true => store.watermarks().await?,
        false => Vec::new(),
    };
    let marks = store.log_marks().await?;
    let mut wrong_row = None;
    let mut records = 0;
    for partition in (0..partitions).map(PartitionId) {
        let (_, end) = reader.bounds(partition)?;
        records += end;
        let projected = projected_offset(&watermarks, partition);
        if projected <= end {
            continue;
        }
        let mut marks = marks.iter().filter(|mark| mark.partition == partition);
        if marks.any(|mark| mark.offset >= end) || store.knows_beyond(partition, end).await? {
            return Ok(Some(Misfit::LogSetBack {
                partition,
                projected,
                end,
            }));
        }
        wrong_row = Some(Misfit::WatermarkBeyond {
            partition,
            projected,
            end,
        });
    }
    let strange = |table, partition| Misfit::StrangeRow {
        table,
        partition,
        last: PartitionId(partitions.saturating_sub(1)),
    };
    let mut known = watermarks.iter().map(|mark| mark.partition);
    if let Some(unknown) = known.find(|partition| partition.0 >= partitions) {
        wrong_row = wrong_row.or(Some(strange("projector_watermarks", unknown)));
    }
    for mark in &marks {
        if mark.partition.0 >= partitions {
            wrong_row = wrong_row.or(Some(strange("log_marks", mark.partition)));
        } else if is_other(mark, reader)? {
            return Ok(Some(Misfit::OtherRecord {
                partition: mark.partition,
                offset: mark.offset,
            }));
        }
    }
    if wrong_row.is_some() {
        return Ok(wrong_row);
    }
    // One that knows its log and has nothing yet is only behind.
    let is_empty = identity.is_none() && watermarks.iter().all(|mark| mark.next_offset == 0);
    Ok((is_empty && records > 0).then_some(Misfit::Empty { records }))
}

/// Whether the database has been further than it is, by the offsets of snapshots: they are cut only
/// behind the projection.
///
/// # Errors
/// When the database cannot be read.
pub async fn look_back(
    store: &Store,
    snapshots: impl IntoIterator<Item = (PartitionId, Offset)>,
) -> Result<Option<Misfit>, StoreError> {
    let watermarks = store.watermarks().await?;
    Ok(snapshots.into_iter().find_map(|(partition, was)| {
        let projected = projected_offset(&watermarks, partition);
        (projected < was).then_some(Misfit::Older {
            partition,
            projected,
            was,
        })
    }))
}

fn is_other(mark: &LogMark, reader: &mut (impl LogReader + ?Sized)) -> Result<bool, LogError> {
    let found = checksum_at(mark.partition, mark.offset, reader)?;
    Ok(found.is_some_and(|found| found != mark.checksum))
}

/// The checksum of a record, `None` where the log does not have it (any more).
fn checksum_at(
    partition: PartitionId,
    offset: Offset,
    reader: &mut (impl LogReader + ?Sized),
) -> Result<Option<u64>, LogError> {
    let (first, end) = reader.bounds(partition)?;
    if !(first..end).contains(&offset) {
        return Ok(None);
    }
    let mut batch = EntryBatch::default();
    reader.read(partition, offset, 1, &mut batch)?;
    let entry = batch.iter().next().filter(|entry| entry.offset == offset);
    Ok(entry.map(|entry| checksum(entry.payload)))
}

/// Writes down in the database which log it is a projection of.
///
/// # Errors
/// When either fails.
pub async fn write_down(
    store: &Store,
    log_id: [u8; 16],
    watermarks: &[Watermark],
    reader: &mut (impl LogReader + ?Sized),
) -> Result<(), FitError> {
    let mut marks = Vec::new();
    for watermark in watermarks {
        let Some(offset) = watermark.next_offset.checked_sub(1) else {
            continue;
        };
        let checksum = match checksum_at(watermark.partition, offset, reader) {
            // Written by hand, and named where the database is looked at.
            Err(LogError::UnknownPartition { .. }) => continue,
            found => found?,
        };
        if let Some(checksum) = checksum {
            marks.push(LogMark {
                partition: watermark.partition,
                offset,
                checksum,
            });
        }
    }
    Ok(store.set_log_identity(log_id, &marks).await?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever takes an empty database by one of these texts knows what it costs, and what to try first.
    #[test]
    fn an_empty_database_is_never_advised_without_what_it_loses() {
        let (partition, offset) = (PartitionId(0), 7);
        let hex = || "07".to_owned();
        for misfit in [
            Misfit::OtherLog {
                database: hex(),
                log: hex(),
            },
            Misfit::OtherRecord { partition, offset },
            Misfit::LogSetBack {
                partition,
                projected: 9,
                end: offset,
            },
            Misfit::SnapshotAhead {
                place: "x".to_owned(),
                partition,
                next_offset: 9,
                end: offset,
            },
            Misfit::SchemaLacks {
                missing: "index x".to_owned(),
            },
        ] {
            let said = misfit.to_string();
            let lost = said.find("accounts, tenants, API keys, audit entries and jobs");
            let advised =
                ["database.url to an empty", "an empty database"].map(|words| said.find(words));
            let advised = advised.into_iter().flatten().min();
            let kept = ["backup", "Restore the log"].map(|words| said.find(words));
            let kept = kept.into_iter().flatten().min();
            assert!(lost.is_some() && kept.is_some() && kept < advised, "{said}");
        }
    }
}
