//! What the words of a text may stand for.

use super::typed::{Run, Typed, Word};
use super::weights::Weights;
use crate::entries::Entries;
use crate::query::Closeness;
use crate::terms::{Expansion, TermId};

/// How close a term is to what was typed: as typed.
const EXACT: f32 = 1.0;
/// Another number, "concert" for "concerts".
const PLURAL: f32 = 0.95;
/// One word with its neighbours.
const JOINED: f32 = 0.9;
/// The beginning of it, less for each letter that was not typed.
const BEGINNING: f32 = 0.92;
const LETTER_BEHIND: f32 = 0.02;
const BEGINNING_MIN: f32 = 0.6;
/// By the number of typos.
const TYPOS: [f32; 3] = [1.0, 0.7, 0.45];
/// What a word gains by each halving of the entries that have it.
const HALVING: f32 = 0.7;
/// What a word counts that all have.
const COMMON: f32 = 0.2;
/// What a text without spaces weighs that is looked up by pairs.
const PAIRS_WEIGHT: f32 = 6.0;
/// Letters from which a word has a plural.
const PLURAL_CHARS_MIN: usize = 4;

/// A word of the text with all that it may stand for.
pub(super) struct Clause {
    pub(super) words: Vec<Candidate>,
    pub(super) kind: Kind,
    /// Place in the text, from 1.
    pub(super) place: u8,
    /// What it counts: a rare word more than one that all have.
    pub(super) weight: f32,
    /// Entries of the index that it reads.
    pub(super) postings: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of the words has to be there.
    Words,
    /// So many of the pairs have to be there.
    Pairs { needed: u8 },
}

pub(super) struct Candidate {
    pub(super) term: TermId,
    /// At most 1.
    pub(super) closeness: f32,
}

/// The clauses of a text at a stage, in its order. Each reads at most `postings_max` entries, and those
/// of one term.
pub(super) fn of(
    entries: &Entries,
    typed: &Typed,
    stage: Closeness,
    postings_max: usize,
    weights: &mut Weights,
) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let mut last_run = None;
    for (word, place) in typed.words.iter().zip(1..) {
        if word.is_empty {
            continue;
        }
        match word.run {
            Some(run) if stage != Closeness::Exact => {
                if last_run != Some(run)
                    && let Some(run) = typed.runs.get(run)
                {
                    clauses.push(of_run(entries, run, place, postings_max));
                }
                last_run = Some(run);
            }
            _ => clauses.push(of_word(entries, word, place, stage, postings_max, weights)),
        }
    }
    clauses
}

fn of_word(
    entries: &Entries,
    word: &Word,
    place: u8,
    stage: Closeness,
    postings_max: usize,
    weights: &mut Weights,
) -> Clause {
    let terms = &entries.terms;
    let mut words: Vec<Candidate> = Vec::new();
    let mut add = |term: TermId, closeness: f32| {
        if !words.iter().any(|known| known.term == term) {
            words.push(Candidate { term, closeness });
        }
    };
    if let Some(term) = terms.get(&word.text) {
        add(term, EXACT);
    }
    if let Some(term) = other_number(&word.text).and_then(|other| terms.get(&other)) {
        add(term, PLURAL);
    }
    for joined in &word.joined {
        if let Some(term) = terms.get(joined) {
            add(term, JOINED);
        }
    }
    let mut expansions = Vec::new();
    if stage != Closeness::Exact {
        terms.with_typos(&word.text, word.is_open, &mut expansions);
    } else if word.is_open {
        terms.with_prefix(&word.text, &mut expansions);
    }
    for expansion in &expansions {
        add(expansion.term, closeness(expansion));
    }
    let postings = cut(entries, &mut words, postings_max);
    let rarity = weights.rarity(stage, place, || rarity(entries, postings));
    Clause {
        kind: Kind::Words,
        place,
        weight: COMMON + HALVING * f32::from(rarity - 1),
        postings,
        words,
    }
}

fn of_run(entries: &Entries, run: &Run, place: u8, postings_max: usize) -> Clause {
    let mut words: Vec<Candidate> = run
        .pairs
        .iter()
        .map(|pair| Candidate {
            // A pair that nothing has counts among those that are missing.
            term: entries.terms.get(pair).unwrap_or(TermId::MAX),
            closeness: EXACT,
        })
        .collect();
    let postings = cut(entries, &mut words, postings_max);
    Clause {
        kind: Kind::Pairs {
            needed: pairs_needed(words.len()),
        },
        place,
        weight: PAIRS_WEIGHT,
        postings,
        words,
    }
}

/// Leaves out what would be read beyond the bound, and says how much is read.
fn cut(entries: &Entries, words: &mut Vec<Candidate>, postings_max: usize) -> usize {
    let mut postings = 0;
    let mut is_first = true;
    words.retain(|word| {
        let more = entries.terms.postings(word.term).len();
        let is_kept = std::mem::take(&mut is_first) || postings + more <= postings_max;
        if is_kept {
            postings += more;
        }
        is_kept
    });
    postings
}

/// How many of the pairs of a text have to be there: one wrong letter takes two, one that is left out
/// takes two and brings one.
fn pairs_needed(pairs: usize) -> u8 {
    let needed = if pairs < 3 { pairs } else { pairs * 11 / 20 };
    u8::try_from(needed.max(1)).unwrap_or(u8::MAX)
}

/// Singular and plural of English, where it is only an "s".
fn other_number(word: &str) -> Option<String> {
    if word.len() < PLURAL_CHARS_MIN || !word.is_ascii() {
        return None;
    }
    Some(match word.strip_suffix('s') {
        Some(singular) => singular.to_owned(),
        None => format!("{word}s"),
    })
}

fn closeness(expansion: &Expansion) -> f32 {
    let behind = if expansion.letters_behind > 0 {
        (BEGINNING - LETTER_BEHIND * f32::from(expansion.letters_behind)).max(BEGINNING_MIN)
    } else {
        EXACT
    };
    let typos = TYPOS.get(usize::from(expansion.typos));
    behind * typos.copied().unwrap_or_default()
}

/// How rare a word is: 1 where all have it, and one more for each halving.
fn rarity(entries: &Entries, postings: usize) -> u8 {
    let halvings = usize::BITS - (entries.slots() / (1 + postings)).leading_zeros();
    u8::try_from(1 + halvings).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::entries::NAME;

    #[test]
    fn what_all_have_is_not_read_beyond_the_bound() {
        let mut entries = Entries::default();
        let name: String = (0..60).map(|n| format!("wa{n} ")).collect();
        let name = format!("{name} ก ข ค ง กขคง คงกขง");
        for slot in 0..100 {
            entries.put(slot, std::iter::once((NAME, name.as_str())));
        }
        for stage in [Closeness::Exact, Closeness::Typos, Closeness::Partial] {
            for text in ["wa", "wa1 wa2 wa3 wa", "กขคงกขง", "wa กขคงก"] {
                let typed = Typed::new(text);
                for clause in of(&entries, &typed, stage, 1_000, &mut Weights::default()) {
                    assert!(clause.postings <= 1_000, "{text}");
                    let read = clause.words.iter();
                    let read: usize = read
                        .map(|word| entries.terms.postings(word.term).len())
                        .sum();
                    assert_eq!(read, clause.postings, "{text}");
                }
            }
        }
        let wa = |postings_max| {
            let typed = Typed::new("wa");
            let weights = &mut Weights::default();
            of(&entries, &typed, Closeness::Exact, postings_max, weights)
        };
        let all = wa(usize::MAX);
        assert!(all[0].postings > 1_000, "the bound was not needed");
        let least = wa(1);
        assert_eq!(least[0].postings, 100, "one term is read in any case");
    }
}
