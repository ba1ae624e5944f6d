//! `POST /bookings/{id}/return`

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;
use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_schemas::order::ReturnPlaces;
use onsale_schemas::outcome::PlacesReturned;
use onsale_schemas::{
    BookingId, Command, LineIndex, Outcome, OutcomeRecord, PartitionId, Rejection, SeatIndex,
    SeatList, ZoneIndex,
};
use onsale_store::booking::BookingRow;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::cancel::to_take_back;
use super::ended::refusal;
use super::lines::{LineBody, Priced, Sums};
use crate::audit;
use crate::auth::{Caller, OnBehalf, Right, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::{Chart, Found, parse_seat_id, seat_id};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody, parse_booking};
use crate::idempotency::IdempotencyKey;
use crate::percent::Percent;
use crate::rejection;
use crate::routes::call::{Call, Order};
use crate::routes::projected;
use crate::state::AppState;
use crate::submit::{Answer, Answering, Final, PendingAnswer, unexpected, was_decided};
use crate::text;
use crate::values::Money;

/// To take back some places of what a buyer has bought.
const RETURN: Right = Right::of_members(
    &[
        Role::Organizer,
        Role::Admin,
        Role::Service,
        Role::Operator,
        Role::Platform,
    ],
    Action::ServeBuyers,
    "Places of a paid booking are taken back by the staff of its tenant.",
);

/// Characters of a reason.
const REASON_MAX_CHARS: usize = 200;
/// Highest number of a line: an order has no more lines than places.
const LINE_MAX: u8 = 99;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("ReturnRequest", "seats"),
        Bound::Items(TICKETS_PER_BOOKING_MAX as usize),
    ),
    (
        Of::Field("ReturnRequest", "quantity"),
        Bound::Range(1, TICKETS_PER_BOOKING_MAX as u64),
    ),
    (
        Of::Field("ReturnRequest", "line"),
        Bound::Range(0, LINE_MAX as u64),
    ),
    (
        Of::Field("ReturnRequest", "reason"),
        Bound::Line(REASON_MAX_CHARS),
    ),
];

/// Which places to take back: named seats, a number of places without a name, or both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnRequest {
    /// Labels (`A-3`) or seat ids, of any zone of the booking.
    seats: Option<Vec<String>>,
    /// A number of places of general admission.
    quantity: Option<u32>,
    /// The number of the line that `quantity` is of; may be omitted where only one has places without a name.
    line: Option<u8>,
    /// Why, for the audit trail; nothing personal.
    reason: Option<String>,
}

impl RequestBody for ReturnRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&RETURN)
    }
}

/// A booking of which places were taken back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Return {
    booking_id: Uuid,
    /// `confirmed`, or `cancelled` when no place is left.
    status: &'static str,
    /// What is on sale again.
    returned: ReturnedPlaces,
    /// Labels of the seats that are left; none for general admission.
    seats: Vec<String>,
    /// Places that are left.
    quantity: u32,
    /// What is left, line by line. Lines keep their numbers, also those that came to nothing.
    lines: Vec<LineBody>,
    /// What bundles and a code took off the places that are left.
    discount: Money,
    /// Fees in `total_price`.
    fees: Money,
    /// Tax in `total_price`.
    tax: Money,
    /// Rate of the tax that prices include, of what they are without it, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_percent: Option<Percent>,
    /// Rate of the tax that fees include, of what they are without it, as far as it is known and there are fees.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_tax_percent: Option<Percent>,
    /// What the places that are left cost, fees included.
    total_price: Money,
    /// What is to be paid back.
    refund: Refund,
}

/// Places that are on sale again.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReturnedPlaces {
    /// Labels; none for general admission.
    seats: Vec<String>,
    quantity: u32,
}

/// What places cost that were taken back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Refund {
    /// Their prices.
    price: Money,
    /// Their fees; with the last place that for the order, too.
    fees: Money,
    /// Both together.
    total: Money,
}

/// Take some places of a paid booking back.
///
/// All that are named, or none; they are on sale again, and the rest stays sold at its price. For the event's
/// organizer, and the admins and services of its tenant. A booking as a whole is cancelled.
///
/// Of what is held and not paid nothing can be given back in part, by nobody: the rules of the log (`schemas/rules`)
/// know parts of paid bookings alone. Its buyer cancels the hold and reserves what is still wanted.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/return", operation_id = "return_places", tag = "bookings", request_body = ReturnRequest,
    params(
        ("id" = Uuid, Path, description = "The booking"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The places are on sale again; `refund` is due", body = Success<Return>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`NOT_CONFIRMED`: it is held; `PLACES_NOT_OF_BOOKING` (`details.seats`, `details.line`); `COMPANION_ALONE`: companion seats would be left without an accessible one; `ALREADY_CANCELLED`, `SHOW_CANCELLED`", body = Problem),
        (status = 410, description = "`RESERVATION_EXPIRED`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn return_places(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<ReturnRequest>,
) -> Result<Response, ApiError> {
    let (state, caller) = (&call.state, &call.caller);
    let booking = parse_booking(id, state.log.partitions())?;
    let authority = to_take_back(state, caller, booking).await?;
    let request = body.value;
    if let Some(reason) = &request.reason
        && !text::is_line(reason, REASON_MAX_CHARS)
    {
        return Err(ApiError::invalid(
            "reason",
            reason,
            &format!("1 to {REASON_MAX_CHARS} characters on one line"),
        ));
    }
    let row = projected::booking(state, booking)
        .await?
        .ok_or_else(|| ApiError::not_found("booking"))?;
    let chart = state.charts.chart(row.show_id).await?;
    let tenant = chart.tenant;
    let identity = call.identity("return", id, &body.bytes);
    let (seats, places) = match places(&chart, &row, &request) {
        Ok(places) => places,
        Err(error) if !was_decided(state, identity, booking.partition(), None).await => {
            return Err(error);
        }
        // The show does not have it any more. The answer is remembered by the log, which takes nothing that asks
        // for nothing.
        Err(_) => (SeatList::new(), Vec::new()),
    };
    let answer = call
        .hand_in(Order {
            identity,
            on_behalf: OnBehalf::Staff(authority),
            partition: booking.partition(),
            command: Command::ReturnPlaces(ReturnPlaces {
                booking: booking.offset(),
                seats,
                places,
            }),
            answering: Arc::new(Returning {
                booking,
                chart: Some(chart),
            }),
        })
        .await?;
    let is_new = !matches!(&answer, Answer::Final(answer) if answer.replayed);
    if let Some(reason) = request.reason
        && is_new
    {
        // What was done has its entry from the log, which holds no free text.
        let actor = audit::actor(caller, &call.context);
        let entry = actor
            .did("booking.give_reason", "booking", booking)
            .of_tenant(tenant.0)
            .with(json!({ "reason": reason, "log_request_id": identity.request_id.0 }));
        audit::note(state, entry).await;
    }
    Ok(answer.into_response(&call.context))
}

/// The seats, and how many places of which line.
fn places(
    chart: &Chart,
    row: &BookingRow,
    request: &ReturnRequest,
) -> Result<(SeatList, Vec<(LineIndex, u32)>), ApiError> {
    if request.seats.is_none() && request.quantity.is_none() {
        return Err(ApiError::invalid(
            "seats",
            Value::Null,
            "seats, quantity, or both",
        ));
    }
    let seats = match &request.seats {
        Some(labels) => seats_of(chart, row, labels)?,
        None => SeatList::new(),
    };
    let places = match (request.quantity, request.line) {
        (None, None) => Vec::new(),
        (None, Some(line)) => {
            return Err(ApiError::wrong(
                "line",
                line,
                "can only be given with quantity",
                "no value",
            ));
        }
        (Some(quantity), line) => {
            if !(1..=TICKETS_PER_BOOKING_MAX).contains(&quantity) {
                return Err(ApiError::invalid(
                    "quantity",
                    quantity,
                    &format!("1 to {TICKETS_PER_BOOKING_MAX}"),
                ));
            }
            let line = match line {
                Some(line) if line <= LINE_MAX => line,
                Some(line) => {
                    return Err(ApiError::invalid("line", line, &format!("0 to {LINE_MAX}")));
                }
                None => only_line(chart, row, quantity)?,
            };
            vec![(line, quantity)]
        }
    };
    Ok((seats, places))
}

fn seats_of(chart: &Chart, row: &BookingRow, labels: &[String]) -> Result<SeatList, ApiError> {
    let max = usize::try_from(TICKETS_PER_BOOKING_MAX).unwrap_or(usize::MAX);
    if labels.is_empty() || labels.len() > max {
        return Err(ApiError::invalid(
            "seats",
            labels.len(),
            &format!("1 to {max} seats"),
        ));
    }
    let mut seats = SeatList::new();
    let mut seen = HashSet::with_capacity(labels.len());
    for (place, label) in labels.iter().enumerate() {
        let field = format!("seats[{place}]");
        let seat = seat_of(chart, row, &field, label)?;
        if !seen.insert(seat) {
            return Err(ApiError::invalid(&field, label, "each seat once"));
        }
        seats.push(seat);
    }
    Ok(seats)
}

/// The seat of the booking with this label. One that it does not have (any more) is found all the same where the
/// show has it: that is for the log to say, which may remember that it was taken back by this very request.
fn seat_of(
    chart: &Chart,
    row: &BookingRow,
    field: &str,
    label: &str,
) -> Result<SeatIndex, ApiError> {
    let unknown = || ApiError::invalid(field, label, "a seat of the booking");
    if let Some(seat) = parse_seat_id(label) {
        return seat.ok_or_else(unknown);
    }
    let wanted = text::composed(label);
    let is_named = |seat: &&SeatIndex| {
        let found = chart.label(**seat);
        found.is_some_and(|found| text::composed(&found) == wanted)
    };
    let mut named = row.seats.iter().filter(is_named);
    match (named.next(), named.next()) {
        (Some(seat), None) => Ok(*seat),
        (Some(_), Some(_)) => Err(ApiError::invalid(
            field,
            label,
            "the seat's id, because the booking has seats with this label in several zones",
        )),
        (None, _) => chart
            .zones
            .iter()
            .find_map(|zone| match chart.find(label, Some(zone.index)) {
                Found::Seat { seat, .. } => Some(seat),
                Found::Nothing | Found::Ambiguous => None,
            })
            .ok_or_else(unknown),
    }
}

/// The only line of a booking whose places have no names.
fn only_line(chart: &Chart, row: &BookingRow, quantity: u32) -> Result<LineIndex, ApiError> {
    let zones: Vec<ZoneIndex> = match &row.order {
        Some(order) => order.lines.iter().map(|line| line.zone).collect(),
        None => vec![row.zone],
    };
    let is_general = |zone: ZoneIndex| chart.zone(zone).is_some_and(|zone| !zone.is_seated());
    let mut general = (0..=LINE_MAX)
        .zip(zones)
        .filter(|(_, zone)| is_general(*zone));
    match (general.next(), general.next()) {
        (Some((line, _)), None) => Ok(line),
        (None, _) => Err(ApiError::invalid(
            "quantity",
            quantity,
            "seats: all places of the booking have names",
        )),
        (Some(_), Some(_)) => Err(ApiError::wrong(
            "line",
            Value::Null,
            "is required, because several lines of the booking have places without a name",
            "the number of a line",
        )),
    }
}

/// Answers a return.
pub(in crate::routes) struct Returning {
    pub(in crate::routes) booking: BookingId,
    /// Of its show; seats have their ids where the catalog does not have it.
    pub(in crate::routes) chart: Option<Arc<Chart>>,
}

#[async_trait]
impl Answering for Returning {
    async fn answer(
        &self,
        state: &AppState,
        _partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        match &record.outcome {
            Outcome::PlacesReturned(returned) => {
                Final::new(StatusCode::OK, &self.returned(returned))
            }
            Outcome::Rejected(why @ Rejection::UnknownBooking) => {
                Err(refusal(state, self.booking, None, why).await)
            }
            Outcome::Rejected(why) => Err(rejection::to_error(why, self.chart.as_deref(), None)),
            other => Err(unexpected("return", other)),
        }
    }
}

impl Returning {
    fn returned(&self, returned: &PlacesReturned) -> Return {
        let chart = self.chart.as_deref();
        let currency = returned.currency;
        let money = |amount| Money::new(amount, currency.as_str());
        let sums = Sums {
            order_fee: returned.order_fee,
            total: returned.total,
            tax: returned.tax,
            currency,
        };
        let priced = Priced::of(chart, &returned.lines, sums);
        let totals = priced.totals();
        let given_back = returned.parts.iter().flat_map(|part| part.seats.iter());
        let left = returned.lines.iter().flat_map(|line| line.seats.iter());
        Return {
            booking_id: self.booking.as_uuid(),
            status: if returned.ended {
                "cancelled"
            } else {
                "confirmed"
            },
            returned: ReturnedPlaces {
                seats: labels(chart, given_back),
                quantity: sum(returned.parts.iter().map(|part| part.quantity)),
            },
            seats: labels(chart, left),
            quantity: sum(returned.lines.iter().map(|line| line.quantity)),
            lines: priced.lines(),
            discount: totals.discount,
            fees: totals.fees,
            tax: totals.tax,
            tax_percent: totals.tax_percent,
            fee_tax_percent: totals.fee_tax_percent,
            total_price: totals.total_price,
            refund: Refund {
                price: money(returned.refund_price),
                fees: money(returned.refund_fees),
                total: money(returned.refund_price.saturating_add(returned.refund_fees)),
            },
        }
    }
}

fn labels<'a>(chart: Option<&Chart>, seats: impl Iterator<Item = &'a SeatIndex>) -> Vec<String> {
    match chart {
        Some(chart) => chart.labels(seats),
        None => seats.map(|seat| seat_id(*seat)).collect(),
    }
}

fn sum(quantities: impl Iterator<Item = u32>) -> u32 {
    quantities.fold(0, u32::saturating_add)
}
