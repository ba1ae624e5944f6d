//! Bytes of records: one kind byte, one version byte, then bincode with a pinned configuration.
//!
//! bincode is positional, so a type that was ever written is never edited: a new version of a kind
//! gets a new type, and [`Record::VERSION`] tells them apart. All bytes must be consumed.

mod envelope;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::{Decode, Encode};

use crate::envelope::{Envelope, EnvelopeV1, EnvelopeV2};
use crate::ids::{LogTimeMs, Offset, RequestId};
use crate::limits::RECORD_SIZE_MAX_BYTES;
use crate::outcome::OutcomeRecord;

const CONFIG: Configuration<LittleEndian, Varint, Limit<RECORD_SIZE_MAX_BYTES>> =
    bincode::config::standard().with_limit::<RECORD_SIZE_MAX_BYTES>();

/// A type with a place in the table of kinds.
pub trait Record: Encode + Sized {
    /// Kind byte, never reused.
    const KIND: u8;
    /// Highest version byte that this program knows; all from 1 on are read.
    const VERSION: u8;

    /// Version byte of the layout in which the record is written.
    fn version(&self) -> u8;

    /// The record whose body, in the layout of that version, is `body`.
    ///
    /// # Errors
    /// As [`decode_body`].
    fn read(version: u8, body: &[u8]) -> Result<Self, CodecError>;
}

impl Record for Envelope {
    const KIND: u8 = 0x01;
    const VERSION: u8 = 2;

    fn version(&self) -> u8 {
        if self.by.is_some() { 2 } else { 1 }
    }

    fn read(version: u8, body: &[u8]) -> Result<Self, CodecError> {
        match version {
            1 => decode_body::<EnvelopeV1>(body).map(Into::into),
            _ => decode_body::<EnvelopeV2>(body).map(Into::into),
        }
    }
}

impl Record for OutcomeRecord {
    const KIND: u8 = 0x02;
    const VERSION: u8 = 1;

    fn version(&self) -> u8 {
        1
    }

    fn read(_version: u8, body: &[u8]) -> Result<Self, CodecError> {
        decode_body(body)
    }
}

/// Why bytes are not a record, or a record does not fit into bytes.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Fewer bytes than the header.
    #[error("a record has at least 2 bytes, this one has {0}")]
    Short(usize),
    /// Not the kind that was asked for.
    #[error("record kind {found:#04x}, expected {expected:#04x}")]
    Kind {
        /// The byte found.
        found: u8,
        /// The byte expected.
        expected: u8,
    },
    /// Written by a later program, or damaged.
    #[error("record kind {kind:#04x} has version {found}, this program knows {known}")]
    Version {
        /// The kind.
        kind: u8,
        /// The version found.
        found: u8,
        /// The version known.
        known: u8,
    },
    /// Larger than [`RECORD_SIZE_MAX_BYTES`].
    #[error("a record of {0} bytes is larger than {RECORD_SIZE_MAX_BYTES}")]
    TooLarge(usize),
    /// Bytes left over.
    #[error("{0} bytes left over after the record")]
    TrailingBytes(usize),
    /// The body is not what its kind says.
    #[error("damaged record body: {0}")]
    Decode(bincode::error::DecodeError),
    /// The body could not be written.
    #[error("record cannot be encoded: {0}")]
    Encode(bincode::error::EncodeError),
}

/// Appends the encoded record to `out`. On an error `out` is as before.
///
/// # Errors
/// [`CodecError::TooLarge`] when it has more than [`RECORD_SIZE_MAX_BYTES`].
pub fn encode_into<R: Record>(record: &R, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = out.len();
    out.extend_from_slice(&[R::KIND, record.version()]);
    let body = encode_body_into(record, out);
    let size = out.len() - start;
    let result = match body {
        Ok(()) if size > RECORD_SIZE_MAX_BYTES => Err(CodecError::TooLarge(size)),
        other => other,
    };
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// The encoded record.
///
/// # Errors
/// As [`encode_into`].
pub fn encode<R: Record>(record: &R) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::with_capacity(128);
    encode_into(record, &mut out)?;
    Ok(out)
}

/// The record that `bytes` hold, all of them.
///
/// # Errors
/// Every way in which the bytes can fail to be one; never a panic, never an allocation larger than
/// the bytes justify.
#[inline]
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, CodecError> {
    let (version, body) = body_of::<R>(bytes)?;
    R::read(version, body)
}

/// The version and the bytes after it; kind and version must be ones of `R`.
#[inline]
fn body_of<R: Record>(bytes: &[u8]) -> Result<(u8, &[u8]), CodecError> {
    let &[kind, version, ref body @ ..] = bytes else {
        return Err(CodecError::Short(bytes.len()));
    };
    if kind != R::KIND {
        return Err(CodecError::Kind {
            found: kind,
            expected: R::KIND,
        });
    }
    if !(1..=R::VERSION).contains(&version) {
        return Err(CodecError::Version {
            kind,
            found: version,
            known: R::VERSION,
        });
    }
    if bytes.len() > RECORD_SIZE_MAX_BYTES {
        return Err(CodecError::TooLarge(bytes.len()));
    }
    Ok((version, body))
}

/// As [`decode`] for an envelope, but several times as fast for the frequent commands, and into a
/// place that is reused: moving an envelope out of a decoder takes about as long as reading it.
/// `None` when the bytes are not an envelope.
#[inline]
pub fn decode_envelope_into(bytes: &[u8], place: &mut Option<Envelope>) {
    *place = envelope::decode_common(bytes);
    if place.is_none() {
        *place = decode(bytes).ok();
    }
}

/// What a reader of outcomes needs to place one, without decoding the rest of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Decode)]
pub struct OutcomeHead {
    /// Offset of the command record.
    pub offset: Offset,
    /// Offset of the command record that yielded the outcome before this one.
    pub previous: Option<Offset>,
    /// Log time of the command record.
    pub log_time_ms: LogTimeMs,
    /// Who waits for it.
    pub request_id: Option<RequestId>,
}

/// The head of an encoded [`OutcomeRecord`]: its first fields. What follows is not looked at.
///
/// # Errors
/// As [`decode`], for what is looked at.
#[inline]
pub fn decode_outcome_head(bytes: &[u8]) -> Result<OutcomeHead, CodecError> {
    let (_, body) = body_of::<OutcomeRecord>(bytes)?;
    let (head, _) = bincode::decode_from_slice(body, CONFIG).map_err(CodecError::Decode)?;
    Ok(head)
}

/// Appends a bare bincode body, without kind and version, for formats that frame it themselves
/// (snapshot images, remembered answers).
///
/// # Errors
/// [`CodecError::Encode`] when a value cannot be encoded.
pub fn encode_body_into<T: Encode>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    struct VecWriter<'a>(&'a mut Vec<u8>);
    impl bincode::enc::write::Writer for VecWriter<'_> {
        #[inline]
        fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }
    bincode::encode_into_writer(value, VecWriter(out), CONFIG).map_err(CodecError::Encode)?;
    Ok(())
}

/// The value that a bare body holds, all of it.
///
/// # Errors
/// [`CodecError::Decode`] and [`CodecError::TrailingBytes`].
#[inline]
pub fn decode_body<T: Decode<()>>(body: &[u8]) -> Result<T, CodecError> {
    let (value, used) = bincode::decode_from_slice(body, CONFIG).map_err(CodecError::Decode)?;
    if used != body.len() {
        return Err(CodecError::TrailingBytes(body.len() - used));
    }
    Ok(value)
}
