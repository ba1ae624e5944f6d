//! `POST /bookings/reserve`

mod answer;
mod eligible;
mod places;

use std::sync::Arc;

use axum::response::Response;
use onsale_schemas::command::Reserve;
use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_schemas::{Command, ShowId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::openapi::{Ref, Schema};
use uuid::Uuid;

use self::answer::Reservation;
pub(in crate::routes) use self::answer::Reserving;
pub(in crate::routes) use self::places::named_seats;
use self::places::places;
use crate::address_blocks::Asking;
use crate::auth::{Caller, OnBehalf, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::client_address::ClientAddress;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::precheck::{self, InFlight};
use crate::routes::call::{Call, Order};
use crate::routes::visible;
use crate::state::AppState;
use crate::submit::{Answer, Final, PendingAnswer, was_decided};
use crate::values::Money;

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
        (status = 403, description = "`FORBIDDEN`: only buyers reserve, and a guest only of the show that its token is for; `VERIFIED_ACCOUNT_REQUIRED`: the event is sold only to accounts with a verified address", body = Problem),
        (status = 404, description = "`NOT_FOUND`: no such show", body = Problem),
        (status = 409, description = "`SEAT_UNAVAILABLE`, `INSUFFICIENT_STOCK`, `MAX_PER_USER_EXCEEDED`, `SALE_NOT_OPEN`, `SALE_CLOSED`, `PRICE_CHANGED`, `SHOW_CANCELLED`, `COOLING_DOWN` (`details.until`): holds of the event ended unpaid in a row; by the offer of the show `TYPE_NOT_OFFERED`, `ACCESS_CODE_REQUIRED`, `TYPE_NOT_ON_SALE`, `TYPE_QUANTITY`, `WRONG_SEAT_KIND`, `COMPANION_ALONE`, `LEAVES_SINGLE_SEAT`; `GUEST_PURCHASE_MADE`: the guest has a booking", body = Problem),
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
    let was_decided = || was_decided(state, identity, chart.partition, Some(chart.show));
    let _alone = match eligible::check(state, &call.caller, &chart).await {
        Ok(alone) => alone,
        Err(refusal) if !was_decided().await => return Err(refusal),
        Err(_) => None,
    };
    let places_asked = precheck::places_of(&pick);
    let mut asking = match state.address_blocks.ask(client.0, places_asked) {
        Ok(asking) => asking,
        Err(refusal) if !was_decided().await => return Err(refusal),
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
