//! `DELETE /shows/{id}/codes/{group}`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::code::EndedCodes;
use onsale_schemas::{CodeGroup, CodeHash, Command, Outcome, OutcomeRecord, PartitionId, ShowId};
use onsale_store::audit::Changes;
use onsale_store::code::{CodesChange, CodesProposal};

use super::body::EndedCodesBody;
use super::{as_read, managed, refused, tag};
use crate::auth::OnBehalf;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::PathGroup;
use crate::idempotency::IdempotencyKey;
use crate::routes::call::{Call, Order, Proposal};
use crate::routes::projected::is_ahead_of_catalog;
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, unexpected};
use crate::versions::{self, IfMatch};

/// End a group with all its codes.
///
/// They are unknown from now on, and bookings with them keep their prices. The log is asked even where the
/// database has lost the group.
#[utoipa::path(
    delete, path = "/api/v1/shows/{id}/codes/{group}", operation_id = "end_codes", tag = "offers",
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("group" = u32, Path, description = "The group's `group_id`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the group as you read it: nothing is changed if someone else has changed its terms since"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The codes have ended", body = Success<EndedCodesBody>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SHOW_CANCELLED`", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: someone has changed the terms since; `details.etag` is their present one", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn end(
    call: Call,
    PathGroup(id, group): PathGroup,
    if_match: IfMatch,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    let (chart, managed) = managed(&call.state, &call.caller, show).await?;
    let identity = call.identity("end codes", format_args!("{id}/{group}"), &[]);
    let decided = (identity, chart.partition);
    let before = as_read(&call, (show, group), decided, &if_match).await?;
    let mut changes = Changes::default();
    changes.field("ended_group", &None, &Some(group));
    let order = Order {
        identity,
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: chart.partition,
        command: Command::EndCodes {
            show,
            which: EndedCodes::Group(group),
        },
        answering: Arc::new(Ending { group, code: None }),
    };
    let proposal = CodesProposal {
        show,
        tenant: chart.tenant.0,
        change: CodesChange::EndGroup(group),
        codes: Vec::new(),
    };
    let (state, proposal) = (call.state.clone(), Box::new(proposal));
    let Some(before) = before else {
        let proposal = Proposal::Codes(proposal);
        return call.propose(order, proposal, chart.tenant.0, changes).await;
    };
    // Looked at once more where it is written down, for others may be changing them.
    let proposal = Proposal::Terms(proposal, Box::new(before));
    match call.propose(order, proposal, chart.tenant.0, changes).await {
        Err(error) if error.code() == Code::PreconditionFailed => {
            let row = state.store.code_group(show, group).await?;
            let row = row.ok_or_else(|| ApiError::not_found("group of codes"))?;
            Err(versions::changed_to(&tag(&row.said)?))
        }
        answer => answer,
    }
}

/// Answers the end of codes. The caller should find it in the lists, but a projection that is behind is no
/// reason to call it failed.
pub(super) struct Ending {
    pub(super) group: CodeGroup,
    pub(super) code: Option<CodeHash>,
}

#[async_trait]
impl Answering for Ending {
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let ended = match &record.outcome {
            Outcome::CodesEnded { ended, .. } => *ended,
            Outcome::Rejected(why) => return Err(refused(why)),
            other => return Err(unexpected("end codes", other)),
        };
        is_ahead_of_catalog(state, partition, record).await;
        Final::new(
            StatusCode::OK,
            &EndedCodesBody {
                group_id: self.group,
                code_id: self.code.map(|code| code.0),
                ended,
            },
        )
    }

    fn tells_of_bookings(&self, _record: &OutcomeRecord) -> bool {
        false
    }
}
