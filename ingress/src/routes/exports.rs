//! Files that are written while they are read: a page of rows at a time, with no connection to the database held in
//! between, and no longer than who asked may read them.

use std::io;

use async_trait::async_trait;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::auth::Caller;
use crate::error::{ApiError, Code};
use crate::rate_limit::Key;
use crate::state::AppState;
use crate::tally::Counted;

/// Exports of one user at a time.
const EXPORTS_PER_USER_MAX: usize = 2;
/// When a further one may be asked for, in seconds.
const RETRY_AFTER_SECONDS: u64 = 10;
/// Rows with a first line of names.
pub(super) const CSV: HeaderValue =
    HeaderValue::from_static("text/csv; charset=utf-8; header=present");

/// What is left of an export.
#[async_trait]
pub(super) trait Pages: Send + 'static {
    /// What is exported, for the log of the program.
    const WHAT: &'static str;

    /// Whether the last page was read.
    fn is_last(&self) -> bool;

    /// The next page as it is sent; `None` behind the last one. An export may take long, so each page takes the
    /// right anew.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError>;
}

/// What a client is told of a file.
pub(super) struct File {
    pub(super) content_type: HeaderValue,
    /// `attachment`, with its name.
    pub(super) disposition: HeaderValue,
}

/// Counts an export of the caller until what it returns is dropped.
///
/// # Errors
/// `RATE_LIMITED` where the caller has the most under way that one may have.
pub(super) fn enter(state: &AppState, caller: &Caller) -> Result<Counted, ApiError> {
    let counted = state
        .exports
        .enter(Key::User(caller.user), EXPORTS_PER_USER_MAX);
    counted.ok_or_else(|| {
        ApiError::new(
            Code::RateLimited,
            "This user has the most exports under way that are allowed; let one end first.",
        )
        .retry_after(RETRY_AFTER_SECONDS)
    })
}

/// An export on its way.
struct Running<P> {
    state: AppState,
    pages: P,
    _counted: Counted,
}

/// The answer that begins with `first`, which was read before its head is sent, so that a database that does not
/// answer is a 503. One that breaks off has no last chunk.
pub(super) fn answer<P: Pages>(
    state: AppState,
    counted: Counted,
    first: Option<Bytes>,
    pages: P,
    file: File,
) -> Response {
    let running = Running {
        state,
        pages,
        _counted: counted,
    };
    let begun = (first, Some(running));
    let body = futures::stream::unfold(begun, |(ready, running)| async move {
        let mut running = running?;
        if let Some(bytes) = ready {
            return Some((Ok(bytes), (None, Some(running))));
        }
        if running.pages.is_last() {
            return None;
        }
        if running.state.closing.is_cancelled() {
            let error = io::Error::other("the server stops");
            return Some((Err(error), (None, None)));
        }
        match running.pages.next().await {
            Ok(bytes) => bytes.map(|bytes| (Ok(bytes), (None, Some(running)))),
            Err(error) => {
                // The client sees an answer that breaks off.
                tracing::warn!(
                    error = error.detail(),
                    export = P::WHAT,
                    "an export breaks off"
                );
                let error = io::Error::other("what is exported cannot be read");
                Some((Err(error), (None, None)))
            }
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, file.content_type);
    headers.insert(CONTENT_DISPOSITION, file.disposition);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
