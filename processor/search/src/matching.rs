//! Which entries a typed text means, and how well they fit.
//!
//! A text is a list of clauses, one for each word, and each clause a list of terms that the word may
//! stand for. Three stages, each of which finds more than the one before: [`Closeness`].

mod clauses;
mod score;
mod scratch;
mod typed;
mod weights;

use crate::entries::{Entries, NAME};
use crate::limits::POSTINGS_READ_MAX;
use crate::query::Closeness;
use crate::terms::Slot;

use clauses::{Clause, Kind};
pub(crate) use scratch::{Scratch, Scratches};
pub(crate) use typed::Typed;
pub(crate) use weights::{WEIGHTS_BYTES, Weights};

/// An entry that fits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Match {
    pub(crate) slot: Slot,
    /// Larger is better; comparable within one search.
    pub(crate) score: f32,
}

/// Finds what fits at one stage. `is_visible` says which entries exist for whoever asks. The order
/// is that of no promise.
pub(crate) fn matches(
    entries: &Entries,
    typed: &Typed,
    stage: Closeness,
    weights: &mut Weights,
    is_visible: impl Fn(Slot) -> bool,
    scratch: &mut Scratch,
) -> Vec<Match> {
    let clauses = affordable(clauses::of(
        entries,
        typed,
        stage,
        POSTINGS_READ_MAX,
        weights,
    ));
    let needs_all = stage != Closeness::Partial;
    scratch.begin(entries);
    let mut touched: Vec<Slot> = Vec::new();
    let mut counted: u8 = 0;
    for clause in &clauses {
        match clause.kind {
            Kind::Words => words(entries, clause, counted, needs_all, scratch, &mut touched),
            Kind::Pairs { needed } => {
                pairs(
                    entries,
                    clause,
                    needed,
                    counted,
                    needs_all,
                    scratch,
                    &mut touched,
                );
            }
        }
        counted += 1;
    }
    touched.retain(|slot| is_visible(*slot));
    let needed = if needs_all {
        counted
    } else {
        let counts = touched.iter().map(|slot| scratch.cell(*slot).count);
        counts.max().unwrap_or(0)
    };
    touched.retain(|slot| scratch.cell(*slot).count >= needed.max(1));
    score::note_clauses(&clauses, scratch);
    let found = touched
        .into_iter()
        .map(|slot| Match {
            slot,
            score: score::of(entries, slot, scratch),
        })
        .collect();
    score::forget_clauses(&clauses, scratch);
    found
}

/// What is rare first, which leaves the fewest for those behind it; without those that are read beyond
/// the bound.
fn affordable(mut clauses: Vec<Clause>) -> Vec<Clause> {
    clauses.sort_by_key(|clause| clause.postings);
    let mut read = 0;
    let mut is_first = true;
    clauses.retain(|clause| {
        read += clause.postings;
        std::mem::take(&mut is_first) || read <= POSTINGS_READ_MAX
    });
    clauses
}

/// Counts a clause for each entry that has one of its words, with the best of them.
fn words(
    entries: &Entries,
    clause: &Clause,
    counted: u8,
    needs_all: bool,
    scratch: &mut Scratch,
    touched: &mut Vec<Slot>,
) {
    for word in &clause.words {
        for posting in entries.terms.postings(word.term) {
            let (cell, is_new) = scratch.touch(posting.slot());
            if needs_all && cell.count < counted {
                continue;
            }
            if is_new {
                touched.push(posting.slot());
            }
            let score = clause.weight * word.closeness * score::of_fields(posting.fields());
            if cell.clause != counted + 1 {
                cell.clause = counted + 1;
                cell.count += 1;
                cell.score += score;
                cell.last = score;
            } else if score > cell.last {
                cell.score += score - cell.last;
                cell.last = score;
            }
            cell.is_in_name |= posting.fields() & NAME != 0;
        }
    }
}

/// Counts a clause for each entry that has enough of its pairs.
fn pairs(
    entries: &Entries,
    clause: &Clause,
    needed: u8,
    counted: u8,
    needs_all: bool,
    scratch: &mut Scratch,
    touched: &mut Vec<Slot>,
) {
    let mut having: Vec<Slot> = Vec::new();
    for word in &clause.words {
        for posting in entries.terms.postings(word.term) {
            let (cell, is_new) = scratch.touch(posting.slot());
            if needs_all && cell.count < counted {
                continue;
            }
            if is_new {
                touched.push(posting.slot());
            }
            if cell.clause != counted + 1 {
                cell.clause = counted + 1;
                cell.pairs = 0;
                cell.pair_fields = 0;
                having.push(posting.slot());
            }
            cell.pairs += 1;
            cell.pair_fields |= posting.fields();
        }
    }
    let all = clause.words.len().max(1);
    for slot in having {
        let (cell, _) = scratch.touch(slot);
        if cell.pairs >= needed {
            #[expect(clippy::cast_precision_loss, reason = "a few pairs")]
            let share = f32::from(cell.pairs) / all as f32;
            cell.count += 1;
            cell.score += clause.weight * share * share * score::of_fields(cell.pair_fields);
        }
    }
}
