//! The history of a world: always as a hash, as words on demand.

use std::collections::VecDeque;
use std::fmt::Write as _;

use xxhash_rust::xxh3::Xxh3;

/// Lines kept in words.
const LINES_MAX: usize = 400;

/// A history.
#[derive(Default)]
pub(crate) struct Trace {
    hash: Xxh3,
    lines: Option<VecDeque<String>>,
    buffer: String,
}

impl Trace {
    pub(crate) fn new(in_words: bool) -> Self {
        Self {
            lines: in_words.then(VecDeque::new),
            ..Self::default()
        }
    }

    /// Notes that something happened: what, when, where, and two numbers that identify it.
    pub(crate) fn note(&mut self, at_ms: u64, what: &'static str, place: usize, a: u64, b: u64) {
        self.hash.update(what.as_bytes());
        for number in [at_ms, u64::try_from(place).unwrap_or(u64::MAX), a, b] {
            self.hash.update(&number.to_le_bytes());
        }
        if self.lines.is_some() {
            self.buffer.clear();
            let written = write!(self.buffer, "{at_ms:>9} ms  {what} {place}: {a} {b}");
            debug_assert!(written.is_ok(), "a string takes everything");
            let line = self.buffer.clone();
            self.push(line);
        }
    }

    fn push(&mut self, line: String) {
        if let Some(lines) = &mut self.lines {
            if lines.len() >= LINES_MAX {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.digest()
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.map(Vec::from).unwrap_or_default()
    }
}
