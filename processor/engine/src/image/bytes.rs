//! Writing and reading of the image's elements.

use super::ImageError;

/// Appends an unsigned number in LEB128.
#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
pub(super) fn put(out: &mut Vec<u8>, number: impl Into<u64>) {
    let mut number = number.into();
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends 0, or 1 and the number.
pub(super) fn put_option(out: &mut Vec<u8>, number: Option<impl Into<u64>>) {
    match number {
        None => out.push(0),
        Some(number) => {
            out.push(1);
            put(out, number);
        }
    }
}

/// Appends the number of bytes and the bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// What is left to read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> Result<u8, ImageError> {
        let (&byte, rest) = self.0.split_first().ok_or(ImageError::Truncated)?;
        self.0 = rest;
        Ok(byte)
    }

    pub(super) fn number(&mut self) -> Result<u64, ImageError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                return Err(ImageError::Impossible(
                    "a number is not in its shortest form",
                ));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(ImageError::Impossible("a number has more than 64 bits"))
    }

    pub(super) fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, ImageError> {
        T::try_from(self.number()?).map_err(|_| ImageError::Impossible("a number is too large"))
    }

    pub(super) fn option<T: TryFrom<u64>>(&mut self) -> Result<Option<T>, ImageError> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.narrow().map(Some),
            _ => Err(ImageError::Impossible("an option is neither there nor not")),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(ImageError::Truncated)?;
        self.0 = rest;
        Ok(*array)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], ImageError> {
        let length: usize = self.narrow()?;
        let (bytes, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(ImageError::Truncated)?;
        self.0 = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_round_trip_in_one_form(number: u64, short in 0u64..300) {
            for number in [number, short, u64::MAX - short] {
                let mut bytes = Vec::new();
                put(&mut bytes, number);
                prop_assert_eq!(Reader(&bytes).number(), Ok(number));
                let mut longer = bytes.clone();
                *longer.last_mut().unwrap() |= 0x80;
                longer.push(0);
                prop_assert!(Reader(&longer).number().is_err());
            }
        }
    }
}
