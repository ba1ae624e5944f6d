//! Heads of HTTP/1 that declare the two largest bodies that 64 bits can name.
//!
//! hyper keeps these two lengths for itself and answers them as if the head were too large. They are
//! read as the next smaller one, which is as much more than anything takes, and is refused as such.

use super::watched::Watch;

/// What a line with a length begins with. (In JSON it cannot stand: a body is never changed that could
/// be taken.)
const FIELD: &[u8] = b"\ncontent-length:";
/// All digits but the last of the lengths that hyper keeps, which end in 4 and 5.
const DIGITS: &[u8] = b"1844674407370955161";
/// The last digit of the largest length that is taken for one.
const LAST_DIGIT: u8 = b'3';

/// See the module; how much of a line with such a length has come.
#[derive(Clone, Copy)]
pub(super) enum Lengths {
    Field(usize),
    Digits(usize),
}

impl Watch for Lengths {
    fn read(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while let Some(rest) = bytes.get_mut(at..) {
            let skipped = match self {
                Self::Field(0) => rest.iter().position(|byte| *byte == b'\n'),
                _ => Some(0),
            };
            let Some(byte) = skipped.and_then(|skipped| rest.get_mut(skipped)) else {
                return;
            };
            *self = self.behind(byte);
            at += skipped.unwrap_or(0) + 1;
        }
    }
}

impl Default for Lengths {
    fn default() -> Self {
        Self::Field(0)
    }
}

impl Lengths {
    fn behind(self, byte: &mut u8) -> Self {
        match self {
            Self::Field(come) if FIELD.get(come) == Some(&byte.to_ascii_lowercase()) => {
                if come + 1 == FIELD.len() {
                    Self::Digits(0)
                } else {
                    Self::Field(come + 1)
                }
            }
            Self::Digits(0) if matches!(*byte, b' ' | b'\t' | b'0') => self,
            Self::Digits(come) if DIGITS.get(come) == Some(byte) => Self::Digits(come + 1),
            Self::Digits(come) if come == DIGITS.len() && matches!(*byte, b'4' | b'5') => {
                *byte = LAST_DIGIT;
                Self::Field(0)
            }
            _ => Self::Field(usize::from(*byte == b'\n')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_lengths_become_the_next_smaller_one_however_they_are_cut() {
        let head = |length: &str| format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        for (length, read) in [
            ("18446744073709551615", "18446744073709551613"),
            ("0018446744073709551614", "0018446744073709551613"),
            ("18446744073709551613", "18446744073709551613"),
            ("18446744073709551616", "18446744073709551616"),
            ("1844674407370955161", "1844674407370955161"),
            ("15", "15"),
        ] {
            for piece in [1, 3, 1_000] {
                let mut lengths = Lengths::default();
                let mut sent = head(length).into_bytes();
                for bytes in sent.chunks_mut(piece) {
                    lengths.read(bytes);
                }
                assert_eq!(String::from_utf8(sent).unwrap(), head(read));
            }
        }
        let mut body =
            br#"{"content-length: 18446744073709551615": 18446744073709551615}"#.to_vec();
        let same = body.clone();
        Lengths::default().read(&mut body);
        assert_eq!(body, same);
    }
}
