//! `GET /events`
//!
//! The index of the search answers it, as the catalog was a moment ago. The store does where the index cannot:
//! while there is none, while it leaves events out because it is full, and for `mine`, which shows what is not public.
//! Times and their bounds, the order and the pages are the same from both. What the store cannot do is said with the
//! parameters: it tells diacritics apart, finds a text wherever it is a part of another and nowhere else, knows the city
//! of an event only where the event says it and not its venue, and nothing of what only an index knows (see
//! [`ListQuery::needs_index`]).

use axum::extract::State;
use axum::response::Response;
use onsale_store::catalog::{EventFilter, TenantScope};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::EventBody;
use super::find;
use crate::auth::{Caller, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::Query;
use crate::routes::cursor;
use crate::routes::managers::READ_SALES;
use crate::routes::paging::{self, Paging};
use crate::state::AppState;
use crate::text;
use crate::values::Instant;

const SEARCH_MAX_CHARS: usize = 200;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    paging::PAGE,
    paging::PER_PAGE,
    (Of::Parameter("search"), Bound::AtMost(SEARCH_MAX_CHARS)),
    (Of::Parameter("city"), Bound::AtMost(SEARCH_MAX_CHARS)),
    (Of::Parameter("category"), Bound::AtMost(SEARCH_MAX_CHARS)),
    (Of::Parameter("venue"), Bound::AtMost(SEARCH_MAX_CHARS)),
    (Of::Parameter("from"), Bound::Instant),
    (Of::Parameter("to"), Bound::Instant),
    (Of::Parameter("until"), Bound::Instant),
    (Of::Parameter("price_min"), Bound::Range(0, find::PRICE_MAX)),
    (Of::Parameter("price_max"), Bound::Range(0, find::PRICE_MAX)),
    (Of::Parameter("currency"), Bound::Currency),
    (Of::Parameter("sort"), Bound::OneOf(find::SORTS)),
    cursor::LIMIT,
];

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Words of name, performers, venue, city, category or description; the last one may be a beginning.
    /// Where little has them, words with typos are found too, and where nothing has them all, some may be
    /// missing: `meta.closeness` says so. With `mine`, and while the search is being prepared, parts of name,
    /// performers, venue or description as they are written, and nothing else.
    pub(super) search: Option<String>,
    /// In any case, with diacritics or without; with `mine`, and while the search is being prepared, with those that
    /// it is written with.
    pub(super) city: Option<String>,
    /// As `city`; it needs the search.
    pub(super) venue: Option<String>,
    /// As `city`.
    pub(super) category: Option<String>,
    /// Begins at or after; of several shows that take place the last one does. Not after `to`.
    #[param(value_type = Option<String>)]
    pub(super) from: Option<Instant>,
    /// Begins before; of several shows that take place the first one does.
    #[param(value_type = Option<String>)]
    pub(super) to: Option<Instant>,
    /// As `to`.
    #[param(value_type = Option<String>)]
    pub(super) until: Option<Instant>,
    /// The dearest ticket costs at least this, in minor units.
    pub(super) price_min: Option<u64>,
    /// The cheapest ticket costs at most this, in minor units.
    pub(super) price_max: Option<u64>,
    /// Sold in this currency (ISO 4217).
    pub(super) currency: Option<String>,
    /// True: there are tickets left, on sale now or from a later time on (`sale_opens_at` of the shows says which);
    /// false: there are none left, or the sale has ended.
    pub(super) available: Option<bool>,
    /// `relevance` (default for a text: how well it fits, then what is still to come and to be had), `date`
    /// (default without one), `price` (cheapest first) or `popularity`.
    pub(super) sort: Option<String>,
    /// `meta.next_cursor` of the page before, with the same search, filters and order.
    pub(super) cursor: Option<String>,
    /// Events per page, 1 to 100 (default 20); as `per_page`.
    pub(super) limit: Option<u32>,
    /// True: `meta.facets` says how many hits there are by city and by category, each as if there were no
    /// filter by it.
    pub(super) facets: Option<bool>,
    /// The organizer's own, for admins all of their tenant, drafts too.
    mine: Option<bool>,
    /// From 1; events that come or go meanwhile move across the pages, which a cursor keeps apart.
    pub(super) page: Option<u32>,
    /// 1 to 100 (default 20).
    pub(super) per_page: Option<u32>,
}

impl ListQuery {
    /// Whether only the index knows the answer: the first such parameter.
    fn needs_index(&self) -> Option<&'static str> {
        [
            ("venue", not_empty(self.venue.as_ref()).is_some()),
            ("price_min", self.price_min.is_some()),
            ("price_max", self.price_max.is_some()),
            ("currency", self.currency.is_some()),
            ("available", self.available.is_some()),
            ("sort", self.sort.is_some()),
            ("cursor", self.cursor.is_some()),
            ("limit", self.limit.is_some()),
            ("facets", self.facets == Some(true)),
        ]
        .into_iter()
        .find_map(|(name, is_given)| is_given.then_some(name))
    }

    /// The end of the time that is asked for, by either of its names.
    pub(super) fn until(&self) -> Result<Option<Instant>, ApiError> {
        match (self.to, self.until) {
            (Some(_), Some(until)) => Err(ApiError::wrong(
                "until",
                until,
                "is the same as to, which is given too",
                "one of the two",
            )),
            (to, until) => Ok(to.or(until)),
        }
    }
}

/// A filter that is not empty.
pub(super) fn not_empty(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Events, by their beginning or by how well they fit what is looked for.
#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "list_events", tag = "catalog", params(ListQuery),
    responses(
        (status = 200, description = "`meta` holds `page`, `per_page` and `total`; of a search also `next_cursor`, `closeness` (`exact`, `typos` or `partial`; `none` where nothing of what was typed is found) and, where asked for, `facets`", body = Success<Vec<EventBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many lists or searches are being requested, the search is being prepared, or the catalog cannot be read right now", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let paging = Paging::of(query.page, query.per_page)?;
    let until = query.until()?;
    for (field, text) in [
        ("search", &query.search),
        ("city", &query.city),
        ("venue", &query.venue),
        ("category", &query.category),
    ] {
        if let Some(text) = text
            && !text::is_search(text, SEARCH_MAX_CHARS)
        {
            return Err(ApiError::invalid(
                field,
                text,
                &format!(
                    "at most {SEARCH_MAX_CHARS} characters on one line, none of them a control \
                     character or one that overrides the direction of text"
                ),
            ));
        }
    }
    if let (Some(from), Some(until)) = (query.from, until)
        && from.0 > until.0
    {
        let expected = format!("at most to, which is {until}");
        return Err(ApiError::invalid("from", from, &expected));
    }
    let mine = query.mine.unwrap_or(false);
    let only_index = query.needs_index();
    if let Some(field) = only_index.filter(|_| mine) {
        return Err(ApiError::wrong(
            field,
            (),
            "does not go with mine",
            "search, city, category, from, until, page and per_page beside mine=true",
        ));
    }
    let is_text = not_empty(query.search.as_ref()).is_some();
    let finder = &state.finder;
    // Where a full index leaves events out, a list of all is the store's.
    let is_by_index = finder.is_ready() && (is_text || !finder.leaves_out());
    if only_index.is_some() || !mine && is_by_index {
        return find::find(&state, &context, &query, paging).await;
    }
    let (tenants, organizer_id) = match caller {
        _ if !mine => (TenantScope::All, None),
        Some(caller) => {
            caller.permit(&READ_SALES)?;
            // The team and admins see all of the tenant's, an operator those of all tenants.
            let is_alone = caller.role == Role::Organizer && !caller.is_of_team();
            let organizer = is_alone.then_some(caller.user);
            (caller.scope(), organizer)
        }
        None => {
            return Err(ApiError::new(
                Code::Unauthorized,
                "Send the organizer's token to see their own events.",
            ));
        }
    };
    let filter = EventFilter {
        search: not_empty(query.search.as_ref()).cloned(),
        city: not_empty(query.city.as_ref()).cloned(),
        category: not_empty(query.category.as_ref()).cloned(),
        from_ms: query.from.map(|from| from.0),
        until_ms: until.map(|until| until.0),
        tenants,
        organizer_id,
        unpublished: mine,
    };
    let found = if mine {
        state
            .event_lists
            .list((filter, paging.page, paging.per_page))
            .await?
    } else {
        state
            .event_lists
            .shared(filter, paging.page, paging.per_page)
            .await?
    };
    let rows = found.rows.iter().cloned();
    let bodies: Vec<EventBody> = rows.map(EventBody::listed).collect();
    envelope::success_page(&context, &bodies, &paging.meta(found.total))
}
