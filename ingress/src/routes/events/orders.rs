//! `GET /events/{id}/orders`

use axum::extract::State;
use axum::response::Response;
use onsale_accounts::Action;
use onsale_private::Private;
use onsale_schemas::{BookingId, CodeHash, EventId, ShowId};
use onsale_store::Store;
use onsale_store::booking::{BookingRow, BookingStatus};
use onsale_store::catalog::OrderFilter;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::order_search;
use crate::audit;
use crate::auth::{Caller, Right, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, Query};
use crate::routes::bookings::body::BookingBody;
use crate::routes::cursor::{self, CursorMeta};
use crate::routes::managers::managed_event;
use crate::routes::still;
use crate::state::AppState;
use crate::text;

const SEARCH_MAX_CHARS: usize = 254;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("search"), Bound::AtMost(SEARCH_MAX_CHARS)),
    (Of::Parameter("status"), Bound::OneOf(STATUSES)),
    cursor::LIMIT,
];

/// The names of what a booking may be.
pub(super) const STATUSES: &[&str] = &["reserved", "confirmed", "cancelled", "expired"];

/// To read the bookings of an event, with the names behind them.
pub(super) const READ_ORDERS: Right = Right::of_members(
    &[Role::Organizer, Role::Admin, Role::Operator],
    Action::ReadBookings,
    "Orders are read by the staff of the event's tenant.",
);

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrdersQuery {
    /// The id of a booking, its confirmation code, or the whole e-mail address of its buyer. (Addresses are sealed and
    /// found by a keyed hash of the whole, so there is no searching by a part of one. Proxies may write it into their
    /// logs.)
    search: Option<String>,
    /// `reserved`, `confirmed`, `cancelled` or `expired`.
    #[param(value_type = Option<String>)]
    status: Option<BookingStatus>,
    /// Only of this show.
    show: Option<Uuid>,
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
    /// Orders per page, 1 to 100 (default 50).
    limit: Option<u32>,
}

/// An order.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
pub(crate) struct OrderBody {
    #[serde(flatten)]
    booking: BookingBody,
    buyer: BuyerBody,
    /// The group of the code that it was reserved with. Left out where there was none, and where the show's codes
    /// are known no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_group: Option<OrderCodeGroup>,
}

/// The group of a code. Its text is not told: who may read it finds it among the codes of the show.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrderCodeGroup {
    group_id: u32,
    name: Option<String>,
}

/// Who bought.
#[derive(Serialize, ToSchema)]
#[schema(as = Buyer)]
pub(crate) struct BuyerBody {
    user_id: Uuid,
    /// `null` once it is erased, for what was bought by a token from elsewhere, and where it does not open.
    email: Option<String>,
    /// As `email`; guests have none.
    name: Option<String>,
}

/// The orders of an event, newest first, with their buyers.
///
/// Whose orders were read is in the audit trail (`event.read_orders`).
#[utoipa::path(
    get, path = "/api/v1/events/{id}/orders", operation_id = "list_orders", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event"), OrdersQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`meta.next_cursor` leads to the next page", body = Success<Vec<OrderBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn orders(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    Query(query): Query<OrdersQuery>,
) -> Result<Response, ApiError> {
    let managed = managed_event(&state, &caller, EventId(id), &READ_ORDERS).await?;
    let limit = cursor::limit(query.limit)?;
    let before = match &query.cursor {
        Some(cursor) => Some(read_cursor(cursor).ok_or_else(|| cursor::no_cursor(cursor))?),
        None => None,
    };
    if let Some(search) = &query.search
        && !text::is_search(search, SEARCH_MAX_CHARS)
    {
        let expected = format!("at most {SEARCH_MAX_CHARS} characters on one line");
        return Err(ApiError::invalid("search", search, &expected));
    }
    let requires = still::required(&caller, Action::ReadBookings);
    still::check(&state, &caller, requires).await?;
    let filter = OrderFilter {
        event_id: managed.row.event_id,
        show_id: query.show.map(ShowId),
        status: query.status,
        user_id: None,
        before,
        // One more than the page, to know whether there is a next one.
        limit: limit + 1,
    };
    let mut rows = match query.search.as_deref().map(str::trim) {
        None | Some("") => state.store.orders(&filter).await?,
        Some(search) => order_search::find(&state, &filter, search).await?,
    };
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| has_more);
    let next_cursor = last.map(|row| row.booking_id.as_uuid().simple().to_string());
    let orders: Vec<Uuid> = rows.iter().map(|row| row.booking_id.as_uuid()).collect();
    let entry = audit::actor(&caller, &context)
        .did("event.read_orders", "event", managed.row.event_id)
        .of_tenant(managed.row.tenant_id)
        .with(json!({ "bookings": orders, "by_search": query.search.is_some() }));
    // Before they are shown.
    state.store.append_audit(entry).await?;
    let bodies = bodies(&state, &state.store, rows).await?;
    envelope::success_page(&context, &bodies, &CursorMeta { next_cursor })
}

/// Orders with what is known of their buyers and codes, by what `store` may see.
pub(super) async fn bodies(
    state: &AppState,
    store: &Store,
    rows: Vec<BookingRow>,
) -> Result<Vec<OrderBody>, ApiError> {
    let buyers = match &state.accounts {
        Some(accounts) => {
            let ids: Vec<Uuid> = rows.iter().map(|row| row.user_id.0).collect();
            accounts.buyers(&ids, state.clock.now_ms()).await?
        }
        None => std::collections::BTreeMap::new(),
    };
    let code = |row: &BookingRow| row.order.as_ref().and_then(|order| order.code);
    let codes: Vec<CodeHash> = rows.iter().filter_map(code).collect();
    let groups = store.groups_of_codes(&codes).await?;
    let shown = |text: &Option<Private>| text.as_ref().map(|text| text.expose().to_owned());
    let mut orders = Vec::with_capacity(rows.len());
    for row in rows {
        let user_id = row.user_id.0;
        let known = buyers.get(&user_id);
        let buyer = BuyerBody {
            user_id,
            email: known.and_then(|known| shown(&known.email)),
            name: known.and_then(|known| shown(&known.name)),
        };
        let group = code(&row).and_then(|code| groups.get(&code));
        let code_group = group.map(|used| OrderCodeGroup {
            group_id: used.group,
            name: used.name.clone(),
        });
        orders.push(OrderBody {
            code_group,
            booking: BookingBody::of(state, row).await?,
            buyer,
        });
    }
    Ok(orders)
}

fn read_cursor(cursor: &str) -> Option<BookingId> {
    BookingId::from_uuid(Uuid::try_parse(cursor).ok()?)
}
