//! `GET /events/{id}/shows`

use axum::extract::State;
use axum::response::Response;
use onsale_schemas::{EventId, ShowId};
use onsale_store::catalog::ShowRow;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use super::body::ShowBody;
use crate::auth::Caller;
use crate::bounds::Bounds;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, Query};
use crate::routes::cursor::{self, CursorMeta};
use crate::routes::paging::{self, PageMeta, Paging};
use crate::routes::visible;
use crate::state::AppState;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[paging::PAGE, paging::PER_PAGE, cursor::LIMIT];

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ShowsQuery {
    /// From 1.
    page: Option<u32>,
    /// 1 to 100 (default 20).
    per_page: Option<u32>,
    /// `meta.next_cursor` of the page before: goes on behind it, whatever was added meanwhile.
    cursor: Option<String>,
    /// Shows per page of a list that goes on by cursors, 1 to 100 (default 50).
    limit: Option<u32>,
}

/// Added to `meta` of a page by its number.
#[derive(Serialize)]
struct NumberedMeta {
    #[serde(flatten)]
    page: PageMeta,
    next_cursor: Option<String>,
}

/// The shows of an event by their beginning, a page at a time.
///
/// By number (`page`, `per_page`), or by `cursor` and `limit`: the pages of a list that goes on by cursors leave nothing
/// out and show nothing twice, also while shows are added.
#[utoipa::path(
    get, path = "/api/v1/events/{id}/shows", operation_id = "list_shows", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event"), ShowsQuery),
    responses(
        (status = 200, description = "`meta.next_cursor` leads to the next page; `meta` of a page by its number also holds `page`, `per_page` and `total`", body = Success<Vec<ShowBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn shows(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
    Query(query): Query<ShowsQuery>,
) -> Result<Response, ApiError> {
    if query.cursor.is_some() || query.limit.is_some() {
        for (field, value) in [("page", query.page), ("per_page", query.per_page)] {
            if value.is_some() {
                return Err(ApiError::wrong(
                    field,
                    value,
                    "a list goes on by pages or by cursors, not by both",
                    "cursor and limit alone, or page and per_page alone",
                ));
            }
        }
        let after = query
            .cursor
            .as_deref()
            .map(|cursor| read_cursor(cursor).ok_or_else(|| cursor::no_cursor(cursor)));
        let after = after.transpose()?;
        let limit = cursor::limit(query.limit)?;
        let event = visible::event(&state, caller.as_ref(), EventId(id)).await?;
        // One more than the page, to know whether there is a next one.
        let store = &state.store;
        let mut found = store
            .list_shows_after(event.event_id, after, limit + 1)
            .await?;
        let page = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = found.len() > page;
        found.truncate(page);
        let last = found.last().filter(|_| has_more);
        let next_cursor = last.map(|last| show_cursor(&last.show));
        let bodies: Vec<ShowBody> = found.iter().map(ShowBody::listed).collect();
        return envelope::success_page(&context, &bodies, &CursorMeta { next_cursor });
    }
    let paging = Paging::of(query.page, query.per_page)?;
    let event = visible::event(&state, caller.as_ref(), EventId(id)).await?;
    let found = state
        .store
        .list_shows(event.event_id, paging.page, paging.per_page)
        .await?;
    let bodies: Vec<ShowBody> = found.rows.iter().map(ShowBody::listed).collect();
    let listed = u64::from(paging.page) * u64::from(paging.per_page);
    let last = found.rows.last().filter(|_| found.total > listed);
    let meta = NumberedMeta {
        page: paging.meta(found.total),
        next_cursor: last.map(|last| show_cursor(&last.show)),
    };
    envelope::success_page(&context, &bodies, &meta)
}

/// Where a list goes on behind a show.
pub(in crate::routes) fn show_cursor(show: &ShowRow) -> String {
    format!("{:x}.{}", show.starts_at_ms, show.show_id.0.simple())
}

fn read_cursor(cursor: &str) -> Option<(u64, ShowId)> {
    let (time, id) = cursor.split_once('.')?;
    Some((
        u64::from_str_radix(time, 16).ok()?,
        ShowId(Uuid::try_parse(id).ok()?),
    ))
}
