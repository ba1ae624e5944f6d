//! `PATCH /shows/{id}`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use jiff::tz::TimeZone;
use onsale_schemas::command::AmendShow;
use onsale_schemas::{Command, Outcome, OutcomeRecord, PartitionId, ShowId, ZoneIndex};
use onsale_store::catalog::{EndOfSale, Precondition, ShowChange, ShowRow};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::ShowBody;
use super::create::{HOLD_SECONDS, NAME_MAX_CHARS, check_hold, check_window, closes_by_default};
use super::layout::check_amount;
use crate::auth::{Caller, OnBehalf};
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::local_time::{When, at_if_given, zone_of_row};
use crate::rejection;
use crate::routes::call::{Call, Order, Proposal};
use crate::routes::events::body::check_line;
use crate::routes::managers::{MANAGE_EVENTS, managed_event};
use crate::routes::projected::is_ahead_of_catalog;
use crate::routes::visible;
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, unexpected};
use crate::values::{Instant, Money};
use crate::versions::IfMatch;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("AmendRequest", "name"),
        Bound::Line(NAME_MAX_CHARS),
    ),
    (Of::Field("AmendRequest", "hold_seconds"), HOLD_SECONDS),
    (
        Of::Field("AmendRequest", "max_tickets_per_user"),
        Bound::Range(0, u16::MAX as u64),
    ),
];

/// New values; what is left out stays as it is. Live holds keep their price and time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmendRequest {
    /// With an offset, or as clocks of the event's time zone show it, as the two below. A sale that ends an hour
    /// before the beginning by default goes on doing so.
    #[schema(value_type = Option<String>)]
    starts_at: Option<When>,
    #[schema(value_type = Option<String>)]
    sale_opens_at: Option<When>,
    /// Moving it into the future opens a closed sale again. It may lie after the beginning only when
    /// it is given together with it, or alone.
    #[schema(value_type = Option<String>)]
    sale_closes_at: Option<When>,
    hold_seconds: Option<u32>,
    /// For all shows of the event; 0 is no limit.
    max_tickets_per_user: Option<u16>,
    name: Option<String>,
    prices: Option<Vec<PriceRequest>>,
}

/// A new price of a zone; its currency cannot change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceRequest {
    zone_id: Uuid,
    price: Money,
}

impl RequestBody for AmendRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_EVENTS)
    }
}

/// Change times, limit, hold or prices of a show.
///
/// `max_tickets_per_user` becomes the limit of all shows of the event, by the same record of the log.
///
/// While a change that names the end of the sale is on its way through the log, one that moves it with the beginning is
/// answered 503 `OVERLOADED`, and the other way round: try again.
#[utoipa::path(
    patch, path = "/api/v1/shows/{id}", operation_id = "amend_show", tag = "catalog", request_body = AmendRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the show as you read it: nothing is handed in if it has changed since"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The show as it is now", body = Success<ShowBody>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SHOW_CANCELLED`", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: it has changed since; `details.etag` is its present one", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn amend(
    call: Call,
    PathId(id): PathId,
    if_match: IfMatch,
    body: JsonBody<AmendRequest>,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    let row = call
        .state
        .store
        .show(show)
        .await?
        .ok_or_else(|| ApiError::not_found("show"))?;
    let managed = managed_event(&call.state, &call.caller, row.event_id, &MANAGE_EVENTS).await?;
    visible::ensure_listed(&call.state, show).await?;
    let mut expected = None;
    if if_match.is_given() {
        let found = call.state.store.catalog_versions(row.event_id, Some(show));
        let (_, version) = found.await?;
        let version = version.ok_or_else(|| ApiError::not_found("show"))?;
        expected = if_match.expected(version)?;
    }
    let now_ms = call.state.clock.now_ms();
    let zone = zone_of_row(managed.row.details.time_zone.as_deref());
    let change = Arc::new(change(&row, body.value, zone.as_ref(), now_ms)?);
    let condition = condition(&change, expected);
    let order = Order {
        identity: call.identity("amend show", id, &body.bytes),
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: row.partition,
        command: Command::AmendShow(command(show, &change)),
        answering: Arc::new(Amending {
            show,
            change: change.clone(),
        }),
    };
    let mut after = row.clone();
    change.apply_to(&mut after, now_ms);
    let mut changes = row.changes(&after);
    let limit = managed.row.max_tickets_per_user;
    let limit_after = change.max_tickets_per_user.unwrap_or(limit);
    changes.field("max_tickets_per_user", &limit, &limit_after);
    let tenant = managed.row.tenant_id;
    call.propose(
        order,
        Proposal::Show(show, change, condition),
        tenant,
        changes,
    )
    .await
}

/// New times as instants.
struct Times {
    starts_at: Option<Instant>,
    sale_opens_at: Option<Instant>,
    sale_closes_at: Option<Instant>,
}

fn change(
    row: &ShowRow,
    request: AmendRequest,
    zone: Option<&TimeZone>,
    now_ms: u64,
) -> Result<ShowChange, ApiError> {
    if let Some(name) = &request.name {
        check_line("name", name, NAME_MAX_CHARS)?;
    }
    let hold_ms = request.hold_seconds.map(check_hold).transpose()?;
    let times = Times {
        starts_at: at_if_given(request.starts_at, "starts_at", zone)?,
        sale_opens_at: at_if_given(request.sale_opens_at, "sale_opens_at", zone)?,
        sale_closes_at: at_if_given(request.sale_closes_at, "sale_closes_at", zone)?,
    };
    let window = window(row, &times, now_ms)?;
    let mut prices: Vec<(ZoneIndex, i64)> = Vec::new();
    for (place, new) in request.prices.unwrap_or_default().into_iter().enumerate() {
        let path = format!("prices[{place}]");
        let zone = row
            .zones
            .iter()
            .find(|zone| zone.zone_id == new.zone_id)
            .filter(|zone| prices.iter().all(|(known, _)| *known != zone.index))
            .ok_or_else(|| {
                ApiError::invalid(
                    &format!("{path}.zone_id"),
                    new.zone_id,
                    "a zone of the show, each one once",
                )
            })?;
        check_amount(&format!("{path}.price"), &new.price)?;
        if new.price.currency != zone.currency {
            return Err(ApiError::invalid(
                &format!("{path}.price.currency"),
                new.price.currency,
                &zone.currency,
            ));
        }
        prices.push((zone.index, new.price.amount));
    }
    Ok(ShowChange {
        name: request.name,
        starts_at_ms: times.starts_at.map(|starts| starts.0),
        sale_opens_at_ms: window.opens_at_ms,
        sale_closes_at_ms: window.closes_at_ms,
        closes_by_default: times.sale_closes_at.is_some().then_some(false),
        hold_ms,
        max_tickets_per_user: request.max_tickets_per_user,
        prices,
    })
}

/// What of a sale's beginning and end changes.
struct Window {
    opens_at_ms: Option<u64>,
    closes_at_ms: Option<u64>,
}

/// The sale with the request's values. An end that was not named follows the beginning of the show; one
/// that was named stays, unless it would lie after a new beginning unasked.
fn window(row: &ShowRow, request: &Times, now_ms: u64) -> Result<Window, ApiError> {
    let mut opens_at_ms = request.sale_opens_at.map(|opens| opens.0);
    let closes_at_ms = match (request.sale_closes_at, request.starts_at) {
        (Some(closes), _) => Some(closes.0),
        (None, Some(starts_at)) if row.closes_by_default => {
            let closes_at_ms = closes_by_default(starts_at);
            if opens_at_ms.is_none() && row.sale_opens_at_ms >= closes_at_ms {
                // An opening that is still to come was meant: it is not lost by a wrong year.
                if row.sale_opens_at_ms > now_ms {
                    return Err(ApiError::invalid(
                        "sale_opens_at",
                        Instant(row.sale_opens_at_ms),
                        &format!(
                            "a time before the sale closes ({}), given together with the new \
                             starts_at ({starts_at})",
                            Instant(closes_at_ms)
                        ),
                    ));
                }
                // A show that began long ago ends its sale; it need not have opened before that.
                opens_at_ms = Some(closes_at_ms.saturating_sub(1));
            }
            Some(closes_at_ms)
        }
        (None, Some(starts_at)) if row.sale_closes_at_ms > starts_at.0 => {
            return Err(ApiError::invalid(
                "sale_closes_at",
                Instant(row.sale_closes_at_ms),
                &format!(
                    "a time up to the new starts_at ({starts_at}), or this one given together with it"
                ),
            ));
        }
        (None, _) => None,
    };
    check_window(
        opens_at_ms.unwrap_or(row.sale_opens_at_ms),
        closes_at_ms.unwrap_or(row.sale_closes_at_ms),
    )?;
    Ok(Window {
        opens_at_ms,
        closes_at_ms,
    })
}

/// What has to be so for a change to be handed in.
fn condition(change: &ShowChange, expected_version: Option<u64>) -> Precondition {
    match (change.sale_closes_at_ms, expected_version) {
        (Some(_), version) => Precondition::End(EndOfSale {
            version,
            follows: change.closes_by_default.is_none(),
        }),
        (None, Some(version)) => Precondition::Version(version),
        (None, None) => Precondition::None,
    }
}

/// What of a change is the log's business.
fn command(show: ShowId, change: &ShowChange) -> AmendShow {
    AmendShow {
        show,
        max_tickets_per_user: change.max_tickets_per_user,
        sale_opens_at_ms: change.sale_opens_at_ms,
        sale_closes_at_ms: change.sale_closes_at_ms,
        hold_ms: change.hold_ms,
        prices: change.prices.clone(),
    }
}

/// Answers an amendment. The projector writes it to the catalog. The caller should find it there,
/// but a projection that is behind is no reason to call it failed.
struct Amending {
    show: ShowId,
    change: Arc<ShowChange>,
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
            Outcome::ShowAmended { .. } => {}
            Outcome::Rejected(why) => return Err(rejection::to_error(why, None, None)),
            other => return Err(unexpected("amend", other)),
        }
        let is_ahead = is_ahead_of_catalog(state, partition, record).await;
        let mut row = state
            .store
            .show(self.show)
            .await?
            .ok_or_else(|| ApiError::not_found("show"))?;
        if is_ahead {
            self.change.apply_to(&mut row, record.log_time_ms);
        }
        state.charts.forget_show(self.show).await;
        Final::new(StatusCode::OK, &ShowBody::of(&row))
    }
}
