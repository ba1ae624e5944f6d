//! `GET /events/{id}/orders/export`

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use onsale_accounts::Action;
use onsale_schemas::{BookingId, EventId, ShowId};
use onsale_store::booking::BookingStatus;
use onsale_store::catalog::OrderFilter;
use onsale_store::{Scope, Store};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use uuid::Uuid;

use super::orders::{READ_ORDERS, STATUSES, bodies};
use crate::audit;
use crate::audit_pages::csv;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::Problem;
use crate::error::{ApiError, Code};
use crate::extract::{PathId, Query};
use crate::rate_limit::Key;
use crate::routes::managers::managed_event;
use crate::routes::still;
use crate::state::AppState;
use crate::tally::Counted;

/// Exports of one user at a time.
const EXPORTS_PER_USER_MAX: usize = 2;
/// When a further one may be asked for, in seconds.
const RETRY_AFTER_SECONDS: u64 = 10;
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
/// The answer is written while it is read, so its length is not known when it begins; one that breaks off before its end
/// (without the last chunk) is not whole. A field that a spreadsheet would take for a formula has an apostrophe in front.
/// That they were exported is in the audit trail (`event.export_orders`).
#[utoipa::path(
    get, path = "/api/v1/events/{id}/orders/export", operation_id = "export_orders", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event"), ExportQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A line of names, and a line for each order", content_type = "text/csv", body = String),
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
    let counted = state
        .exports
        .enter(Key::User(caller.user), EXPORTS_PER_USER_MAX);
    let counted = counted.ok_or_else(|| {
        ApiError::new(
            Code::RateLimited,
            "This user has the most exports under way that are allowed; let one end first.",
        )
        .retry_after(RETRY_AFTER_SECONDS)
    })?;
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
        _counted: counted,
    };
    // Before the head is sent, so that a database that does not answer is a 503; and nothing is sent that is not
    // written down.
    let mut first = csv::line(&HEADER.map(str::to_owned));
    first.extend(export.next().await?);
    state.store.append_audit(entry).await?;
    let begun = (Some(Bytes::from(first)), Some(export));
    let body = futures::stream::unfold(begun, |(ready, export)| async move {
        let mut export = export?;
        if let Some(bytes) = ready {
            return Some((Ok(bytes), (None, Some(export))));
        }
        if export.is_last {
            return None;
        }
        if export.state.closing.is_cancelled() {
            let error = io::Error::other("the server stops");
            return Some((Err(error), (None, None)));
        }
        match export.next().await {
            Ok(lines) => Some((Ok(Bytes::from(lines)), (None, Some(export)))),
            Err(error) => {
                // The client sees an answer that breaks off.
                tracing::warn!(?error, "an export of orders breaks off");
                let error = io::Error::other("the orders cannot be read");
                Some((Err(error), (None, None)))
            }
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
    );
    headers.insert(
        CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"orders.csv\""),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The first line.
const HEADER: [&str; 15] = [
    "booking_id",
    "status",
    "show_id",
    "zone_id",
    "seats",
    "quantity",
    "total_amount",
    "currency",
    "reserved_at",
    "confirmed_at",
    "ended_at",
    "confirmation_code",
    "buyer_id",
    "buyer_email",
    "buyer_name",
];

/// What is left of an export. No connection to the database is held while the client reads.
struct Export {
    state: AppState,
    caller: Caller,
    store: Store,
    filter: OrderFilter,
    is_last: bool,
    _counted: Counted,
}

impl Export {
    /// The lines of the next orders. An export may take long, so each page takes the right anew.
    async fn next(&mut self) -> Result<Vec<u8>, ApiError> {
        let requires = still::required(&self.caller, Action::ReadBookings);
        still::check(&self.state, &self.caller, requires).await?;
        let rows = self.store.orders(&self.filter).await?;
        self.is_last = rows.len() < ORDERS_PER_PAGE as usize;
        let last: Option<BookingId> = rows.last().map(|row| row.booking_id);
        self.filter.before = last.or(self.filter.before);
        let mut lines = Vec::new();
        for order in bodies(&self.state, rows).await? {
            lines.extend(csv::line(&order.fields()?));
        }
        Ok(lines)
    }
}
