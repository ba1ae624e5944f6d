//! What somebody typed.

use crate::limits::{QUERY_CHARS_MAX, QUERY_PAIRS_MAX, QUERY_TERMS_MAX};
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
                    });
                }
            });
        }
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

    /// Whether there is no word in it.
    pub(crate) fn is_blank(&self) -> bool {
        self.words.is_empty()
    }
}
