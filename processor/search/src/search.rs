//! Answers queries.

mod best;
mod facets;
mod filter;
mod order;

use std::collections::HashSet;

use crate::cursor::Cursor;
use crate::error::SearchError;
use crate::index::Index;
use crate::limits::{DOCUMENTS_MAX, FILTER_CHARS_MAX, PAGE_MAX, QUERY_CHARS_MAX};
use crate::matching::{Match, Scratch, Typed, Weights, matches};
use crate::query::{Closeness, Filter, Hit, Page, Query};
use crate::terms::Slot;

use best::Best;
use facets::Facets;
use filter::Conditions;

/// With fewer hits than this, words may have typos.
const ENOUGH_HITS: usize = 3;
/// Added to the score of what fits as typed: more than any score is, even when it is over and sold out.
const EXACT_FIRST: f32 = 20_000.0;

impl Index {
    /// A page of the events that a query finds.
    ///
    /// Only published events are ever found. Words of the text have to be in an event, all of
    /// them; where that finds next to nothing they may have typos, and where that finds nothing
    /// some may be missing. Filters play no part in this: a search within a city finds nothing
    /// rather than something else.
    ///
    /// # Errors
    /// Everything of [`SearchError`] but [`SearchError::Full`].
    pub fn search(&self, query: &Query<'_>) -> Result<Page, SearchError> {
        check(query)?;
        let cursor = match query.cursor {
            Some(cursor) => Some(Cursor::decode(cursor, query)?),
            None => None,
        };
        let now_ms = cursor.map_or(query.now_ms, |cursor| cursor.now_ms);
        let conditions = Conditions::new(self, &query.filter);
        let mut scratch = self.scratches.take();
        let typed = Typed::new(query.search);
        let stage = cursor.map(|cursor| cursor.stage);
        let mut weights = cursor.map_or(Weights::default(), |cursor| cursor.weights);
        let (stage, found) = self.found(&typed, stage, &mut weights, &conditions, &mut scratch);
        self.scratches.give_back(scratch);

        let mut facets = Facets::new(self);
        let mut total = 0;
        // There is nothing behind as many as that.
        let skip = query.skip.min(DOCUMENTS_MAX);
        let mut best = Best::new(skip + query.limit);
        for one in found {
            let Some(row) = self.row(one.slot) else {
                continue;
            };
            if !facets.count(row, &conditions) {
                continue;
            }
            total += 1;
            let key = order::key(query.sort, row, one.score, now_ms);
            if cursor.is_none_or(|cursor| key > cursor.last) {
                best.push(key, one.slot);
            }
        }
        let (keys, has_more) = best.into_sorted();
        let keys = keys.get(skip..).unwrap_or_default();
        let next = keys.last().filter(|_| has_more).map(|(last, _)| Cursor {
            stage,
            now_ms,
            weights,
            last: *last,
        });
        let rows = keys.iter().filter_map(|(_, slot)| self.row(*slot));
        Ok(Page {
            hits: rows
                .map(|row| Hit {
                    event_id: row.event_id,
                    version: row.version,
                })
                .collect(),
            total,
            closeness: stage,
            cities: facets.cities(self),
            categories: facets.categories(self),
            next_cursor: next.map(|next| next.encode(query)),
        })
    }

    /// What fits the text, at the stage that is given or at the first that finds enough.
    fn found(
        &self,
        typed: &Typed,
        stage: Option<Closeness>,
        weights: &mut Weights,
        conditions: &Conditions,
        scratch: &mut Scratch,
    ) -> (Closeness, Vec<Match>) {
        let is_visible = |slot: Slot| {
            // Only what is published has words.
            conditions.is_of_any_tenant()
                || self
                    .row(slot)
                    .is_some_and(|row| conditions.holds_tenant(row))
        };
        if typed.is_blank() {
            let rows = self.rows.iter().zip(0..);
            let all = rows.filter_map(|(row, slot)| {
                let row = row.as_ref()?;
                let is_visible = row.is_published && conditions.holds_tenant(row);
                is_visible.then_some(Match { slot, score: 1.0 })
            });
            return (Closeness::Exact, all.collect());
        }
        let mut at = |stage| matches(&self.entries, typed, stage, weights, is_visible, scratch);
        if stage == Some(Closeness::Partial) {
            return (Closeness::Partial, at(Closeness::Partial));
        }
        let exact = at(Closeness::Exact);
        let is_enough = match stage {
            Some(stage) => stage == Closeness::Exact,
            None => exact.len() >= ENOUGH_HITS,
        };
        if is_enough {
            return (Closeness::Exact, exact);
        }
        let is_first_page = stage.is_none();
        let exact_hits = exact.len();
        let found = if typed.may_have_typos() {
            exact_first(exact, at(Closeness::Typos))
        } else {
            exact
        };
        if is_first_page && found.is_empty() {
            return (Closeness::Partial, at(Closeness::Partial));
        }
        if is_first_page && found.len() == exact_hits {
            return (Closeness::Exact, found);
        }
        (Closeness::Typos, found)
    }
}

/// What fits as typed, before whatever else fits with typos: a word that is there as typed is mostly the
/// one that was meant.
fn exact_first(mut exact: Vec<Match>, with_typos: Vec<Match>) -> Vec<Match> {
    let known: HashSet<Slot> = exact.iter().map(|one| one.slot).collect();
    for one in &mut exact {
        one.score += EXACT_FIRST;
    }
    let others = with_typos.into_iter();
    exact.extend(others.filter(|one| !known.contains(&one.slot)));
    exact
}

fn check(query: &Query<'_>) -> Result<(), SearchError> {
    if let Some(chars) = longer(query.search, QUERY_CHARS_MAX) {
        return Err(SearchError::TextTooLong { chars });
    }
    let Filter {
        tenant,
        city,
        venue,
        category,
        from_ms,
        until_ms,
        price_min,
        price_max,
        currency: _,
        available: _,
    } = query.filter;
    for (field, value) in [
        ("tenant", tenant),
        ("city", city),
        ("venue", venue),
        ("category", category),
    ] {
        if let Some(chars) = value.and_then(|value| longer(value, FILTER_CHARS_MAX)) {
            return Err(SearchError::FilterTooLong { field, chars });
        }
    }
    for (from, from_value, until, until_value) in [
        ("from", from_ms, "to", until_ms),
        ("price_min", price_min, "price_max", price_max),
    ] {
        if let (Some(from_value), Some(until_value)) = (from_value, until_value)
            && from_value > until_value
        {
            return Err(SearchError::EmptyRange {
                from,
                from_value,
                until,
                until_value,
            });
        }
    }
    if query.limit == 0 || query.limit > PAGE_MAX {
        return Err(SearchError::Limit { limit: query.limit });
    }
    Ok(())
}

/// The number of characters, where there are more than that.
pub(crate) fn longer(text: &str, chars_max: usize) -> Option<usize> {
    // Fewer bytes than that are fewer characters.
    if text.len() <= chars_max {
        return None;
    }
    Some(text.chars().count()).filter(|chars| *chars > chars_max)
}
