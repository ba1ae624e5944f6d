//! `GET /audit/export`

use async_trait::async_trait;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use onsale_accounts::Action;
use onsale_store::Scope;
use onsale_store::audit::SUBJECT_KINDS;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::filter::{ACTION_FORM, NAME_MAX_CHARS, READ_AUDIT, Wanted};
use crate::audit_pages::{AuditFormat, AuditPages, AuditPagesError};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::Query;
use crate::routes::exports::{self, File, Pages};
use crate::routes::still;
use crate::state::AppState;
use crate::values::Instant;

pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("format"), Bound::OneOf(&["csv", "jsonl"])),
    (
        Of::Parameter("action"),
        Bound::Form(ACTION_FORM, NAME_MAX_CHARS),
    ),
    (Of::Parameter("kind"), Bound::OneOf(SUBJECT_KINDS)),
    (Of::Parameter("from"), Bound::Instant),
    (Of::Parameter("to"), Bound::Instant),
];

fn content_type(format: AuditFormat) -> HeaderValue {
    match format {
        AuditFormat::Csv => exports::CSV,
        AuditFormat::Jsonl => HeaderValue::from_static("application/jsonl"),
    }
}

fn file(format: AuditFormat) -> HeaderValue {
    HeaderValue::from_static(match format {
        AuditFormat::Csv => "attachment; filename=\"audit.csv\"",
        AuditFormat::Jsonl => "attachment; filename=\"audit.jsonl\"",
    })
}

/// Which entries, and how.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `csv` (the default) or `jsonl`.
    #[param(value_type = Option<String>)]
    format: Option<AuditFormat>,
    /// Only about what belongs to this tenant: operators export all otherwise, everyone else its own alone.
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
}

/// The same entries as `GET /audit` lists, all of them, newest first.
///
/// The answer is written while it is read, so its length is not known when it begins; one that breaks off
/// before its end (without the last chunk) is not whole. In CSV a field that a spreadsheet would take for a
/// formula has an apostrophe in front.
#[utoipa::path(
    get, path = "/api/v1/audit/export", operation_id = "export_audit", tag = "tenants", params(ExportQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The entries, a line each", content(
            (String = "text/csv"), (String = "application/jsonl"),
        )),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: this user has the most exports under way that it may", body = Problem),
    ),
)]
pub(crate) async fn export(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> Result<Response, ApiError> {
    caller.permit(&READ_AUDIT)?;
    let format = query.format.unwrap_or_default();
    let wanted = Wanted {
        tenant: query.tenant,
        actor: query.actor,
        action: query.action,
        kind: query.kind,
        entity: query.entity,
        from: query.from,
        to: query.to,
    };
    let filter = wanted.filter(&caller)?;
    let counted = exports::enter(&state, &caller)?;
    // Later pages are read outside of the handler's task.
    let store = state.store.within(Scope::current());
    let mut export = Export {
        state: state.clone(),
        caller,
        pages: AuditPages::new(store, filter, format),
    };
    let first = export.next().await?;
    let file = File {
        content_type: content_type(format),
        disposition: file(format),
    };
    Ok(exports::answer(state, counted, first, export, file))
}

/// What is left of an export. No connection to the database is held while the client reads, and one that
/// does not read is dealt with as with every answer.
struct Export {
    state: AppState,
    caller: Caller,
    pages: AuditPages,
}

#[async_trait]
impl Pages for Export {
    const WHAT: &'static str = "audit trail";

    fn is_last(&self) -> bool {
        self.pages.is_last()
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let requires = still::required(&self.caller, Action::ReadAudit);
        still::check(&self.state, &self.caller, requires).await?;
        let page = self.pages.next_page().await;
        Ok(page.map_err(failure)?.map(Bytes::from))
    }
}

fn failure(error: AuditPagesError) -> ApiError {
    match error {
        AuditPagesError::Store(error) => error.into(),
        AuditPagesError::Json(error) => ApiError::internal(error),
    }
}
