//! The end of the log in its last segment.

use std::path::{Path, PathBuf};

use onsale_disk::{Access, Disk, DiskFile};

use super::{Beside, search};
use crate::journal::batch::{self, BatchHeader, BatchPlace, Frame, HEADER_BYTES, looks_torn};
use crate::journal::error::{SEGMENT_ADVICE, damaged, failed};
use crate::journal::meta::Meta;
use crate::journal::options::BATCH_SIZE_MAX_BYTES;
use crate::journal::segment::{PartitionEnd, Segment, path_of};
use crate::journal::window::Window;
use crate::storage::LogError;

/// Reads after which a batch beside a writer is called what it seems to be, when each found the same
/// bytes. A writer that was stopped in the middle leaves sectors that look torn; only a read within
/// the copying of a sector sees anything else, and never the same twice.
const SAME_READS_MIN: u32 = 3;
/// Judgements after which a batch that changes each time is left to its writer.
const JUDGEMENTS_MAX: u32 = 16;

/// What was cut off, or would be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TornTail {
    /// The file.
    pub file: PathBuf,
    /// The first byte that is no part of the log.
    pub byte: u64,
    /// How many bytes there are up to the last one that is not zero.
    pub cut_bytes: u64,
}

/// The end of the log.
pub(in crate::journal) struct Tail {
    /// Where the next batch goes.
    pub(in crate::journal) place: BatchPlace,
    pub(in crate::journal) ends: Vec<PartitionEnd>,
    /// The last batch has records, so nothing proves yet that it had been durable.
    pub(in crate::journal) in_doubt: bool,
    pub(in crate::journal) torn: Option<TornTail>,
}

/// Reads the last segment and finds where the log ends.
///
/// # Errors
/// Damage, or of the system.
pub(in crate::journal) fn find_tail(
    disk: &dyn Disk,
    folder: &Path,
    meta: &Meta,
    segment: &Segment,
    beside: Beside,
) -> Result<Tail, LogError> {
    let path = path_of(folder, segment.sequence);
    let read = |error| failed("read", &path, error);
    let file = disk
        .open(&path, Access::Read)
        .map_err(|error| failed("open", &path, error))?;
    let file_size = file.size_bytes().map_err(read)?;
    let mut scan = TailScan {
        path: &path,
        file: &*file,
        window: Window::default(),
        seed: batch::crc_seed(&meta.log_id),
        limit: file_size.min(segment.size_bytes),
        size_bytes: segment.size_bytes,
        tail: Tail {
            place: segment.first,
            ends: segment.bases.to_vec(),
            in_doubt: false,
            torn: None,
        },
    };
    while scan.take_batch()? {}
    scan.tail.torn = match beside {
        Beside::Nobody => scan.judge_rest()?,
        Beside::Writer => scan.judge_rest_beside_writer()?,
    };
    Ok(scan.tail)
}

struct TailScan<'a> {
    path: &'a Path,
    file: &'a dyn DiskFile,
    window: Window,
    seed: u32,
    /// Where the file or the segment ends.
    limit: u64,
    size_bytes: u64,
    tail: Tail,
}

impl TailScan<'_> {
    fn read(&self, error: std::io::Error) -> LogError {
        failed("read", self.path, error)
    }

    fn damage(&self, what: impl Into<String>) -> LogError {
        damaged(self.path, self.tail.place.position, what, SEGMENT_ADVICE)
    }

    /// The header that stands at the end found so far, if it is valid.
    fn header(&mut self) -> Result<Option<(BatchHeader, u32)>, LogError> {
        let at = self.tail.place.position;
        let bytes = self.window.bytes(self.file, at, HEADER_BYTES, self.limit);
        let seed = self.seed;
        let header = bytes.map(|bytes| BatchHeader::decode(seed, bytes));
        header.map_err(|error| self.read(error))
    }

    /// Takes the next batch in if it is whole.
    fn take_batch(&mut self) -> Result<bool, LogError> {
        let Some((header, crc)) = self.header()? else {
            return Ok(false);
        };
        if !self.tail.place.fits(&header) {
            return Err(self.damage("there stands a batch that does not belong here"));
        }
        let at = self.tail.place.position;
        let batch = match self.window.bytes(self.file, at, header.size(), self.limit) {
            Ok(batch) => batch,
            Err(error) => return Err(failed("read", self.path, error)),
        };
        if !header.body_matches(batch) {
            return Ok(false);
        }
        let mut frames = &batch[HEADER_BYTES..header.frames_end()];
        let mut records = 0;
        while let Some(frame) = Frame::take(&mut frames) {
            let end = self.tail.ends.get_mut(usize::from(frame.partition.0));
            match end.filter(|end| end.next == frame.offset) {
                Some(end) => {
                    end.next += 1;
                    end.log_time_ms = frame.log_time_ms;
                }
                None => return Err(self.damage("a record of the batch is out of order")),
            }
            records += 1;
        }
        if records != header.records || !frames.is_empty() {
            return Err(self.damage("the batch does not hold what its header says"));
        }
        self.tail.in_doubt = records > 0;
        self.tail.place = self.tail.place.after(&header, crc);
        Ok(true)
    }

    /// Applies the rule where a writer may go on meanwhile. What lies behind a batch is read after
    /// the batch: so before a judgement stands, the batch is read again, after all that it was
    /// judged by.
    fn judge_rest_beside_writer(&mut self) -> Result<Option<TornTail>, LogError> {
        for _ in 0..JUDGEMENTS_MAX {
            let judged = match self.judge_rest() {
                Ok(None) => return Ok(None),
                Err(error) if !matches!(error, LogError::Damaged { .. }) => return Err(error),
                judged => judged,
            };
            let mut seen = None;
            let mut is_same = true;
            for _ in 0..SAME_READS_MIN {
                self.window.clear();
                if self.take_batch()? {
                    // It was being written. What came behind it is for the next one that opens the log.
                    return Ok(None);
                }
                let now = self.fingerprint()?;
                is_same &= seen.is_none_or(|seen| seen == now);
                seen = Some(now);
                std::thread::yield_now();
            }
            if is_same {
                return judged;
            }
        }
        Ok(None)
    }

    /// Checksum of what stands where the next batch belongs.
    fn fingerprint(&mut self) -> Result<u32, LogError> {
        let header = self.header()?.map(|(header, _)| header);
        self.bytes_of_next(header).map(crc32c::crc32c)
    }

    /// Applies the rule to what stands behind the last whole batch.
    fn judge_rest(&mut self) -> Result<Option<TornTail>, LogError> {
        let place = self.tail.place;
        let header = self.header()?.map(|(header, _)| header);
        let reach = header.map_or(BATCH_SIZE_MAX_BYTES, |header| header.size()) as u64;
        let reach_end = place.position.saturating_add(reach);
        let seed = self.seed;
        let mut later = None;
        let last = search(
            &mut self.window,
            self.file,
            place.position,
            self.limit,
            |at, sector| {
                let found = BatchHeader::decode(seed, sector).is_some_and(|(found, _)| {
                    found.segment == place.segment && found.position == at
                });
                if found && at > place.position && later.is_none() {
                    later = Some(at);
                }
            },
        )
        .map_err(|error| self.read(error))?;
        let Some(last) = last else {
            return Ok(None);
        };
        if let Some(later) = later {
            return Err(self.damage(format!(
                "the batch is damaged, and at byte {later} there stands one that was written later"
            )));
        }
        if last >= reach_end {
            return Err(self.damage(format!(
                "the batch is damaged, and there is data as far as byte {last}"
            )));
        }
        let is_cut_off = self.limit < self.size_bytes && reach_end > self.limit;
        if !is_cut_off && !self.may_be_torn(header)? {
            return Err(self.damage(
                "the last batch is damaged, and not in a way that a crash while writing explains",
            ));
        }
        Ok(Some(TornTail {
            file: self.path.to_path_buf(),
            byte: place.position,
            cut_bytes: last + 1 - place.position,
        }))
    }

    fn may_be_torn(&mut self, header: Option<BatchHeader>) -> Result<bool, LogError> {
        let bytes = self.bytes_of_next(header)?;
        Ok(match header {
            Some(_) => looks_torn(bytes),
            None => bytes.last() == Some(&0),
        })
    }

    /// The bytes where the next batch belongs: all that its header claims, else those of a header.
    fn bytes_of_next(&mut self, header: Option<BatchHeader>) -> Result<&[u8], LogError> {
        let size = header.map_or(HEADER_BYTES, |header| header.size());
        let at = self.tail.place.position;
        let path = self.path;
        self.window
            .bytes(self.file, at, size, self.limit)
            .map_err(|error| failed("read", path, error))
    }
}
