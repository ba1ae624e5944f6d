//! Walks the durable batches in log order, verified, across segments.

use std::sync::Arc;

use super::batch::{BatchHeader, BatchPlace, HEADER_BYTES};
use super::bytes::all_zero;
use super::error::{SEGMENT_ADVICE, damaged, failed};
use super::segment::{Segment, path_of};
use super::shared::{DurablePosition, OpenJournal};
use super::window::Window;
use crate::storage::LogError;
use onsale_disk::{Access, DiskFile};

/// Walks the durable batches.
pub(super) struct Cursor {
    shared: Arc<OpenJournal>,
    open: Option<(Arc<Segment>, Box<dyn DiskFile>)>,
    window: Window,
    /// The batch to be read next.
    next: BatchPlace,
    /// The batch whose body was verified last.
    verified: Option<(u64, u64)>,
}

impl Cursor {
    pub(super) fn new(shared: Arc<OpenJournal>) -> Self {
        Self {
            shared,
            open: None,
            window: Window::default(),
            next: BatchPlace {
                segment: 0,
                position: 0,
                sequence: 0,
                previous_crc: 0,
            },
            verified: None,
        }
    }

    /// Goes to a batch.
    pub(super) fn seek(&mut self, place: BatchPlace) {
        self.next = place;
    }

    /// The batch to be read next.
    pub(super) fn place(&self) -> BatchPlace {
        self.next
    }

    /// The frames of the next durable batch; `None` when there is none yet. Its place is the one
    /// that [`Cursor::place`] gave before the call.
    pub(super) fn next_batch(&mut self) -> Result<Option<(BatchHeader, &[u8])>, LogError> {
        let durable = self.shared.durable();
        let Some((place, header, limit)) = self.locate(durable)? else {
            return Ok(None);
        };
        let Some((_, file)) = &self.open else {
            return Ok(None);
        };
        let batch = self
            .window
            .bytes(&**file, place.position, header.size(), limit)
            .map_err(|error| failed("read", &path_of(&self.shared.folder, place.segment), error))?;
        let at = (place.segment, place.position);
        if self.verified != Some(at) {
            if !header.body_matches(batch) {
                return Err(self
                    .shared
                    .damage(&place, "the checksum of the batch does not match"));
            }
            self.verified = Some(at);
        }
        Ok(Some((header, &batch[HEADER_BYTES..header.frames_end()])))
    }

    /// Finds the next batch's header, going on to the next segment where one ends, and moves on.
    fn locate(
        &mut self,
        durable: DurablePosition,
    ) -> Result<Option<(BatchPlace, BatchHeader, u64)>, LogError> {
        loop {
            let place = self.next;
            let is_last = place.segment >= durable.segment();
            if is_last
                && (place.segment > durable.segment() || place.position >= durable.position())
            {
                return Ok(None);
            }
            let shared = Arc::clone(&self.shared);
            let path = || path_of(&shared.folder, place.segment);
            let (segment, file) = Self::opened(&mut self.open, &mut self.window, &shared, place)?;
            let limit = if is_last {
                durable.position()
            } else {
                segment.size_bytes
            };
            let bytes = self
                .window
                .bytes(file, place.position, HEADER_BYTES, limit)
                .map_err(|error| failed("read", &path(), error))?;
            match BatchHeader::decode(shared.seed, bytes) {
                Some((header, crc)) if place.fits(&header) => {
                    self.next = place.after(&header, crc);
                    return Ok(Some((place, header, limit)));
                }
                None if !is_last && all_zero(bytes) => self.next = shared.follow(&place)?,
                Some(_) | None => {
                    return Err(shared.damage(&place, "there is not the batch that belongs here"));
                }
            }
        }
    }

    fn opened<'a>(
        open: &'a mut Option<(Arc<Segment>, Box<dyn DiskFile>)>,
        window: &mut Window,
        shared: &OpenJournal,
        place: BatchPlace,
    ) -> Result<(&'a Segment, &'a dyn DiskFile), LogError> {
        if open
            .as_ref()
            .is_none_or(|(segment, _)| segment.sequence != place.segment)
        {
            let path = path_of(&shared.folder, place.segment);
            window.clear();
            *open = None;
            let gone = || failed("open", &path, std::io::ErrorKind::NotFound.into());
            let segment = shared.segment(place.segment).ok_or_else(gone)?;
            let file = shared
                .disk
                .open(&path, Access::Read)
                .map_err(|error| failed("open", &path, error))?;
            *open = Some((segment, file));
        }
        match open {
            Some((segment, file)) => Ok((segment, &**file)),
            // Just filled.
            None => Err(failed(
                "open",
                &path_of(&shared.folder, place.segment),
                std::io::ErrorKind::NotFound.into(),
            )),
        }
    }
}

impl OpenJournal {
    /// Where the log goes on behind the last batch of a segment.
    fn follow(&self, place: &BatchPlace) -> Result<BatchPlace, LogError> {
        let path = || path_of(&self.folder, place.segment + 1);
        let Some(next) = self.segment(place.segment + 1) else {
            return Err(failed("open", &path(), std::io::ErrorKind::NotFound.into()));
        };
        if next.first.sequence == place.sequence && next.first.previous_crc == place.previous_crc {
            return Ok(next.first);
        }
        Err(self.damage(
            place,
            format!(
                "the segment ends before batch {}, but the next one begins with batch {}",
                place.sequence, next.first.sequence
            ),
        ))
    }

    /// Damage at a batch.
    pub(super) fn damage(&self, place: &BatchPlace, what: impl Into<String>) -> LogError {
        let path = path_of(&self.folder, place.segment);
        damaged(&path, place.position, what, SEGMENT_ADVICE)
    }
}
