//! Which places a request names.

use std::collections::HashSet;

use onsale_schemas::SeatList;
use onsale_schemas::command::Pick;
use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;

use super::ReserveRequest;
use crate::charts::{Chart, ChartZone, Found, parse_seat_id};
use crate::error::ApiError;
use crate::text;

/// Which places of which zone are asked for.
pub(super) fn places<'a>(
    chart: &'a Chart,
    request: &ReserveRequest,
) -> Result<(&'a ChartZone, Pick), ApiError> {
    let zone = match request.zone_id {
        Some(id) => Some(
            chart
                .zone_by_id(id)
                .ok_or_else(|| ApiError::invalid("zone_id", id, "a zone of the show"))?,
        ),
        None => None,
    };
    match (&request.seats, request.quantity) {
        (Some(_), Some(quantity)) => Err(ApiError::invalid(
            "quantity",
            quantity,
            "either seats or quantity, not both",
        )),
        (None, None) => Err(ApiError::invalid(
            "seats",
            serde_json::Value::Null,
            "seats or quantity",
        )),
        (Some(labels), None) => {
            if let Some(together) = request.together {
                return Err(ApiError::wrong(
                    "together",
                    together,
                    "can only be given with quantity",
                    "no value",
                ));
            }
            let max = usize::try_from(TICKETS_PER_BOOKING_MAX).unwrap_or(usize::MAX);
            let (zone, seats) = named_seats(chart, zone, labels, max)?;
            Ok((zone, Pick::Seats(seats)))
        }
        (None, Some(quantity)) => {
            if !(1..=TICKETS_PER_BOOKING_MAX).contains(&quantity) {
                return Err(ApiError::invalid(
                    "quantity",
                    quantity,
                    &format!("1 to {TICKETS_PER_BOOKING_MAX}"),
                ));
            }
            let zone = match (zone, chart.zones.as_slice()) {
                (Some(zone), _) => zone,
                (None, [only]) => only,
                (None, _) => {
                    return Err(ApiError::wrong(
                        "zone_id",
                        serde_json::Value::Null,
                        "is required, because the show has several zones",
                        "a zone of the show",
                    ));
                }
            };
            let pick = if zone.is_seated() {
                Pick::BestAvailable {
                    quantity,
                    together: request.together.unwrap_or(true),
                }
            } else {
                Pick::General { quantity }
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
    if labels.is_empty() || labels.len() > max {
        return Err(ApiError::invalid(
            "seats",
            labels.len(),
            &format!("1 to {max} seats"),
        ));
    }
    if let Some(zone) = zone
        && !zone.is_seated()
    {
        return Err(ApiError::invalid(
            "seats",
            labels,
            "a quantity: the zone has no named seats",
        ));
    }
    let mut of_zone = zone;
    let mut seats = SeatList::new();
    let mut seen = HashSet::with_capacity(labels.len());
    for (place, label) in labels.iter().enumerate() {
        let field = || format!("seats[{place}]");
        let found = match parse_seat_id(label) {
            Some(seat) => seat
                .and_then(|seat| Some((chart.zone_of_seat(seat)?, seat)))
                .filter(|(of_seat, _)| zone.is_none_or(|zone| zone.index == of_seat.index)),
            None => match chart.find(label, zone.map(|zone| zone.index)) {
                Found::Nothing => None,
                Found::Seat { zone, seat } => chart.zone(zone).map(|zone| (zone, seat)),
                Found::Ambiguous => {
                    return Err(ApiError::wrong(
                        "zone_id",
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
        .ok_or_else(|| ApiError::invalid("seats", labels, "at least one seat"))
}
