//! Bytes of a batch: what one append writes and one sync makes durable.
//!
//! ```text
//! header (64)   magic u32 · crc u32 · sequence u64 · position u64 · segment u64 · size u32 ·
//!               records u32 · body crc u32 · written at u64 · previous crc u32 · frames u32 · mark u32
//! frames        per record: length u32 · partition u16 · 0 u16 · offset u64 · log time u64 · payload
//! zeros         up to the end of the last sector
//! mark (4)      ends that sector
//! ```
//!
//! Numbers are little-endian. Checksums are CRC-32C. That of the header starts from the one over
//! the log's id, so bytes of another log, or a payload that looks like a batch, are not accepted as
//! a batch; `previous crc` is the header checksum of the batch before, which covers its body's:
//! batches form a chain. There is no checksum per record because a batch is written, synced and
//! verified as a whole: one over all its bytes finds the same damage at less cost.

use onsale_schemas::{LogTimeMs, Offset, PartitionId};

use super::bytes::{SECTOR_BYTES, put, u16_at, u32_at, u64_at, whole_sectors};
use super::options::BATCH_SIZE_MAX_BYTES;

pub(super) const HEADER_BYTES: usize = 64;
pub(super) const FRAME_HEADER_BYTES: usize = 24;
const MARK_BYTES: usize = 4;
const MAGIC: u32 = u32::from_le_bytes(*b"OSBT");
/// Ends a header and a batch. No byte of it is zero: if it is missing, a write stopped early.
pub(super) const MARK: [u8; MARK_BYTES] = *b"tick";

/// Size of a batch with this many bytes of frames.
pub(super) fn batch_size(frames_bytes: usize) -> usize {
    whole_sectors(HEADER_BYTES + frames_bytes + MARK_BYTES)
}

/// What surrounds the frames of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BatchHeader {
    /// Number of the batch in the log, from 0.
    pub(super) sequence: u64,
    /// Where it starts in its segment, in bytes.
    pub(super) position: u64,
    /// Sequence number of its segment.
    pub(super) segment: u64,
    /// All its bytes.
    pub(super) size_bytes: u32,
    /// How many records.
    pub(super) records: u32,
    /// Checksum of everything after the header.
    pub(super) body_crc: u32,
    /// The wall clock when it was written.
    pub(super) written_at_ms: LogTimeMs,
    /// Header checksum of the batch before.
    pub(super) previous_crc: u32,
    /// Bytes of all frames.
    pub(super) frames_bytes: u32,
}

/// What a header's checksum starts from.
pub(super) fn crc_seed(log_id: &[u8; 16]) -> u32 {
    crc32c::crc32c(log_id)
}

impl BatchHeader {
    /// Writes the header and returns its checksum.
    pub(super) fn encode(&self, seed: u32, into: &mut [u8]) -> u32 {
        put(into, 0, &MAGIC.to_le_bytes());
        put(into, 8, &self.sequence.to_le_bytes());
        put(into, 16, &self.position.to_le_bytes());
        put(into, 24, &self.segment.to_le_bytes());
        put(into, 32, &self.size_bytes.to_le_bytes());
        put(into, 36, &self.records.to_le_bytes());
        put(into, 40, &self.body_crc.to_le_bytes());
        put(into, 44, &self.written_at_ms.to_le_bytes());
        put(into, 52, &self.previous_crc.to_le_bytes());
        put(into, 56, &self.frames_bytes.to_le_bytes());
        put(into, 60, &MARK);
        let crc = crc32c::crc32c_append(seed, &into[8..HEADER_BYTES]);
        put(into, 4, &crc.to_le_bytes());
        crc
    }

    /// The header and its checksum, if `bytes` start with a valid one.
    #[inline]
    pub(super) fn decode(seed: u32, bytes: &[u8]) -> Option<(Self, u32)> {
        if bytes.len() < HEADER_BYTES || u32_at(bytes, 0) != MAGIC {
            return None;
        }
        let crc = u32_at(bytes, 4);
        if crc != crc32c::crc32c_append(seed, &bytes[8..HEADER_BYTES]) {
            return None;
        }
        let header = Self {
            sequence: u64_at(bytes, 8),
            position: u64_at(bytes, 16),
            segment: u64_at(bytes, 24),
            size_bytes: u32_at(bytes, 32),
            records: u32_at(bytes, 36),
            body_crc: u32_at(bytes, 40),
            written_at_ms: u64_at(bytes, 44),
            previous_crc: u32_at(bytes, 52),
            frames_bytes: u32_at(bytes, 56),
        };
        let size = header.size();
        let fits = size <= BATCH_SIZE_MAX_BYTES
            && batch_size(usize::try_from(header.frames_bytes).ok()?) == size;
        fits.then_some((header, crc))
    }

    /// All its bytes, as a length in memory.
    #[inline]
    pub(super) fn size(&self) -> usize {
        usize::try_from(self.size_bytes).unwrap_or(usize::MAX)
    }

    /// Where the frames end within the batch.
    #[inline]
    pub(super) fn frames_end(&self) -> usize {
        HEADER_BYTES + usize::try_from(self.frames_bytes).unwrap_or(usize::MAX - HEADER_BYTES)
    }

    /// True when the bytes of the whole batch are those that were written.
    #[inline]
    pub(super) fn body_matches(&self, batch: &[u8]) -> bool {
        batch.len() == self.size() && crc32c::crc32c(&batch[HEADER_BYTES..]) == self.body_crc
    }
}

/// One record within a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) partition: PartitionId,
    pub(super) offset: Offset,
    pub(super) log_time_ms: LogTimeMs,
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Appends the frame.
    #[inline]
    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        let mut header = [0; FRAME_HEADER_BYTES];
        // Payloads are limited to far less than 4 GiB before they get here.
        let length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        put(&mut header, 0, &length.to_le_bytes());
        put(&mut header, 4, &self.partition.0.to_le_bytes());
        put(&mut header, 8, &self.offset.to_le_bytes());
        put(&mut header, 16, &self.log_time_ms.to_le_bytes());
        into.extend_from_slice(&header);
        into.extend_from_slice(self.payload);
    }

    /// Takes the first frame off `frames`; `None` at their end or if they are malformed.
    #[inline]
    pub(super) fn take(frames: &mut &'a [u8]) -> Option<Self> {
        let (header, rest) = frames.split_at_checked(FRAME_HEADER_BYTES)?;
        let length = usize::try_from(u32_at(header, 0)).ok()?;
        let (payload, rest) = rest.split_at_checked(length)?;
        *frames = rest;
        Some(Self {
            partition: PartitionId(u16_at(header, 4)),
            offset: u64_at(header, 8),
            log_time_ms: u64_at(header, 16),
            payload,
        })
    }
}

/// A batch under construction, in reused memory.
#[derive(Default)]
pub(super) struct BatchBuffer {
    bytes: Vec<u8>,
    records: u32,
}

impl BatchBuffer {
    /// Starts a new batch.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER_BYTES, 0);
        self.records = 0;
    }

    /// Adds a record.
    #[inline]
    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        frame.encode(&mut self.bytes);
        self.records += 1;
    }

    /// Pads the batch; its size is then fixed.
    pub(super) fn finish_body(&mut self) -> usize {
        let frames_bytes = self.bytes.len() - HEADER_BYTES;
        let size = batch_size(frames_bytes);
        self.bytes.resize(size - MARK_BYTES, 0);
        self.bytes.extend_from_slice(&MARK);
        put(
            &mut self.bytes,
            56,
            &u32::try_from(frames_bytes)
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        size
    }

    /// Writes the header of a finished body and returns its checksum.
    pub(super) fn seal(&mut self, seed: u32, place: &BatchPlace, written_at_ms: LogTimeMs) -> u32 {
        let header = BatchHeader {
            sequence: place.sequence,
            position: place.position,
            segment: place.segment,
            size_bytes: u32::try_from(self.bytes.len()).unwrap_or(u32::MAX),
            records: self.records,
            body_crc: crc32c::crc32c(&self.bytes[HEADER_BYTES..]),
            written_at_ms,
            previous_crc: place.previous_crc,
            frames_bytes: u32_at(&self.bytes, 56),
        };
        header.encode(seed, &mut self.bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The position of an existing or future batch, and what links it to the one before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BatchPlace {
    pub(super) segment: u64,
    pub(super) position: u64,
    pub(super) sequence: u64,
    pub(super) previous_crc: u32,
}

impl BatchPlace {
    /// True when `header` is the one that belongs here.
    #[inline]
    pub(super) fn fits(&self, header: &BatchHeader) -> bool {
        header.segment == self.segment
            && header.position == self.position
            && header.sequence == self.sequence
            && header.previous_crc == self.previous_crc
    }

    /// The position of the batch after `header` in the same segment.
    #[inline]
    pub(super) fn after(&self, header: &BatchHeader, crc: u32) -> Self {
        Self {
            segment: self.segment,
            position: self.position + u64::from(header.size_bytes),
            sequence: self.sequence + 1,
            previous_crc: crc,
        }
    }
}

/// True when these bytes, which are all of an invalid batch, may be an interrupted write: sectors
/// are written from their start, so one that lacks its new end still has the old zero.
pub(super) fn looks_torn(batch: &[u8]) -> bool {
    batch
        .chunks(SECTOR_BYTES)
        .any(|sector| sector.last() == Some(&0) || sector.len() < SECTOR_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes_of_a_batch() {
        let mut buffer = BatchBuffer::default();
        buffer.clear();
        buffer.push(&Frame {
            partition: PartitionId(3),
            offset: 7,
            log_time_ms: 1_700_000_000_000,
            payload: b"seat",
        });
        assert_eq!(buffer.finish_body(), 512);
        let place = BatchPlace {
            segment: 1,
            position: 1_024,
            sequence: 9,
            previous_crc: 0x0102_0304,
        };
        let seed = crc_seed(&[7; 16]);
        let crc = buffer.seal(seed, &place, 1_700_000_000_001);
        let bytes = buffer.bytes();
        // A change here means that existing journals can no longer be read.
        assert_eq!(crc32c::crc32c(bytes), GOLDEN_CRC, "{:02x?}", &bytes[..96]);
        let (header, found) = BatchHeader::decode(seed, bytes).unwrap();
        assert_eq!(found, crc);
        assert!(place.fits(&header));
        assert!(header.body_matches(bytes));
        assert!(BatchHeader::decode(seed ^ 1, bytes).is_none());
    }

    const GOLDEN_CRC: u32 = 2_382_582_048;

    #[test]
    fn frames_that_make_no_sense_end_the_batch() {
        let mut bytes: &[u8] = &[0xff; 40];
        assert!(Frame::take(&mut bytes).is_none());
        let mut short: &[u8] = &[0; 23];
        assert!(Frame::take(&mut short).is_none());
    }
}
