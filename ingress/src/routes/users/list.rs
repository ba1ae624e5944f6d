//! `GET /users`

use axum::response::Response;
use onsale_accounts::{AccountQuery, EMAIL_MAX_BYTES};
use onsale_private::Private;
use onsale_store::listed::ListedPlace;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{AccountBody, ROLES, role};
use super::{acting, admit};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::Query;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::cursor::{self, CursorMeta};

/// Between the two parts of a cursor.
const SEPARATOR: char = '_';

pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("role"), Bound::OneOf(ROLES)),
    (Of::Parameter("email"), Bound::Length(EMAIL_MAX_BYTES)),
    cursor::LIMIT,
];

/// Which accounts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountsQuery {
    /// Only with this role in the installation: `buyer` or `admin`.
    role: Option<String>,
    /// Only the account of this address. It has to be whole: addresses are sealed and found by a keyed hash, so
    /// there is no searching by a part of one. Proxies may write it into their logs.
    email: Option<String>,
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
    /// Accounts per page, 1 to 100 (default 50).
    limit: Option<u32>,
}

/// The accounts of the installation that are not erased, newest first, for its admins.
///
/// Whose accounts were read is in the audit trail, by ids (`account.list`; `account.read` for one by its address).
#[utoipa::path(
    get, path = "/api/v1/users", operation_id = "list_users", tag = "accounts", params(AccountsQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`meta.next_cursor` leads to the next page", body = Success<Vec<AccountBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: where staff needs a second factor, show yours first (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn list(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    Query(query): Query<AccountsQuery>,
) -> Result<Response, ApiError> {
    admit(&caller)?;
    let query = AccountQuery {
        role: query.role.as_deref().map(role).transpose()?,
        email: query.email.map(Private::new),
        after: query.cursor.as_deref().map(place).transpose()?,
        limit: cursor::limit(query.limit)?,
    };
    let call = call?;
    let by = acting(&caller, &call);
    let page = call.accounts.accounts(&query, &by, call.now_ms).await?;
    let bodies: Vec<AccountBody> = page.accounts.into_iter().map(AccountBody::from).collect();
    let next_cursor = page
        .next
        .map(|next| format!("{}{SEPARATOR}{}", next.created_at_ms, next.user_id));
    envelope::success_page(&call.context, &bodies, &CursorMeta { next_cursor })
}

/// The place that a cursor names.
fn place(cursor: &str) -> Result<ListedPlace, ApiError> {
    let place = cursor.split_once(SEPARATOR).and_then(|(at, id)| {
        Some(ListedPlace {
            created_at_ms: at.parse().ok()?,
            user_id: id.parse().ok()?,
        })
    });
    place.ok_or_else(|| cursor::no_cursor(cursor))
}
