//! What clients search for, and what they get.

use std::sync::Arc;

use onsale_search::limits::{FILTER_CHARS_MAX, PAGE_MAX, QUERY_CHARS_MAX, SUGGESTIONS_MAX};
use onsale_search::{Closeness, FacetValue, Filter, Index, Page, Query, SearchError, Sort};
use onsale_store::catalog::EventRow;

use super::rows::bytes_of;
use crate::error::ApiError;
use crate::values::Instant;

/// A search as it is asked for; equal ones are answered together.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) search: String,
    pub(crate) city: Option<String>,
    pub(crate) venue: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) from_ms: Option<u64>,
    pub(crate) until_ms: Option<u64>,
    pub(crate) price_min: Option<u64>,
    pub(crate) price_max: Option<u64>,
    pub(crate) currency: Option<[u8; 3]>,
    pub(crate) available: Option<bool>,
    pub(crate) sort: Sort,
    pub(crate) cursor: Option<String>,
    /// Hits that come before the page, counted from the cursor.
    pub(crate) skip: usize,
    /// Hits of the page.
    pub(crate) limit: usize,
}

/// What a search found.
pub(crate) struct Found {
    /// The events of the page in order.
    pub(crate) rows: Vec<Arc<EventRow>>,
    /// Those of all pages.
    pub(crate) total: usize,
    pub(crate) closeness: Closeness,
    pub(crate) cities: Vec<FacetValue>,
    pub(crate) categories: Vec<FacetValue>,
    pub(crate) next_cursor: Option<String>,
}

impl Found {
    pub(super) fn new(page: Page, rows: Vec<Arc<EventRow>>) -> Self {
        Self {
            rows,
            total: page.total,
            closeness: page.closeness,
            cities: page.cities,
            categories: page.categories,
            next_cursor: page.next_cursor,
        }
    }

    /// Bytes in memory, about; rows are counted as if they were here alone.
    pub(super) fn bytes(&self) -> u32 {
        let rows = self.rows.iter().map(|row| bytes_of(row));
        let facets = self.cities.iter().chain(&self.categories);
        let facets = facets.map(|facet| size_of::<FacetValue>() + facet.value.len());
        let own = size_of::<Self>() + facets.sum::<usize>();
        rows.fold(u32::try_from(own).unwrap_or(u32::MAX), u32::saturating_add)
    }
}

impl Asked {
    /// Bytes in memory, about.
    pub(super) fn bytes(&self) -> u32 {
        let texts = [&self.city, &self.venue, &self.category, &self.cursor];
        let texts = texts.into_iter().flatten().map(String::len);
        let bytes = size_of::<Self>() + self.search.len() + texts.sum::<usize>();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// The page that is asked for.
    pub(super) fn page(&self, index: &Index, now_ms: u64) -> Result<Page, SearchError> {
        index.search(&Query {
            search: &self.search,
            filter: Filter {
                tenant: None,
                city: self.city.as_deref(),
                venue: self.venue.as_deref(),
                category: self.category.as_deref(),
                from_ms: self.from_ms,
                until_ms: self.until_ms,
                price_min: self.price_min,
                price_max: self.price_max,
                currency: self.currency,
                available: self.available,
            },
            sort: self.sort,
            cursor: self.cursor.as_deref(),
            skip: self.skip,
            limit: self.limit,
            now_ms,
        })
    }
}

/// Why the index does not answer, by the parameter.
pub(super) fn refused(error: &SearchError) -> ApiError {
    let at_most = |chars: usize| format!("at most {chars} characters");
    match error {
        SearchError::TextTooLong { chars } => {
            ApiError::invalid("search", chars, &at_most(QUERY_CHARS_MAX))
        }
        SearchError::FilterTooLong { field, chars } => {
            ApiError::invalid(field, chars, &at_most(FILTER_CHARS_MAX))
        }
        SearchError::EmptyRange {
            from,
            from_value,
            until,
            until_value,
        } => {
            let shown = |value: u64| match *from {
                "from" => Instant(value).to_string(),
                _ => value.to_string(),
            };
            let expected = format!("at most {until}, which is {}", shown(*until_value));
            ApiError::invalid(from, shown(*from_value), &expected)
        }
        SearchError::Limit { limit } => {
            ApiError::invalid("limit", limit, &format!("1 to {PAGE_MAX}"))
        }
        SearchError::SuggestionLimit { limit } => {
            ApiError::invalid("limit", limit, &format!("1 to {SUGGESTIONS_MAX}"))
        }
        SearchError::Cursor => ApiError::wrong(
            "cursor",
            (),
            "is no next_cursor of an answer to this query",
            "the next_cursor of an earlier answer, with the same search, filters and order",
        ),
        // No query fills an index.
        SearchError::Full => ApiError::internal(error),
    }
}
