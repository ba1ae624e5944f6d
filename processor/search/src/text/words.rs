//! Words of a text.

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use unicode_normalization::char::is_combining_mark;

use super::fold::fold_into;
use super::spaceless::is_spaceless;
use crate::limits::TERM_CHARS_MAX;

/// Between two pairs of letters and no part of any word: what begins with it is a pair.
const PAIR_MARK: char = '\u{1}';

/// What a text consists of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A word between spaces or signs.
    Word(&'a str),
    /// Words of a script without spaces, one behind the other.
    Run(&'a str),
}

impl Piece<'_> {
    /// The words, folded. Of a run they are those that a dictionary finds.
    pub(crate) fn terms(&self, mut each: impl FnMut(&str)) {
        let mut term = String::new();
        match self {
            Self::Word(word) => {
                fold_into(word, TERM_CHARS_MAX, &mut term);
                // Apostrophes within.
                term.retain(char::is_alphanumeric);
                if !term.is_empty() {
                    each(&term);
                }
            }
            Self::Run(run) => {
                let mut start = 0;
                for end in segmenter().segment_str(run) {
                    let word = run.get(start..end).unwrap_or_default();
                    start = end;
                    term.clear();
                    fold_into(word, TERM_CHARS_MAX, &mut term);
                    if !term.is_empty() {
                        each(&term);
                    }
                }
            }
        }
    }

    /// Of a run its pairs of letters, folded and marked as such; of a word none. They find what a
    /// dictionary splits otherwise: a word with a typo, a name that it does not know, one that is
    /// not typed to its end.
    pub(crate) fn pairs(&self, mut each: impl FnMut(&str)) {
        let Self::Run(run) = self else { return };
        let mut folded = String::new();
        fold_into(run, usize::MAX, &mut folded);
        let mut pair = String::new();
        let chars = folded.chars();
        let seconds = folded.chars().skip(1);
        for (first, second) in chars.zip(seconds) {
            pair.clear();
            pair.extend([PAIR_MARK, first, second]);
            each(&pair);
        }
    }
}

/// Whether a term is a pair of letters and no word.
pub(crate) fn is_pair(term: &str) -> bool {
    term.starts_with(PAIR_MARK)
}

/// Without the neural models: it is the dictionaries' words that are the same each time.
fn segmenter() -> WordSegmenterBorrowed<'static> {
    WordSegmenter::new_dictionary(WordBreakInvariantOptions::default())
}

/// What the first `chars_max` characters of a text consist of.
pub(crate) fn pieces(text: &str, chars_max: usize) -> impl Iterator<Item = Piece<'_>> {
    let end = text
        .char_indices()
        .nth(chars_max)
        .map_or(text.len(), |(at, _)| at);
    let mut rest = text.get(..end).unwrap_or_default();
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|char| !begins(char));
        let first = rest.chars().next()?;
        let is_run = is_spaceless(first);
        let end = if is_run {
            rest.find(|char| !is_spaceless(char))
        } else {
            rest.find(|char| !continues(char))
        };
        let (piece, behind) = rest.split_at(end.unwrap_or(rest.len()));
        rest = behind;
        Some(if is_run {
            Piece::Run(piece)
        } else {
            Piece::Word(piece)
        })
    })
}

fn begins(char: char) -> bool {
    is_spaceless(char) || char.is_alphanumeric()
}

/// Whether it goes on with a word that needs spaces. Apostrophes do: "don't" is typed as "dont".
fn continues(char: char) -> bool {
    !is_spaceless(char)
        && (char.is_alphanumeric()
            || is_combining_mark(char)
            || matches!(char, '\'' | '\u{2019}' | '\u{2bc}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, chars_max: usize, mut each: impl FnMut(&str)) {
        for piece in pieces(text, chars_max) {
            piece.terms(&mut each);
        }
    }

    fn all(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        words(text, 1_000, |word| out.push(word.to_owned()));
        out
    }

    #[test]
    fn words_of_a_text() {
        for (text, expected) in [
            ("", &[] as &[&str]),
            ("-- ' !", &[]),
            (
                "Rock'n'Roll, don\u{2019}t stop!",
                &["rocknroll", "dont", "stop"],
            ),
            ("AC-12/b", &["ac", "12", "b"]),
            ("Cafe\u{301} Noir", &["cafe", "noir"]),
            ("คอนเสิร์ตกรุงเทพ", &["คอนเสิรต", "กรุงเทพ"]),
            ("งานLive2026ดนตรี", &["งาน", "live2026", "ดนตรี"]),
            ("東京コンサート", &["東京", "コンサート"]),
            ("서울 콘서트", &["서울", "콘서트"]),
        ] {
            let expected: Vec<String> = expected
                .iter()
                .map(|word| {
                    // Hangul is decomposed, on both sides alike.
                    let mut folded = String::new();
                    fold_into(word, 100, &mut folded);
                    folded
                })
                .collect();
            assert_eq!(all(text), expected, "{text}");
        }
    }

    #[test]
    fn pairs_are_of_runs_alone() {
        let mut pairs = Vec::new();
        for piece in pieces("ab กขค", 100) {
            piece.pairs(|pair| pairs.push(pair.to_owned()));
        }
        assert_eq!(pairs, ["\u{1}กข", "\u{1}ขค"]);
        assert!(pairs.iter().all(|pair| is_pair(pair)));
    }

    #[test]
    fn only_the_beginning_is_read() {
        let mut count = 0;
        words(&"ab ".repeat(10_000), 30, |_| count += 1);
        assert_eq!(count, 10);
    }
}
