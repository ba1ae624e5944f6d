//! Segment files: their names and headers.
//!
//! ```text
//! identity (512)  magic · crc u32 · format u16 · partitions u16 · log id · sequence u64 · size u64
//! base (n·512)    magic u32 · crc u32 · segment u64 · batch sequence u64 · previous crc u32 ·
//!                 0 u32 · per partition: next offset u64, last log time u64 · zeros · mark
//! batches         one after the other, each in whole sectors, see `batch`
//! zeros           up to the size
//! ```
//!
//! The identity is durable before the file gets its name. The base is durable before the first
//! batch is written; a segment without one has been prepared and not been used. Both are enough to
//! know the bounds of every partition without reading a batch.

use std::path::{Path, PathBuf};

use onsale_schemas::{LogTimeMs, Offset};

use super::batch::{BatchPlace, MARK};
use super::bytes::{SECTOR_BYTES, array_at, put, u16_at, u32_at, u64_at, whole_sectors};
use onsale_disk::DiskFile;

const IDENTITY_MAGIC: [u8; 8] = *b"ONSALEJS";
const IDENTITY_BYTES: usize = SECTOR_BYTES;
const FORMAT_VERSION: u16 = 1;
const BASE_MAGIC: u32 = u32::from_le_bytes(*b"BASE");
const BASE_FIXED_BYTES: usize = 32;
const BASE_PER_PARTITION_BYTES: usize = 16;
const NAME_SUFFIX: &str = ".segment";
const NAME_DIGITS: usize = 20;
/// Number of the first segment of a journal.
pub(super) const FIRST_SEGMENT: u64 = 1;
/// A segment that is being made.
pub(super) const TEMPORARY_NAME: &str = "next.segment.tmp";

/// Where a partition ends.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct PartitionEnd {
    /// Offset of its next record.
    pub(super) next: Offset,
    /// Log time of its last record.
    pub(super) log_time_ms: LogTimeMs,
}

/// Which file it is: what is known before it is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pub(super) log_id: [u8; 16],
    pub(super) partitions: u16,
    pub(super) sequence: u64,
    pub(super) size_bytes: u64,
}

/// A segment in use, as its header says.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Segment {
    pub(super) sequence: u64,
    pub(super) size_bytes: u64,
    /// Where its first batch stands.
    pub(super) first: BatchPlace,
    /// Where every partition ended before it.
    pub(super) bases: Box<[PartitionEnd]>,
}

/// What a header says.
#[derive(Debug)]
pub(super) enum Header {
    /// In use.
    Started(Segment),
    /// No valid base: prepared and not used, or its very first write was torn.
    Unstarted,
}

/// Bytes of a whole header; the first batch stands there.
pub(super) fn header_bytes(partitions: u16) -> usize {
    IDENTITY_BYTES + base_bytes(partitions)
}

/// Where the base stands.
pub(super) const BASE_POSITION: u64 = IDENTITY_BYTES as u64;

fn base_bytes(partitions: u16) -> usize {
    whole_sectors(
        BASE_FIXED_BYTES + BASE_PER_PARTITION_BYTES * usize::from(partitions) + MARK.len(),
    )
}

pub(super) fn path_of(folder: &Path, sequence: u64) -> PathBuf {
    folder.join(format!("{sequence:0NAME_DIGITS$}{NAME_SUFFIX}"))
}

/// The sequence number in a file's name, if it is one of a segment.
pub(super) fn sequence_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(NAME_SUFFIX)?;
    let plain = digits.len() == NAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

impl Identity {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; IDENTITY_BYTES];
        put(&mut bytes, 0, &IDENTITY_MAGIC);
        put(&mut bytes, 12, &FORMAT_VERSION.to_le_bytes());
        put(&mut bytes, 14, &self.partitions.to_le_bytes());
        put(&mut bytes, 16, &self.log_id);
        put(&mut bytes, 32, &self.sequence.to_le_bytes());
        put(&mut bytes, 40, &self.size_bytes.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[12..]);
        put(&mut bytes, 8, &crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() < IDENTITY_BYTES || bytes[..8] != IDENTITY_MAGIC {
            return Err("the segment's header is missing");
        }
        if u32_at(bytes, 8) != crc32c::crc32c(&bytes[12..IDENTITY_BYTES]) {
            return Err("the checksum of the segment's header does not match");
        }
        if u16_at(bytes, 12) != FORMAT_VERSION {
            return Err("the segment was written by a later program");
        }
        Ok(Self {
            partitions: u16_at(bytes, 14),
            log_id: array_at(bytes, 16),
            sequence: u64_at(bytes, 32),
            size_bytes: u64_at(bytes, 40),
        })
    }
}

impl Segment {
    /// The base of a segment whose first batch continues at `next` (whose segment and position do
    /// not matter).
    pub(super) fn begin(identity: &Identity, next: &BatchPlace, ends: &[PartitionEnd]) -> Self {
        Self {
            sequence: identity.sequence,
            size_bytes: identity.size_bytes,
            first: BatchPlace {
                segment: identity.sequence,
                position: header_bytes(identity.partitions) as u64,
                ..*next
            },
            bases: ends.into(),
        }
    }

    pub(super) fn encode_base(&self, seed: u32) -> Vec<u8> {
        let partitions = u16::try_from(self.bases.len()).unwrap_or(u16::MAX);
        let mut bytes = vec![0; base_bytes(partitions)];
        put(&mut bytes, 0, &BASE_MAGIC.to_le_bytes());
        put(&mut bytes, 8, &self.sequence.to_le_bytes());
        put(&mut bytes, 16, &self.first.sequence.to_le_bytes());
        put(&mut bytes, 24, &self.first.previous_crc.to_le_bytes());
        for (i, base) in self.bases.iter().enumerate() {
            let at = BASE_FIXED_BYTES + i * BASE_PER_PARTITION_BYTES;
            put(&mut bytes, at, &base.next.to_le_bytes());
            put(&mut bytes, at + 8, &base.log_time_ms.to_le_bytes());
        }
        let mark_at = bytes.len() - MARK.len();
        put(&mut bytes, mark_at, &MARK);
        let crc = crc32c::crc32c_append(seed, &bytes[8..]);
        put(&mut bytes, 4, &crc.to_le_bytes());
        bytes
    }

    fn decode_base(identity: &Identity, seed: u32, bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..base_bytes(identity.partitions))?;
        if u32_at(bytes, 0) != BASE_MAGIC
            || u32_at(bytes, 4) != crc32c::crc32c_append(seed, &bytes[8..])
            || u64_at(bytes, 8) != identity.sequence
        {
            return None;
        }
        let next = BatchPlace {
            segment: identity.sequence,
            position: 0,
            sequence: u64_at(bytes, 16),
            previous_crc: u32_at(bytes, 24),
        };
        let ends: Vec<PartitionEnd> = (0..usize::from(identity.partitions))
            .map(|i| BASE_FIXED_BYTES + i * BASE_PER_PARTITION_BYTES)
            .map(|at| PartitionEnd {
                next: u64_at(bytes, at),
                log_time_ms: u64_at(bytes, at + 8),
            })
            .collect();
        Some(Self::begin(identity, &next, &ends))
    }
}

/// Reads a header.
///
/// # Errors
/// Of the system.
pub(super) fn read_header(
    file: &dyn DiskFile,
    partitions: u16,
    seed: u32,
) -> std::io::Result<Result<(Identity, Header), &'static str>> {
    let mut bytes = vec![0; header_bytes(partitions)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            n => filled += n,
        }
    }
    bytes.truncate(filled);
    let identity = match Identity::decode(&bytes) {
        Ok(identity) if identity.partitions == partitions => identity,
        Ok(_) => return Ok(Err("the segment has another number of partitions")),
        Err(what) => return Ok(Err(what)),
    };
    let base = bytes.get(IDENTITY_BYTES..).unwrap_or_default();
    let header = match Segment::decode_base(&identity, seed, base) {
        Some(segment) => Header::Started(segment),
        None => Header::Unstarted,
    };
    Ok(Ok((identity, header)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_are_not() {
        let path = path_of(Path::new("f"), 42);
        assert_eq!(path, Path::new("f/00000000000000000042.segment"));
        assert_eq!(sequence_of("00000000000000000042.segment"), Some(42));
        for other in [
            "42.segment",
            "next.segment.tmp",
            "+0000000000000000042.segment",
        ] {
            assert_eq!(sequence_of(other), None, "{other}");
        }
    }
}
