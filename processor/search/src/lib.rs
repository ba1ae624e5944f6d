//! Full-text search over the catalog of events, in memory: each ingress node holds one [`Index`] and
//! keeps it in step with the store.
//!
//! Words are found by their beginning and in spite of typos, without regard to case and diacritics, in
//! every script; those of scripts without spaces (Thai, Lao, Khmer, Burmese, Chinese, Japanese) are
//! found by dictionaries and by pairs of letters. Pure: no clock, no I/O, no threads.
//!
//! README.md says why it is an index of our own, and has the figures.

mod cursor;
mod document;
mod entries;
mod error;
mod index;
pub mod limits;
mod matching;
mod query;
mod search;
mod suggest;
mod terms;
mod text;
mod values;

pub use document::{Availability, Document, Prices};
pub use error::SearchError;
pub use index::{Applied, Index, Size};
pub use query::{
    Closeness, FacetValue, Filter, Hit, Page, Query, Sort, Suggestion, SuggestionKind,
};
