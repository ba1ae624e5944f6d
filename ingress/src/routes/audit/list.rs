//! `GET /audit`

use axum::extract::State;
use axum::response::Response;
use onsale_accounts::Action;
use onsale_store::audit::{AuditFilter, SUBJECT_KINDS};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::filter::{ACTION_FORM, NAME_MAX_CHARS, READ_AUDIT, Wanted};
use crate::audit_pages::EntryBody;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::Query;
use crate::routes::still;
use crate::state::AppState;
use crate::values::Instant;

/// Entries of one page.
const LIMIT_MAX: u32 = 500;
const LIMIT_DEFAULT: u32 = 50;

pub(super) const BOUNDS: Bounds = &[
    (
        Of::Parameter("action"),
        Bound::Form(ACTION_FORM, NAME_MAX_CHARS),
    ),
    (Of::Parameter("kind"), Bound::OneOf(SUBJECT_KINDS)),
    (Of::Parameter("from"), Bound::Instant),
    (Of::Parameter("to"), Bound::Instant),
    (Of::Parameter("limit"), Bound::Range(1, LIMIT_MAX as u64)),
];

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only about what belongs to this tenant: operators see all otherwise, everyone else its own alone.
    tenant: Option<Uuid>,
    /// Only what this account or key did.
    actor: Option<Uuid>,
    /// Only this action, as `event.change`.
    action: Option<String>,
    /// Only about this kind of thing.
    kind: Option<String>,
    /// Only about the thing with this id.
    entity: Option<String>,
    /// Only of this instant and later.
    #[param(value_type = Option<String>)]
    from: Option<Instant>,
    /// Only of before this instant.
    #[param(value_type = Option<String>)]
    to: Option<Instant>,
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
    /// Entries per page, 1 to 500 (default 50).
    limit: Option<u32>,
}

/// Added to `meta`.
#[derive(Serialize, ToSchema)]
struct CursorMeta {
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// Who did what, newest first: of the caller's tenant, or of all for operators.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "list_audit", tag = "tenants", params(AuditQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`meta.next_cursor` leads to the next page", body = Success<Vec<EntryBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Response, ApiError> {
    caller.permit(&READ_AUDIT)?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let expected = format!("1 to {LIMIT_MAX}");
        return Err(ApiError::invalid("limit", limit, &expected));
    }
    let before = match &query.cursor {
        Some(cursor) => Some(cursor.parse().map_err(|_| {
            ApiError::invalid("cursor", cursor, "a next_cursor of an earlier answer")
        })?),
        None => None,
    };
    let wanted = Wanted {
        tenant: query.tenant,
        actor: query.actor,
        action: query.action,
        kind: query.kind,
        entity: query.entity,
        from: query.from,
        to: query.to,
    };
    let filter = AuditFilter {
        before,
        // One more than the page, to know whether there is a next one.
        limit: limit + 1,
        ..wanted.filter(&caller)?
    };
    let requires = still::required(&caller, Action::ReadAudit);
    still::check(&state, &caller, requires).await?;
    let mut rows = state.store.audit(&filter).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| has_more);
    let next_cursor = last.map(|row| row.audit_id.to_string());
    let bodies: Vec<EntryBody> = rows.into_iter().map(EntryBody::from).collect();
    envelope::success_page(&context, &bodies, &CursorMeta { next_cursor })
}
