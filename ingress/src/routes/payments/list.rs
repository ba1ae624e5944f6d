//! `GET /payments`

use axum::extract::{RawQuery, State};
use axum::response::Response;
use onsale_accounts::Action;
use onsale_schemas::{EventId, ShowId};
use onsale_store::catalog::TenantScope;
use onsale_store::payment::{MoneyPlace, PaymentFilter, PaymentState};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use uuid::Uuid;

use super::body::PaymentBody;
use crate::auth::{Caller, Right, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::Query;
use crate::payments::cards;
use crate::routes::cursor::{self, CursorMeta};
use crate::routes::still;
use crate::state::AppState;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("state"), Bound::OneOf(STATES)),
    cursor::LIMIT,
];

/// The names of where a payment may stand.
const STATES: &[&str] = &[
    "pending",
    "awaiting_buyer",
    "processing",
    "authorised",
    "paid",
    "capturing",
    "succeeded",
    "cancelling",
    "failed",
    "timed_out",
    "refunding",
    "refunded",
    "capture_failed",
    "needs_operator",
];

/// To list the payments of a tenant.
pub(in crate::routes) const LIST_PAYMENTS: Right = Right::of_members_alone(
    &[Role::Organizer, Role::Admin, Role::Operator],
    Action::ReadPayments,
    "Payments are listed by those who read them for a tenant, by its admins and by operators.",
);

/// Which payments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentsQuery {
    /// The tenant; for operators, who are of none.
    tenant: Option<Uuid>,
    /// Only of this event.
    event: Option<Uuid>,
    /// Only of this show.
    show: Option<Uuid>,
    /// Only where they stand so, as `needs_operator`.
    #[param(value_type = Option<String>)]
    state: Option<PaymentState>,
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
    /// Payments per page, 1 to 100 (default 50).
    limit: Option<u32>,
}

/// The payments of a tenant, newest first.
#[utoipa::path(
    get, path = "/api/v1/payments", operation_id = "list_payments", tag = "payments", params(PaymentsQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`meta.next_cursor` leads to the next page", body = Success<Vec<PaymentBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    query: Result<Query<PaymentsQuery>, ApiError>,
    RawQuery(raw): RawQuery,
) -> Result<Response, ApiError> {
    caller.permit(&LIST_PAYMENTS)?;
    // Before anything of it is repeated.
    cards::none_in_query(raw.as_deref())?;
    let Query(query) = query?;
    let tenant = tenant(&caller, query.tenant)?;
    let limit = cursor::limit(query.limit)?;
    let after = match &query.cursor {
        Some(cursor) => Some(read_cursor(cursor).ok_or_else(no_cursor)?),
        None => None,
    };
    let requires = still::required(&caller, Action::ReadPayments);
    still::check(&state, &caller, requires).await?;
    let filter = PaymentFilter {
        event: query.event.map(EventId),
        show: query.show.map(ShowId),
        state: query.state,
    };
    // One more than the page, to know whether there is a next one.
    let mut rows = state
        .store
        .payments_of_tenant(tenant, &filter, after, limit + 1)
        .await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| has_more);
    let next_cursor = last.map(|row| write_cursor(row.created_at_ms, row.id));
    let bodies: Vec<PaymentBody> = rows.into_iter().map(PaymentBody::for_staff).collect();
    envelope::success_page(&context, &bodies, &CursorMeta { next_cursor })
}

/// The tenant whose payments are listed: from the token, and from the request only where that reaches all of them.
pub(in crate::routes) fn tenant(caller: &Caller, asked: Option<Uuid>) -> Result<Uuid, ApiError> {
    match (caller.scope(), asked) {
        (TenantScope::All, Some(tenant)) => Ok(tenant),
        (TenantScope::All, None) => Err(ApiError::wrong(
            "tenant",
            Value::Null,
            "is required, because your token is of no tenant",
            "the id of a tenant",
        )),
        (TenantScope::One(own), asked) if asked.is_none_or(|asked| asked == own) => Ok(own),
        (TenantScope::One(_), _) => Err(ApiError::forbidden(
            "The payments of another tenant are read by operators.",
        )),
    }
}

/// The refusal of a cursor that this list did not give out, which may be anything.
pub(in crate::routes) fn no_cursor() -> ApiError {
    ApiError::invalid("cursor", Value::Null, "a next_cursor of an earlier answer")
}

pub(in crate::routes) fn write_cursor(created_at_ms: u64, id: Uuid) -> String {
    format!("{created_at_ms:x}.{}", id.simple())
}

pub(in crate::routes) fn read_cursor(cursor: &str) -> Option<MoneyPlace> {
    let (time, id) = cursor.split_once('.')?;
    Some(MoneyPlace {
        created_at_ms: u64::from_str_radix(time, 16).ok()?,
        id: Uuid::try_parse(id).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_and_a_made_up_one_nowhere() {
        let id = Uuid::from_u128(99);
        let place = MoneyPlace {
            created_at_ms: 1_234,
            id,
        };
        assert_eq!(read_cursor(&write_cursor(1_234, id)), Some(place));
        for bad in ["", ".", "12", "x.0000", "1.abc"] {
            assert_eq!(read_cursor(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_state_can_be_asked_for() {
        let states: Vec<&str> = PaymentState::ALL
            .iter()
            .map(|state| state.as_str())
            .collect();
        assert_eq!(states, STATES);
    }
}
