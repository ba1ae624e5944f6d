//! `POST /shows/{id}/zones/{zone_id}/seats`

mod rows;

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use onsale_schemas::limits::{
    GENERAL_CAPACITY_MAX, ROWS_PER_ZONE_MAX, SEATS_PER_ROW_MAX, SEATS_PER_SHOW_MAX,
};
use onsale_schemas::seating::{self, AddSeats};
use onsale_schemas::{Command, ShowId, ZoneIndex};
use onsale_store::audit::Changes;
use onsale_store::catalog::{Addition, ChartRow, RowSeats, ZoneAdmission, ZoneRow};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::rows::read_rows;
use super::growing::{AddedPlaces, Adding, Growing, NEVER, Unfit};
use super::layout::{ROW_NAME_MAX_CHARS, RowRequest};
use crate::auth::{Caller, OnBehalf};
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::ChartZone;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathIds, RequestBody};
use crate::idempotency::{IdempotencyKey, Identity};
use crate::routes::call::{Call, Order, Proposal};
use crate::routes::managers::MANAGE_EVENTS;
use crate::state::AppState;
use crate::submit::PendingAnswer;
use crate::text;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("AddSeatsRequest", "rows"),
        Bound::Items(ROWS_PER_ZONE_MAX),
    ),
    (
        Of::Field("AddSeatsRequest", "capacity"),
        Bound::Range(1, GENERAL_CAPACITY_MAX as u64),
    ),
    (
        Of::Field("AddSeatsRequest", "expected"),
        Bound::Range(0, u32::MAX as u64),
    ),
    (
        Of::Field("RowRequest", "name"),
        Bound::Length(ROW_NAME_MAX_CHARS),
    ),
    (Of::Field("RowRequest", "rank"), PLACE),
    (Of::Field("RowRequest", "focus"), PLACE),
    (
        Of::Field("RowRequest", "gaps"),
        Bound::Items(SEATS_PER_ROW_MAX as usize),
    ),
    (
        Of::Field("RowRequest", "special"),
        Bound::Items(SEATS_PER_ROW_MAX as usize),
    ),
    (Of::Field("SpecialRequest", "first"), PLACE),
    (
        Of::Field("SpecialRequest", "count"),
        Bound::Range(1, SEATS_PER_ROW_MAX as u64),
    ),
];
/// A number of a row's plan.
const PLACE: Bound = Bound::Range(0, u16::MAX as u64);

/// Places to add to a zone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "rows": [{ "name": "Z", "seats": 20 }, { "name": "A", "seats": ["21", "22"], "rank": 1 }],
}))]
pub(crate) struct AddSeatsRequest {
    /// For a seated zone.
    rows: Option<Vec<RowRequest>>,
    /// For general admission: how many places more.
    capacity: Option<u32>,
    /// What the show has now, so that nothing is added to what somebody else has changed: for rows how
    /// many seats it ever had, in all zones and with those that were taken away; for general admission the places of
    /// the zone. Nothing else tells the number of seats: `LAYOUT_CHANGED` does, as `details.now`.
    expected: Option<u32>,
}

impl RequestBody for AddSeatsRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_EVENTS)
    }
}

/// Add rows or places to a zone.
///
/// Also while it is sold. Seats that there are keep their labels and ids. The chart of a show that was made from a map
/// does not draw what is added: it has no place in the hall that anybody has said. `/seats` has it, in its zone, and
/// `is_drawn` of the answer says so.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/zones/{zone_id}/seats", operation_id = "add_seats", tag = "catalog",
    request_body = AddSeatsRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("zone_id" = Uuid, Path, description = "The zone"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The places are on sale", body = Success<AddedPlaces>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`LAYOUT_CHANGED`: there are other places than `expected` says, `details.now` is what it has to say; `QUOTA_EXCEEDED`, `SHOW_CANCELLED`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn add_seats(
    call: Call,
    PathIds(show, zone_id): PathIds,
    body: JsonBody<AddSeatsRequest>,
) -> Result<Response, ApiError> {
    let show = ShowId(show);
    let growing = Growing::of(&call.state, &call.caller, show).await?;
    let place = growing.zone(zone_id)?;
    let target = format!("{show}/{zone_id}");
    let identity = call.identity("add seats", target, &body.bytes);
    let AddSeatsRequest {
        rows,
        capacity,
        expected,
    } = body.value;
    let zone = &growing.row.zones[place];
    let general = match &zone.admission {
        ZoneAdmission::General { capacity } => Some(*capacity),
        ZoneAdmission::Seated { .. } => None,
    };
    match (general, rows, capacity) {
        (None, Some(rows), None) => add_rows(call, growing, place, identity, rows, expected).await,
        (Some(has), None, Some(more)) => {
            let (expected, unfit) = match check_capacity(has, more) {
                Ok(()) => (expected.unwrap_or(has), None),
                Err(why) => (NEVER, Some(Unfit::unless_again(why, &identity)?)),
            };
            let command = AddSeats {
                show,
                expected,
                addition: seating::Addition::Capacity {
                    zone: zone.index,
                    places: more,
                },
            };
            let order = order(&growing, zone, identity, (command, unfit));
            call.send(order).await
        }
        (None, _, Some(capacity)) => Err(ApiError::wrong(
            "capacity",
            capacity,
            "a seated zone has rows instead of a capacity",
            "no capacity",
        )),
        (Some(_), Some(rows), _) => Err(ApiError::wrong(
            "rows",
            rows.len(),
            "a zone of general admission has a capacity instead of rows",
            "no rows",
        )),
        (None, None, None) => Err(ApiError::invalid("rows", Value::Null, "the rows to add")),
        (Some(_), None, None) => Err(ApiError::invalid(
            "capacity",
            Value::Null,
            "how many places to add",
        )),
    }
}

/// What a zone would have is within the limit.
fn check_capacity(has: u32, more: u32) -> Result<(), ApiError> {
    let most = GENERAL_CAPACITY_MAX.saturating_sub(has);
    if (1..=most).contains(&more) {
        return Ok(());
    }
    Err(ApiError::invalid(
        "capacity",
        more,
        &format!("1 to {most} places more: the zone has {has} of at most {GENERAL_CAPACITY_MAX}"),
    ))
}

fn order(
    growing: &Growing,
    zone: &ZoneRow,
    identity: Identity,
    (command, unfit): (AddSeats, Option<Unfit>),
) -> Order {
    Order {
        identity,
        on_behalf: OnBehalf::Staff(growing.managed.authority),
        partition: growing.row.partition,
        command: Command::AddSeats(Box::new(command)),
        answering: Arc::new(Adding {
            zone_id: zone.zone_id,
            had: zone.places(),
            status: StatusCode::OK,
            unfit,
        }),
    }
}

async fn add_rows(
    call: Call,
    growing: Growing,
    place: usize,
    identity: Identity,
    requests: Vec<RowRequest>,
    expected: Option<u32>,
) -> Result<Response, ApiError> {
    let (rows, plans) = read_rows(requests)?;
    let growing = match expected {
        Some(expected) => growing.with_seats(&call, expected).await?,
        None => growing,
    };
    let zone = &growing.row.zones[place];
    let has = growing.indexes.end();
    let (expected, unfit) = match check_space(&growing, zone.index, place, &rows) {
        // Names that could not be compared with all that the show has are no names to add.
        Ok(()) if growing.row.is_lacking() => (NEVER, Some(Unfit::lacking())),
        // Nor are those that were compared with fewer seats than it has by now.
        Ok(()) => match expected.filter(|expected| *expected > has) {
            Some(expected) => (NEVER, Some(Unfit::behind(expected))),
            None => (expected.unwrap_or(has), None),
        },
        Err(why) if was_added(zone, &rows) => (NEVER, Some(Unfit::unless_again(why, &identity)?)),
        Err(why) => return Err(why),
    };
    let addition = Arc::new(Addition::Rows { rows: rows.clone() });
    let mut changes = Changes::default();
    if unfit.is_none() {
        let seats: u64 = rows.iter().map(|row| u64::from(row.seats.count())).sum();
        check_quota(&call.state, &growing, seats, &addition).await?;
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        changes.field("rows_added", &Vec::new(), &names);
    }
    let command = AddSeats {
        show: growing.row.show_id,
        expected,
        addition: seating::Addition::Rows {
            zone: zone.index,
            rows: rows.iter().map(|row| row.seats.count()).collect(),
            plans,
        },
    };
    let order = order(&growing, zone, identity, (command, unfit));
    let tenant = growing.managed.row.tenant_id;
    // Whatever the log makes of it: it never accepts rows whose names are not written down.
    let proposal = Proposal::Addition(growing.row.show_id, addition);
    call.propose(order, proposal, tenant, changes).await
}

/// What of a request its organizer may have.
pub(super) async fn check_quota(
    state: &AppState,
    growing: &Growing,
    seats: u64,
    addition: &Addition,
) -> Result<(), ApiError> {
    let text = serde_json::to_string(addition).map_err(ApiError::internal)?;
    let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let quota = &state.config.quota;
    let event = growing.row.event_id;
    Ok(state.store.check_growth(event, seats, bytes, quota).await?)
}

/// Whether just these rows were added together before, as they are where the same request comes again.
fn was_added(zone: &ZoneRow, added: &[ChartRow]) -> bool {
    let ZoneAdmission::Seated { rows } = &zone.admission else {
        return false;
    };
    let runs = &zone.growth.runs;
    let ends = runs.iter().skip(1).map(|run| run.row);
    let last = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    runs.iter().zip(ends.chain([last])).any(|(run, end)| {
        let range = usize::try_from(run.row).ok().zip(usize::try_from(end).ok());
        range.and_then(|(from, to)| rows.get(from..to)) == Some(added)
    })
}

/// The zone has room for these rows, and nothing in it is called as they are.
fn check_space(
    growing: &Growing,
    index: ZoneIndex,
    place: usize,
    rows: &[ChartRow],
) -> Result<(), ApiError> {
    let has = growing.indexes.rows(place).len();
    if has + rows.len() > ROWS_PER_ZONE_MAX {
        return Err(ApiError::invalid(
            "rows",
            rows.len(),
            &format!("at most {ROWS_PER_ZONE_MAX} rows in the zone, which has {has}"),
        ));
    }
    let mut left = SEATS_PER_SHOW_MAX.saturating_sub(growing.indexes.end());
    let zone = growing.chart.zone(index);
    for (at, row) in rows.iter().enumerate() {
        let seats = row.seats.count();
        left = left.checked_sub(u32::from(seats)).ok_or_else(|| {
            ApiError::invalid(
                &format!("rows[{at}].seats"),
                seats,
                &format!(
                    "at most {SEATS_PER_SHOW_MAX} seats in the whole show, taken ones included"
                ),
            )
        })?;
        if let Some(label) = zone.and_then(|zone| taken_label(zone, row)) {
            return Err(ApiError::invalid(
                &format!("rows[{at}].seats"),
                &label,
                "labels that the row of this name does not have; the zone has this seat",
            ));
        }
    }
    Ok(())
}

/// A label of a new row that a seat of the zone has, or had.
fn taken_label(zone: &ChartZone, row: &ChartRow) -> Option<String> {
    let name = text::composed(&row.name);
    if !zone.has_row(&name) {
        return None;
    }
    let is_taken = |label: &String| zone.has_label(&name, &text::composed(label));
    let label = match &row.seats {
        RowSeats::Count(count) => (1..=*count).map(|seat| seat.to_string()).find(is_taken),
        RowSeats::Labels(labels) => labels.iter().find(|label| is_taken(label)).cloned(),
    };
    label.map(|label| format!("{}-{label}", row.name))
}
