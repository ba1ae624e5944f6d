//! `GET /tenants`

use axum::response::Response;
use onsale_accounts::SLUG_MAX_BYTES;
use onsale_store::account::Requirement;
use onsale_store::listed::ListedTenant;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::auth::{Caller, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::Query;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::cursor::{self, CursorMeta};
use crate::routes::still;
use crate::values::Instant;

/// Longest text that is searched for, in characters.
const SEARCH_MAX_CHARS: usize = 100;

/// What cursors of this list begin with: a slug alone would be a cursor whatever somebody writes there.
const MARK: &str = "behind.";

pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("search"), Bound::AtMost(SEARCH_MAX_CHARS)),
    cursor::LIMIT,
];

/// Which tenants.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TenantsQuery {
    /// Only tenants with this in name or slug; capital letters are the same as small ones.
    search: Option<String>,
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
    /// Tenants per page, 1 to 100 (default 50).
    limit: Option<u32>,
}

/// A tenant in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = ListedTenant)]
pub(crate) struct ListedTenantBody {
    tenant_id: Uuid,
    /// Its name in addresses.
    slug: String,
    name: String,
    created_at: Instant,
    /// What the caller is to it: `owner`, `manager`, `finance`, `box_office` or `scanner`; `null` in the list of an
    /// admin of the installation, which has all tenants.
    role: Option<&'static str>,
}

impl From<ListedTenant> for ListedTenantBody {
    fn from(listed: ListedTenant) -> Self {
        let ListedTenant { tenant, role } = listed;
        Self {
            tenant_id: tenant.tenant_id,
            slug: tenant.slug,
            name: tenant.name,
            created_at: Instant(tenant.created_at_ms),
            role: role.map(|role| role.as_str()),
        }
    }
}

/// List tenants by slug.
///
/// For an admin of the installation these are all that are open; for everyone else those that the account is a member
/// of, whichever of them the token is for.
#[utoipa::path(
    get, path = "/api/v1/tenants", operation_id = "list_tenants", tag = "tenants", params(TenantsQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`meta.next_cursor` leads to the next page", body = Success<Vec<ListedTenantBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn list(
    caller: Caller,
    call: AccountCall,
    Query(query): Query<TenantsQuery>,
) -> Result<Response, ApiError> {
    let limit = cursor::limit(query.limit)?;
    let search = query.search.map(searched).transpose()?;
    let after = query.cursor.as_deref().map(slug).transpose()?;
    let sees_all = caller.role == Role::Operator;
    let requires = if sees_all {
        Requirement::Admin
    } else {
        Requirement::Account
    };
    still::check(&call.state, &caller, requires).await?;
    let page = if sees_all {
        call.accounts.all_tenants(search, after, limit).await?
    } else {
        let user = caller.user.0;
        call.accounts.tenants_of(user, search, after, limit).await?
    };
    let bodies: Vec<ListedTenantBody> = page
        .tenants
        .into_iter()
        .map(ListedTenantBody::from)
        .collect();
    let next_cursor = page.next.as_deref().map(behind);
    envelope::success_page(&call.context, &bodies, &CursorMeta { next_cursor })
}

/// What may be searched for.
fn searched(text: String) -> Result<String, ApiError> {
    if text.chars().count() <= SEARCH_MAX_CHARS && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    let expected = format!("at most {SEARCH_MAX_CHARS} characters on one line");
    Err(ApiError::invalid("search", text, &expected))
}

/// The cursor of what is behind a slug.
fn behind(slug: &str) -> String {
    format!("{MARK}{slug}")
}

/// The slug that a cursor names.
fn slug(cursor: &str) -> Result<String, ApiError> {
    let is_one = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_slug =
        |slug: &&str| (1..=SLUG_MAX_BYTES).contains(&slug.len()) && slug.bytes().all(is_one);
    let slug = cursor.strip_prefix(MARK).filter(is_slug);
    slug.map(str::to_owned)
        .ok_or_else(|| cursor::no_cursor(cursor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_cursor_is_of_this_list() {
        for one in ["opera", "a", "0-1", &"x".repeat(SLUG_MAX_BYTES)] {
            assert_eq!(slug(&behind(one)).unwrap(), one);
        }
        let long = behind(&"x".repeat(SLUG_MAX_BYTES + 1));
        for other in [
            "",
            "zzz",
            "opera",
            "behind.",
            "behind.Opera",
            "behind.a b",
            "7",
            "1800000000000.00000000-0000-4000-8000-000000000001",
            &long,
        ] {
            let refused = slug(other).unwrap_err();
            assert_eq!(refused.code(), Code::ValidationError, "{other}");
        }
    }
}
