//! Discount and access codes of a show.

mod amend;
mod body;
mod create;
mod end_code;
mod end_group;
mod export;
mod issue;
mod list;
mod one;
mod terms;

use std::sync::Arc;

use onsale_schemas::limits::{CODE_GROUPS_PER_SHOW_MAX, CODES_PER_SHOW_MAX};
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::{CodeGroup, PartitionId, Rejection, ShowId};
use onsale_store::code::GroupTerms;
use serde_json::json;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::charts::Chart;
use crate::error::{ApiError, Code, RETRY_AFTER_BUSY_SECONDS};
use crate::idempotency::Identity;
use crate::rate_limit::Class;
use crate::rejection;
use crate::routes::call::Call;
use crate::routes::endpoints::Endpoints;
use crate::routes::managers::{MANAGE_EVENTS, Managed, managed_event};
use crate::routes::paging;
use crate::routes::visible;
use crate::rules::Rules;
use crate::state::AppState;
use crate::submit::was_decided;
use crate::versions::{self, IfMatch};

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(
            routes!(list::codes),
            Rules::DEFAULT.compressed().bounds(paging::BOUNDS),
        )
        .with(
            routes!(create::create),
            Rules::DEFAULT
                .class(Class::Codes)
                .compressed()
                .bounds(create::BOUNDS),
        )
        .with(
            routes!(one::one),
            Rules::DEFAULT.compressed().bounds(one::BOUNDS),
        )
        .with(
            routes!(amend::amend),
            Rules::DEFAULT.compressed().bounds(amend::BOUNDS),
        )
        .with(routes!(end_group::end), Rules::DEFAULT)
        .with(routes!(end_code::end), Rules::DEFAULT)
        .with(routes!(export::export), Rules::DEFAULT)
}

/// A show whose event the caller manages.
async fn managed(
    state: &AppState,
    caller: &Caller,
    show: ShowId,
) -> Result<(Arc<Chart>, Managed), ApiError> {
    caller.permit(&MANAGE_EVENTS)?;
    let chart = state.charts.chart(show).await?;
    let managed = managed_event(state, caller, chart.event, &MANAGE_EVENTS).await?;
    visible::ensure_listed(state, show).await?;
    // Codes may name ticket types that were put up for sale a moment ago.
    let chart = state.charts.newer(&chart).await;
    Ok((chart, managed))
}

/// The tag of a group of codes: of its name and its terms. What is counted is not in it, so that no order makes it one
/// of before.
fn tag(said: &GroupTerms) -> Result<String, ApiError> {
    versions::digest(said)
}

/// The group that a change is for, where the client says as what it has read it; `None` where it says nothing, and for
/// the very call that was decided before.
///
/// # Errors
/// `PRECONDITION_FAILED` where its terms are others now; `NOT_FOUND`; as every read.
async fn as_read(
    call: &Call,
    (show, group): (ShowId, CodeGroup),
    (identity, partition): (Identity, PartitionId),
    if_match: &IfMatch,
) -> Result<Option<GroupTerms>, ApiError> {
    let state = &call.state;
    if !if_match.is_given() || was_decided(state, identity, partition, None).await {
        return Ok(None);
    }
    let row = state.store.code_group(show, group).await?;
    let said = row
        .ok_or_else(|| ApiError::not_found("group of codes"))?
        .said;
    let present = tag(&said)?;
    if if_match.is_for(&present) {
        Ok(Some(said))
    } else {
        Err(versions::changed_to(&present))
    }
}

/// The answer to a refusal of a command about codes.
fn refused(why: &Rejection) -> ApiError {
    match why {
        Rejection::Full {
            table: FullTable::Codes,
        } => ApiError::new(
            Code::Overloaded,
            "There are as many codes as this part of the system has room for. Nothing was changed; \
             end codes that nobody needs any more.",
        )
        .with_details(json!({ "field": "count", "table": "codes" }))
        .retry_after(RETRY_AFTER_BUSY_SECONDS),
        Rejection::Invalid {
            reason: InvalidReason::TooMany,
        } => {
            let expected = format!(
                "at most {CODES_PER_SHOW_MAX} codes in {CODE_GROUPS_PER_SHOW_MAX} groups of a show, \
                 those that ended not counted"
            );
            ApiError::wrong(
                "count",
                json!(null),
                &format!("expected {expected}"),
                &expected,
            )
        }
        Rejection::CodeExists { code, .. } => {
            let error = rejection::to_error(why, None, None);
            match code {
                Some(code) => error
                    .with_detail("field", json!("code"))
                    .with_detail("code_id", json!(code)),
                None => error.with_detail("field", json!("terms")),
            }
        }
        other => rejection::to_error(other, None, None),
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::CodeHash;

    use super::*;

    #[test]
    fn a_refusal_names_what_would_be_right() {
        let hash = CodeHash::from_bytes([7; 16]);
        for (why, code, field) in [
            (
                Rejection::Full {
                    table: FullTable::Codes,
                },
                "OVERLOADED",
                json!("count"),
            ),
            (
                Rejection::Invalid {
                    reason: InvalidReason::TooMany,
                },
                "VALIDATION_ERROR",
                json!("count"),
            ),
            (
                Rejection::Invalid {
                    reason: InvalidReason::Code,
                },
                "VALIDATION_ERROR",
                json!("terms"),
            ),
            (
                Rejection::CodeExists {
                    group: 5,
                    code: Some(hash),
                },
                "CODE_EXISTS",
                json!("code"),
            ),
            (
                Rejection::CodeExists {
                    group: 5,
                    code: None,
                },
                "CODE_EXISTS",
                json!("terms"),
            ),
            (Rejection::UnknownCode, "NOT_FOUND", json!(null)),
            (Rejection::ShowCancelled, "SHOW_CANCELLED", json!(null)),
        ] {
            let error = refused(&why);
            assert_eq!(error.code().as_str(), code);
            let found = error.details().map(|details| details["field"].clone());
            assert_eq!(found.unwrap_or_default(), field, "{why:?}");
        }
        let exists = refused(&Rejection::CodeExists {
            group: 5,
            code: Some(hash),
        });
        assert_eq!(
            exists.details().unwrap(),
            &json!({ "group": 5, "field": "code", "code_id": hash })
        );
    }
}
