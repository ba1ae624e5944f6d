//! Completions of what somebody is typing.

mod phrases;

pub(crate) use phrases::Phrases;

use crate::error::SearchError;
use crate::index::Index;
use crate::limits::{QUERY_CHARS_MAX, SUGGESTIONS_MAX};
use crate::matching::{Match, Typed, Weights, matches};
use crate::query::{Closeness, Suggestion};
use crate::search::longer;

impl Index {
    /// The best completions of a text: names of events, performers, venues and cities that have all
    /// its words, the last of which may be a beginning. Words may have typos where too little has them as
    /// typed. What no published event has is never suggested.
    ///
    /// # Errors
    /// [`SearchError::TextTooLong`] and [`SearchError::SuggestionLimit`].
    pub fn suggest(&self, text: &str, limit: usize) -> Result<Vec<Suggestion>, SearchError> {
        if let Some(chars) = longer(text, QUERY_CHARS_MAX) {
            return Err(SearchError::TextTooLong { chars });
        }
        if limit == 0 || limit > SUGGESTIONS_MAX {
            return Err(SearchError::SuggestionLimit { limit });
        }
        let typed = Typed::new(text);
        if typed.is_blank() {
            return Ok(Vec::new());
        }
        let entries = &self.phrases.entries;
        let mut scratch = self.scratches.take();
        let weights = &mut Weights::default();
        let mut at = |stage| matches(entries, &typed, stage, weights, |_| true, &mut scratch);
        let mut found = at(Closeness::Exact);
        if found.len() < limit && typed.may_have_typos() {
            found = at(Closeness::Typos);
        }
        self.scratches.give_back(scratch);
        for one in &mut found {
            one.score *= self.phrases.worth(one.slot);
        }
        let order = |a: &Match, b: &Match| b.score.total_cmp(&a.score).then(a.slot.cmp(&b.slot));
        // The same text may name two things: an event and who performs there.
        let wanted = 2 * limit;
        if found.len() > wanted {
            found.select_nth_unstable_by(wanted, order);
            found.truncate(wanted);
        }
        found.sort_unstable_by(order);
        let mut suggestions: Vec<Suggestion> = Vec::new();
        for suggestion in found
            .iter()
            .filter_map(|one| self.phrases.suggestion(one.slot))
        {
            if suggestions.len() == limit {
                break;
            }
            if !suggestions
                .iter()
                .any(|known| known.text == suggestion.text)
            {
                suggestions.push(suggestion);
            }
        }
        Ok(suggestions)
    }
}
