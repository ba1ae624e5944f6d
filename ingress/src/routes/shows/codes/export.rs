//! `GET /shows/{id}/codes/{group}/export`

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use onsale_accounts::Action;
use onsale_schemas::{CodeGroup, CodeHash, ShowId};
use onsale_store::{Scope, Store};

use super::managed;
use crate::audit_pages::csv;
use crate::auth::Caller;
use crate::envelope::Problem;
use crate::error::{ApiError, Code};
use crate::extract::PathGroup;
use crate::rate_limit::Key;
use crate::routes::still;
use crate::state::AppState;
use crate::tally::Counted;

/// Exports of one user at a time.
const EXPORTS_PER_USER_MAX: usize = 2;
/// When a further one may be asked for, in seconds.
const RETRY_AFTER_SECONDS: u64 = 10;
/// Codes that are read and written at once: about 20 kB.
const CODES_PER_PAGE: u32 = 500;
/// The first line.
const HEADER: &[u8] = b"code,uses\r\n";

/// The codes of a group that count, all of them, as CSV: the code and how often it is in use.
///
/// The answer is written while it is read, so its length is not known when it begins; one that breaks off
/// before its end (without the last chunk) is not whole. A field that a spreadsheet would take for a formula
/// has an apostrophe in front. A code whose text was not kept has an empty field.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}/codes/{group}/export", operation_id = "export_codes", tag = "offers",
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("group" = u32, Path, description = "The group's `group_id`"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The codes, a line each", content((String = "text/csv"))),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: this user has the most exports under way that it may", body = Problem),
    ),
)]
pub(crate) async fn export(
    State(state): State<AppState>,
    caller: Caller,
    PathGroup(id, group): PathGroup,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    managed(&state, &caller, show).await?;
    let row = state.store.code_group(show, group).await?;
    if row.is_none() {
        return Err(ApiError::not_found("group of codes"));
    }
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
    // Later pages are read outside of the handler's task.
    let store = state.store.within(Scope::current());
    let mut export = Export {
        state,
        store,
        caller,
        show,
        group,
        after: None,
        is_last: false,
        _counted: counted,
    };
    // Before the head is sent, so that a database that does not answer is a 503.
    let mut first = HEADER.to_vec();
    export.next(&mut first).await?;
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
        let mut page = Vec::new();
        match export.next(&mut page).await {
            Ok(()) => Some((Ok(Bytes::from(page)), (None, Some(export)))),
            Err(error) => {
                // The client sees an answer that breaks off.
                tracing::warn!(error = error.detail(), "an export of codes breaks off");
                let error = io::Error::other("the codes cannot be read");
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
        HeaderValue::from_static("attachment; filename=\"codes.csv\""),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What is left of an export. No connection to the database is held while the client reads.
struct Export {
    state: AppState,
    store: Store,
    caller: Caller,
    show: ShowId,
    group: CodeGroup,
    after: Option<CodeHash>,
    is_last: bool,
    _counted: Counted,
}

impl Export {
    /// Adds the lines of the next codes. An export may take long, so each page takes the right anew.
    async fn next(&mut self, into: &mut Vec<u8>) -> Result<(), ApiError> {
        let requires = still::required(&self.caller, Action::ManageEvents);
        still::check(&self.state, &self.caller, requires).await?;
        let (show, group) = (self.show, self.group);
        let codes = self
            .store
            .codes_of_group(show, group, self.after, CODES_PER_PAGE)
            .await?;
        self.is_last = codes.len() < usize::try_from(CODES_PER_PAGE).unwrap_or(usize::MAX);
        self.after = codes.last().map(|row| row.code).or(self.after);
        for row in codes.iter().filter(|row| row.ended_at_ms.is_none()) {
            let text = self.state.codes.open(row).unwrap_or_default();
            csv::field(&text, into);
            into.extend_from_slice(format!(",{}\r\n", row.uses).as_bytes());
        }
        Ok(())
    }
}
