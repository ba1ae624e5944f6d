//! How requests fared, found in the log beside the process that writes it: what was decided about one,
//! and who was ahead.

mod count;
mod find;
#[cfg(test)]
mod replayed;
mod walk;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use onsale_engine::Partition;
use onsale_log::{LogError, LogReader, OpenLog};
use onsale_schemas::{Expected, Offset, PartitionId, RequestId, Standing};
use onsale_snapshot::SnapshotError;
use onsale_snapshot::directory::Directory;
use parking_lot::Mutex;

use self::find::StandingError;
use self::walk::{KeptMax, Walk};
use crate::recovery::{self, UnusableSnapshot};
use crate::replay;

/// Records that are replayed for one request at most: a few seconds.
const REPLAY_RECORDS_MAX: u64 = 4_000_000;
/// What is kept of each partition's requests while the log is gone through: they take a few hundred
/// bytes each, and some commands of the staff far more.
const KEPT_MAX: KeptMax = KeptMax {
    requests: 32_768,
    bytes: 16 << 20,
};
/// The pause after an older request, as a multiple of the time that it took: asking for them all
/// takes no more than a fifth of a core.
const REPLAY_PAUSE_TIMES: u32 = 4;
/// How long a caller waits, holding a thread, while the log is read for another.
const WALK_WAIT_MAX: Duration = Duration::from_millis(50);
/// When a caller who found the log being read should look again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Records that are looked through for a request, over all partitions.
const FIND_RECORDS_MAX: u64 = 400_000;
/// The part of the requests that are kept which lies behind an older one that was asked for: those on
/// either side of it are often asked for next.
const OLDER_AHEAD_PART: usize = 4;

/// Opens the log for reading.
type OpenTheLog = dyn Fn() -> Result<OpenLog, LogError> + Send + Sync;

/// Finds how requests fared in the log, with the help of snapshots where this node keeps some.
#[derive(Clone)]
pub struct Standings {
    log: Arc<OpenTheLog>,
    snapshots_dir: PathBuf,
    kept_max: KeptMax,
    /// How far the log of each partition has been read for earlier callers.
    walks: Arc<Mutex<HashMap<PartitionId, Walk>>>,
    /// The last part of the log that was read again for older requests.
    older: Arc<Mutex<Option<(PartitionId, Walk)>>>,
    /// When the log may be read from its beginning again.
    replay_after: Arc<Mutex<Option<Instant>>>,
}

/// Why it cannot be said how a request fared.
#[derive(Debug, thiserror::Error)]
pub enum StandingsError {
    /// Retention has removed the record, or what stood before it.
    #[error(
        "The log of partition {partition} begins at offset {first} and no snapshot early enough is \
         kept, so offset {asked} cannot be explained any more."
    )]
    Gone {
        /// The partition.
        partition: PartitionId,
        /// The first offset that is kept.
        first: Offset,
        /// The offset of the request.
        asked: Offset,
    },
    /// Older requests are being looked for, or were a moment ago.
    #[error(
        "Only the latest requests are at hand; older ones are read from the log one after the \
         other, with a pause between. Try again."
    )]
    Busy {
        /// Until it is worth another try.
        wait: Duration,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The snapshots cannot be read.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// A snapshot holds no machine of this program.
    #[error(transparent)]
    Unusable(#[from] UnusableSnapshot),
}

impl Standings {
    /// From the log that `open` opens, at best without looking through it, and from the snapshots in
    /// this folder, which need not exist.
    pub fn new(
        open: impl Fn() -> Result<OpenLog, LogError> + Send + Sync + 'static,
        snapshots_dir: PathBuf,
    ) -> Self {
        Self {
            log: Arc::new(open),
            snapshots_dir,
            kept_max: KEPT_MAX,
            walks: Arc::default(),
            older: Arc::default(),
            replay_after: Arc::default(),
        }
    }

    /// How the request at a position fared; `None` when there is none, or another than the one
    /// `expected`. What reads much of the log is done only when `is_its_turn`. Blocks.
    ///
    /// # Errors
    /// [`StandingsError::Gone`], [`StandingsError::Busy`] where much of the log would have to be
    /// read and it is another's turn, or of log and snapshots.
    pub fn of(
        &self,
        partition: PartitionId,
        offset: Offset,
        expected: Option<Expected>,
        is_its_turn: bool,
    ) -> Result<Option<Standing>, StandingsError> {
        let mut reader = (self.log)()?.reader;
        let (first, end) = reader.bounds(partition)?;
        if offset >= end {
            return Ok(None);
        }
        let gone = StandingsError::Gone {
            partition,
            first,
            asked: offset,
        };
        if offset < first {
            return Err(gone);
        }
        // Before anything that costs more than this one record.
        if let Some(expected) = expected {
            match find::asked_at(&mut reader, partition, offset) {
                Ok((request, user)) if expected.can_be(request, user) => {}
                Ok(_) | Err(StandingError::NoRequest(_)) => return Ok(None),
                Err(StandingError::Log(error)) => return Err(error.into()),
            }
        }
        // One at a time: the next in line finds what the one before has counted.
        let walks = self.walks.try_lock_for(WALK_WAIT_MAX);
        let mut walks = walks.ok_or(StandingsError::Busy { wait: LOOK_AGAIN })?;
        let seen = walks.get(&partition).map(Walk::next_offset);
        if seen.is_none_or(|next| offset >= next) {
            let mut go_on = || -> Result<(), StandingsError> {
                let walk = match walks.remove(&partition) {
                    Some(walk) => walk,
                    None => match self.base(partition, first, end)? {
                        Some(base) => Walk::new(base, self.kept_max),
                        None => return Ok(()),
                    },
                };
                let walk = walk.advance(&mut reader, end)?;
                walks.insert(partition, walk);
                Ok(())
            };
            // Going on costs each record once, however many ask; beginning costs them all.
            if seen.is_some() {
                go_on()?;
            } else {
                self.costly(is_its_turn, go_on)?;
            }
        }
        let Some(walk) = walks.get(&partition) else {
            return Err(gone);
        };
        let (found, is_past) = (walk.find(offset), walk.is_past(offset));
        drop(walks);
        if !is_past {
            return Ok(found.map(|found| Standing::clone(&found)));
        }
        if let Some(found) = self.find_older(partition, offset) {
            return Ok(Some(found));
        }
        let found = self.costly(is_its_turn, || {
            self.read_older(&mut reader, partition, first, offset)
        })?;
        found.ok_or(gone)
    }

    /// An older request that is at hand since the log was last read again.
    fn find_older(&self, partition: PartitionId, offset: Offset) -> Option<Standing> {
        let older = self.older.try_lock_for(WALK_WAIT_MAX)?;
        let (of, walk) = older.as_ref()?;
        let found = walk.find(offset).filter(|_| *of == partition);
        found.map(|found| Standing::clone(&found))
    }

    /// Reads the log again up to an older request and a little further: on from where that was last
    /// done, or from the earliest machine. The outer `None` says that there is none early enough.
    fn read_older(
        &self,
        reader: &mut Box<dyn LogReader>,
        partition: PartitionId,
        first: Offset,
        offset: Offset,
    ) -> Result<Option<Option<Standing>>, StandingsError> {
        let mut older = self.older.lock();
        let walk = older.take().filter(|(of, walk)| {
            let records = offset.checked_sub(walk.next_offset());
            *of == partition && records.is_some_and(|records| records <= REPLAY_RECORDS_MAX)
        });
        let walk = match walk {
            Some((_, walk)) => walk,
            None => match self.base(partition, first, offset)? {
                Some(base) => Walk::new(base, self.kept_max),
                None => return Ok(None),
            },
        };
        let walk = walk.advance(reader, offset.saturating_add(1))?;
        let found = walk.find(offset).map(|found| Standing::clone(&found));
        let ahead = self.kept_max.requests / OLDER_AHEAD_PART;
        let until = offset.saturating_add(1).saturating_add(ahead as u64);
        *older = Some((partition, walk.advance(reader, until)?));
        Ok(Some(found))
    }

    /// Runs work that reads much of the log, unless such work ended a moment ago.
    fn costly<T>(
        &self,
        is_its_turn: bool,
        work: impl FnOnce() -> Result<T, StandingsError>,
    ) -> Result<T, StandingsError> {
        if !is_its_turn {
            return Err(StandingsError::Busy {
                wait: Duration::ZERO,
            });
        }
        let after = self.replay_after.try_lock();
        let mut after = after.ok_or(StandingsError::Busy { wait: LOOK_AGAIN })?;
        let began = Instant::now();
        let wait = after.map_or(Duration::ZERO, |after| after.duration_since(began));
        if !wait.is_zero() {
            return Err(StandingsError::Busy { wait });
        }
        let result = work();
        let ended = Instant::now();
        *after = Some(ended + (ended - began) * REPLAY_PAUSE_TIMES);
        result
    }

    /// The machine to begin with: as early as a bounded replay allows, because requests ahead are
    /// counted from there.
    fn base(
        &self,
        partition: PartitionId,
        first: Offset,
        offset: Offset,
    ) -> Result<Option<Partition>, StandingsError> {
        if first == 0 && offset <= REPLAY_RECORDS_MAX {
            return Ok(Some(replay::genesis(partition)));
        }
        let Ok(directory) = Directory::open_read_only(&self.snapshots_dir) else {
            return Ok(None);
        };
        let mut kept: Vec<Offset> = directory
            .list()?
            .into_iter()
            .map(|listed| listed.header)
            .filter(|header| {
                header.partition == partition
                    && (first..=offset).contains(&header.next_offset)
                    && offset - header.next_offset <= REPLAY_RECORDS_MAX
            })
            .map(|header| header.next_offset)
            .collect();
        kept.sort_unstable();
        for at in kept {
            if let Some(snapshot) = directory.newest(partition, Some(at))? {
                return Ok(Some(recovery::machine_of(&snapshot)?));
            }
        }
        Ok(None)
    }

    /// Where the newest record of a request stands, among the latest records. Blocks.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn find(
        &self,
        request: RequestId,
    ) -> Result<Option<(PartitionId, Offset)>, StandingsError> {
        let OpenLog {
            partitions,
            mut reader,
        } = (self.log)()?;
        let each = FIND_RECORDS_MAX / u64::from(partitions.max(1));
        for partition in (0..partitions).map(PartitionId) {
            let found = find::find(&mut reader, partition, request, each)?;
            if let Some(offset) = found {
                return Ok(Some((partition, offset)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use onsale_log::journal::{Journal, JournalOptions, JournalWriter};
    use onsale_log::{AppendRecord, LogSource, LogWriter};
    use onsale_schemas::{Actor, Command, Envelope, UserId, codec};
    use tempfile::TempDir;

    use super::*;

    const USER: UserId = UserId::from_bytes([1; 16]);

    fn request(number: u64) -> RequestId {
        RequestId(uuid::Uuid::from_u64_pair(0, number))
    }

    /// Requests of [`USER`], the one at each offset with its number as id.
    fn log_of(requests: u64) -> (TempDir, JournalWriter, Standings) {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("log");
        let options = JournalOptions::new(2);
        let (mut writer, _) = Journal::open(&journal, &options).unwrap();
        for number in 0..requests {
            let envelope = Envelope {
                request_id: Some(request(number)),
                idempotency: None,
                trace: None,
                command: Command::Release {
                    booking: number,
                    by: Actor::Buyer(USER),
                },
                by: None,
            };
            let record = AppendRecord {
                partition: PartitionId(0),
                payload: &codec::encode(&envelope).unwrap(),
            };
            writer.append(&[record], 1_000, &mut Vec::new()).unwrap();
        }
        let snapshots = folder.path().join("snapshots");
        let log = LogSource::Journal(journal);
        let standings = Standings::new(move || log.open(), snapshots);
        (folder, writer, standings)
    }

    #[test]
    fn a_position_with_a_made_up_request_costs_one_record() {
        let (_folder, _writer, standings) = log_of(20);
        let other = UserId::from_bytes([2; 16]);
        for (number, user) in [(99, None), (99, Some(USER)), (7, Some(other))] {
            let expected = Expected {
                request: request(number),
                user,
            };
            let found = standings.of(PartitionId(0), 7, Some(expected), true);
            assert_eq!(found.unwrap(), None);
        }
        assert!(
            standings.walks.lock().is_empty(),
            "the log was gone through"
        );
        assert_eq!(*standings.replay_after.lock(), None, "a caller has to wait");
        for user in [None, Some(USER)] {
            let expected = Expected {
                request: request(7),
                user,
            };
            let found = standings.of(PartitionId(0), 7, Some(expected), true);
            assert_eq!(found.unwrap().unwrap().outcome.offset, 7);
        }
    }

    #[test]
    fn what_takes_long_waits_for_its_turn() {
        let (_folder, _writer, standings) = log_of(20);
        let of = |is_its_turn| standings.of(PartitionId(0), 7, None, is_its_turn);
        assert!(matches!(of(false), Err(StandingsError::Busy { .. })));
        let pause = Duration::from_secs(60);
        *standings.replay_after.lock() = Some(Instant::now() + pause);
        match of(true) {
            Err(StandingsError::Busy { wait }) => assert!(wait <= pause && !wait.is_zero()),
            other => panic!("{other:?}"),
        }
        *standings.replay_after.lock() = None;
        assert!(of(true).unwrap().is_some());
        // From now on it is at hand.
        assert!(of(false).unwrap().is_some());
    }

    #[test]
    fn older_requests_next_to_one_another_are_read_once() {
        let (_folder, _writer, mut standings) = log_of(60);
        standings.kept_max.requests = 12;
        let of = |offset, is_its_turn| {
            let found = standings.of(PartitionId(0), offset, None, is_its_turn);
            *standings.replay_after.lock() = None;
            found.map(|found| found.unwrap().outcome.offset)
        };
        assert_eq!(of(59, true).unwrap(), 59);
        assert!(matches!(of(20, false), Err(StandingsError::Busy { .. })));
        assert_eq!(of(20, true).unwrap(), 20);
        for at_hand in [12, 19, 21, 23, 48, 59] {
            assert_eq!(of(at_hand, false).unwrap(), at_hand);
        }
        assert!(matches!(of(24, false), Err(StandingsError::Busy { .. })));
        // On from there, and from the beginning again.
        for older in [24, 30, 5] {
            assert_eq!(of(older, true).unwrap(), older);
        }
    }
}
