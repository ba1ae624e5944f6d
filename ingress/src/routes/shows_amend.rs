//! `PATCH /shows/{id}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::command::AmendShow;
use onsale_schemas::{Command, Outcome, OutcomeRecord, ShowId, ZoneIndex};
use onsale_store::catalog::ShowRow;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::catalog_call::detached;
use super::event_body::check_text;
use super::ownership::managed_event;
use super::show_body::ShowBody;
use super::show_layout::check_price;
use super::shows_create::{check_hold, check_window};
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::rejection;
use crate::state::AppState;
use crate::submit::{Ask, Asked, Final, PendingAnswer, send};
use crate::values::{Instant, Money};

/// New values; what is left out stays as it is. Live holds keep their price and time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmendRequest {
    starts_at: Option<Instant>,
    sale_opens_at: Option<Instant>,
    /// Moving it into the future opens a closed sale again.
    sale_closes_at: Option<Instant>,
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

impl RequestBody for AmendRequest {}

/// What the catalog is given once the log has accepted.
pub(crate) struct CatalogChange {
    starts_at_ms: Option<u64>,
    name: Option<String>,
    amend: AmendShow,
}

/// Change times, limit, hold or prices of a show.
#[utoipa::path(
    patch, path = "/shows/{id}", tag = "catalog", request_body = AmendRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("Idempotency-Key" = Option<String>, Header, description = "Same key and body: same answer, for 24 hours"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Success<ShowBody>),
        (status = 202, description = "The outcome is not known yet: ask at `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SHOW_CANCELLED`", body = Problem),
    ),
)]
pub(crate) async fn amend(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    key: IdempotencyKey,
    PathId(id): PathId,
    body: JsonBody<AmendRequest>,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    let row = state
        .store
        .show(show)
        .await?
        .ok_or_else(|| ApiError::not_found("show"))?;
    managed_event(&state, &caller, row.event_id).await?;
    let change = Arc::new(change(&row, body.value)?);
    let identity = key.identity(caller.user, "amend show", &id.to_string(), &body.bytes);
    let ask = Ask {
        user: caller.user,
        identity,
        partition: row.partition,
        command: Command::AmendShow(change.amend.clone()),
        asked: Asked::AmendShow { show, change },
    };
    let answer = {
        let context = context.clone();
        detached(async move { send(&state, &context, ask).await }).await?
    };
    Ok(answer.into_response(&context))
}

fn change(row: &ShowRow, request: AmendRequest) -> Result<CatalogChange, ApiError> {
    if let Some(name) = &request.name {
        check_text("name", name, 200)?;
    }
    let hold_ms = request.hold_seconds.map(check_hold).transpose()?;
    check_window(
        request
            .sale_opens_at
            .map_or(row.sale_opens_at_ms, |opens| opens.0),
        request
            .sale_closes_at
            .map_or(row.sale_closes_at_ms, |closes| closes.0),
    )?;
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
        check_price(&format!("{path}.price"), &new.price)?;
        if new.price.currency != zone.currency {
            return Err(ApiError::invalid(
                &format!("{path}.price.currency"),
                new.price.currency,
                &zone.currency,
            ));
        }
        prices.push((zone.index, new.price.amount));
    }
    Ok(CatalogChange {
        starts_at_ms: request.starts_at.map(|starts| starts.0),
        name: request.name,
        amend: AmendShow {
            show: row.show_id,
            max_tickets_per_user: request.max_tickets_per_user,
            sale_opens_at_ms: request.sale_opens_at.map(|opens| opens.0),
            sale_closes_at_ms: request.sale_closes_at.map(|closes| closes.0),
            hold_ms,
            prices,
        },
    })
}

/// The answer to the outcome of an amendment; the catalog follows the log here. A crash before
/// that leaves the old values in the catalog until the same call comes again.
pub(crate) async fn answer(
    state: &AppState,
    show: ShowId,
    change: &CatalogChange,
    record: &OutcomeRecord,
) -> Result<Final, ApiError> {
    match &record.outcome {
        Outcome::ShowAmended { .. } => {}
        Outcome::Rejected(why) => return Err(rejection::to_error(why, None, None)),
        other => return Err(ApiError::internal(format!("amend came out as {other:?}"))),
    }
    let mut row = state
        .store
        .show(show)
        .await?
        .ok_or_else(|| ApiError::not_found("show"))?;
    let amend = &change.amend;
    row.starts_at_ms = change.starts_at_ms.unwrap_or(row.starts_at_ms);
    row.name = change.name.clone().or(row.name);
    row.sale_opens_at_ms = amend.sale_opens_at_ms.unwrap_or(row.sale_opens_at_ms);
    row.sale_closes_at_ms = amend.sale_closes_at_ms.unwrap_or(row.sale_closes_at_ms);
    row.hold_ms = amend.hold_ms.unwrap_or(row.hold_ms);
    for (zone, price) in &amend.prices {
        if let Some(zone) = row.zones.get_mut(usize::from(*zone)) {
            zone.unit_price = *price;
        }
    }
    state.store.update_show(&row).await?;
    if let Some(limit) = amend.max_tickets_per_user
        && let Some(mut event) = state.store.event(row.event_id).await?
    {
        event.max_tickets_per_user = limit;
        state.store.update_event(&event).await?;
    }
    state.charts.forget_show(show).await;
    Final::new(StatusCode::OK, &ShowBody::of(&row))
}
