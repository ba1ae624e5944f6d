//! `GET /events/{id}/orders/export`

use async_trait::async_trait;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use onsale_accounts::Action;
use onsale_schemas::{BookingId, EventId, ShowId};
use onsale_store::booking::BookingStatus;
use onsale_store::catalog::OrderFilter;
use onsale_store::{Scope, Store};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use uuid::Uuid;

use super::order_table::{HEADER, rows};
use super::orders::{READ_ORDERS, STATUSES, bodies};
use crate::audit;
use crate::audit_pages::csv;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::{PathId, Query};
use crate::routes::exports::{self, File, Pages};
use crate::routes::managers::managed_event;
use crate::routes::still;
use crate::state::AppState;

/// Orders that are read and written at once.
const ORDERS_PER_PAGE: u32 = 100;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[(Of::Parameter("status"), Bound::OneOf(STATUSES))];

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `reserved`, `confirmed`, `cancelled` or `expired`.
    #[param(value_type = Option<String>)]
    status: Option<BookingStatus>,
    /// Only of this show.
    show: Option<Uuid>,
}

/// The orders of an event as CSV, newest first.
///
/// A row for each line of an order, so that places can be counted and summed up by ticket type, zone, phase or code:
/// what is of the order is in each of its rows, but for the amounts of the order as a whole (`total_amount`,
/// `order_fee`, `order_fee_tax`), which stand in its first row alone. So each column of amounts can be summed, and
/// `amount`, `fee` and `order_fee` together are `total_amount`. Amounts are minor units. Codes are told by their group.
///
/// The answer is written while it is read, so its length is not known when it begins; one that breaks off before its end
/// (without the last chunk) is not whole. A field that a spreadsheet would take for a formula has an apostrophe in front.
/// That they were exported is in the audit trail (`event.export_orders`).
#[utoipa::path(
    get, path = "/api/v1/events/{id}/orders/export", operation_id = "export_orders", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event"), ExportQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A row of names, and a row for each line of each order", content_type = "text/csv", body = String),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: this user has the most exports under way that it may", body = Problem),
    ),
)]
pub(crate) async fn export(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    Query(query): Query<ExportQuery>,
) -> Result<Response, ApiError> {
    let managed = managed_event(&state, &caller, EventId(id), &READ_ORDERS).await?;
    let counted = exports::enter(&state, &caller)?;
    let entry = audit::actor(&caller, &context)
        .did("event.export_orders", "event", managed.row.event_id)
        .of_tenant(managed.row.tenant_id)
        .with(json!({ "show_id": query.show, "status": query.status }));
    let mut export = Export {
        // Later pages are read outside of the handler's task.
        store: state.store.within(Scope::current()),
        filter: OrderFilter {
            event_id: managed.row.event_id,
            show_id: query.show.map(ShowId),
            status: query.status,
            user_id: None,
            before: None,
            limit: ORDERS_PER_PAGE,
        },
        is_last: false,
        state: state.clone(),
        caller,
    };
    // Nothing is sent that is not written down.
    let mut first = csv::line(&HEADER.map(str::to_owned));
    first.extend(export.next().await?.unwrap_or_default());
    state.store.append_audit(entry).await?;
    let file = File {
        content_type: exports::CSV,
        disposition: HeaderValue::from_static("attachment; filename=\"orders.csv\""),
    };
    Ok(exports::answer(
        state,
        counted,
        Some(first.into()),
        export,
        file,
    ))
}

/// What is left of an export. No connection to the database is held while the client reads.
struct Export {
    state: AppState,
    caller: Caller,
    store: Store,
    filter: OrderFilter,
    is_last: bool,
}

#[async_trait]
impl Pages for Export {
    const WHAT: &'static str = "orders";

    fn is_last(&self) -> bool {
        self.is_last
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let requires = still::required(&self.caller, Action::ReadBookings);
        still::check(&self.state, &self.caller, requires).await?;
        let orders = self.store.orders(&self.filter).await?;
        self.is_last = orders.len() < ORDERS_PER_PAGE as usize;
        let last: Option<BookingId> = orders.last().map(|row| row.booking_id);
        self.filter.before = last.or(self.filter.before);
        let mut lines = Vec::new();
        for order in bodies(&self.state, &self.store, orders).await? {
            for row in rows(&order)? {
                lines.extend(csv::line(&row));
            }
        }
        Ok(Some(lines.into()))
    }
}
