//! Where the next page begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::SearchError;
use crate::matching::{WEIGHTS_BYTES, Weights};
use crate::query::{Closeness, Query, Sort};

/// The form of cursors. One of another form is refused: whoever turns pages starts again.
const FORM: u8 = 1;
/// Form, stage, fingerprint, time, weights, key, id.
const BYTES: usize = 1 + 1 + 8 + 8 + WEIGHTS_BYTES + 8 + 16;

/// The last hit of a page, and what the order of its search depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cursor {
    pub(crate) stage: Closeness,
    pub(crate) now_ms: u64,
    pub(crate) weights: Weights,
    pub(crate) last: Key,
}

/// What orders hits: ascending.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    pub(crate) order: u64,
    pub(crate) id: u128,
}

impl Cursor {
    pub(crate) fn encode(&self, query: &Query<'_>) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(FORM);
        bytes.push(match self.stage {
            Closeness::Exact => 0,
            Closeness::Typos => 1,
            Closeness::Partial => 2,
        });
        bytes.extend(fingerprint(query).to_be_bytes());
        bytes.extend(self.now_ms.to_be_bytes());
        bytes.extend(self.weights.as_bytes());
        bytes.extend(self.last.order.to_be_bytes());
        bytes.extend(self.last.id.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn decode(text: &str, query: &Query<'_>) -> Result<Self, SearchError> {
        let mut bytes = [0; BYTES];
        // A longer text does not fit and is refused without more.
        let length = URL_SAFE_NO_PAD
            .decode_slice(text, &mut bytes)
            .map_err(|_| SearchError::Cursor)?;
        let mut rest = bytes.get(..length).unwrap_or_default();
        let is_of_query = take(&mut rest)? == [FORM];
        let stage = match take(&mut rest)? {
            [0] => Closeness::Exact,
            [1] => Closeness::Typos,
            [2] => Closeness::Partial,
            _ => return Err(SearchError::Cursor),
        };
        let is_of_query = is_of_query && u64::from_be_bytes(take(&mut rest)?) == fingerprint(query);
        let cursor = Self {
            stage,
            now_ms: u64::from_be_bytes(take(&mut rest)?),
            weights: Weights::from_bytes(take(&mut rest)?),
            last: Key {
                order: u64::from_be_bytes(take(&mut rest)?),
                id: u128::from_be_bytes(take(&mut rest)?),
            },
        };
        if is_of_query {
            Ok(cursor)
        } else {
            Err(SearchError::Cursor)
        }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], SearchError> {
    let (first, behind) = rest.split_first_chunk().ok_or(SearchError::Cursor)?;
    *rest = behind;
    Ok(*first)
}

/// Of everything that decides what is found and in which order, but for the time. It keeps apart
/// queries that are mixed up by mistake; whoever forges a cursor sees what a search shows anybody.
fn fingerprint(query: &Query<'_>) -> u64 {
    let Query {
        search,
        filter,
        sort,
        cursor: _,
        skip: _,
        limit: _,
        now_ms: _,
    } = query;
    let sort = match sort {
        Sort::Relevance => 0,
        Sort::Date => 1,
        Sort::Price => 2,
        Sort::Popularity => 3,
    };
    // The debug form escapes what could make two filters look like one.
    xxh3_64(format!("{sort} {search:?} {filter:?}").as_bytes())
}
