//! `GET /audit/export`

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use onsale_store::audit::AuditFilter;
use onsale_store::{Scope, Store};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::csv;
use super::filter::{NAME_MAX_CHARS, READ_AUDIT, Wanted};
use super::list::EntryBody;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::Problem;
use crate::error::{ApiError, Code};
use crate::extract::Query;
use crate::rate_limit::Key;
use crate::state::AppState;
use crate::tally::Counted;
use crate::values::Instant;

/// Entries that are read and rendered at once: about 200 KB, and never more than a few MB.
const ENTRIES_PER_PAGE: u32 = 500;
/// Exports of one user at a time.
const EXPORTS_PER_USER_MAX: usize = 2;
/// When a further one may be asked for, in seconds.
const RETRY_AFTER_SECONDS: u64 = 10;

pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("format"), Bound::OneOf(&["csv", "jsonl"])),
    (Of::Parameter("action"), Bound::AtMost(NAME_MAX_CHARS)),
    (Of::Parameter("kind"), Bound::AtMost(NAME_MAX_CHARS)),
    (Of::Parameter("from"), Bound::Instant),
    (Of::Parameter("to"), Bound::Instant),
];

/// How entries are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExportFormat {
    /// RFC 4180, with a line of names first.
    #[default]
    Csv,
    /// An entry a line, as `GET /audit` has them.
    Jsonl,
}

impl ExportFormat {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Jsonl => "application/jsonl",
        })
    }

    fn file(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "attachment; filename=\"audit.csv\"",
            Self::Jsonl => "attachment; filename=\"audit.jsonl\"",
        })
    }
}

/// Which entries, and how.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `csv` (the default) or `jsonl`.
    #[param(value_type = Option<String>)]
    format: Option<ExportFormat>,
    /// Only what this account or key did.
    actor: Option<Uuid>,
    /// Only this action, as `event.change`.
    action: Option<String>,
    /// Only about this kind of thing, as `event`.
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
        (status = 200, description = "The entries, a line each (`application/jsonl` with `format=jsonl`)", content_type = "text/csv", body = String),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
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
        actor: query.actor,
        action: query.action,
        kind: query.kind,
        entity: query.entity,
        from: query.from,
        to: query.to,
    };
    let filter = AuditFilter {
        limit: ENTRIES_PER_PAGE,
        ..wanted.filter(&caller)?
    };
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
    let mut pages = Pages {
        // Later pages are read outside of the handler's task.
        store: state.store.within(Scope::current()),
        state,
        filter,
        format,
        is_first: true,
        is_last: false,
        _counted: counted,
    };
    // Before the head is sent, so that a database that does not answer is a 503.
    let first = pages.next().await?;
    let body = futures::stream::unfold((first, pages), |(ready, mut pages)| async move {
        if let Some(bytes) = ready {
            return Some((Ok(bytes), (None, pages)));
        }
        if pages.is_last {
            return None;
        }
        if pages.state.closing.is_cancelled() {
            pages.is_last = true;
            let error = io::Error::other("the server stops");
            return Some((Err(error), (None, pages)));
        }
        match pages.next().await {
            Ok(bytes) => bytes.map(|bytes| (Ok(bytes), (None, pages))),
            Err(error) => {
                // The client sees an answer that breaks off.
                tracing::warn!(?error, "an export of the audit trail breaks off");
                pages.is_last = true;
                let error = io::Error::other("the entries cannot be read");
                Some((Err(error), (None, pages)))
            }
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, format.content_type());
    headers.insert(CONTENT_DISPOSITION, format.file());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What is left of an export. No connection to the database is held while the client reads, and one that
/// does not read is dealt with as with every answer.
struct Pages {
    state: AppState,
    /// For whom the handler worked.
    store: Store,
    filter: AuditFilter,
    format: ExportFormat,
    is_first: bool,
    is_last: bool,
    _counted: Counted,
}

impl Pages {
    /// The next entries as they are sent; `None` behind the last ones.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.is_last {
            return Ok(None);
        }
        let rows = self.store.audit(&self.filter).await?;
        self.is_last = rows.len() < usize::try_from(ENTRIES_PER_PAGE).unwrap_or(usize::MAX);
        self.filter.before = rows.last().map(|row| row.audit_id);
        let mut bytes = Vec::new();
        if self.is_first && self.format == ExportFormat::Csv {
            bytes.extend_from_slice(csv::HEADER.as_bytes());
        }
        self.is_first = false;
        for row in rows {
            let entry = EntryBody::from(row);
            match self.format {
                ExportFormat::Csv => csv::write(&entry, &mut bytes),
                ExportFormat::Jsonl => {
                    serde_json::to_writer(&mut bytes, &entry).map_err(ApiError::internal)?;
                    bytes.push(b'\n');
                }
            }
        }
        Ok((!bytes.is_empty()).then(|| bytes.into()))
    }
}
