//! The object: magic, format version, header, image, checksum over everything.
//!
//! ```text
//! magic 8 | format u16 | header length u32 | header | image length u64 | image | xxh3-64 of all before
//! ```
//! Numbers are little-endian. The checksum is looked at first, so that nothing else of damaged bytes
//! is believed.

use bincode::{Decode, Encode};
use onsale_schemas::codec;
use onsale_schemas::{LogTimeMs, Offset, PartitionId};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::SnapshotError;

const MAGIC: [u8; 8] = *b"ONSALSNP";
/// Format written. A header is never edited: a new format gets a new number and a new struct.
const FORMAT: u16 = 1;
const CHECKSUM_BYTES: usize = 8;

/// What is known of a snapshot without decoding its image.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SnapshotHeader {
    /// Machine version of the state.
    pub machine_version: u16,
    /// Id of the log it belongs to.
    pub log_id: [u8; 16],
    /// Its partition.
    pub partition: PartitionId,
    /// The first offset not contained.
    pub next_offset: Offset,
    /// Epoch of the partition's owner.
    pub epoch: u64,
    /// Log time of the last record contained.
    pub log_time_ms: LogTimeMs,
    /// Digest of the state.
    pub digest: u64,
    /// Offset of the last record that had an outcome.
    pub last_outcome: Option<Offset>,
    /// xxh3-64 of the payload of the last record contained; `None` where there is none.
    pub last_record_checksum: Option<u64>,
    /// When it was cut, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// A snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// What it is of.
    pub header: SnapshotHeader,
    /// The engine's image, opaque here.
    pub image: Vec<u8>,
}

impl Snapshot {
    /// The object's bytes.
    ///
    /// # Errors
    /// When the header cannot be encoded.
    pub fn encode(&self) -> Result<Vec<u8>, SnapshotError> {
        let mut header = Vec::with_capacity(128);
        codec::encode_body_into(&self.header, &mut header).map_err(SnapshotError::Header)?;
        let header_length = u32::try_from(header.len())
            .map_err(|_| SnapshotError::Damaged("the header is too long"))?;
        let mut bytes = Vec::with_capacity(self.image.len() + header.len() + 64);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&header_length.to_le_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&(self.image.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&self.image);
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// The snapshot that `bytes` hold, all of them.
    ///
    /// # Errors
    /// Every way in which they can fail to be one; never a panic.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (content, checksum) = bytes
            .split_last_chunk::<CHECKSUM_BYTES>()
            .ok_or(SnapshotError::Damaged("shorter than its checksum"))?;
        let mut rest = content;
        if take::<8>(&mut rest)? != MAGIC {
            return Err(SnapshotError::Damaged("it does not begin as one"));
        }
        let format = u16::from_le_bytes(take(&mut rest)?);
        if xxh3_64(content) != u64::from_le_bytes(*checksum) {
            return Err(SnapshotError::Damaged("wrong checksum"));
        }
        if format != FORMAT {
            return Err(SnapshotError::Version {
                found: format,
                known: FORMAT,
            });
        }
        let header_length = u32::from_le_bytes(take(&mut rest)?);
        let header = take_slice(&mut rest, u64::from(header_length))?;
        let header = codec::decode_body(header).map_err(SnapshotError::Header)?;
        let image_length = u64::from_le_bytes(take(&mut rest)?);
        let image = take_slice(&mut rest, image_length)?.to_vec();
        if !rest.is_empty() {
            return Err(SnapshotError::Damaged("bytes left over"));
        }
        Ok(Self { header, image })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], SnapshotError> {
    let (taken, after) = rest
        .split_first_chunk()
        .ok_or(SnapshotError::Damaged("cut short"))?;
    *rest = after;
    Ok(*taken)
}

fn take_slice<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], SnapshotError> {
    let cut = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_at_checked(length))
        .ok_or(SnapshotError::Damaged("cut short"))?;
    *rest = cut.1;
    Ok(cut.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            header: SnapshotHeader {
                machine_version: 1,
                log_id: [7; 16],
                partition: PartitionId(3),
                next_offset: 1_000,
                epoch: 2,
                log_time_ms: 1_700_000_000_000,
                digest: 0x0123_4567_89ab_cdef,
                last_outcome: Some(999),
                last_record_checksum: Some(5),
                created_at_ms: 1_700_000_000_001,
            },
            image: (0..200).collect(),
        }
    }

    #[test]
    fn it_round_trips() {
        let bytes = snapshot().encode().unwrap();
        assert_eq!(Snapshot::decode(&bytes).unwrap(), snapshot());
    }

    /// What lies on people's disks must stay readable.
    #[test]
    fn golden_bytes() {
        let bytes = snapshot().encode().unwrap();
        let hex: String = bytes[..80]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "4f4e53414c534e50010037000000010707070707070707070707070707070703fbe80302fd0068e5cf8b01\
             0000fdefcdab896745230101fbe7030105fd0168e5cf8b010000c800000000000000000102"
        );
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_an_error() {
        let bytes = snapshot().encode().unwrap();
        for length in 0..bytes.len() {
            assert!(
                Snapshot::decode(&bytes[..length]).is_err(),
                "cut to {length}"
            );
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Snapshot::decode(&damaged).is_err(), "bit {bit} flipped");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(Snapshot::decode(&longer).is_err());
    }

    #[test]
    fn a_later_format_says_so() {
        let mut bytes = snapshot().encode().unwrap();
        bytes.truncate(bytes.len() - CHECKSUM_BYTES);
        bytes[8] = 9;
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        assert!(matches!(
            Snapshot::decode(&bytes),
            Err(SnapshotError::Version {
                found: 9,
                known: FORMAT
            })
        ));
    }

    proptest::proptest! {
        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            let mut framed = MAGIC.to_vec();
            framed.extend_from_slice(&bytes);
            assert!(Snapshot::decode(&framed).is_err());
            // With a right checksum, too: lengths inside may say anything.
            let checksum = xxh3_64(&framed);
            framed.extend_from_slice(&checksum.to_le_bytes());
            let _ = Snapshot::decode(&framed);
        }
    }
}
