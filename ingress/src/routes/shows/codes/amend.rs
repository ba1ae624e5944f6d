//! `PATCH /shows/{id}/codes/{group}`

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::code::AmendCodes;
use onsale_schemas::limits::{TYPES_PER_SHOW_MAX, ZONES_PER_SHOW_MAX};
use onsale_schemas::{CodeGroup, Command, Outcome, OutcomeRecord, PartitionId, ShowId};
use onsale_store::audit::Changes;
use onsale_store::code::{CodeGroupRow, CodeKind, CodesChange, CodesProposal, GroupTerms};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::CodeGroupBody;
use super::create::NAME_MAX_CHARS;
use super::terms::{PLACES_MAX, Said, USES_MAX, USES_PER_USER_MAX, names_unknown};
use super::{managed, refused};
use crate::auth::{Caller, OnBehalf};
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::Chart;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, PathGroup, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::percent::Percent;
use crate::routes::call::{Call, Order, Proposal};
use crate::routes::events::body::check_line;
use crate::routes::managers::MANAGE_EVENTS;
use crate::routes::projected::{is_ahead_of_catalog, wait_for_before};
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, unexpected};
use crate::values::{Instant, Money};

/// How long another change of the group is waited for, until the catalog has it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long until it is looked for again.
const PAUSE: Duration = Duration::from_millis(50);
/// When whoever was kept out by others may ask again.
const RETRY_AFTER_SECONDS: u64 = 1;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("AmendCodesRequest", "name"),
        Bound::Line(NAME_MAX_CHARS),
    ),
    (Of::Field("AmendCodesRequest", "uses_max"), USES_MAX),
    (
        Of::Field("AmendCodesRequest", "uses_per_user_max"),
        USES_PER_USER_MAX,
    ),
    (Of::Field("AmendCodesRequest", "places_max"), PLACES_MAX),
];

/// New terms; what is left out stays as it is. Bookings keep their prices.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmendCodesRequest {
    name: Option<String>,
    /// In the place of an amount, too. With at most two decimals.
    #[schema(value_type = Option<f64>)]
    percent: Option<Percent>,
    /// Replaces a percentage as well: a group of codes has one discount.
    amount: Option<Money>,
    /// 0 is no limit. Fewer than there are take nothing away; none is granted until they are fewer again.
    uses_max: Option<u32>,
    uses_per_user_max: Option<u16>,
    places_max: Option<u8>,
    from: Option<Instant>,
    until: Option<Instant>,
    /// Ids of zones, as the zones of the show have them (`zone_id`). None is all.
    #[schema(max_items = 256)]
    zones: Option<Vec<Uuid>>,
    /// Names of ticket types. None is all.
    #[schema(max_items = 64)]
    ticket_types: Option<Vec<String>>,
    presale: Option<bool>,
    opens: Option<bool>,
}

// What the document says of the lists, which may be empty here.
const _: () = assert!(ZONES_PER_SHOW_MAX == 256 && TYPES_PER_SHOW_MAX == 64);

impl RequestBody for AmendCodesRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_EVENTS)
    }
}

/// Change the terms of a group of codes, from the next order on.
#[utoipa::path(
    patch, path = "/api/v1/shows/{id}/codes/{group}", operation_id = "amend_codes", tag = "offers",
    request_body = AmendCodesRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("group" = u32, Path, description = "The group's `group_id`"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The group as it is now", body = Success<CodeGroupBody>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: there is no such group, or it has ended", body = Problem),
        (status = 409, description = "`SHOW_CANCELLED`; `REQUEST_IN_PROGRESS`: others are changing the group, nothing was changed; `TERMS_UNKNOWN`: the database is older than the group's terms, so all of them have to be named (`details.missing`)", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn amend(
    call: Call,
    PathGroup(id, group): PathGroup,
    body: JsonBody<AmendCodesRequest>,
) -> Result<Response, ApiError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let request = body.value.clone();
        match attempt(call.clone(), (id, group), request, &body.bytes).await {
            // Another change of the group is on its way through the log, or has just been projected.
            Err(error) if error.code() == Code::PreconditionFailed => {}
            answer => return answer,
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(ApiError::new(
                Code::RequestInProgress,
                "Another change of these codes is on its way. Nothing was changed; repeat it in a moment.",
            )
            .retry_after(RETRY_AFTER_SECONDS));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Changes the terms of a group as it is now; `PRECONDITION_FAILED` where somebody else is just changing them.
async fn attempt(
    call: Call,
    (id, group): (Uuid, CodeGroup),
    request: AmendCodesRequest,
    bytes: &[u8],
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    let (chart, managed) = managed(&call.state, &call.caller, show).await?;
    // What is left out is taken from there.
    wait_for_before(&call.state, chart.partition).await?;
    let row = call.state.store.code_group(show, group).await?;
    let row = row.filter(|row| row.ended_at_ms.is_none());
    let is_lacking = call.state.store.lacks_codes(show, group).await?;
    let row = match row {
        Some(row) => row,
        None if is_lacking => {
            return Err(ApiError::new(
                Code::TermsUnknown,
                "The database is older than this group of codes. End the group, or have an operator run `onsale \
                 reconcile`. Nothing was changed.",
            ));
        }
        None => return Err(ApiError::not_found("group of codes")),
    };
    if is_lacking {
        request.check_whole(row.said.kind)?;
    }
    let is_missing = |chart: &Chart| {
        let (zones, types) = (request.zones.as_deref(), request.ticket_types.as_deref());
        names_unknown(zones, types, chart)
    };
    let chart = call.state.charts.knowing(&chart, &is_missing).await;
    let said = read(request, &row.said, &chart)?;
    let mut changes = Changes::default();
    changes.field("group", &row.said, &said);
    let order = Order {
        identity: call.identity("amend codes", format_args!("{id}/{group}"), bytes),
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: chart.partition,
        command: Command::AmendCodes(Box::new(AmendCodes {
            show,
            group,
            terms: said.terms.clone(),
        })),
        answering: Arc::new(Amending {
            row: CodeGroupRow {
                said: said.clone(),
                ..row.clone()
            },
            chart: chart.clone(),
        }),
    };
    let proposal = Box::new(CodesProposal {
        show,
        tenant: chart.tenant.0,
        change: CodesChange::Amend(said),
        codes: Vec::new(),
    });
    let proposal = Proposal::Terms(proposal, Box::new(row.said));
    call.propose(order, proposal, chart.tenant.0, changes).await
}

impl AmendCodesRequest {
    /// Whether no term is left out: of a group of which the database is older than the log they would come back from
    /// before.
    ///
    /// # Errors
    /// `TERMS_UNKNOWN` with those that are.
    fn check_whole(&self, kind: CodeKind) -> Result<(), ApiError> {
        let is_off = self.percent.is_some() || self.amount.is_some();
        let missing: Vec<&str> = [
            ("percent", is_off || kind == CodeKind::Access),
            ("uses_max", self.uses_max.is_some()),
            ("uses_per_user_max", self.uses_per_user_max.is_some()),
            ("places_max", self.places_max.is_some()),
            ("from", self.from.is_some()),
            ("until", self.until.is_some()),
            ("zones", self.zones.is_some()),
            ("ticket_types", self.ticket_types.is_some()),
            ("presale", self.presale.is_some()),
            ("opens", self.opens.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, is_given)| (!is_given).then_some(field))
        .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(unknown(&missing))
        }
    }
}

/// The refusal of a change that would take what is `missing` from a database that is older than the log.
fn unknown(missing: &[&str]) -> ApiError {
    ApiError::new(
        Code::TermsUnknown,
        "The database is older than the terms of these codes, so what you leave out is not known here. Name all \
         terms, or end the group, or have an operator run `onsale reconcile`. Nothing was changed.",
    )
    .with_details(json!({ "missing": missing }))
}

/// What a request makes of a group.
fn read(
    request: AmendCodesRequest,
    before: &GroupTerms,
    chart: &Chart,
) -> Result<GroupTerms, ApiError> {
    if let Some(name) = &request.name {
        check_line("name", name, NAME_MAX_CHARS)?;
    }
    let said = Said {
        percent: request.percent,
        amount: request.amount,
        uses_max: request.uses_max,
        uses_per_user_max: request.uses_per_user_max,
        places_max: request.places_max,
        from: request.from,
        until: request.until,
        zones: request.zones,
        ticket_types: request.ticket_types,
        presale: request.presale,
        opens: request.opens,
    };
    Ok(GroupTerms {
        group: before.group,
        name: request.name.or_else(|| before.name.clone()),
        kind: before.kind,
        terms: said.apply(before.kind, before.terms.clone(), chart)?,
    })
}

/// Answers an amendment. The projector writes it down. The caller should find it there, but a projection
/// that is behind is no reason to call it failed.
struct Amending {
    /// As it is when the projection is behind.
    row: CodeGroupRow,
    chart: Arc<Chart>,
}

#[async_trait]
impl Answering for Amending {
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        match &record.outcome {
            Outcome::CodesAmended { .. } => {}
            Outcome::Rejected(why) => return Err(refused(why)),
            other => return Err(unexpected("amend codes", other)),
        }
        let is_ahead = is_ahead_of_catalog(state, partition, record).await;
        let (show, group) = (self.row.show, self.row.said.group);
        // The caller manages it: that was looked at before it was asked for.
        let found = state.installation.code_group(show, group).await?;
        let row = found.filter(|_| !is_ahead);
        let row = row.as_ref().unwrap_or(&self.row);
        Final::new(StatusCode::OK, &CodeGroupBody::of(row, &self.chart))
    }

    fn tells_of_bookings(&self, _record: &OutcomeRecord) -> bool {
        false
    }
}
