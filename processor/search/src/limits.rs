//! Bounds of what documents and queries may cost.

/// Events in one index, those that are not published included.
pub const DOCUMENTS_MAX: usize = 1 << 20;
/// Versions of removed events that are remembered. Beyond that the oldest is forgotten, and a write
/// that is later still would bring its event back.
pub const REMOVALS_MAX: usize = 1 << 16;
/// Characters of a text of a document that are searched; of the rest nothing is known.
pub const FIELD_CHARS_MAX: usize = 4_000;
/// Performers of a document that are searched.
pub const PERFORMERS_MAX: usize = 64;
/// Characters of a term. Longer words are cut, in documents and queries alike.
pub const TERM_CHARS_MAX: usize = 24;
/// Different terms of one document.
pub const TERMS_PER_DOCUMENT_MAX: usize = 1_024;

/// Characters of a query. A longer one is refused.
pub const QUERY_CHARS_MAX: usize = 200;
/// Words of a query that are looked at: the first ones.
pub const QUERY_TERMS_MAX: usize = 10;
/// Terms of the index that one word of a query may stand for, by prefix and by typos.
pub const EXPANSIONS_MAX: usize = 48;
/// Nodes of the dictionary that one word of a query may visit.
pub const NODES_VISITED_MAX: usize = 60_000;
/// Pairs of letters by which a text without spaces is looked up.
pub const QUERY_PAIRS_MAX: usize = 24;
/// Entries of the index that one of the three stages of a query may read, and beyond them those of one
/// term. What is common is read last, and left out beyond this: a word that every event has decides
/// nothing.
pub const POSTINGS_READ_MAX: usize = 1_500_000;

/// Characters of a value to filter by. A longer one is refused.
pub const FILTER_CHARS_MAX: usize = 200;
/// Hits of one page.
pub const PAGE_MAX: usize = 100;
/// Values of one facet that are told, the most frequent ones.
pub const FACET_VALUES_MAX: usize = 50;
/// Suggestions in one answer.
pub const SUGGESTIONS_MAX: usize = 20;

/// Letters from which a word may have one typo.
pub const ONE_TYPO_CHARS_MIN: usize = 4;
/// Letters from which a word may have two.
pub const TWO_TYPOS_CHARS_MIN: usize = 8;
