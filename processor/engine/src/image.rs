//! The whole state as bytes, for snapshots.
//!
//! Canonical: only facts are written (bookings, blocked places, answers), in an order that follows
//! from them, and everything else is rebuilt from them. So the same state gives the same bytes
//! whatever slots, lanes and pages its history has left it in, and damage cannot produce a state
//! that contradicts itself.
//!
//! Layout: version byte, body, xxh3-64 of both in little-endian. Integers are LEB128 unless said
//! otherwise in [`write`]. The version follows from the machine's: a state that an older program
//! could have produced has the bytes that it would have written.

mod bytes;
mod orders;
mod read;
mod second;
mod third;
mod write;

use onsale_schemas::PartitionId;

use crate::limits::{Limits, MACHINE_VERSION_SECOND, MACHINE_VERSION_THIRD};
use crate::partition::Partition;

/// The first format, for states up to machine version 1.
const FIRST: u8 = 1;
/// The same with additional sections, for states from machine version 2 on.
const SECOND: u8 = 2;
/// The same with more of them, for states from machine version 3 on.
const THIRD: u8 = 3;
/// The highest format that this program knows.
const IMAGE_VERSION: u8 = THIRD;
const CHECKSUM_SIZE_BYTES: usize = 8;

/// Why bytes are not an image, or not one of this partition.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImageError {
    /// Written by a later program.
    #[error("image format {found}, this program knows {IMAGE_VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// The bytes were changed or cut.
    #[error("the image's checksum does not match")]
    Checksum,
    /// The image ends in the middle of something.
    #[error("the image ends early")]
    Truncated,
    /// Bytes are left over.
    #[error("{0} bytes left over after the image")]
    TrailingBytes(usize),
    /// An image of another partition.
    #[error("image of partition {found}, expected {expected}")]
    Partition {
        /// The partition found.
        found: PartitionId,
        /// The partition asked for.
        expected: PartitionId,
    },
    /// The facts contradict each other or a limit.
    #[error("the image is not possible: {0}")]
    Impossible(&'static str),
}

impl Partition {
    /// Appends the image of the state to `out`.
    ///
    /// # Errors
    /// None at present; a later format may be unable to hold a state.
    pub fn encode_image(&self, out: &mut Vec<u8>) -> Result<(), ImageError> {
        let start = out.len();
        let version = match self.machine_version() {
            MACHINE_VERSION_THIRD.. => THIRD,
            MACHINE_VERSION_SECOND => SECOND,
            _ => FIRST,
        };
        out.push(version);
        write::partition(self, version, out);
        let checksum = xxhash_rust::xxh3::xxh3_64(out.get(start..).unwrap_or(&[]));
        out.extend_from_slice(&checksum.to_le_bytes());
        Ok(())
    }

    /// The partition that an image holds.
    ///
    /// # Errors
    /// Every way in which bytes can fail to be an image of partition `id`; see [`ImageError`].
    pub fn decode_image(id: PartitionId, limits: Limits, bytes: &[u8]) -> Result<Self, ImageError> {
        let (&version, _) = bytes.split_first().ok_or(ImageError::Truncated)?;
        if !(FIRST..=IMAGE_VERSION).contains(&version) {
            return Err(ImageError::Version { found: version });
        }
        let (content, checksum) = bytes
            .split_last_chunk::<CHECKSUM_SIZE_BYTES>()
            .ok_or(ImageError::Truncated)?;
        if xxhash_rust::xxh3::xxh3_64(content).to_le_bytes() != *checksum {
            return Err(ImageError::Checksum);
        }
        let body = content.get(1..).ok_or(ImageError::Truncated)?;
        read::partition(id, limits, version, body)
    }
}

#[cfg(test)]
mod tests;
