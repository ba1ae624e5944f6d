//! Lists of the catalog, a page at a time by its number.

use serde::Serialize;

use crate::bounds::{Bound, Bounds, Of};
use crate::error::ApiError;

const PER_PAGE_MAX: u32 = 100;
const PER_PAGE_DEFAULT: u32 = 20;
/// Later pages are for searches, not for counting through the catalog.
const PAGE_MAX: u32 = 10_000;

/// What requests for a page may hold.
pub(super) const PAGE: (Of, Bound) = (Of::Parameter("page"), Bound::Range(1, PAGE_MAX as u64));
/// See [`PAGE`].
pub(super) const PER_PAGE: (Of, Bound) = (
    Of::Parameter("per_page"),
    Bound::Range(1, PER_PAGE_MAX as u64),
);
/// Of requests that hold nothing else.
pub(super) const BOUNDS: Bounds = &[PAGE, PER_PAGE];

/// A page that is asked for.
#[derive(Clone, Copy)]
pub(super) struct Paging {
    pub(super) page: u32,
    pub(super) per_page: u32,
}

/// Added to `meta`.
#[derive(Serialize)]
pub(super) struct PageMeta {
    page: u32,
    per_page: u32,
    total: u64,
}

impl Paging {
    /// As a query names it.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` where there is no such page.
    pub(super) fn of(page: Option<u32>, per_page: Option<u32>) -> Result<Self, ApiError> {
        Ok(Self {
            page: in_range("page", page.unwrap_or(1), PAGE_MAX)?,
            per_page: in_range(
                "per_page",
                per_page.unwrap_or(PER_PAGE_DEFAULT),
                PER_PAGE_MAX,
            )?,
        })
    }

    /// What the answer says of itself, with the number of all rows.
    pub(super) fn meta(self, total: u64) -> PageMeta {
        PageMeta {
            page: self.page,
            per_page: self.per_page,
            total,
        }
    }
}

fn in_range(field: &str, value: u32, max: u32) -> Result<u32, ApiError> {
    if (1..=max).contains(&value) {
        Ok(value)
    } else {
        Err(ApiError::invalid(field, value, &format!("1 to {max}")))
    }
}
