//! `POST /payments/{id}/refund`

use std::collections::HashSet;

use axum::response::Response;
use http::StatusCode;
use onsale_schemas::SeatIndex;
use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_store::audit::{Audit, Unaudited};
use onsale_store::booking::{BookingRow, BookingStatus};
use onsale_store::catalog::ShowStatus;
use onsale_store::payment::{NewRefund, Payment, PaymentState, RefundOf, RefundOpened};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::within_reach;
use crate::audit;
use crate::auth::{Caller, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::{Chart, parse_seat_id};
use crate::detached::detached;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{PathId, RequestBody};
use crate::idempotency::{IdempotencyKey, Identity};
use crate::payments::RefundAsked;
use crate::payments::cards::CardlessBody;
use crate::routes::call::Call;
use crate::routes::catalog_call::{derived_id, key_reused, recall, remember};
use crate::routes::projected;
use crate::routes::refunds::APPROVE_REFUNDS;
use crate::routes::refunds::body::RefundBody;
use crate::state::AppState;
use crate::submit::Final;
use crate::text;

/// Characters of a reason.
const REASON_MAX_CHARS: usize = 200;
/// Most that a refund may be asked for, in the smallest unit: what it may be is what was paid.
const AMOUNT_MAX: u64 = 1_000_000_000_000_000;
/// What staff says by itself.
const BY_STAFF: &str = "amount";

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("RefundRequest", "seats"),
        Bound::Items(TICKETS_PER_BOOKING_MAX as usize),
    ),
    (
        Of::Field("RefundRequest", "amount"),
        Bound::Range(1, AMOUNT_MAX),
    ),
    (
        Of::Field("RefundRequest", "reason"),
        Bound::Line(REASON_MAX_CHARS),
    ),
];

/// What is to be paid back: some seats, an amount with the places staying sold, or without both the whole booking.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundRequest {
    /// Labels (`A-3`) or seat ids of the booking; they are on sale again.
    seats: Option<Vec<String>>,
    /// In minor units of the payment's currency.
    amount: Option<i64>,
    /// Why; nothing personal.
    reason: Option<String>,
}

impl RequestBody for RefundRequest {
    const OPTIONAL: bool = true;
    const SECRET: bool = true;
    const OPEN: &'static [&'static str] = &["amount"];

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        match caller.role {
            Role::Buyer => Ok(()),
            _ => caller.permit(&APPROVE_REFUNDS),
        }
    }
}

/// Ask for money back.
///
/// Buyers ask, and the staff of the tenant decides; what staff asks for is decided. How much goes back follows from the
/// rules by the time that is left before the show, unless an amount is named. Places go back on sale first, then the
/// money goes back.
#[utoipa::path(
    post, path = "/api/v1/payments/{id}/refund", operation_id = "refund_payment", tag = "payments", request_body = Option<RefundRequest>,
    params(
        ("id" = Uuid, Path, description = "The payment"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 202, description = "The refund: `requested`, or `approved` where staff asks", body = Success<RefundBody>),
        (status = 400, description = "`VALIDATION_ERROR`; also where nothing would go back by the rules (`details.rule`)", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`NOT_CONFIRMED`: nothing was paid, or all of it goes back already; `ALREADY_CANCELLED`; `QUOTA_EXCEEDED`: too many refunds of it", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: no payments are taken here", body = Problem),
    ),
)]
pub(crate) async fn refund(
    call: Call,
    PathId(id): PathId,
    body: CardlessBody<RefundRequest>,
) -> Result<Response, ApiError> {
    let CardlessBody(body) = body;
    let payment = within_reach(&call.state, &call.caller, id, &APPROVE_REFUNDS).await?;
    call.state.desk()?;
    let identity = call.identity("refund payment", id, &body.bytes);
    if let Some(answer) = recall(&call.state, identity).await? {
        return Ok(answer.into_response(&call.context));
    }
    let context = call.context.clone();
    let answer = detached(async move { ask(&call, payment, body.value, identity).await }).await?;
    Ok(answer.into_response(&context))
}

async fn ask(
    call: &Call,
    payment: Payment,
    request: RefundRequest,
    identity: Identity,
) -> Result<Final, ApiError> {
    let state = &call.state;
    let id = derived_id("refund", identity.request_id);
    let refund = match state.installation.refund(id).await? {
        // An earlier attempt came as far as the row.
        Some(refund) if refund.payment == payment.id => refund,
        Some(_) => return Err(key_reused()),
        None => {
            let new = new_refund(call, &payment, request, id).await?;
            let now_ms = state.clock.now_ms();
            let by = if new.is_approved {
                let entry = audit::actor(&call.caller, &call.context)
                    .did("refund.ask", "refund", id)
                    .of_tenant(payment.tenant)
                    .with(json!({ "payment": payment.id, "amount": new.amount }));
                Audit::from(entry)
            } else {
                // What a buyer asks for changes nothing before somebody of the staff decides.
                Audit::from(Unaudited::Automatic)
            };
            match state.installation.open_refund_as(&new, now_ms, by).await? {
                RefundOpened::New(refund) => refund,
                RefundOpened::TooMuch { left } => return Err(too_much(left)),
                RefundOpened::NotPaid(_) => return Err(nothing_paid()),
                RefundOpened::TooMany => {
                    return Err(ApiError::new(
                        Code::QuotaExceeded,
                        "The payment has as many refunds as it may have.",
                    ));
                }
            }
        }
    };
    let body = RefundBody::new(refund, payment.currency);
    let answer = Final::new(StatusCode::ACCEPTED, &body)?;
    remember(state, identity, answer).await
}

/// What is to go back, and what that comes to.
async fn new_refund(
    call: &Call,
    payment: &Payment,
    request: RefundRequest,
    id: Uuid,
) -> Result<NewRefund, ApiError> {
    let (state, caller) = (&call.state, &call.caller);
    if payment.state != PaymentState::Succeeded || payment.captured == 0 {
        return Err(nothing_paid());
    }
    let RefundRequest {
        seats,
        amount,
        reason,
    } = request;
    if let Some(reason) = &reason
        && !text::is_line(reason, REASON_MAX_CHARS)
    {
        let expected = format!("1 to {REASON_MAX_CHARS} characters on one line");
        return Err(ApiError::invalid("reason", reason, &expected));
    }
    let is_staff = caller.role != Role::Buyer;
    let new = |of, amount, compensation, rule: &str| NewRefund {
        id,
        payment: payment.id,
        of,
        amount,
        compensation,
        rule: rule.to_owned(),
        reason,
        asked_by: Some(caller.user),
        is_approved: is_staff,
    };
    if let Some(amount) = amount {
        if seats.is_some() {
            return Err(ApiError::wrong(
                "amount",
                amount,
                "can only be given without seats",
                "no value",
            ));
        }
        if !(1..=payment.captured).contains(&amount) {
            let expected = format!("1 to {}", payment.captured);
            return Err(ApiError::invalid("amount", amount, &expected));
        }
        return Ok(new(RefundOf::Amount, amount, 0, BY_STAFF));
    }
    let row = projected::booking(state, payment.booking)
        .await?
        .ok_or_else(|| ApiError::damaged(format!("no booking of payment {}", payment.id)))?;
    let show = state
        .installation
        .show(payment.show)
        .await?
        .ok_or_else(|| ApiError::not_found("show"))?;
    let is_show_cancelled = show.status == ShowStatus::Cancelled;
    if row.status != BookingStatus::Confirmed && !is_show_cancelled {
        return Err(ApiError::new(
            Code::AlreadyCancelled,
            "The booking is cancelled. (Staff may still name an amount to pay back.)",
        ));
    }
    let (of, paid) = match seats {
        Some(labels) => {
            let chart = state.charts.chart(row.show_id).await?;
            let seats = seats_of(&chart, &row, &labels)?;
            let paid = seats
                .iter()
                .fold(0i64, |sum, seat| sum.saturating_add(price_of(&row, *seat)));
            (RefundOf::Places(seats), paid)
        }
        None => (
            RefundOf::Booking,
            payment.captured.saturating_sub(payment.refunded),
        ),
    };
    let now_ms = state.clock.now_ms();
    let due = state.desk()?.refundable(&RefundAsked {
        paid,
        show_starts_at_ms: show.starts_at_ms,
        is_show_cancelled,
        now_ms,
    });
    if due.amount <= 0 && due.compensation <= 0 {
        return Err(ApiError::new(
            Code::ValidationError,
            "By the rules of refunds nothing goes back so late.",
        )
        .with_details(json!({
            "field": "body", "value": Value::Null, "rule": due.rule,
            "expected": "a request earlier before the show, or an amount that staff names",
        })));
    }
    Ok(new(of, due.amount, due.compensation, &due.rule))
}

/// The named seats, each once and of the booking.
fn seats_of(
    chart: &Chart,
    row: &BookingRow,
    labels: &[String],
) -> Result<Vec<SeatIndex>, ApiError> {
    let max = usize::try_from(TICKETS_PER_BOOKING_MAX).unwrap_or(usize::MAX);
    if labels.is_empty() || labels.len() > max {
        let expected = format!("1 to {max} seats");
        return Err(ApiError::invalid("seats", labels.len(), &expected));
    }
    let mut seen = HashSet::with_capacity(labels.len());
    let mut seats = Vec::with_capacity(labels.len());
    for (place, label) in labels.iter().enumerate() {
        let field = format!("seats[{place}]");
        let named: Vec<SeatIndex> = match parse_seat_id(label) {
            Some(seat) => seat
                .filter(|seat| row.seats.contains(seat))
                .into_iter()
                .collect(),
            None => {
                let wanted = text::composed(label);
                let is_named = |seat: &&SeatIndex| {
                    let found = chart.label(**seat);
                    found.is_some_and(|found| text::composed(&found) == wanted)
                };
                row.seats.iter().filter(is_named).copied().collect()
            }
        };
        let seat = match named.as_slice() {
            [seat] => *seat,
            [] => return Err(ApiError::invalid(&field, label, "a seat of the booking")),
            _ => {
                return Err(ApiError::invalid(
                    &field,
                    label,
                    "the seat's id, because the booking has seats with this label in several zones",
                ));
            }
        };
        if !seen.insert(seat) {
            return Err(ApiError::invalid(&field, label, "each seat once"));
        }
        seats.push(seat);
    }
    Ok(seats)
}

/// What a seat of the booking was paid with, its fee included.
fn price_of(row: &BookingRow, seat: SeatIndex) -> i64 {
    let Some(order) = &row.order else {
        return row.unit_price;
    };
    let is_of = |line: &&onsale_schemas::outcome::Line| line.seats.contains(&seat);
    let line = order.lines.iter().find(is_of);
    line.map_or(0, |line| line.unit_price.saturating_add(line.unit_fee))
}

fn nothing_paid() -> ApiError {
    ApiError::new(
        Code::NotConfirmed,
        "Nothing was paid by this payment that could go back.",
    )
}

fn too_much(left: i64) -> ApiError {
    if left <= 0 {
        return ApiError::new(
            Code::NotConfirmed,
            "All that was paid goes back already, or went back.",
        );
    }
    ApiError::invalid("amount", Value::Null, &format!("1 to {left}"))
        .with_detail("left", left.into())
}
