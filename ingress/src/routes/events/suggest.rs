//! `GET /events/suggest`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_search::limits::{QUERY_CHARS_MAX, SUGGESTIONS_MAX};
use onsale_search::{Suggestion, SuggestionKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::AppState;
use crate::text;

const LIMIT_DEFAULT: u32 = 10;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("q"), Bound::AtMost(QUERY_CHARS_MAX)),
    (
        Of::Parameter("limit"),
        Bound::Range(1, SUGGESTIONS_MAX as u64),
    ),
];

/// What is being typed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuggestQuery {
    /// The text so far. There are no suggestions for one without a letter or digit.
    q: String,
    /// How many at most, 1 to 20 (default 10).
    limit: Option<u32>,
}

/// A completion of what is being typed.
#[derive(Serialize, ToSchema)]
#[schema(as = Suggestion)]
pub(crate) struct SuggestionBody {
    /// The whole text.
    text: String,
    /// What it names: `event`, `performer`, `venue` or `city`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// How many public events have it.
    events: usize,
}

impl From<Suggestion> for SuggestionBody {
    fn from(suggestion: Suggestion) -> Self {
        Self {
            text: suggestion.text,
            kind: match suggestion.kind {
                SuggestionKind::Event => "event",
                SuggestionKind::Performer => "performer",
                SuggestionKind::Venue => "venue",
                SuggestionKind::City => "city",
            },
            events: suggestion.events,
        }
    }
}

/// Completions of what somebody is typing.
///
/// Names of events, performers, venues and cities, the best first. Typos are forgiven where little has the words
/// as typed.
#[utoipa::path(
    get, path = "/api/v1/events/suggest", operation_id = "suggest_events", tag = "catalog", params(SuggestQuery),
    responses(
        (status = 200, description = "The suggestions; there may be none", body = Success<Vec<SuggestionBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many searches are being made, or the search is being prepared", body = Problem),
    ),
)]
pub(crate) async fn suggest(
    State(state): State<AppState>,
    context: RequestContext,
    Query(query): Query<SuggestQuery>,
) -> Result<Response, ApiError> {
    if !text::is_search(&query.q, QUERY_CHARS_MAX) {
        return Err(ApiError::invalid(
            "q",
            query.q,
            &format!(
                "at most {QUERY_CHARS_MAX} characters on one line, none of them a control character or \
                 one that overrides the direction of text"
            ),
        ));
    }
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let at_most = usize::try_from(limit).unwrap_or(usize::MAX);
    if !(1..=SUGGESTIONS_MAX).contains(&at_most) {
        let expected = format!("1 to {SUGGESTIONS_MAX}");
        return Err(ApiError::invalid("limit", limit, &expected));
    }
    let suggestions = state.finder.suggest(query.q, at_most).await?;
    let bodies: Vec<SuggestionBody> = suggestions.into_iter().map(SuggestionBody::from).collect();
    envelope::success(&context, StatusCode::OK, &bodies)
}
