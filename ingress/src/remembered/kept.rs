//! An answer as it is remembered, before it is sealed.

/// The answer has the browser forget its cookies.
const FORGETS_COOKIES: u8 = 1;

/// See the module. A byte of what goes with it, then the JSON of `data`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kept<'a> {
    pub(super) forgets_cookies: bool,
    pub(super) data: &'a [u8],
}

impl<'a> Kept<'a> {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.data.len());
        bytes.push(if self.forgets_cookies {
            FORGETS_COOKIES
        } else {
            0
        });
        bytes.extend_from_slice(self.data);
        bytes
    }

    /// `None` for bytes that are no such answer.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (first, data) = bytes.split_first()?;
        let forgets_cookies = match *first {
            0 => false,
            FORGETS_COOKIES => true,
            _ => return None,
        };
        Some(Self {
            forgets_cookies,
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        for forgets_cookies in [false, true] {
            let kept = Kept {
                forgets_cookies,
                data: b"{}",
            };
            assert_eq!(Kept::read(&kept.write()), Some(kept));
        }
        assert_eq!(Kept::read(b""), None);
        assert_eq!(Kept::read(b"\x02{}"), None);
    }
}
