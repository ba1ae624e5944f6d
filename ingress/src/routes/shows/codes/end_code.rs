//! `DELETE /shows/{id}/codes/{group}/{code}`

use std::sync::Arc;

use axum::response::Response;
use onsale_schemas::code::EndedCodes;
use onsale_schemas::{CodeHash, Command, ShowId, TenantId};
use onsale_store::audit::Changes;
use onsale_store::code::{CodesChange, CodesProposal};
use uuid::Uuid;

use super::body::EndedCodesBody;
use super::end_group::Ending;
use super::{as_read, managed};
use crate::auth::OnBehalf;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathCode, PathGroup};
use crate::idempotency::IdempotencyKey;
use crate::routes::call::{Call, Order, Proposal};
use crate::state::AppState;
use crate::submit::PendingAnswer;
use crate::versions::IfMatch;

/// End one code.
///
/// It is named by its `code_id`, which may stand in anybody's log; its text is taken as well.
#[utoipa::path(
    delete, path = "/api/v1/shows/{id}/codes/{group}/{code}", operation_id = "end_code", tag = "offers",
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("group" = u32, Path, description = "The group's `group_id`"),
        ("code" = String, Path, description = "The code's `code_id`, or its text"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the group as you read it: nothing is changed if someone else has changed its terms since"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The code has ended", body = Success<EndedCodesBody>),
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
    PathCode(PathGroup(id, group), text): PathCode,
    if_match: IfMatch,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    let (chart, managed) = managed(&call.state, &call.caller, show).await?;
    let code = named(&call.state, chart.tenant, show, text.expose())?;
    let known = call.state.store.code_terms(show, code).await?;
    if known.is_some_and(|(of, _terms)| of != group) {
        return Err(ApiError::not_found("code"));
    }
    let identity = call.identity("end code", format_args!("{id}/{group}/{code}"), &[]);
    let decided = (identity, chart.partition);
    // Whatever becomes of the terms meanwhile, the code ends.
    as_read(&call, (show, group), decided, &if_match).await?;
    let mut changes = Changes::default();
    changes.field("ended_code", &None, &Some(code));
    let order = Order {
        identity,
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: chart.partition,
        command: Command::EndCodes {
            show,
            which: EndedCodes::Code(code),
        },
        answering: Arc::new(Ending {
            group,
            code: Some(code),
        }),
    };
    let proposal = CodesProposal {
        show,
        tenant: chart.tenant.0,
        change: CodesChange::EndCode(code),
        codes: Vec::new(),
    };
    call.propose(
        order,
        Proposal::Codes(Box::new(proposal)),
        chart.tenant.0,
        changes,
    )
    .await
}

/// The code of an id or of a text.
fn named(
    state: &AppState,
    tenant: TenantId,
    show: ShowId,
    text: &str,
) -> Result<CodeHash, ApiError> {
    match text.parse::<Uuid>() {
        Ok(id) => Ok(CodeHash(id)),
        Err(_error) => state
            .codes
            .hash(tenant, show, text)
            .map_err(|_error| ApiError::not_found("code")),
    }
}
