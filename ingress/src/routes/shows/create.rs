//! `POST /events/{id}/shows`

mod opening;
mod places;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use onsale_schemas::limits::{
    COMPANIONS_PER_ACCESSIBLE_MAX, COOLDOWN_MAX_MS, GENERAL_CAPACITY_MAX, HOLD_DEFAULT_MS,
    HOLD_MAX_MS, HOLD_MIN_MS, ROWS_PER_ZONE_MAX, ZONES_PER_SHOW_MAX,
};
use onsale_schemas::partitioning::partition_of;
use onsale_schemas::{EventId, ShowId};
use onsale_store::StoreError;
use onsale_store::catalog::{EventRow, EventStatus, OfferRow, ShowRow, ShowStatus};
use onsale_store::venue::StoredChart;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use self::opening::Opening;
pub(super) use self::opening::{is_unopened, withdraw};
use self::places::places;
use super::body::ShowBody;
use super::layout::{self, Layout, ZoneRequest};
use super::offer::{self, OfferRequest};
use crate::audit;
use crate::auth::{Caller, OnBehalf};
use crate::bounds::{Bound, Bounds, Of};
use crate::detached::detached;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::idempotency::{IdempotencyKey, Identity};
use crate::local_time::{When, at_if_given, zone_of_row};
use crate::routes::call::{Call, Order};
use crate::routes::catalog_call::{derived_id, key_reused, of_command, recall, remember};
use crate::routes::events::body::check_line;
use crate::routes::managers::{MANAGE_EVENTS, Managed, managed_event};
use crate::state::AppState;
use crate::submit::{Answer, PendingAnswer};
use crate::values::{Instant, Money};

pub(super) const NAME_MAX_CHARS: usize = 200;
/// How long before the show begins its sale closes, unless said otherwise.
const SALE_CLOSES_BEFORE_MS: u64 = 3_600_000;

/// As both requests with a show take it.
pub(super) const HOLD_SECONDS: Bound =
    Bound::Range((HOLD_MIN_MS / 1_000) as u64, (HOLD_MAX_MS / 1_000) as u64);
/// Companions that may come with each wheelchair of an order, of shows of a map: otherwise nobody could buy
/// its companion seats.
const COMPANIONS_OF_MAP: u8 = 1;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("ShowRequest", "name"),
        Bound::Line(NAME_MAX_CHARS),
    ),
    (Of::Field("ShowRequest", "hold_seconds"), HOLD_SECONDS),
    (
        Of::Field("ShowRequest", "cooldown_seconds"),
        Bound::Range(0, (COOLDOWN_MAX_MS / 1_000) as u64),
    ),
    (
        Of::Field("ShowRequest", "companions_per_accessible"),
        Bound::Range(0, COMPANIONS_PER_ACCESSIBLE_MAX as u64),
    ),
    (
        Of::Field("ShowRequest", "zones"),
        Bound::Items(ZONES_PER_SHOW_MAX),
    ),
    (
        Of::Field("ShowRequest", "map_version"),
        Bound::Range(1, u32::MAX as u64),
    ),
    (
        Of::Field("ZoneRequest", "name"),
        Bound::Line(layout::ZONE_NAME_MAX_CHARS),
    ),
    (
        Of::Field("ZoneRequest", "capacity"),
        Bound::Range(1, GENERAL_CAPACITY_MAX as u64),
    ),
    (
        Of::Field("ZoneRequest", "rows"),
        Bound::Items(ROWS_PER_ZONE_MAX),
    ),
    (
        Of::Field("RowRequest", "name"),
        Bound::Length(layout::ROW_NAME_MAX_CHARS),
    ),
];

/// A new show.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "starts_at": "2030-05-01T19:00:00Z",
    "zones": [
        {
            "name": "Stalls", "price": { "amount": 250_000, "currency": "THB" },
            "admission": "seated",
            "rows": [{ "name": "A", "seats": 20 }, { "name": "B", "seats": ["L", "M", "R"] }],
        },
        {
            "name": "Lawn", "price": { "amount": 90_000, "currency": "THB" },
            "admission": "general", "capacity": 500,
        },
    ],
}))]
pub(crate) struct ShowRequest {
    name: Option<String>,
    /// With an offset, or (as `2030-05-01T19:00:00`) as clocks of the event's time zone show it, as the two below. An
    /// hour that they skip, and one that comes twice, is refused without an offset.
    #[schema(value_type = String)]
    starts_at: When,
    /// Now, when left out.
    #[schema(value_type = Option<String>)]
    sale_opens_at: Option<When>,
    /// An hour before the beginning when left out, and it moves with the beginning then.
    #[schema(value_type = Option<String>)]
    sale_closes_at: Option<When>,
    /// How long a hold lasts, 1 to 86400 (default 600).
    hold_seconds: Option<u32>,
    /// How long a buyer who let two holds of the event in a row end unpaid may not hold again, 0 to
    /// 450; it doubles with each further one, up to eight times. 0 is never. The installation's
    /// setting when left out.
    cooldown_seconds: Option<u32>,
    /// Either these or a map.
    zones: Option<Vec<ZoneRequest>>,
    /// A map of one of the tenant's venues: each of its categories with places becomes a zone.
    map_id: Option<Uuid>,
    /// The last one when left out.
    map_version: Option<u32>,
    /// Prices by ids of the map's categories.
    prices: Option<BTreeMap<String, Money>>,
    /// Ids of the map's categories of which this show has no places.
    not_for_sale: Option<Vec<String>>,
    /// What is for sale. Without it every zone is sold at its price.
    offer: Option<OfferRequest>,
    /// Companion seats that an order may have for each accessible seat in it, 0 to 8 (default 0, of a map 1).
    companions_per_accessible: Option<u32>,
}

impl RequestBody for ShowRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_EVENTS)
    }
}

/// Create a show and open it.
///
/// Its event has to be published: a draft sells nothing. Its places are `zones`, or those of the map of a venue
/// (`map_id`) with `prices` by category.
#[utoipa::path(
    post, path = "/api/v1/events/{id}/shows", operation_id = "create_show", tag = "catalog", request_body = ShowRequest,
    params(
        ("id" = Uuid, Path, description = "The event"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The new show with its zones", body = Success<ShowBody>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: no such event, or the tenant has no such map", body = Problem),
        (status = 409, description = "`QUOTA_EXCEEDED`, `SHOW_CANCELLED`: of a cancelled event", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn create(
    call: Call,
    PathId(id): PathId,
    mut body: JsonBody<ShowRequest>,
) -> Result<Response, ApiError> {
    let managed = managed_event(&call.state, &call.caller, EventId(id), &MANAGE_EVENTS).await?;
    check_status(managed.row.status)?;
    let identity = call.identity("create show", id, &body.bytes);
    let opens_by_default = body.value.sale_opens_at.is_none();
    let show_id = derived_id("show", identity.request_id);
    let layout = places(&call.state, &managed.row, show_id, &mut body.value).await?;
    let (row, chart) = row(&call.state, &managed.row, show_id, body.value, layout)?;
    layout::opening(&row, &managed.row)?;
    detached(async move {
        let new = New { row, chart };
        let answer = make(&call, managed, identity, new, opens_by_default).await?;
        Ok(answer.into_response(&call.context))
    })
    .await
}

/// A draft sells nothing, and a cancelled event nothing any more.
fn check_status(status: EventStatus) -> Result<(), ApiError> {
    match status {
        EventStatus::Published => Ok(()),
        EventStatus::Draft => Err(not_published()),
        EventStatus::Cancelled => Err(ApiError::new(
            Code::ShowCancelled,
            "The event is cancelled; no shows can be added to it.",
        )),
    }
}

fn not_published() -> ApiError {
    ApiError::wrong(
        "status",
        EventStatus::Draft,
        "the event is a draft; publish it with `PATCH /events/{id}` before adding shows to it",
        "published",
    )
}

fn row(
    state: &AppState,
    event: &EventRow,
    show_id: Uuid,
    request: ShowRequest,
    layout: Layout,
) -> Result<(ShowRow, Option<StoredChart>), ApiError> {
    if let Some(name) = &request.name {
        check_line("name", name, NAME_MAX_CHARS)?;
    }
    let hold_ms = match request.hold_seconds {
        None => HOLD_DEFAULT_MS,
        Some(seconds) => check_hold(seconds)?,
    };
    let now_ms = state.clock.now_ms();
    let zone = zone_of_row(event.details.time_zone.as_deref());
    let starts_at = request.starts_at.at("starts_at", zone.as_ref())?;
    let opens_at = at_if_given(request.sale_opens_at, "sale_opens_at", zone.as_ref())?;
    let closes_at = at_if_given(request.sale_closes_at, "sale_closes_at", zone.as_ref())?;
    let sale_closes_at_ms = closes_at.map_or(closes_by_default(starts_at), |closes| closes.0);
    if closes_at.is_none() && (sale_closes_at_ms..starts_at.0).contains(&now_ms) {
        // Nobody could buy, and nothing would say so.
        return Err(ApiError::invalid(
            "starts_at",
            starts_at,
            "more than an hour from now, or given together with sale_closes_at: by default a sale \
             closes an hour before its show starts",
        ));
    }
    let cooldown_ms = match request.cooldown_seconds {
        None => state.config.shows.cooldown_ms(),
        Some(seconds) => check_cooldown(seconds)?,
    };
    let sale_opens_at_ms = opens_at
        .map_or(now_ms.min(sale_closes_at_ms.saturating_sub(1)), |opens| {
            opens.0
        });
    check_window(sale_opens_at_ms, sale_closes_at_ms)?;
    let companions_per_accessible = match request.companions_per_accessible {
        Some(companions) => check_companions(companions)?,
        None if layout.of.is_some() => COMPANIONS_OF_MAP,
        None => 0,
    };
    let offer = request.offer.as_ref();
    let offer = offer.map(|offer| offer::of_new_show(offer, &layout.zones));
    let (map, chart) = layout.of.unzip();
    let row = ShowRow {
        show_id: ShowId(show_id),
        event_id: event.event_id,
        partition: partition_of(event.event_id, state.log.partitions()),
        map,
        name: request.name,
        starts_at_ms: starts_at.0,
        sale_opens_at_ms,
        sale_closes_at_ms,
        closes_by_default: closes_at.is_none(),
        hold_ms,
        cooldown_ms,
        status: ShowStatus::Opening,
        created_at_ms: now_ms,
        companions_per_accessible,
        // An empty one is none.
        offer: offer.transpose()?.filter(|row| *row != OfferRow::default()),
        zones: layout.zones,
    };
    Ok((row, chart))
}

/// When a sale ends for which no end was given.
pub(super) fn closes_by_default(starts_at: Instant) -> u64 {
    starts_at.0.saturating_sub(SALE_CLOSES_BEFORE_MS)
}

/// Companion seats for each accessible one.
fn check_companions(companions: u32) -> Result<u8, ApiError> {
    u8::try_from(companions)
        .ok()
        .filter(|companions| *companions <= COMPANIONS_PER_ACCESSIBLE_MAX)
        .ok_or_else(|| {
            ApiError::invalid(
                "companions_per_accessible",
                companions,
                &format!("0 to {COMPANIONS_PER_ACCESSIBLE_MAX}"),
            )
        })
}

/// The first cool-down in milliseconds.
fn check_cooldown(seconds: u32) -> Result<u32, ApiError> {
    seconds
        .checked_mul(1_000)
        .filter(|ms| *ms <= COOLDOWN_MAX_MS)
        .ok_or_else(|| {
            ApiError::invalid(
                "cooldown_seconds",
                seconds,
                &format!("0 to {}", COOLDOWN_MAX_MS / 1_000),
            )
        })
}

/// The length of a hold in milliseconds.
pub(super) fn check_hold(seconds: u32) -> Result<u32, ApiError> {
    seconds
        .checked_mul(1_000)
        .filter(|ms| (HOLD_MIN_MS..=HOLD_MAX_MS).contains(ms))
        .ok_or_else(|| {
            ApiError::invalid(
                "hold_seconds",
                seconds,
                &format!("{} to {}", HOLD_MIN_MS / 1_000, HOLD_MAX_MS / 1_000),
            )
        })
}

/// A sale has to open before it closes.
pub(super) fn check_window(opens_at_ms: u64, closes_at_ms: u64) -> Result<(), ApiError> {
    if opens_at_ms < closes_at_ms {
        Ok(())
    } else {
        Err(ApiError::invalid(
            "sale_closes_at",
            Instant(closes_at_ms),
            &format!("a time after sale_opens_at ({})", Instant(opens_at_ms)),
        ))
    }
}

/// A show to be made.
struct New {
    row: ShowRow,
    /// Where it is made from a map.
    chart: Option<StoredChart>,
}

async fn make(
    call: &Call,
    managed: Managed,
    identity: Identity,
    new: New,
    opens_by_default: bool,
) -> Result<Answer, ApiError> {
    let state = &call.state;
    let New { row, chart } = new;
    if let Some(answer) = recall(state, identity).await? {
        return Ok(of_command(answer, identity));
    }
    let opening = Opening {
        show: row.show_id,
        event: row.event_id,
        tenant: managed.row.tenant_id,
        by: audit::actor(&call.caller, &call.context),
    };
    let quota = &state.config.quota;
    let entry = opening.did("show.create");
    let added = match &chart {
        Some(chart) => {
            let store = &state.store;
            store.add_show_of_map(&row, chart, quota, entry).await
        }
        None => state.store.add_show_within(&row, quota, entry).await,
    };
    let row = match added {
        Ok(()) => row,
        // An earlier attempt came as far as the row.
        Err(StoreError::Exists(_)) => {
            let present = state
                .store
                .show(row.show_id)
                .await?
                .ok_or_else(|| ApiError::internal("a show both exists and does not"))?;
            let mut same = ShowRow {
                created_at_ms: present.created_at_ms,
                status: present.status,
                ..row
            };
            if opens_by_default {
                same.sale_opens_at_ms = present.sale_opens_at_ms;
            }
            if same != present {
                return Err(key_reused());
            }
            present
        }
        // Between the look at it and this.
        Err(StoreError::NotPublished) => return Err(not_published()),
        Err(error) => return Err(error.into()),
    };
    let command = layout::opening(&row, &managed.row)?;
    let order = Order {
        identity,
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: row.partition,
        command,
        answering: Arc::new(opening),
    };
    let answer = call.hand_in(order).await?;
    match answer {
        Answer::Final(answer) => {
            let answer = remember(state, identity, answer).await?;
            Ok(of_command(answer, identity))
        }
        pending @ Answer::Pending(_) => Ok(pending),
    }
}
