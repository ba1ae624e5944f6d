//! `GET /events`

use axum::extract::State;
use axum::response::Response;
use onsale_store::catalog::{EventFilter, TenantScope};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::EventBody;
use crate::auth::{Caller, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::Query;
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
    (Of::Parameter("from"), Bound::Instant),
    (Of::Parameter("until"), Bound::Instant),
];

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Text that name, description or venue contain.
    search: Option<String>,
    city: Option<String>,
    category: Option<String>,
    /// Begins at or after.
    #[param(value_type = Option<String>)]
    from: Option<Instant>,
    /// Begins before.
    #[param(value_type = Option<String>)]
    until: Option<Instant>,
    /// The organizer's own, for admins all of their tenant, drafts too.
    mine: Option<bool>,
    /// From 1.
    page: Option<u32>,
    /// 1 to 100 (default 20).
    per_page: Option<u32>,
}

/// Events by their beginning.
#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "list_events", tag = "catalog", params(ListQuery),
    responses(
        (status = 200, description = "`meta` holds `page`, `per_page` and `total`", body = Success<Vec<EventBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many lists are being requested, or the catalog cannot be read right now", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let paging = Paging::of(query.page, query.per_page)?;
    for (field, text) in [
        ("search", &query.search),
        ("city", &query.city),
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
    let mine = query.mine.unwrap_or(false);
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
    let not_empty = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let filter = EventFilter {
        search: not_empty(query.search),
        city: not_empty(query.city),
        category: not_empty(query.category),
        from_ms: query.from.map(|from| from.0),
        until_ms: query.until.map(|until| until.0),
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
