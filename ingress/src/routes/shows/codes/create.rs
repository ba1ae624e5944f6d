//! `POST /shows/{id}/codes`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::code::CreateCodes;
use onsale_schemas::limits::{
    CODES_PER_COMMAND_MAX, CODES_PER_SHOW_MAX, TYPES_PER_SHOW_MAX, ZONES_PER_SHOW_MAX,
};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{
    CodeGroup, CodeHash, Command, Outcome, OutcomeRecord, PartitionId, Rejection, ShowId,
};
use onsale_store::audit::Changes;
use onsale_store::catalog::ShowStatus;
use onsale_store::code::{CodeGroupRow, CodesChange, CodesProposal, GroupTerms};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{CodeBody, CodeGroupBody, CodeKind};
use super::issue::{PREFIX_FORM, PREFIX_MAX_CHARS, Wanted};
use super::terms::{self, PLACES_MAX, Said, USES_MAX, USES_PER_USER_MAX, names_unknown};
use super::{managed, refused};
use crate::auth::{Caller, OnBehalf};
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::Chart;
use crate::codes::{GENERATED_MAX_CHARS, GENERATED_MIN_CHARS, TYPED_MAX_BYTES};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::idempotency::{IdempotencyKey, Identity};
use crate::percent::Percent;
use crate::routes::call::{Call, Order, Proposal};
use crate::routes::events::body::check_line;
use crate::routes::managers::MANAGE_EVENTS;
use crate::routes::projected::is_ahead_of_catalog;
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, decided_at, unexpected, was_decided};
use crate::values::{Instant, Money};

pub(super) const NAME_MAX_CHARS: usize = 200;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("CodesRequest", "code"),
        Bound::Between(1, TYPED_MAX_BYTES),
    ),
    (
        Of::Field("CodesRequest", "count"),
        Bound::Range(1, CODES_PER_COMMAND_MAX as u64),
    ),
    (
        Of::Field("CodesRequest", "prefix"),
        Bound::Form(PREFIX_FORM, PREFIX_MAX_CHARS),
    ),
    (
        Of::Field("CodesRequest", "length"),
        Bound::Range(GENERATED_MIN_CHARS as u64, GENERATED_MAX_CHARS as u64),
    ),
    (
        Of::Field("CodesRequest", "name"),
        Bound::Line(NAME_MAX_CHARS),
    ),
    (Of::Field("CodesRequest", "uses_max"), USES_MAX),
    (
        Of::Field("CodesRequest", "uses_per_user_max"),
        USES_PER_USER_MAX,
    ),
    (Of::Field("CodesRequest", "places_max"), PLACES_MAX),
    (
        Of::Field("CodesRequest", "zones"),
        Bound::Items(ZONES_PER_SHOW_MAX),
    ),
    (
        Of::Field("CodesRequest", "ticket_types"),
        Bound::Items(TYPES_PER_SHOW_MAX),
    ),
];

/// New codes with the same terms.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "count": 500, "prefix": "FRIENDS", "name": "Friends of the house", "kind": "discount",
    "percent": 15, "uses_max": 1, "places_max": 2, "until": "2030-04-01T00:00:00Z",
}))]
pub(crate) struct CodesRequest {
    /// One code: 4 to 64 characters besides spaces and hyphens, which nobody has to type. Capitals are as
    /// good as small letters.
    code: Option<String>,
    /// So many codes are generated.
    count: Option<u32>,
    /// Generated codes begin with it.
    prefix: Option<String>,
    /// Characters of a generated code behind its prefix, five bits each (default 12).
    length: Option<u32>,
    name: Option<String>,
    kind: CodeKind,
    /// Taken off the price of each place, with at most two decimals.
    #[schema(value_type = Option<f64>)]
    percent: Option<Percent>,
    /// Taken off the price of each place, at most that.
    amount: Option<Money>,
    /// Orders with each code that may be held or paid; 0, as when left out, is no limit.
    uses_max: Option<u32>,
    /// Those of one buyer.
    uses_per_user_max: Option<u16>,
    /// Places of an order that are cheaper.
    places_max: Option<u8>,
    from: Option<Instant>,
    until: Option<Instant>,
    /// Ids of zones (`zone_id` of `GET /shows/{id}/zones`); all, when left out.
    zones: Option<Vec<Uuid>>,
    /// Names of ticket types; all, when left out.
    ticket_types: Option<Vec<String>>,
    /// Lets an order in before the sale opens.
    presale: Option<bool>,
    /// Opens zones and ticket types that need a code.
    opens: Option<bool>,
}

impl RequestBody for CodesRequest {
    const SECRET: bool = true;
    const OPEN: &'static [&'static str] = &[
        "count",
        "prefix",
        "length",
        "name",
        "kind",
        "percent",
        "uses_max",
        "uses_per_user_max",
        "places_max",
        "from",
        "until",
        "presale",
        "opens",
        "zones",
        "ticket_types",
    ];

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_EVENTS)
    }
}

/// Codes that were created.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedCodesBody {
    group: CodeGroupBody,
    /// How many are new.
    created: u32,
    /// How many the group had before, as when the same is asked for again.
    known: u32,
    /// The codes, where they are at most 100; more are exported.
    codes: Option<Vec<CodeBody>>,
}

/// Create a code of a show, or generate up to 10,000.
///
/// They are a group with the same terms. The uses of each code are counted by the log: taken when places
/// are held, given back when the hold ends or the booking is returned.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/codes", operation_id = "create_codes", tag = "offers", request_body = CodesRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The codes count", body = Success<CreatedCodesBody>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`CODE_EXISTS`: one of them is in another group; `QUOTA_EXCEEDED`; `SHOW_CANCELLED`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn create(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<CodesRequest>,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    let (chart, managed) = managed(&call.state, &call.caller, show).await?;
    let identity = call.identity("create codes", id, &body.bytes);
    let group = call.state.codes.group_of(identity.request_id);
    let request = body.value;
    let is_missing = |chart: &Chart| {
        let (zones, types) = (request.zones.as_deref(), request.ticket_types.as_deref());
        names_unknown(zones, types, chart)
    };
    let chart = call.state.charts.knowing(&chart, &is_missing).await;
    let (wanted, said) = read(request, group, &chart)?;
    let quota = if was_decided(&call.state, identity, chart.partition, None).await {
        // Its answer is for the log to give, which creates nothing.
        u64::MAX
    } else {
        let known = known(&call.state, identity, show, group).await?;
        check_room(&call.state, show, wanted.count(), known).await?;
        let quota = call.state.config.quota.codes_per_organizer_max;
        quota.saturating_add(known)
    };
    let mut changes = Changes::default();
    changes.field("group", &None, &Some(&said));
    changes.field("codes", &0, &wanted.count());
    let (codes, tenant, request) = (call.state.codes.clone(), chart.tenant, identity.request_id);
    // Thousands are hashed and sealed.
    let made = tokio::task::spawn_blocking(move || wanted.make(&codes, tenant, show, request))
        .await
        .map_err(ApiError::internal)??;
    let order = Order {
        identity,
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: chart.partition,
        command: Command::CreateCodes(Box::new(CreateCodes {
            show,
            group,
            terms: said.terms.clone(),
            codes: made.codes.iter().map(|new| new.code).collect(),
        })),
        answering: Arc::new(Creating {
            show,
            said: said.clone(),
            chart,
            shown: made.shown,
        }),
    };
    let proposal = CodesProposal {
        show,
        tenant: tenant.0,
        change: CodesChange::Create(said),
        codes: made.codes,
    };
    call.propose(
        order,
        Proposal::NewCodes(Box::new(proposal), quota),
        tenant.0,
        changes,
    )
    .await
}

/// How many codes an earlier attempt of this request has created: they are not created again. A group belongs to the
/// request that began it.
async fn known(
    state: &AppState,
    identity: Identity,
    show: ShowId,
    group: CodeGroup,
) -> Result<u64, ApiError> {
    if identity.fingerprint.is_none() {
        return Ok(0);
    }
    let row = state.store.code_group(show, group).await?;
    Ok(row.map_or(0, |row| row.codes.into()))
}

/// Refuses what the log would refuse for certain, before thousands of codes are written down for it.
async fn check_room(
    state: &AppState,
    show: ShowId,
    count: u32,
    known: u64,
) -> Result<(), ApiError> {
    if state.charts.show(show).await?.status == ShowStatus::Cancelled {
        return Err(refused(&Rejection::ShowCancelled));
    }
    // What one code is called may be there already, which is another refusal.
    if count > 1 {
        let has = state.store.live_codes(show).await?.saturating_sub(known);
        if has.saturating_add(u64::from(count)) > u64::from(CODES_PER_SHOW_MAX) {
            let reason = InvalidReason::TooMany;
            return Err(refused(&Rejection::Invalid { reason }));
        }
    }
    Ok(())
}

/// What a request asks for.
fn read(
    request: CodesRequest,
    group: u32,
    chart: &Chart,
) -> Result<(Wanted, GroupTerms), ApiError> {
    if let Some(name) = &request.name {
        check_line("name", name, NAME_MAX_CHARS)?;
    }
    let wanted = Wanted::of(request.code, request.count, request.prefix, request.length)?;
    let kind = request.kind.into();
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
    let said = GroupTerms {
        group,
        name: request.name,
        kind,
        terms: said.apply(kind, terms::unlimited(), chart)?,
    };
    Ok((wanted, said))
}

/// Answers a creation, with the texts that nobody can read from the log.
struct Creating {
    show: ShowId,
    said: GroupTerms,
    chart: Arc<Chart>,
    shown: Vec<(CodeHash, String)>,
}

#[async_trait]
impl Answering for Creating {
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let (created, known) = match &record.outcome {
            Outcome::CodesCreated { created, known, .. } => (*created, *known),
            Outcome::Rejected(why) => return Err(refused(why)),
            other => return Err(unexpected("create codes", other)),
        };
        // The caller should find them, but a projection that is behind is no reason to call it failed.
        is_ahead_of_catalog(state, partition, record).await;
        let row = CodeGroupRow {
            show: self.show,
            said: self.said.clone(),
            created_at_ms: decided_at(record).0,
            ended_at_ms: None,
            codes: created.saturating_add(known),
            uses: 0,
        };
        let shown = self.shown.iter().cloned();
        let codes: Vec<CodeBody> = shown
            .map(|(code, text)| CodeBody::new(code, text))
            .collect();
        Final::new(
            StatusCode::CREATED,
            &CreatedCodesBody {
                group: CodeGroupBody::of(&row, &self.chart),
                created,
                known,
                codes: (!codes.is_empty()).then_some(codes),
            },
        )
    }

    fn tells_of_bookings(&self, _record: &OutcomeRecord) -> bool {
        false
    }
}
