//! Terms that a typed word may stand for.
//!
//! The walk goes down the trie with the row of edit distances (optimal string alignment: insert,
//! delete, replace, exchange of neighbours) between the typed word and the letters so far. A branch
//! ends where the whole row is beyond what is allowed.

use super::TermId;
use super::trie::{NodeId, Trie};
use crate::limits::{
    EXPANSIONS_MAX, NODES_VISITED_MAX, ONE_TYPO_CHARS_MIN, TERM_CHARS_MAX, TWO_TYPOS_CHARS_MIN,
};

/// A term that a word may stand for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Expansion {
    /// The term.
    pub(crate) term: TermId,
    /// With how many typos.
    pub(crate) typos: u8,
    /// Letters of the term behind what was typed.
    pub(crate) letters_behind: u8,
}

/// What to look for.
pub(super) struct Wanted<'a> {
    pub(super) word: &'a str,
    /// At most so many typos.
    pub(super) typos: u8,
    /// Whether the word may go on.
    pub(super) is_prefix: bool,
}

/// Cells of a row: one before the first letter, one for each.
const ROW: usize = TERM_CHARS_MAX + 1;

/// How many typos a word of that many letters may have.
pub(crate) fn typos_of(chars: usize) -> u8 {
    if chars >= TWO_TYPOS_CHARS_MIN {
        2
    } else {
        u8::from(chars >= ONE_TYPO_CHARS_MIN)
    }
}

/// Adds the terms to `out`: the fewest typos first, then the most frequent, no more than
/// [`EXPANSIONS_MAX`]. `frequency` of a term that nothing has is 0.
pub(super) fn expand(
    trie: &Trie,
    wanted: &Wanted<'_>,
    frequency: impl Fn(TermId) -> u32,
    out: &mut Vec<Expansion>,
) {
    let mut walk = Walk::new(trie, wanted);
    walk.run();
    let mut found: Vec<(u32, Expansion)> = walk
        .found
        .into_iter()
        .map(|expansion| (frequency(expansion.term), expansion))
        .filter(|(frequency, _)| *frequency > 0)
        .collect();
    let order = |(frequency, expansion): &(u32, Expansion)| {
        (
            expansion.typos,
            // A word that is whole comes before those that go on.
            expansion.letters_behind > 0,
            u32::MAX - frequency,
            expansion.term,
        )
    };
    if found.len() > EXPANSIONS_MAX {
        found.select_nth_unstable_by_key(EXPANSIONS_MAX, order);
        found.truncate(EXPANSIONS_MAX);
    }
    found.sort_unstable_by_key(order);
    out.extend(found.into_iter().map(|(_, expansion)| expansion));
}

struct Walk<'a> {
    trie: &'a Trie,
    word: Vec<char>,
    typos: u8,
    is_prefix: bool,
    visited: usize,
    found: Vec<Expansion>,
}

/// A node that is still to be visited.
struct Open {
    node: NodeId,
    char: char,
    depth: u8,
    /// How well the letters above match, if all that was typed is behind.
    whole: Option<Whole>,
    /// Whether no letters below can make it fit better: distances need not be computed any more.
    is_settled: bool,
}

#[derive(Clone, Copy)]
struct Whole {
    typos: u8,
    /// At which depth.
    depth: u8,
}

impl<'a> Walk<'a> {
    fn new(trie: &'a Trie, wanted: &Wanted<'_>) -> Self {
        Self {
            trie,
            word: wanted.word.chars().take(TERM_CHARS_MAX).collect(),
            typos: wanted.typos,
            is_prefix: wanted.is_prefix,
            visited: 0,
            found: Vec::new(),
        }
    }

    fn run(&mut self) {
        let length = self.word.len();
        if length == 0 {
            return;
        }
        // rows[depth][j]: edits between the first j letters typed and the path down to that depth.
        let mut rows = [[u8::MAX; ROW]; TERM_CHARS_MAX + 1];
        for (cell, value) in rows[0].iter_mut().zip(0..) {
            *cell = value;
        }
        let mut path = ['\0'; TERM_CHARS_MAX + 1];
        let mut open: Vec<Open> = Vec::new();
        self.open_below(Trie::ROOT, 1, None, false, &mut open);
        while let Some(next) = open.pop() {
            self.visited += 1;
            if self.visited > NODES_VISITED_MAX {
                return;
            }
            if let (true, Some(whole)) = (next.is_settled, next.whole) {
                self.find(next.node, whole, next.depth);
                self.open_below(next.node, next.depth + 1, next.whole, true, &mut open);
                continue;
            }
            let depth = usize::from(next.depth);
            let Some(place) = path.get_mut(depth) else {
                continue;
            };
            *place = next.char;
            let least = self.row(&path, depth, &mut rows);
            let typos = rows[depth][length];
            let mut whole = next.whole;
            if self.is_prefix
                && typos <= self.typos
                && whole.is_none_or(|whole| typos < whole.typos)
            {
                whole = Some(Whole {
                    typos,
                    depth: next.depth,
                });
            }
            let here = (typos <= self.typos).then_some(Whole {
                typos,
                depth: next.depth,
            });
            if let Some(whole) = whole.or(here) {
                self.find(next.node, whole, next.depth);
            }
            let is_lost = least > self.typos;
            if !is_lost || whole.is_some() {
                let is_settled = whole.is_some_and(|whole| is_lost || least >= whole.typos);
                self.open_below(next.node, next.depth + 1, whole, is_settled, &mut open);
            }
        }
    }

    fn find(&mut self, node: NodeId, whole: Whole, depth: u8) {
        if let Some(term) = self.trie.term(node) {
            self.found.push(Expansion {
                term,
                typos: whole.typos,
                letters_behind: depth - whole.depth,
            });
        }
    }

    fn open_below(
        &self,
        node: NodeId,
        depth: u8,
        whole: Option<Whole>,
        is_settled: bool,
        open: &mut Vec<Open>,
    ) {
        if usize::from(depth) > TERM_CHARS_MAX {
            return;
        }
        open.extend(self.trie.children(node).map(|(node, char)| Open {
            node,
            char,
            depth,
            whole,
            is_settled,
        }));
    }

    /// Computes the row of a depth from those above; returns the least of its cells. Cells further
    /// from the diagonal than the allowed typos are beyond them anyway.
    fn row(&self, path: &[char], depth: usize, rows: &mut [[u8; ROW]; TERM_CHARS_MAX + 1]) -> u8 {
        let length = self.word.len();
        let beyond = self.typos + 1;
        let typos = usize::from(self.typos);
        let char = path[depth];
        let mut row = [beyond; ROW];
        let first = depth.saturating_sub(typos);
        let last = (depth + typos).min(length);
        let mut least = beyond;
        for j in first..=last {
            let value = if j == 0 {
                u8::try_from(depth).unwrap_or(u8::MAX)
            } else {
                let typed = self.word[j - 1];
                let replaced = rows[depth - 1][j - 1].saturating_add(u8::from(typed != char));
                let inserted = row[j - 1].saturating_add(1);
                let left_out = rows[depth - 1][j].saturating_add(1);
                let mut value = replaced.min(inserted).min(left_out);
                if j > 1 && depth > 1 && typed == path[depth - 1] && self.word[j - 2] == char {
                    value = value.min(rows[depth - 2][j - 2].saturating_add(1));
                }
                value
            };
            row[j] = value.min(beyond);
            least = least.min(row[j]);
        }
        rows[depth] = row;
        least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    /// Edit distance as in the textbook, over whole matrices.
    fn distance(a: &[char], b: &[char]) -> usize {
        let mut d = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                d[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let cost = usize::from(a[i - 1] != b[j - 1]);
                    let mut v = (d[i - 1][j - 1] + cost)
                        .min(d[i - 1][j] + 1)
                        .min(d[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        v = v.min(d[i - 2][j - 2] + 1);
                    }
                    v
                };
            }
        }
        d[a.len()][b.len()]
    }

    fn naive(terms: &[String], word: &str, typos: u8, is_prefix: bool) -> Vec<(u32, u8)> {
        let word: Vec<char> = word.chars().collect();
        let mut out = Vec::new();
        for (id, term) in (0..).zip(terms) {
            let term: Vec<char> = term.chars().collect();
            let best = if is_prefix {
                (1..=term.len())
                    .map(|end| distance(&word, &term[..end]))
                    .min()
            } else {
                Some(distance(&word, &term))
            };
            if let Some(best) = best.filter(|best| *best <= usize::from(typos)) {
                out.push((id, u8::try_from(best).unwrap()));
            }
        }
        out
    }

    proptest! {
        #[test]
        fn finds_what_a_comparison_with_each_term_finds(
            terms in prop::collection::btree_set("[a-d]{1,9}", 1..40),
            word in "[a-d]{1,9}",
            typos in 0_u8..3,
            is_prefix: bool,
        ) {
            let terms: Vec<String> = terms.into_iter().collect();
            let mut trie = Trie::default();
            for (id, term) in (0..).zip(&terms) {
                trie.insert(term, id);
            }
            let wanted = Wanted { word: &word, typos, is_prefix };
            let mut out = Vec::new();
            expand(&trie, &wanted, |_| 1, &mut out);
            let mut found: Vec<(u32, u8)> =
                out.iter().map(|found| (found.term, found.typos)).collect();
            found.sort_unstable();
            prop_assert_eq!(found, naive(&terms, &word, typos, is_prefix));
        }
    }

    #[test]
    fn short_words_are_taken_as_typed() {
        for (chars, typos) in [(1, 0), (3, 0), (4, 1), (7, 1), (8, 2), (24, 2)] {
            assert_eq!(typos_of(chars), typos, "{chars}");
        }
    }

    #[test]
    fn a_beginning_of_everything_costs_no_more_than_the_bounds() {
        let mut trie = Trie::default();
        for id in 0..100_000 {
            trie.insert(&format!("a{id:06}"), id);
        }
        let wanted = Wanted {
            word: "a",
            typos: 0,
            is_prefix: true,
        };
        let mut walk = Walk::new(&trie, &wanted);
        walk.run();
        assert_eq!(walk.visited, NODES_VISITED_MAX + 1);
        let mut out = Vec::new();
        expand(&trie, &wanted, |_| 1, &mut out);
        assert_eq!(out.len(), EXPANSIONS_MAX);
    }
}
