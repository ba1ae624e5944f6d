//! Why the index refuses something.

use crate::limits::{DOCUMENTS_MAX, FILTER_CHARS_MAX, PAGE_MAX, QUERY_CHARS_MAX, SUGGESTIONS_MAX};

/// Why a document was not taken or a query not answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SearchError {
    /// There are too many events.
    #[error("the index is full: it holds at most {DOCUMENTS_MAX} events")]
    Full,
    /// The text to search for is too long.
    #[error("search has {chars} characters; at most {QUERY_CHARS_MAX} are allowed")]
    TextTooLong {
        /// How many characters it has.
        chars: usize,
    },
    /// A value to filter by is too long.
    #[error("{field} has {chars} characters; at most {FILTER_CHARS_MAX} are allowed")]
    FilterTooLong {
        /// The parameter.
        field: &'static str,
        /// How many characters it has.
        chars: usize,
    },
    /// A range ends before it begins.
    #[error("{from} is {from_value}, which is after {until} ({until_value}): it must not be")]
    EmptyRange {
        /// The parameter with the lower end.
        from: &'static str,
        /// Its value.
        from_value: u64,
        /// The parameter with the upper end.
        until: &'static str,
        /// Its value.
        until_value: u64,
    },
    /// The page is too large, or empty.
    #[error("limit is {limit}: it must be between 1 and {PAGE_MAX}")]
    Limit {
        /// How many hits were asked for.
        limit: usize,
    },
    /// Too many suggestions, or none.
    #[error("limit is {limit}: it must be between 1 and {SUGGESTIONS_MAX}")]
    SuggestionLimit {
        /// How many were asked for.
        limit: usize,
    },
    /// The cursor was not given out by this index, or not for this query.
    #[error("cursor does not belong to this query: start again without one")]
    Cursor,
}
