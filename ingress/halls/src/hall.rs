//! A hall that was checked.

use std::fmt;

use crate::check;
use crate::fault::Faults;
use crate::format::Document;
use crate::limits::{INPUT_MAX_BYTES, OBJECTS_MAX};
use crate::plan::Plan;

/// A hall of which every seat is known and nothing is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hall {
    document: Document,
    plan: Plan,
}

/// Why something is no hall.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HallError {
    /// Larger than what is read.
    #[error("{bytes} bytes; a hall has at most {INPUT_MAX_BYTES}")]
    TooLarge {
        /// What there is.
        bytes: usize,
    },
    /// More objects than any hall needs.
    #[error("{objects} JSON objects; a hall has at most {OBJECTS_MAX}")]
    TooMany {
        /// What there are.
        objects: usize,
    },
    /// Not JSON, or not of this form: a field that is missing, unknown or of another kind.
    #[error("line {line}, column {column}: {message}")]
    Form {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// Of the right form, and wrong.
    #[error(transparent)]
    Faults(#[from] Faults),
}

impl Hall {
    /// Reads and checks a hall in the format `onsale-hall/1`.
    ///
    /// # Errors
    /// When it is too large or not of that form, with the first place where it is not; else with all
    /// faults up to a bound.
    pub fn from_json(json: &[u8]) -> Result<Self, HallError> {
        Ok(Self::new(read_json(json)?)?)
    }

    /// Checks a hall.
    ///
    /// # Errors
    /// With all faults up to a bound.
    pub fn new(document: Document) -> Result<Self, Faults> {
        let plan = check::check(&document)?;
        Ok(Self { document, plan })
    }

    /// As it is described.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Seat by seat.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bytes that are the same for every way of writing the same description: the same fields in one
    /// order, defaults left out, no white space. They are read by [`Hall::from_json`].
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        // Maps with keys that are no texts are all that cannot be written; there are none.
        serde_json::to_vec(&self.document).unwrap_or_default()
    }

    /// The address of this description. A hall that changed has another.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::of(&self.canonical())
    }
}

/// Reads JSON of a form, without more than its bytes need.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T, HallError> {
    if json.len() > INPUT_MAX_BYTES {
        return Err(HallError::TooLarge { bytes: json.len() });
    }
    // Each of them may take much more room than its bytes, so they are counted before any is made.
    let objects = json.iter().filter(|byte| **byte == b'{').count();
    if objects > OBJECTS_MAX {
        return Err(HallError::TooMany { objects });
    }
    serde_json::from_slice(json).map_err(|error| {
        let message = error.to_string();
        // The place is in fields of its own.
        let message = message
            .rsplit_once(" at line ")
            .map_or(message.as_str(), |(message, _)| message);
        HallError::Form {
            line: error.line(),
            column: error.column(),
            message: in_words(message),
        }
    })
}

/// A message of the parser. Names of Rust types mean nothing to whoever wrote the file.
fn in_words(message: &str) -> String {
    let Some((what, expected)) = message.rsplit_once(", expected ") else {
        return message.to_owned();
    };
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number, not negative",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" => "a whole number",
        "f64" => "a number",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    format!("{what}, expected {words}")
}

/// A content address: BLAKE3 of the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Address(pub [u8; 32]);

impl Address {
    /// That of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Reads an address as it is written: 64 hexadecimal digits, small letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
