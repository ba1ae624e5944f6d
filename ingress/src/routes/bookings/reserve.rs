//! `POST /bookings/reserve`

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::command::{Pick, Reserve};
use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_schemas::{
    BookingId, Command, Outcome, OutcomeRecord, PartitionId, Rejection, SeatList, ShowId, ZoneIndex,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::openapi::{Ref, Schema};
use uuid::Uuid;

use super::body::PositionBody;
use super::receipt;
use crate::address_blocks::{Asking, NewHold};
use crate::auth::{Caller, OnBehalf, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::{Chart, ChartZone, Found, parse_seat_id};
use crate::client_address::ClientAddress;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::precheck::{self, InFlight};
use crate::rejection;
use crate::routes::call::{Call, Order};
use crate::routes::visible;
use crate::state::AppState;
use crate::submit::{
    Answer, Answering, Final, PendingAnswer, decided_at, seconds_left, unexpected, was_decided,
};
use crate::text;
use crate::values::{Instant, Money};

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("ReserveRequest", "quantity"),
        Bound::Range(1, TICKETS_PER_BOOKING_MAX as u64),
    ),
    (
        Of::Field("ReserveRequest", "seats"),
        Bound::Items(TICKETS_PER_BOOKING_MAX as usize),
    ),
];

/// What to hold: named seats, or a number of places.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReserveRequest {
    show_id: Uuid,
    /// Checked against the show's when given.
    event_id: Option<Uuid>,
    /// May be omitted where the seats, or the show's only zone, determine it.
    zone_id: Option<Uuid>,
    /// Labels (`A-3`) or seat ids, all of one zone.
    seats: Option<Vec<String>>,
    /// A number of places instead of named seats.
    quantity: Option<u32>,
    /// Only seats next to each other (default true); for `quantity` in seated zones.
    together: Option<bool>,
    /// The price that the buyer saw: money, or minor units; refused when it is another now.
    #[schema(schema_with = seen_price_schema)]
    unit_price: Option<SeenPrice>,
}

impl RequestBody for ReserveRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.require(&[Role::Buyer], "Only buyers reserve.")
    }
}

fn seen_price_schema() -> Schema {
    OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .item(Ref::from_schema_name("Money"))
        .item(
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))),
        )
        .description(Some(
            "The price that the buyer saw: money, or minor units; refused when it is another now.",
        ))
        .into()
}

/// A price as a client names it.
enum SeenPrice {
    Minor(i64),
    Money(Money),
}

impl<'de> Deserialize<'de> for SeenPrice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PriceVisitor;
        impl<'de> serde::de::Visitor<'de> for PriceVisitor {
            type Value = SeenPrice;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("{\"amount\",\"currency\"} or a whole number of minor units")
            }

            fn visit_i64<E: serde::de::Error>(self, amount: i64) -> Result<SeenPrice, E> {
                Ok(SeenPrice::Minor(amount))
            }

            fn visit_u64<E: serde::de::Error>(self, amount: u64) -> Result<SeenPrice, E> {
                i64::try_from(amount)
                    .map(SeenPrice::Minor)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(amount), &self))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<SeenPrice, A::Error> {
                Money::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(SeenPrice::Money)
            }
        }
        deserializer.deserialize_any(PriceVisitor)
    }
}

/// A reservation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reservation {
    booking_id: Uuid,
    /// `reserved`.
    status: &'static str,
    event_id: Uuid,
    show_id: Uuid,
    zone_id: Uuid,
    /// Labels; none for general admission.
    seats: Vec<String>,
    quantity: u32,
    unit_price: Money,
    total_price: Money,
    expires_at: Instant,
    /// Length of the hold as of `server_time`.
    expires_in_seconds: u64,
    /// When it was reserved, by the log.
    server_time: Instant,
    position: PositionBody,
    /// How many were ahead; anyone who has this link may read it.
    receipt_url: String,
}

/// Hold seats.
///
/// Named seats all or none, or the best available, or places of general admission. First come,
/// first served, by the order of the log.
#[utoipa::path(
    post, path = "/api/v1/bookings/reserve", operation_id = "reserve", tag = "bookings", request_body = ReserveRequest,
    params(IdempotencyKey),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The places are held", body = Success<Reservation>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`: only buyers reserve", body = Problem),
        (status = 404, description = "`NOT_FOUND`: no such show", body = Problem),
        (status = 409, description = "`SEAT_UNAVAILABLE`, `INSUFFICIENT_STOCK`, `MAX_PER_USER_EXCEEDED`, `SALE_NOT_OPEN`, `SALE_CLOSED`, `PRICE_CHANGED`, `SHOW_CANCELLED`, `COOLING_DOWN` (`details.until`): holds of the event ended unpaid in a row", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many requests of the buyer, too many idempotency keys of the buyer in a day, or too many places of the buyers of one network (`details.limit` says which of the two)", body = Problem),
        (status = 503, description = "`OVERLOADED`, `PARTITION_UNAVAILABLE`: nothing was changed", body = Problem),
    ),
)]
pub(crate) async fn reserve(
    call: Call,
    client: ClientAddress,
    body: JsonBody<ReserveRequest>,
) -> Result<Response, ApiError> {
    call.caller
        .require(&[Role::Buyer], "Only buyers reserve.")?;
    let result = handle(&call, client, body).await;
    if let Err(error) = &result {
        let metrics = &call.state.metrics;
        metrics.reservation_failed(error.code().as_str());
    }
    result
}

async fn handle(
    call: &Call,
    client: ClientAddress,
    body: JsonBody<ReserveRequest>,
) -> Result<Response, ApiError> {
    let (state, user) = (&call.state, call.caller.user);
    let request = body.value;
    let chart = visible::chart_on_sale(state, ShowId(request.show_id)).await?;
    if let Some(event_id) = request.event_id
        && event_id != chart.event.0
    {
        return Err(ApiError::invalid(
            "event_id",
            event_id,
            "the event of the show",
        ));
    }
    if request
        .zone_id
        .is_some_and(|id| chart.zone_by_id(id).is_none())
    {
        state.charts.doubt(&chart).await;
    }
    let (zone, pick) = places(&chart, &request)?;
    let expected_unit_price = match request.unit_price {
        None => None,
        Some(SeenPrice::Minor(amount)) => Some(amount),
        Some(SeenPrice::Money(money)) if money.currency == zone.currency => Some(money.amount),
        Some(SeenPrice::Money(money)) => {
            return Err(ApiError::invalid(
                "unit_price.currency",
                money.currency,
                &zone.currency,
            ));
        }
    };
    let zone = zone.index;
    let identity = call.identity("reserve", "", &body.bytes);
    let places_asked = precheck::places_of(&pick);
    let mut asking = match state.address_blocks.ask(client.0, places_asked) {
        Ok(asking) => asking,
        Err(refusal) if !was_decided(state, identity).await => return Err(refusal),
        Err(_) => state.address_blocks.ask_again(client.0, places_asked),
    };
    // A repeated request must reach the log: its answer may be one that was granted long ago.
    let in_flight = if state.config.precheck.enabled && identity.fingerprint.is_none() {
        let asked = precheck::Reservation {
            chart: &chart,
            zone,
            pick: &pick,
            user,
        };
        precheck::admit(state, &asked).await.inspect_err(|error| {
            state.metrics.precheck_refused(error.code().as_str());
        })?
    } else {
        InFlight::uncounted()
    };
    let order = Order {
        identity,
        on_behalf: OnBehalf::Buyer,
        partition: chart.partition,
        command: Command::Reserve(Reserve {
            show: chart.show,
            user,
            zone,
            pick,
            expected_unit_price,
        }),
        answering: Arc::new(Reserving { chart, zone }),
    };
    if let Some(asking) = &mut asking {
        // A client that hangs up from here on drops this future and not the command.
        asking.handed_in(identity.request_id);
    }
    let answer = call.hand_in(order).await;
    drop(in_flight);
    if let Some(asking) = asking {
        settle(asking, &answer);
    }
    Ok(answer?.into_response(&call.context))
}

/// Counts what an answer says was granted; where it does not say, all that was asked for.
fn settle(asking: Asking<'_>, answer: &Result<Answer, ApiError>) {
    match answer {
        Ok(Answer::Final(answer)) if answer.replayed => asking.given_back(),
        Ok(Answer::Final(Final {
            hold: Some(hold), ..
        })) => asking.granted(*hold),
        // A refusal of the log, or a command that is certainly not in it.
        Err(error) if error.code() != Code::InternalError => asking.given_back(),
        Ok(Answer::Final(_) | Answer::Pending(_)) | Err(_) => drop(asking),
    }
}

/// Which places of which zone are asked for.
fn places<'a>(
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

/// Answers a reservation.
pub(in crate::routes) struct Reserving {
    pub(in crate::routes) chart: Arc<Chart>,
    pub(in crate::routes) zone: ZoneIndex,
}

#[async_trait]
impl Answering for Reserving {
    async fn answer(
        &self,
        state: &AppState,
        _partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let chart = &*self.chart;
        let reserved = match &record.outcome {
            Outcome::Reserved(reserved) => reserved,
            Outcome::Rejected(why) => {
                // A remembered refusal may tell a limit of the past.
                if let (Rejection::MaxPerUserExceeded { limit, .. }, None) = (why, record.replay_of)
                {
                    let (partition, show) = (chart.partition, chart.show);
                    state
                        .buyers
                        .note_limit(partition, show, *limit, record.offset);
                }
                let refusal = rejection::to_error(why, Some(chart), Some(self.zone));
                return Err(match why {
                    Rejection::CoolingDown { until_ms } => {
                        let wait_ms = until_ms.saturating_sub(record.log_time_ms);
                        refusal.retry_after(wait_ms.div_ceil(1_000).max(1))
                    }
                    _ => refusal,
                });
            }
            other => return Err(unexpected("reserve", other)),
        };
        let zone = chart
            .zone(reserved.zone)
            .ok_or_else(|| ApiError::internal("reserved in a zone that the chart does not have"))?;
        if record.replay_of.is_none() {
            state.metrics.reservations.inc();
        }
        // The log's time, so that a replay is the same answer to the byte.
        let server_time = decided_at(record);
        let expires_at = Instant(reserved.expires_at_ms);
        let booking = BookingId::new(chart.partition, reserved.booking);
        let mut answer = Final::new(
            StatusCode::CREATED,
            &Reservation {
                booking_id: booking.as_uuid(),
                status: "reserved",
                event_id: reserved.event.0,
                show_id: reserved.show.0,
                zone_id: zone.zone_id,
                seats: chart.labels(reserved.seats.iter()),
                quantity: reserved.quantity,
                unit_price: Money::new(reserved.unit_price, reserved.currency.as_str()),
                total_price: Money::total(
                    reserved.unit_price,
                    reserved.quantity,
                    reserved.currency,
                ),
                expires_at,
                expires_in_seconds: seconds_left(expires_at, server_time),
                server_time,
                position: PositionBody {
                    partition: chart.partition.0,
                    offset: reserved.booking,
                },
                receipt_url: receipt::url(state, &booking),
            },
        )?;
        answer.hold = Some(NewHold {
            booking,
            show: reserved.show,
            event: reserved.event,
            places: reserved.quantity,
            until_ms: reserved.expires_at_ms,
        });
        Ok(answer)
    }

    /// A refusal tells of no booking, and who has many of them need not wait for any.
    fn tells_of_bookings(&self, record: &OutcomeRecord) -> bool {
        !matches!(record.outcome, Outcome::Rejected(_))
    }
}
