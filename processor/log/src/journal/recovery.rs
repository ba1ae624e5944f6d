//! Reads a journal's folder when it is opened, and tells a torn tail from damage.
//!
//! The writer makes each batch durable before it starts the next. So after a crash at most one
//! batch, the last, can be anything but whole, and it was never acknowledged. The rule, at the
//! first place in the last segment where the next batch is not valid:
//!
//! 1. Only zeros from there on: the log ends there.
//! 2. A valid header of a later batch behind it: the bad batch had been durable: **damage**.
//! 3. Anything but zeros further behind than the bad batch can reach (its own size where its header
//!    is valid, else [`BATCH_SIZE_MAX_BYTES`]): **damage**.
//! 4. The bad batch is not what a write that stopped leaves behind: **damage**. A device may write
//!    the sectors of a batch in any order and lose any of them, and stop within a sector, so a torn
//!    batch has a sector (or a header) that still ends with the zero that stood there.
//! 5. Else the tail is **torn**: it is cut, loudly.
//!
//! Any damage in an earlier segment is damage: a segment is begun after all batches before it were
//! durable. When a journal is closed or opened, an empty batch is written behind the last one that
//! holds records, so that only the last batch before a crash is ever in doubt. A file that is
//! shorter than it was created is no crash's doing, but a person who shortened it has decided: what is left
//! of its last batch is cut like a torn one.
//!
//! The rule is for a log at rest. Who reads beside a running writer reads one place before and
//! another after the writer went on, and the two do not fit together. So whatever is found wrong
//! there is believed only when the batch is still not whole in a later read, and still the same
//! ([`Beside::Writer`]); else the log ends there for this reader.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::{BatchHeader, BatchPlace, Frame, HEADER_BYTES, looks_torn};
use super::bytes::{SECTOR_BYTES, all_zero};
use super::error::{SEGMENT_ADVICE, damaged, failed};
use super::meta::Meta;
use super::options::{BATCH_SIZE_MAX_BYTES, SEGMENT_SIZE_MAX_BYTES};
use super::segment::{
    FIRST_SEGMENT, Header, Identity, PartitionEnd, Segment, header_bytes, path_of, read_header,
    sequence_of,
};
use super::window::Window;
use crate::storage::LogError;
use onsale_disk::{Access, Disk, DiskFile};

/// How much is searched at once behind the end of the log, in bytes.
const SEARCH_BYTES: usize = 1 << 20;
/// Reads after which a batch beside a writer is called what it seems to be, when each found the same
/// bytes. A writer that was stopped in the middle leaves sectors that look torn; only a read within
/// the copying of a sector sees anything else, and never the same twice.
const SAME_READS_MIN: u32 = 3;
/// Judgements after which a batch that changes each time is left to its writer.
const JUDGEMENTS_MAX: u32 = 16;
/// How often a folder is looked at whose segments come and go meanwhile.
const LOOKS_MAX: u32 = 16;

/// Who may write what is being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Beside {
    /// Nobody: the folder is locked by the reader.
    Nobody,
    /// A writer, of this or another process.
    Writer,
}

/// The segments of a folder, as their headers say.
pub(super) struct Layout {
    /// Those in use, ascending and without gaps.
    pub(super) segments: Vec<Arc<Segment>>,
    /// The one prepared behind them.
    pub(super) spare: Option<Spare>,
}

/// A segment that was prepared and not used.
pub(super) struct Spare {
    pub(super) identity: Identity,
    /// False when it must be made again.
    pub(super) is_clean: bool,
}

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
pub(super) struct Tail {
    /// Where the next batch goes.
    pub(super) place: BatchPlace,
    pub(super) ends: Vec<PartitionEnd>,
    /// The last batch has records, so nothing proves yet that it had been durable.
    pub(super) in_doubt: bool,
    pub(super) torn: Option<TornTail>,
}

/// Reads the headers of all segments.
///
/// # Errors
/// A missing segment, a damaged header, or of the system.
pub(super) fn read_layout(disk: &dyn Disk, folder: &Path, meta: &Meta) -> Result<Layout, LogError> {
    let mut sequences: Vec<u64> = disk
        .list(folder)
        .map_err(|error| failed("list", folder, error))?
        .iter()
        .filter_map(|name| sequence_of(name))
        .collect();
    sequences.sort_unstable();
    let mut layout = Layout {
        segments: Vec::with_capacity(sequences.len()),
        spare: None,
    };
    for (i, &sequence) in sequences.iter().enumerate() {
        let path = path_of(folder, sequence);
        let file = match disk.open(&path, Access::Read) {
            Ok(file) => file,
            // Retention of a running writer removes the oldest while we look.
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && layout.segments.is_empty() =>
            {
                continue;
            }
            Err(error) => return Err(failed("open", &path, error)),
        };
        let before = i.checked_sub(1).map(|before| sequences[before]);
        if before.is_some_and(|before| before + 1 != sequence) {
            let missing = path_of(folder, before.unwrap_or_default() + 1);
            return Err(damaged(
                &missing,
                0,
                "the segment is missing",
                SEGMENT_ADVICE,
            ));
        }
        if layout.spare.is_some() {
            let before = path_of(folder, sequence - 1);
            return Err(damaged(
                &before,
                super::segment::BASE_POSITION,
                "the segment was never begun, but there is one behind it",
                SEGMENT_ADVICE,
            ));
        }
        layout.add(&*file, &path, sequence, meta)?;
    }
    if layout.segments.is_empty()
        && layout.spare.is_none()
        && let Some(&newest) = sequences.last()
    {
        // Retention has taken away all that the list named: there are newer ones.
        let path = path_of(folder, newest);
        return Err(failed("open", &path, std::io::ErrorKind::NotFound.into()));
    }
    if layout.segments.is_empty()
        && let Some(spare) = &layout.spare
        && spare.identity.sequence != FIRST_SEGMENT
    {
        let missing = path_of(folder, spare.identity.sequence - 1);
        return Err(damaged(
            &missing,
            0,
            "the segment is missing",
            SEGMENT_ADVICE,
        ));
    }
    Ok(layout)
}

/// Reads the headers and finds the end of the log while a writer may go on, begin segments and
/// remove them. What one look finds wrong must be found by the next one too.
///
/// # Errors
/// As [`read_layout`] and [`find_tail`].
pub(super) fn look_beside_writer(
    disk: &dyn Disk,
    folder: &Path,
    meta: &Meta,
) -> Result<(Layout, Option<Tail>), LogError> {
    let look = || {
        let layout = read_layout(disk, folder, meta)?;
        let last = layout.segments.last();
        let tail = last.map(|last| find_tail(disk, folder, meta, last, Beside::Writer));
        let tail = tail.transpose()?;
        Ok::<_, LogError>((layout, tail))
    };
    let mut before = String::new();
    let mut looks = 1;
    loop {
        let error = match look() {
            Ok(seen) => return Ok(seen),
            Err(error) => error,
        };
        let now = error.to_string();
        if now == before || looks >= LOOKS_MAX {
            return Err(error);
        }
        before = now;
        looks += 1;
    }
}

impl Layout {
    fn add(
        &mut self,
        file: &dyn DiskFile,
        path: &Path,
        sequence: u64,
        meta: &Meta,
    ) -> Result<(), LogError> {
        let seed = super::batch::crc_seed(&meta.log_id);
        let (identity, header) = read_header(file, meta.partitions, seed)
            .map_err(|error| failed("read", path, error))?
            .map_err(|what| damaged(path, 0, what, SEGMENT_ADVICE))?;
        let wrong = if identity.log_id != meta.log_id {
            Some("the segment belongs to another log")
        } else if identity.sequence != sequence {
            Some("the segment has the name of another one")
        } else if identity.size_bytes > SEGMENT_SIZE_MAX_BYTES
            || identity.size_bytes < header_bytes(meta.partitions) as u64
        {
            Some("the segment claims an impossible size")
        } else {
            None
        };
        if let Some(what) = wrong {
            return Err(damaged(path, 0, what, SEGMENT_ADVICE));
        }
        match header {
            Header::Started(segment) => {
                if let Some(before) = self.segments.last()
                    && !segment.continues(before)
                {
                    return Err(damaged(
                        path,
                        super::segment::BASE_POSITION,
                        "the segment begins before the one in front of it",
                        SEGMENT_ADVICE,
                    ));
                }
                self.segments.push(Arc::new(segment));
            }
            Header::Unstarted => {
                self.spare = Some(Spare::check(file, path, identity)?);
            }
        }
        Ok(())
    }
}

impl Segment {
    fn continues(&self, before: &Self) -> bool {
        self.first.sequence >= before.first.sequence
            // Their times may go back: an operator may have set the clock back between them.
            && self.bases.iter().zip(&before.bases).all(|(base, earlier)| base.next >= earlier.next)
    }
}

impl Spare {
    /// The base is durable before a batch is written: without a base there is nothing behind it.
    fn check(file: &dyn DiskFile, path: &Path, identity: Identity) -> Result<Self, LogError> {
        let size = file
            .size_bytes()
            .map_err(|error| failed("read", path, error))?;
        let header_end = header_bytes(identity.partitions) as u64;
        let mut window = Window::default();
        let rest = search(
            &mut window,
            file,
            header_end,
            size.min(identity.size_bytes),
            |_, _| (),
        )
        .map_err(|error| failed("read", path, error))?;
        if rest.is_some() || size < header_end {
            return Err(damaged(
                path,
                super::segment::BASE_POSITION,
                "the second part of the segment's header is damaged",
                SEGMENT_ADVICE,
            ));
        }
        let base = search(
            &mut window,
            file,
            super::segment::BASE_POSITION,
            header_end,
            |_, _| (),
        )
        .map_err(|error| failed("read", path, error))?;
        Ok(Self {
            identity,
            is_clean: base.is_none() && size == identity.size_bytes,
        })
    }
}

/// Goes through `file` from `from` to `until` sector by sector, hands each that is not all zeros to
/// `look`, and gives where the last byte stands that is not zero.
fn search(
    window: &mut Window,
    file: &dyn DiskFile,
    from: u64,
    until: u64,
    mut look: impl FnMut(u64, &[u8]),
) -> std::io::Result<Option<u64>> {
    let mut last = None;
    let mut position = from;
    while position < until {
        let piece = window.bytes(file, position, SEARCH_BYTES, until)?;
        if piece.is_empty() {
            break;
        }
        if !all_zero(piece) {
            let mut at = position;
            for sector in piece.chunks(SECTOR_BYTES) {
                if let Some(i) = sector.iter().rposition(|&byte| byte != 0) {
                    last = Some(at + i as u64);
                    look(at, sector);
                }
                at += sector.len() as u64;
            }
        }
        position += piece.len() as u64;
    }
    Ok(last)
}

/// Reads the last segment and finds where the log ends.
///
/// # Errors
/// Damage, or of the system.
pub(super) fn find_tail(
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
        seed: super::batch::crc_seed(&meta.log_id),
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
