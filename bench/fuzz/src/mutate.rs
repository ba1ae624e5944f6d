//! Changes of inputs.

use crate::random::Random;

/// Bytes with a special meaning: ends of ranges, markers of variable-length numbers, and the syntax
/// of JSON and TOML.
const TELLING: &[u8] = &[
    0, 1, 2, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, b'"', b'\\', b'{', b'}', b'[', b']',
    b',', b':', b'-', b'.', b'e', b'0', b'9', b'\n', b'=', b'#',
];
/// Numbers at which arithmetic goes wrong.
const NUMBERS: &[u64] = &[
    0,
    1,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];
/// Changes made to one input at most.
const CHANGES_MAX: usize = 6;

/// A source of changed inputs.
#[derive(Clone, Debug)]
pub struct Mutator {
    random: Random,
    size_max_bytes: usize,
}

impl Mutator {
    /// The changes of a seed.
    pub fn new(seed: u64, size_max_bytes: usize) -> Self {
        Self {
            random: Random::new(seed),
            size_max_bytes,
        }
    }

    /// Puts a changed input of the corpus into `into`.
    pub fn input(&mut self, corpus: &[Vec<u8>], into: &mut Vec<u8>) {
        into.clear();
        let from = self.random.below(corpus.len());
        if let Some(input) = corpus.get(from) {
            into.extend_from_slice(input);
        }
        for _ in 0..=self.random.below(CHANGES_MAX) {
            self.change(corpus, into);
        }
        into.truncate(self.size_max_bytes);
    }

    fn change(&mut self, corpus: &[Vec<u8>], input: &mut Vec<u8>) {
        let random = &mut self.random;
        let at = random.below(input.len().max(1));
        match random.below(9) {
            0 => {
                let bit = 1u8 << random.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= bit;
                }
            }
            1 => {
                let new = random.byte();
                if let Some(byte) = input.get_mut(at) {
                    *byte = new;
                }
            }
            2 => {
                let new = TELLING[random.below(TELLING.len())];
                if let Some(byte) = input.get_mut(at) {
                    *byte = new;
                }
            }
            3 => input.truncate(at),
            4 => {
                let end = (at + 1 + random.below(16)).min(input.len());
                if at < end {
                    input.drain(at..end);
                }
            }
            5 => {
                let new: Vec<u8> = (0..=random.below(8))
                    .map(|_| TELLING[random.below(TELLING.len())])
                    .collect();
                let at = at.min(input.len());
                input.splice(at..at, new);
            }
            6 => {
                // A piece of itself once more.
                let end = (at + 1 + random.below(64)).min(input.len());
                let piece = input.get(at..end).unwrap_or_default().to_vec();
                let to = random.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            7 => {
                // The end of another.
                if let Some(other) = corpus.get(random.below(corpus.len())) {
                    let from = random.below(other.len() + 1);
                    input.truncate(at);
                    input.extend_from_slice(other.get(from..).unwrap_or_default());
                }
            }
            _ => {
                let number = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
                let width = 1usize << random.below(4);
                for (byte, new) in input.iter_mut().skip(at).zip(&number[..width]) {
                    *byte = *new;
                }
            }
        }
    }
}
