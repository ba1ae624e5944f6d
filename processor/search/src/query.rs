//! What is asked of the index, and what it answers.

use onsale_schemas::EventId;

/// A search. All filters that are set have to hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query<'a> {
    /// What to look for. Without a single letter or digit, all events are found.
    pub search: &'a str,
    /// What is found has to be like this.
    pub filter: Filter<'a>,
    /// In which order.
    pub sort: Sort,
    /// The cursor of the page before this one.
    pub cursor: Option<&'a str>,
    /// Hits that come before the page, counted from the cursor: a page by its number.
    pub skip: usize,
    /// Hits of this page, 1 to [`PAGE_MAX`](crate::limits::PAGE_MAX).
    pub limit: usize,
    /// The time now in milliseconds since 1970-01-01T00:00:00Z: what is over ranks last. Further
    /// pages keep the time of the first one.
    pub now_ms: u64,
}

/// Which events a search may find. Names are compared without regard to case and diacritics.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter<'a> {
    /// Slug of the tenant.
    pub tenant: Option<&'a str>,
    /// The city.
    pub city: Option<&'a str>,
    /// The venue.
    pub venue: Option<&'a str>,
    /// The category.
    pub category: Option<&'a str>,
    /// The last show begins at or after this, in milliseconds since 1970-01-01T00:00:00Z.
    pub from_ms: Option<u64>,
    /// The first show begins before this, likewise.
    pub until_ms: Option<u64>,
    /// The dearest ticket costs at least this, in minor units.
    pub price_min: Option<u64>,
    /// The cheapest ticket costs at most this, in minor units.
    pub price_max: Option<u64>,
    /// Prices are in this currency (ISO 4217).
    pub currency: Option<[u8; 3]>,
    /// `Some(true)`: there are tickets left, on sale now or later; `Some(false)`: there are none.
    pub available: Option<bool>,
}

/// The order of hits. What is equal in it is ordered by id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Sort {
    /// How well the text fits, then what is still to come and to be had; then the earliest.
    #[default]
    Relevance,
    /// The first show, earliest first.
    Date,
    /// The cheapest ticket, lowest first; then what has no price. Amounts of different currencies
    /// are compared as numbers of major units, without conversion.
    Price,
    /// Popularity, highest first.
    Popularity,
}

/// How far a search had to go to find something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Closeness {
    /// Each word is in each hit as it was typed (the last one perhaps as a beginning).
    Exact,
    /// Words may have typos.
    Typos,
    /// Words are missing in hits: nothing has them all.
    Partial,
}

/// An event that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// The event.
    pub event_id: EventId,
    /// Version of its document in the index.
    pub version: u64,
}

/// A page of hits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The hits of this page, in order.
    pub hits: Vec<Hit>,
    /// Hits of all pages.
    pub total: usize,
    /// How far the search went.
    pub closeness: Closeness,
    /// Cities with the number of hits of all pages, as if there were no filter by city: the most
    /// frequent first, then by name.
    pub cities: Vec<FacetValue>,
    /// Categories, likewise.
    pub categories: Vec<FacetValue>,
    /// Asks for the next page, where there is one. An event that changes while somebody turns
    /// pages may move across the border of two; all others are on exactly one.
    pub next_cursor: Option<String>,
}

/// One value of a facet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FacetValue {
    /// The value, as one of the events spells it.
    pub value: String,
    /// How many hits have it.
    pub count: usize,
}

/// A completion of what somebody is typing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suggestion {
    /// The whole text, as one of the events spells it.
    pub text: String,
    /// What it is.
    pub kind: SuggestionKind,
    /// How many published events have it.
    pub events: usize,
}

/// What a suggestion names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SuggestionKind {
    /// An event.
    Event,
    /// A performer.
    Performer,
    /// A venue.
    Venue,
    /// A city.
    City,
}
