//! Which places a request names.

use std::collections::{BTreeMap, HashSet};

use onsale_schemas::SeatList;
use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_schemas::order::PickV2;
use onsale_schemas::seating::SeatKind;
use uuid::Uuid;

use crate::charts::{Chart, ChartZone, Found, parse_seat_id};
use crate::error::ApiError;
use crate::text;

/// Places of one zone as a client asks for them.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) zone_id: Option<Uuid>,
    pub(super) seats: Option<&'a [String]>,
    pub(super) quantity: Option<u32>,
    pub(super) together: Option<bool>,
    pub(super) kind: Option<SeatKind>,
    pub(super) ticket_type: Option<&'a str>,
    pub(super) ticket_types: Option<&'a BTreeMap<String, u32>>,
}

/// Which places of which zone are asked for. Fields are named with `prefix`.
pub(super) fn pick<'a>(
    chart: &'a Chart,
    prefix: &str,
    asked: &Asked<'_>,
) -> Result<(&'a ChartZone, PickV2), ApiError> {
    let field = |name: &str| format!("{prefix}{name}");
    let zone =
        match asked.zone_id {
            Some(id) => {
                let found = chart.zone_by_id(id);
                Some(found.ok_or_else(|| {
                    ApiError::invalid(&field("zone_id"), id, "a zone of the show")
                })?)
            }
            None => None,
        };
    match (asked.seats, asked.quantity) {
        (Some(_), Some(quantity)) => Err(ApiError::invalid(
            &field("quantity"),
            quantity,
            "either seats or quantity, not both",
        )),
        (None, None) => Err(ApiError::invalid(
            &field("seats"),
            serde_json::Value::Null,
            "seats or quantity",
        )),
        (Some(labels), None) => {
            if let Some(together) = asked.together {
                return Err(ApiError::wrong(
                    &field("together"),
                    together,
                    "can only be given with quantity",
                    "no value",
                ));
            }
            if asked.kind.is_some() {
                return Err(ApiError::wrong(
                    &field("kind"),
                    serde_json::Value::Null,
                    "can only be given with quantity",
                    "no value",
                ));
            }
            let max = usize::try_from(TICKETS_PER_BOOKING_MAX).unwrap_or(usize::MAX);
            let (zone, seats) = named_seats_of(chart, zone, prefix, labels, max)?;
            Ok((zone, PickV2::Seats(seats)))
        }
        (None, Some(quantity)) => {
            if !(1..=TICKETS_PER_BOOKING_MAX).contains(&quantity) {
                return Err(ApiError::invalid(
                    &field("quantity"),
                    quantity,
                    &format!("1 to {TICKETS_PER_BOOKING_MAX}"),
                ));
            }
            let zone = match (zone, chart.zones.as_slice()) {
                (Some(zone), _) => zone,
                (None, [only]) => only,
                (None, _) => {
                    return Err(ApiError::wrong(
                        &field("zone_id"),
                        serde_json::Value::Null,
                        "is required, because the show has several zones",
                        "a zone of the show",
                    ));
                }
            };
            let pick = if zone.is_seated() {
                PickV2::BestAvailable {
                    quantity,
                    together: asked.together.unwrap_or(true),
                    kind: asked.kind.unwrap_or_default(),
                }
            } else if asked.kind.is_some() {
                return Err(ApiError::wrong(
                    &field("kind"),
                    serde_json::Value::Null,
                    "can only be given for a zone with seats",
                    "no value",
                ));
            } else {
                PickV2::General { quantity }
            };
            Ok((zone, pick))
        }
    }
}

/// The zone and indexes of named seats, in the order asked for.
pub(in crate::routes) fn named_seats<'a>(
    chart: &'a Chart,
    zone: Option<&'a ChartZone>,
    labels: &[String],
    max: usize,
) -> Result<(&'a ChartZone, SeatList), ApiError> {
    named_seats_of(chart, zone, "", labels, max)
}

/// As [`named_seats`], in a part of a request whose fields are named with `prefix`.
fn named_seats_of<'a>(
    chart: &'a Chart,
    zone: Option<&'a ChartZone>,
    prefix: &str,
    labels: &[String],
    max: usize,
) -> Result<(&'a ChartZone, SeatList), ApiError> {
    let of_list = format!("{prefix}seats");
    if labels.is_empty() || labels.len() > max {
        return Err(ApiError::invalid(
            &of_list,
            labels.len(),
            &format!("1 to {max} seats"),
        ));
    }
    if let Some(zone) = zone
        && !zone.is_seated()
    {
        return Err(ApiError::invalid(
            &of_list,
            labels,
            "a quantity: the zone has no named seats",
        ));
    }
    let mut of_zone = zone;
    let mut seats = SeatList::new();
    let mut seen = HashSet::with_capacity(labels.len());
    for (place, label) in labels.iter().enumerate() {
        let field = || format!("{of_list}[{place}]");
        let found = match parse_seat_id(label) {
            Some(seat) => seat
                .and_then(|seat| Some((chart.zone_of_seat(seat)?, seat)))
                .filter(|(of_seat, _)| zone.is_none_or(|zone| zone.index == of_seat.index)),
            None => match chart.find(label, zone.map(|zone| zone.index)) {
                Found::Nothing => None,
                Found::Seat { zone, seat } => chart.zone(zone).map(|zone| (zone, seat)),
                Found::Ambiguous => {
                    return Err(ApiError::wrong(
                        &format!("{prefix}zone_id"),
                        serde_json::Value::Null,
                        &format!(
                            "is required, because several zones have a seat {}",
                            text::cut(label)
                        ),
                        "a zone of the show",
                    ));
                }
            },
        };
        let Some((found_zone, seat)) = found else {
            return Err(ApiError::invalid(&field(), label, "a seat of the show"));
        };
        match of_zone {
            Some(of_zone) if of_zone.index != found_zone.index => {
                return Err(ApiError::invalid(&field(), label, "seats of one zone"));
            }
            _ => of_zone = Some(found_zone),
        }
        if !seen.insert(seat) {
            return Err(ApiError::invalid(&field(), label, "each seat once"));
        }
        seats.push(seat);
    }
    of_zone
        .map(|zone| (zone, seats))
        .ok_or_else(|| ApiError::invalid(&of_list, labels, "at least one seat"))
}
