//! What was answered under which key: remembered for a day, whatever it was, and bound to what was asked.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};

use super::record::{Object, Problem};

/// How long an answer is remembered, in milliseconds.
pub const KEY_LIVES_MS: u64 = 86_400_000;
/// Most answers that are remembered, each with about 1 KiB; the oldest go first.
pub const KEYS_MAX: usize = 200_000;
/// Longest key, in bytes.
pub const KEY_MAX_BYTES: usize = 255;

/// An answer.
pub type Answer = Result<Object, Problem>;

#[derive(Debug)]
struct Kept {
    /// The hash of what was asked.
    asked: [u8; 32],
    answer: Answer,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Keys {
    kept: HashMap<String, Kept>,
    /// When which key came, the oldest first.
    order: VecDeque<(u64, String)>,
}

impl Keys {
    /// The answer that was given under a key, or why it cannot be used for this.
    pub(super) fn answer(&mut self, key: &str, asked: &str, now_ms: u64) -> Option<Answer> {
        while let Some((at_ms, _)) = self.order.front() {
            let is_old = now_ms.saturating_sub(*at_ms) >= KEY_LIVES_MS;
            if !is_old && self.order.len() < KEYS_MAX {
                break;
            }
            if let Some((_, key)) = self.order.pop_front() {
                self.kept.remove(&key);
            }
        }
        let kept = self.kept.get(key)?;
        if kept.asked == hash(asked) {
            return Some(kept.answer.clone());
        }
        Some(Err(Problem {
            status: 400,
            kind: "idempotency_error",
            code: "",
            message: "Keys for idempotent requests can only be used with the parameters they were first used with"
                .to_owned(),
        }))
    }

    pub(super) fn keep(&mut self, key: &str, asked: &str, answer: Answer, now_ms: u64) {
        let asked = hash(asked);
        self.order.push_back((now_ms, key.to_owned()));
        self.kept.insert(key.to_owned(), Kept { asked, answer });
    }

    /// All that is remembered, the oldest first: the key, when it came, the hash of what was asked, the answer.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, u64, [u8; 32], &Answer)> {
        self.order.iter().filter_map(|(at_ms, key)| {
            let kept = self.kept.get(key)?;
            Some((key.as_str(), *at_ms, kept.asked, &kept.answer))
        })
    }

    /// Remembers what was remembered before, as [`Keys::all`] has it.
    pub(super) fn put_back(&mut self, key: String, asked: [u8; 32], answer: Answer, at_ms: u64) {
        self.order.push_back((at_ms, key.clone()));
        self.kept.insert(key, Kept { asked, answer });
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

fn hash(asked: &str) -> [u8; 32] {
    Sha256::digest(asked.as_bytes()).into()
}
