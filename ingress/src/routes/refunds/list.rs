//! `GET /refunds`

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use onsale_accounts::Action;
use onsale_schemas::command::Currency;
use onsale_store::payment::RefundState;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::body::RefundBody;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::Query;
use crate::payments::cards;
use crate::routes::cursor::{self, CursorMeta};
use crate::routes::payments::list::{LIST_PAYMENTS, no_cursor, read_cursor, tenant, write_cursor};
use crate::routes::still;
use crate::state::AppState;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("state"), Bound::OneOf(STATES)),
    cursor::LIMIT,
];

/// The names of where a refund may stand.
const STATES: &[&str] = &[
    "requested",
    "approved",
    "processing",
    "done",
    "refused",
    "needs_operator",
];

/// Which refunds.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefundsQuery {
    /// The tenant; for operators, who are of none.
    tenant: Option<Uuid>,
    /// Only where they stand so, as `requested`.
    #[param(value_type = Option<String>)]
    state: Option<RefundState>,
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
    /// Refunds per page, 1 to 100 (default 50).
    limit: Option<u32>,
}

/// The refunds of a tenant, newest first: those with `state=requested` wait for a decision.
#[utoipa::path(
    get, path = "/api/v1/refunds", operation_id = "list_refunds", tag = "payments", params(RefundsQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`meta.next_cursor` leads to the next page", body = Success<Vec<RefundBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    query: Result<Query<RefundsQuery>, ApiError>,
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
    // One more than the page, to know whether there is a next one.
    let mut rows = state
        .store
        .refunds_of_tenant(tenant, query.state, after, limit + 1)
        .await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| has_more);
    let next_cursor = last.map(|row| write_cursor(row.created_at_ms, row.id));
    let mut currencies: BTreeMap<Uuid, Currency> = BTreeMap::new();
    let mut bodies = Vec::with_capacity(rows.len());
    for row in rows {
        let currency = match currencies.get(&row.payment) {
            Some(currency) => *currency,
            None => {
                let payment = state.store.payment(row.payment).await?;
                let payment = payment
                    .ok_or_else(|| ApiError::damaged(format!("no payment of refund {}", row.id)))?;
                currencies.insert(payment.id, payment.currency);
                payment.currency
            }
        };
        bodies.push(RefundBody::new(row, currency));
    }
    envelope::success_page(&context, &bodies, &CursorMeta { next_cursor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_can_be_asked_for() {
        let states: Vec<&str> = RefundState::ALL
            .iter()
            .map(|state| state.as_str())
            .collect();
        assert_eq!(states, STATES);
    }
}
