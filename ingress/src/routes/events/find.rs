//! `GET /events` by the index of the search.

use axum::response::Response;
use onsale_schemas::currencies;
use onsale_search::{Closeness, FacetValue, Sort};
use serde::Serialize;

use super::body::EventBody;
use super::list::{ListQuery, not_empty};
use crate::context::RequestContext;
use crate::envelope;
use crate::error::ApiError;
use crate::finder::{Asked, Found};
use crate::routes::cursor;
use crate::routes::paging::{PageMeta, Paging};
use crate::state::AppState;

/// The largest amount to filter by, in minor units: that of a 64-bit number with a sign.
pub(super) const PRICE_MAX: u64 = i64::MAX.cast_unsigned();
/// The orders that may be asked for.
pub(super) const SORTS: &[&str] = &["relevance", "date", "price", "popularity"];

/// Added to `meta`.
#[derive(Serialize)]
struct FoundMeta {
    #[serde(flatten)]
    page: PageMeta,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
    /// How far the search had to go: `exact`, `typos` or `partial`; `none` where it found nothing of what was typed.
    closeness: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<Facets>,
}

/// How many hits there are by city and by category.
#[derive(Serialize)]
struct Facets {
    cities: Vec<Facet>,
    categories: Vec<Facet>,
}

#[derive(Serialize)]
struct Facet {
    value: String,
    count: usize,
}

/// The answer of the index to a query whose texts are fit to be searched for.
pub(super) async fn find(
    state: &AppState,
    context: &RequestContext,
    query: &ListQuery,
    paging: Paging,
) -> Result<Response, ApiError> {
    let paging = paged(query, paging)?;
    let asked = asked(query, paging)?;
    let found = state.finder.find(asked, state.clock.now_ms()).await?;
    let rows = found.rows.iter().map(|row| row.as_ref().clone());
    let bodies: Vec<EventBody> = rows.map(EventBody::listed).collect();
    let meta = meta(&found, paging, query.facets == Some(true));
    envelope::success_page(context, &bodies, &meta)
}

/// The page by number, or behind a cursor; not both.
fn paged(query: &ListQuery, paging: Paging) -> Result<Paging, ApiError> {
    if let (Some(page), Some(_)) = (query.page, &query.cursor) {
        return Err(ApiError::wrong(
            "page",
            page,
            "does not go with cursor",
            "one of the two",
        ));
    }
    if let (Some(limit), Some(_)) = (query.limit, query.per_page) {
        return Err(ApiError::wrong(
            "limit",
            limit,
            "is the same as per_page, which is given too",
            "one of the two",
        ));
    }
    let per_page = match query.limit {
        Some(limit) => cursor::limit(Some(limit))?,
        None => paging.per_page,
    };
    Ok(Paging { per_page, ..paging })
}

fn asked(query: &ListQuery, paging: Paging) -> Result<Asked, ApiError> {
    let search = not_empty(query.search.as_ref()).cloned();
    let text = |text: &Option<String>| not_empty(text.as_ref()).cloned();
    for (field, price) in [
        ("price_min", query.price_min),
        ("price_max", query.price_max),
    ] {
        if let Some(price) = price.filter(|price| *price > PRICE_MAX) {
            return Err(ApiError::invalid(
                field,
                price,
                &format!("0 to {PRICE_MAX}"),
            ));
        }
    }
    let skip = paging
        .page
        .saturating_sub(1)
        .saturating_mul(paging.per_page);
    Ok(Asked {
        sort: sort(query.sort.as_deref(), search.is_some())?,
        search: search.unwrap_or_default(),
        city: text(&query.city),
        venue: text(&query.venue),
        category: text(&query.category),
        from_ms: query.from.map(|from| from.0),
        until_ms: query.until()?.map(|until| until.0),
        price_min: query.price_min,
        price_max: query.price_max,
        currency: query.currency.as_deref().map(currency).transpose()?,
        available: query.available,
        cursor: query.cursor.clone(),
        skip: usize::try_from(skip).unwrap_or(usize::MAX),
        limit: usize::try_from(paging.per_page).unwrap_or(usize::MAX),
    })
}

fn sort(asked: Option<&str>, is_text: bool) -> Result<Sort, ApiError> {
    match asked {
        None if is_text => Ok(Sort::Relevance),
        None | Some("date") => Ok(Sort::Date),
        Some("relevance") => Ok(Sort::Relevance),
        Some("price") => Ok(Sort::Price),
        Some("popularity") => Ok(Sort::Popularity),
        Some(other) => Err(ApiError::invalid(
            "sort",
            other,
            &format!("one of {}", SORTS.join(", ")),
        )),
    }
}

fn currency(code: &str) -> Result<[u8; 3], ApiError> {
    let bytes: Option<[u8; 3]> = code.as_bytes().try_into().ok();
    bytes
        .filter(|_| currencies::is_in_use(code))
        .ok_or_else(|| ApiError::invalid("currency", code, "an ISO 4217 code, such as THB"))
}

fn meta(found: &Found, paging: Paging, with_facets: bool) -> FoundMeta {
    let facets = |values: &[FacetValue]| {
        let values = values.iter().map(|value| Facet {
            value: value.value.clone(),
            count: value.count,
        });
        values.collect()
    };
    FoundMeta {
        page: paging.meta(u64::try_from(found.total).unwrap_or(u64::MAX)),
        next_cursor: found.next_cursor.clone(),
        closeness: match found.closeness {
            // It went as far as it goes.
            Closeness::Typos | Closeness::Partial if found.total == 0 => "none",
            Closeness::Exact => "exact",
            Closeness::Typos => "typos",
            Closeness::Partial => "partial",
        },
        facets: with_facets.then(|| Facets {
            cities: facets(&found.cities),
            categories: facets(&found.categories),
        }),
    }
}
