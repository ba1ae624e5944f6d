//! Lists that go on behind the last thing of the page before, by a cursor.

use serde::Serialize;
use serde_json::Value;

use crate::bounds::{Bound, Of};
use crate::error::ApiError;

const LIMIT_MAX: u32 = 100;
const LIMIT_DEFAULT: u32 = 50;

/// What requests for a page may hold.
pub(super) const LIMIT: (Of, Bound) = (Of::Parameter("limit"), Bound::Range(1, LIMIT_MAX as u64));

/// Added to `meta`.
#[derive(Serialize)]
pub(super) struct CursorMeta {
    /// Where the next page begins; `null` on the last one.
    pub(super) next_cursor: Option<String>,
}

/// The length of a page, as a query names it.
///
/// # Errors
/// `VALIDATION_ERROR` where there is no such page.
pub(super) fn limit(limit: Option<u32>) -> Result<u32, ApiError> {
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if (1..=LIMIT_MAX).contains(&limit) {
        Ok(limit)
    } else {
        let expected = format!("1 to {LIMIT_MAX}");
        Err(ApiError::invalid("limit", limit, &expected))
    }
}

/// The refusal of a cursor that this list did not give out.
pub(super) fn no_cursor(cursor: &str) -> ApiError {
    ApiError::invalid(
        "cursor",
        Value::from(cursor),
        "a next_cursor of an earlier answer",
    )
}
