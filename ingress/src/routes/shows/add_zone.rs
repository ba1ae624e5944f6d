//! `POST /shows/{id}/zones`

use std::collections::HashSet;
use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use onsale_schemas::limits::{SEATS_PER_SHOW_MAX, ZONES_PER_SHOW_MAX};
use onsale_schemas::seating::{self, AddSeats};
use onsale_schemas::{Command, ShowId, ZoneIndex};
use onsale_store::audit::Changes;
use onsale_store::catalog::{Addition, ZoneRow};

use super::add_seats::check_quota;
use super::growing::{AddedPlaces, Adding, Growing};
use super::layout::{self, ZoneRequest};
use crate::auth::{Caller, OnBehalf};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::routes::call::{Call, Order, Proposal};
use crate::routes::catalog_call::derived_id;
use crate::routes::managers::MANAGE_EVENTS;
use crate::state::AppState;
use crate::submit::PendingAnswer;
use crate::text;

impl RequestBody for ZoneRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_EVENTS)
    }
}

/// Add a zone to a show.
///
/// Also while it is sold. Its currency is that of the other zones, where they all have one. The chart of a show that
/// was made from a map does not draw it: it has no place in the hall that anybody has said.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/zones", operation_id = "add_zone", tag = "catalog",
    request_body = ZoneRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The zone is on sale", body = Success<AddedPlaces>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`LAYOUT_CHANGED`: another zone was added at the same moment, `QUOTA_EXCEEDED`, `SHOW_CANCELLED`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn add_zone(
    call: Call,
    PathId(show): PathId,
    body: JsonBody<ZoneRequest>,
) -> Result<Response, ApiError> {
    let show = ShowId(show);
    let growing = Growing::of(&call.state, &call.caller, show).await?;
    let identity = call.identity("add zone", show, &body.bytes);
    let zone_id = derived_id("zone", identity.request_id);
    let zones = &growing.row.zones;
    // The same request again is for the log to answer.
    let added = zones.iter().find(|zone| zone.zone_id == zone_id);
    let others = zones.iter().filter(|zone| zone.zone_id != zone_id);
    let mut names: HashSet<String> = others
        .map(|zone| text::composed(&zone.name).into_owned())
        .collect();
    let index = match added {
        Some(zone) => zone.index,
        None => next_index(&growing)?,
    };
    let mut seats_left = match added {
        Some(_) => SEATS_PER_SHOW_MAX,
        None => SEATS_PER_SHOW_MAX.saturating_sub(growing.indexes.end()),
    };
    let zone = layout::zone_row(
        "",
        (index, zone_id),
        body.value,
        &mut names,
        &mut seats_left,
    )?;
    let order = Order {
        identity,
        on_behalf: OnBehalf::Staff(growing.managed.authority),
        partition: growing.row.partition,
        command: Command::AddSeats(Box::new(AddSeats {
            show,
            expected: u32::from(index),
            addition: seating::Addition::Zone {
                layout: layout::zone_layout(&zone)?,
                plan: layout::plan_of(&zone),
            },
        })),
        answering: Arc::new(Adding {
            zone_id,
            had: 0,
            status: StatusCode::CREATED,
            unfit: None,
        }),
    };
    let is_again = added.is_some();
    let mut changes = Changes::default();
    if !is_again {
        changes.field("zone_added", &None, &Some(zone.name.as_str()));
    }
    let seats = u64::from(zone.admission.seat_count());
    let addition = Arc::new(addition(zone));
    if !is_again {
        check_quota(&call.state, &growing, seats, &addition).await?;
    }
    let tenant = growing.managed.row.tenant_id;
    call.propose(order, Proposal::Addition(show, addition), tenant, changes)
        .await
}

/// The index that the zone gets.
fn next_index(growing: &Growing) -> Result<ZoneIndex, ApiError> {
    let has = growing.row.zones.len();
    if has < ZONES_PER_SHOW_MAX
        && let Ok(index) = ZoneIndex::try_from(has)
    {
        return Ok(index);
    }
    Err(ApiError::wrong(
        "name",
        has,
        &format!("the show has {has} zones already"),
        &format!("at most {ZONES_PER_SHOW_MAX} zones"),
    ))
}

fn addition(zone: ZoneRow) -> Addition {
    Addition::Zone {
        zone_id: zone.zone_id,
        name: zone.name,
        unit_price: zone.unit_price,
        currency: zone.currency,
        places: zone.admission,
    }
}
