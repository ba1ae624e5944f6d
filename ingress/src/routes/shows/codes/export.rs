//! `GET /shows/{id}/codes/{group}/export`

use async_trait::async_trait;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use onsale_accounts::Action;
use onsale_schemas::{CodeGroup, CodeHash, ShowId};
use onsale_store::{Scope, Store};

use super::managed;
use crate::audit_pages::csv;
use crate::auth::Caller;
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::PathGroup;
use crate::routes::exports::{self, File, Pages};
use crate::routes::still;
use crate::state::AppState;

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
    let counted = exports::enter(&state, &caller)?;
    // Later pages are read outside of the handler's task.
    let store = state.store.within(Scope::current());
    let mut export = Export {
        state: state.clone(),
        store,
        caller,
        show,
        group,
        after: None,
        is_last: false,
    };
    let mut first = HEADER.to_vec();
    first.extend(export.next().await?.unwrap_or_default());
    let file = File {
        content_type: exports::CSV,
        disposition: HeaderValue::from_static("attachment; filename=\"codes.csv\""),
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
    store: Store,
    caller: Caller,
    show: ShowId,
    group: CodeGroup,
    after: Option<CodeHash>,
    is_last: bool,
}

#[async_trait]
impl Pages for Export {
    const WHAT: &'static str = "codes";

    fn is_last(&self) -> bool {
        self.is_last
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let requires = still::required(&self.caller, Action::ManageEvents);
        still::check(&self.state, &self.caller, requires).await?;
        let (show, group) = (self.show, self.group);
        let codes = self
            .store
            .codes_of_group(show, group, self.after, CODES_PER_PAGE)
            .await?;
        self.is_last = codes.len() < usize::try_from(CODES_PER_PAGE).unwrap_or(usize::MAX);
        self.after = codes.last().map(|row| row.code).or(self.after);
        let mut lines = Vec::new();
        for row in codes.iter().filter(|row| row.ended_at_ms.is_none()) {
            let text = self.state.codes.open(row).unwrap_or_default();
            csv::field(&text, &mut lines);
            lines.extend_from_slice(format!(",{}\r\n", row.uses).as_bytes());
        }
        Ok(Some(lines.into()))
    }
}
