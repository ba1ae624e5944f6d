//! What somebody typed.

use crate::limits::{QUERY_CHARS_MAX, QUERY_PAIRS_MAX, QUERY_TERMS_MAX};
use crate::terms::typos_of;
use crate::text::{Piece, pieces};

/// Words that say nothing of an event, unless there are no others.
const EMPTY_WORDS: &[&str] = &[
    "a",
    "an",
    "and",
    "at",
    "by",
    "for",
    "in",
    "of",
    "on",
    "or",
    "the",
    "to",
    "with",
    "ที",
    "ใน",
    "ของ",
    "และ",
    "กับ",
];

/// Words that may be one in the catalog.
const JOINED_MAX: usize = 3;

/// A text, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    pub(super) words: Vec<Word>,
    /// Texts without spaces, by their pairs.
    pub(super) runs: Vec<Run>,
}

/// A word.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) text: String,
    /// Whether more of it may follow.
    pub(super) is_open: bool,
    /// Which of the runs it is part of.
    pub(super) run: Option<usize>,
    pub(super) is_empty: bool,
    /// This and its neighbours as one word: "rocknroll" of "rock n roll".
    pub(super) joined: Vec<String>,
}

/// Words without spaces between them.
#[derive(Debug)]
pub(super) struct Run {
    /// Each once.
    pub(super) pairs: Vec<String>,
}

impl Typed {
    /// Takes a text apart, of which no more than the bounds are looked at.
    pub(crate) fn new(text: &str) -> Self {
        let mut typed = Self::default();
        let mut last_part = "";
        for piece in pieces(text, QUERY_CHARS_MAX) {
            if typed.words.len() >= QUERY_TERMS_MAX {
                break;
            }
            let (Piece::Word(part) | Piece::Run(part)) = piece;
            last_part = part;
            let mut pairs: Vec<String> = Vec::new();
            piece.pairs(|pair| {
                if pairs.len() < QUERY_PAIRS_MAX && !pairs.iter().any(|known| known == pair) {
                    pairs.push(pair.to_owned());
                }
            });
            let run = (!pairs.is_empty()).then(|| {
                typed.runs.push(Run { pairs });
                typed.runs.len() - 1
            });
            piece.terms(|term| {
                if typed.words.len() < QUERY_TERMS_MAX {
                    typed.words.push(Word {
                        text: term.to_owned(),
                        is_open: false,
                        run,
                        is_empty: EMPTY_WORDS.contains(&term),
                        joined: Vec::new(),
                    });
                }
            });
        }
        typed.join();
        // Nothing behind it: the last word may not be typed to its end.
        if text.ends_with(last_part)
            && let Some(last) = typed.words.last_mut()
        {
            last.is_open = true;
        }
        if typed.words.iter().all(|word| word.is_empty) {
            typed
                .words
                .iter_mut()
                .for_each(|word| word.is_empty = false);
        }
        typed
    }

    /// Whether anything in it is long enough for typos.
    pub(crate) fn may_have_typos(&self) -> bool {
        let mut words = self.words.iter();
        words.any(|word| word.run.is_some() || typos_of(word.text.chars().count()) > 0)
    }

    /// Notes with each word what it is together with its neighbours.
    fn join(&mut self) {
        for length in 2..=JOINED_MAX {
            for start in 0..(self.words.len() + 1).saturating_sub(length) {
                let Some(words) = self.words.get_mut(start..start + length) else {
                    continue;
                };
                if words.iter().any(|word| word.run.is_some()) {
                    continue;
                }
                let joined: String = words.iter().flat_map(|word| word.text.chars()).collect();
                for word in words {
                    word.joined.push(joined.clone());
                }
            }
        }
    }

    /// Whether there is no word in it.
    pub(crate) fn is_blank(&self) -> bool {
        self.words.is_empty()
    }
}
