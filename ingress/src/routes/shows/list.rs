//! `GET /events/{id}/shows`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use onsale_schemas::limits::ZONES_PER_SHOW_MAX;
use onsale_schemas::{EventId, ShowId};
use onsale_store::Store;
use onsale_store::catalog::{EventStatus, PageStamp, ShowRow};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use super::body::ShowBody;
use crate::auth::Caller;
use crate::bounds::Bounds;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::event_pages::{EventPage, Shared};
use crate::extract::{PathId, Query};
use crate::prepared::Prepared;
use crate::routes::cursor::{self, CursorMeta};
use crate::routes::paging::{self, PageMeta, Paging};
use crate::routes::visible;
use crate::state::AppState;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[paging::PAGE, paging::PER_PAGE, cursor::LIMIT];

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Shows that fit on a page however many zones they have.
const SHOWS_ALWAYS: u32 = 20;
/// Zones of all shows of one answer: about a megabyte.
pub(in crate::routes) const ZONES_MAX: u64 = SHOWS_ALWAYS as u64 * ZONES_PER_SHOW_MAX as u64;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ShowsQuery {
    /// From 1.
    page: Option<u32>,
    /// 1 to 100 (default 20); more than 20 only where the shows of the page have at most 5120 zones together.
    per_page: Option<u32>,
    /// `meta.next_cursor` of the page before: goes on behind it, whatever was added meanwhile.
    cursor: Option<String>,
    /// Shows per page of a list that goes on by cursors, 1 to 100 (default 50); there are fewer on one where they have
    /// more than 5120 zones together.
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
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = read(&query)?;
    let event = visible::event(&state, caller.as_ref(), EventId(id)).await?;
    // What the caller may see was looked at.
    let (store, id) = (state.installation.clone(), event.event_id);
    let begin = if event.status == EventStatus::Draft {
        Arc::new(Prepared::new(encode(&store, id, asked).await?))
    } else {
        let asked = as_given(&store, id, asked).await?;
        let make = move |stamp, asked| shared(store, id, asked, stamp);
        let page = state.event_pages.list(id, asked, make).await?;
        page.body.clone()
    };
    begin
        .response(JSON, envelope::end_page(&context), &headers)
        .await
}

/// The same page, behind a show of the event: whatever a cursor says, it leads to a page that was given. So there are no
/// more pages than shows, and who moves or removes the show of a cursor keeps nobody from going on.
async fn as_given(store: &Store, event: EventId, asked: Shared) -> Result<Shared, ApiError> {
    match asked {
        Shared::After(Some(place), limit) => {
            Ok(Shared::After(store.show_at(event, place).await?, limit))
        }
        Shared::Event | Shared::Numbered(..) | Shared::After(None, _) => Ok(asked),
    }
}

/// A page for all who ask.
async fn shared(
    store: Store,
    event: EventId,
    asked: Shared,
    stamp: PageStamp,
) -> Result<EventPage, ApiError> {
    let begin = encode(&store, event, asked).await?;
    Ok(EventPage::of_list(stamp, begin))
}

/// What every answer of a page begins with.
async fn encode(store: &Store, event: EventId, asked: Shared) -> Result<Bytes, ApiError> {
    match asked {
        // Of an event alone there is no list.
        Shared::Event => Err(ApiError::not_found("page")),
        Shared::After(after, limit) => {
            let (found, has_more) = store
                .bounded_shows_after(event, after, limit, ZONES_MAX)
                .await?;
            let last = found.last().filter(|_| has_more);
            let next_cursor = last.map(|last| show_cursor(&last.show));
            let bodies: Vec<ShowBody> = found.iter().map(ShowBody::listed).collect();
            envelope::begin_page(&bodies, &CursorMeta { next_cursor })
        }
        Shared::Numbered(page, per_page) => {
            if per_page > SHOWS_ALWAYS {
                let zones = store.zones_of_page(event, page, per_page).await?;
                if zones > ZONES_MAX {
                    let expected = format!(
                        "{SHOWS_ALWAYS}, or cursor and limit: the shows of this page have {zones} zones, and one \
                         answer tells of at most {ZONES_MAX}"
                    );
                    return Err(ApiError::invalid("per_page", per_page, &expected));
                }
            }
            let found = store.list_shows(event, page, per_page).await?;
            let bodies: Vec<ShowBody> = found.rows.iter().map(ShowBody::listed).collect();
            let listed = u64::from(page) * u64::from(per_page);
            let last = found.rows.last().filter(|_| found.total > listed);
            let meta = NumberedMeta {
                page: Paging { page, per_page }.meta(found.total),
                next_cursor: last.map(|last| show_cursor(&last.show)),
            };
            envelope::begin_page(&bodies, &meta)
        }
    }
}

/// Which page a query asks for.
fn read(query: &ShowsQuery) -> Result<Shared, ApiError> {
    if query.cursor.is_none() && query.limit.is_none() {
        let paging = Paging::of(query.page, query.per_page)?;
        return Ok(Shared::Numbered(paging.page, paging.per_page));
    }
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
    Ok(Shared::After(
        after.transpose()?,
        cursor::limit(query.limit)?,
    ))
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
