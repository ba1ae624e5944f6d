//! `POST /bookings/reserve`

mod answer;
mod basket;
mod eligible;
mod items;
mod places;
mod seen_amount;

use std::sync::Arc;

use axum::response::Response;
use onsale_schemas::command::{Pick, Reserve};
use onsale_schemas::limits::{ITEMS_PER_ORDER_MAX, TICKETS_PER_BOOKING_MAX};
use onsale_schemas::order::{Item, PickV2, ReserveV2};
use onsale_schemas::{CodeHash, Command, ShowId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use self::answer::Reservation;
pub(in crate::routes) use self::answer::Reserving;
pub(in crate::routes) use self::basket::{Basket, BasketItem};
pub(in crate::routes) use self::items::{currency, items};
pub(in crate::routes) use self::places::named_seats;
pub(in crate::routes) use self::seen_amount::{
    Expected, Seen, SeenAmount, expected_total_schema, unit_price_schema,
};
use crate::address_blocks::Asking;
use crate::auth::{Caller, OnBehalf, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::Chart;
use crate::client_address::ClientAddress;
use crate::codes::{Guess, TYPED_MAX_BYTES};
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, RequestBody};
use crate::idempotency::{IdempotencyKey, Identity};
use crate::precheck::{self, InFlight};
use crate::routes::call::{Call, Order};
use crate::routes::visible;
use crate::state::AppState;
use crate::submit::{Answer, Final, PendingAnswer, was_decided};

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
    (
        Of::Field("ReserveRequest", "items"),
        Bound::Items(ITEMS_PER_ORDER_MAX),
    ),
    (
        Of::Field("ReserveRequest", "code"),
        Bound::Length(TYPED_MAX_BYTES),
    ),
    (
        Of::Field("BasketItem", "quantity"),
        Bound::Range(1, TICKETS_PER_BOOKING_MAX as u64),
    ),
    (
        Of::Field("BasketItem", "seats"),
        Bound::Items(TICKETS_PER_BOOKING_MAX as usize),
    ),
];

/// What to hold: named seats, or a number of places, of one zone; or `items` of several, all or nothing.
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
    /// The name of the ticket type of these places; without it the show's ordinary one.
    ticket_type: Option<String>,
    /// In place of `zone_id`, `seats`, `quantity`, `together` and `ticket_type`: places of one zone or several.
    items: Option<Vec<BasketItem>>,
    /// A discount or access code, in any letters, with or without spaces and hyphens: 4 to 64 characters
    /// beside those.
    code: Option<String>,
    /// The price that the buyer saw: money, or minor units; refused when it is another now.
    #[schema(schema_with = unit_price_schema)]
    unit_price: Option<SeenAmount>,
    /// The total that the buyer saw, with fees: money, or minor units; refused when it is another now.
    #[schema(schema_with = expected_total_schema)]
    expected_total: Option<SeenAmount>,
    /// Whether the buyer has confirmed to have the age that the event asks for: `true` is required where its
    /// `minimum_age` is more than 0.
    age_confirmed: Option<bool>,
}

/// On which terms places are asked for.
enum Terms {
    /// As clients always did.
    Plain { expected_unit_price: Option<i64> },
    /// As orders are.
    Order {
        expected_total: Option<i64>,
        code: Option<CodeHash>,
    },
}

impl Default for Terms {
    fn default() -> Self {
        Self::Order {
            expected_total: None,
            code: None,
        }
    }
}

impl Terms {
    fn code(&self) -> Option<CodeHash> {
        match self {
            Self::Plain { .. } => None,
            Self::Order { code, .. } => *code,
        }
    }
}

impl RequestBody for ReserveRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.require(&[Role::Buyer], "Only buyers reserve.")
    }
}

/// Hold seats.
///
/// Named seats all or none, or the best available, or places of general admission; with `items` of several zones
/// and ticket types, all of them or none. First come, first served, by the order of the log. `lines` say what an
/// order costs and why.
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
        (status = 409, description = "`SEAT_UNAVAILABLE`, `INSUFFICIENT_STOCK`, `MAX_PER_USER_EXCEEDED`, `SALE_NOT_OPEN`, `SALE_CLOSED`, `PRICE_CHANGED`, `SHOW_CANCELLED`, `COOLING_DOWN` (`details.until`): holds of the event ended unpaid in a row; by the offer of the show `TYPE_NOT_OFFERED`, `CODE_REFUSED` (`details.reason`), `ACCESS_CODE_REQUIRED`, `TYPE_NOT_ON_SALE`, `TYPE_QUANTITY`, `WRONG_SEAT_KIND`, `COMPANION_ALONE`, `LEAVES_SINGLE_SEAT`; `GUEST_PURCHASE_MADE`: the guest has a booking", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many requests of the buyer, too many idempotency keys of the buyer in a day, too many wrong codes of the buyer or of one network, or too many places of the buyers of one network (`details.limit` says which of the two)", body = Problem),
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
    check_event(&chart, request.event_id)?;
    let age_confirmed = request.age_confirmed;
    let (basket, seen) = request.parts();
    let is_missing = |chart: &Chart| basket.names_unknown(chart);
    let chart = state.charts.knowing(&chart, &is_missing).await;
    let identity = call.identity("reserve", "", &body.bytes);
    let was_decided = || was_decided(state, identity, chart.partition, Some(chart.show));
    let is_order = basket.is_order() || seen.expected_total.is_some();
    let (items, terms) = match understood(state, &chart, &basket, seen, is_order) {
        Ok(understood) => understood,
        Err(error) if !was_decided().await => return Err(error),
        // What it named is not for sale any more. Its answer is remembered by the log, which takes nothing
        // that asks for nothing.
        Err(_) => (Vec::new(), Terms::default()),
    };
    let _alone = match eligible::check(state, &call.caller, &chart, age_confirmed).await {
        Ok(alone) => alone,
        Err(refusal) if !was_decided().await => return Err(refusal),
        Err(_) => None,
    };
    // Guesses are slow, and a repeated request is none.
    let guess = if terms.code().is_some() {
        Some(match state.codes.admit(client.0, Some(user)) {
            Ok(guess) => Arc::new(guess),
            Err(refusal) if !was_decided().await => return Err(refusal),
            Err(_) => Arc::new(state.codes.admit_again(client.0, Some(user))),
        })
    } else {
        None
    };
    let answer = ask(
        call,
        client,
        identity,
        &chart,
        (items, terms, is_order),
        guess.clone(),
    )
    .await;
    if let (Some(guess), Err(error)) = (&guess, &answer)
        && error.code() != Code::InternalError
    {
        // It never came to the log, or what the log said of it is counted by now.
        guess.give_back();
    }
    Ok(answer?.into_response(&call.context))
}

/// Hands a reservation in that is understood and allowed so far.
async fn ask(
    call: &Call,
    client: ClientAddress,
    identity: Identity,
    chart: &Arc<Chart>,
    (items, terms, is_order): (Vec<Item>, Terms, bool),
    guess: Option<Arc<Guess>>,
) -> Result<Answer, ApiError> {
    let (state, user) = (&call.state, call.caller.user);
    let was_decided = || was_decided(state, identity, chart.partition, Some(chart.show));
    let zone = items.first().map_or(0, |item| item.zone);
    let places_asked = precheck::places_of(&items);
    let mut asking = match state.address_blocks.ask(client.0, places_asked) {
        Ok(asking) => asking,
        Err(refusal) if !was_decided().await => return Err(refusal),
        Err(_) => state.address_blocks.ask_again(client.0, places_asked),
    };
    // A repeated request must reach the log: its answer may be one that was granted long ago.
    let in_flight = if state.config.precheck.enabled && identity.fingerprint.is_none() {
        let asked = precheck::Reservation {
            chart,
            items: &items,
            user,
        };
        precheck::admit(state, &asked).await.inspect_err(|error| {
            state.metrics.precheck_refused(error.code().as_str());
        })?
    } else {
        InFlight::uncounted()
    };
    let answering = Reserving {
        chart: chart.clone(),
        zone,
        has_lines: is_order,
        guess,
    };
    let order = Order {
        identity,
        on_behalf: OnBehalf::Buyer,
        partition: chart.partition,
        command: command(chart.show, user, items, &terms),
        answering: Arc::new(answering),
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
    answer
}

impl ReserveRequest {
    /// What it asks for, and what the buyer saw.
    fn parts(self) -> (Basket, Seen) {
        let basket = Basket {
            zone_id: self.zone_id,
            seats: self.seats,
            quantity: self.quantity,
            together: self.together,
            ticket_type: self.ticket_type,
            items: self.items,
            code: self.code,
        };
        let seen = Seen {
            unit_price: self.unit_price,
            expected_total: self.expected_total,
        };
        (basket, seen)
    }
}

/// That the event that a request names, if it names one, is the event of the show.
///
/// # Errors
/// `VALIDATION_ERROR` naming `event_id`.
pub(in crate::routes) fn check_event(
    chart: &Chart,
    event_id: Option<Uuid>,
) -> Result<(), ApiError> {
    match event_id {
        Some(event_id) if event_id != chart.event.0 => Err(ApiError::invalid(
            "event_id",
            event_id,
            "the event of the show",
        )),
        _ => Ok(()),
    }
}

/// What a request asks the log for, and on which terms.
fn understood(
    state: &AppState,
    chart: &Chart,
    basket: &Basket,
    seen: Seen,
    is_order: bool,
) -> Result<(Vec<Item>, Terms), ApiError> {
    let items = items(chart, basket)?;
    let sold_in = items.first().and_then(|item| currency(chart, item.zone));
    let sold_in = sold_in.ok_or_else(|| ApiError::internal("a basket without a zone"))?;
    let expected_total = match seen.expected(is_order, sold_in)? {
        Expected::Unit(expected_unit_price) => {
            let terms = Terms::Plain {
                expected_unit_price,
            };
            return Ok((items, terms));
        }
        Expected::Total(expected_total) => expected_total,
    };
    let code = match &basket.code {
        Some(typed) => Some(state.codes.hash(chart.tenant, chart.show, typed)?),
        None => None,
    };
    let terms = Terms::Order {
        expected_total,
        code,
    };
    Ok((items, terms))
}

/// What the log is asked for. What clients always asked for stays the command that it was.
fn command(show: ShowId, user: UserId, mut items: Vec<Item>, terms: &Terms) -> Command {
    match (terms, items.pop()) {
        // Without an order there is just one.
        (
            Terms::Plain {
                expected_unit_price,
            },
            Some(Item { zone, pick, .. }),
        ) => Command::Reserve(Reserve {
            show,
            user,
            zone,
            pick: pick_of(pick),
            expected_unit_price: *expected_unit_price,
        }),
        (terms, last) => {
            items.extend(last);
            let (expected_total, code) = match terms {
                Terms::Plain { .. } => (None, None),
                Terms::Order {
                    expected_total,
                    code,
                } => (*expected_total, *code),
            };
            Command::ReserveV2(ReserveV2 {
                show,
                user,
                items,
                code,
                expected_total,
            })
        }
    }
}

fn pick_of(pick: PickV2) -> Pick {
    match pick {
        PickV2::Seats(seats) => Pick::Seats(seats),
        PickV2::BestAvailable {
            quantity, together, ..
        } => Pick::BestAvailable { quantity, together },
        PickV2::General { quantity } => Pick::General { quantity },
    }
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
