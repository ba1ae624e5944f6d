//! `POST /payments`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;
use onsale_schemas::command::Currency;
use onsale_schemas::{BookingId, TenantId};
use onsale_store::audit::AuditEntry;
use onsale_store::booking::{BookingRow, BookingStatus};
use onsale_store::payment::{NewPayment, Opened, Payment, PaymentState};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{PaymentBody, failure, status};
use super::nothing;
use crate::audit;
use crate::auth::{Caller, Right, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::detached::detached;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{RequestBody, parse_booking};
use crate::idempotency::IdempotencyKey;
use crate::payments::cards::CardlessBody;
use crate::payments::{CASH, NOTHING_DUE};
use crate::rejection;
use crate::routes::call::Call;
use crate::routes::catalog_call::{derived_id, key_reused, recall, remember};
use crate::routes::{managers, ownership, projected};
use crate::state::AppState;
use crate::submit::Final;
use crate::tenants_of_shows::TenantsOfShows;

/// Characters of the longest name of a method.
const METHOD_MAX_CHARS: usize = 64;
/// The form of it.
const METHOD_FORM: &str = "^[a-z][a-z0-9_]*$";

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[(
    Of::Field("PaymentRequest", "method"),
    Bound::Form(METHOD_FORM, METHOD_MAX_CHARS),
)];

/// To sell over a counter.
const SELL_AT_COUNTER: Right = Right::of_members(
    &[
        Role::Organizer,
        Role::Admin,
        Role::Service,
        Role::Operator,
        Role::Platform,
    ],
    Action::ServeBuyers,
    "Bookings are paid by their buyer, and over the counter by the staff of their tenant.",
);

/// What is to be paid, and how. What it costs is the booking's total; nothing about a card is ever sent here.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaymentRequest {
    booking_id: Uuid,
    /// One of the gateway's methods, such as `card`; `cash` over a counter. Not looked at where nothing is due.
    method: Option<String>,
}

impl RequestBody for PaymentRequest {
    const SECRET: bool = true;
    const OPEN: &'static [&'static str] = &["booking_id"];

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Pay for a booking.
///
/// Amount and currency are those of the booking. Of a booking one payment is under way at a time; after one that failed
/// another may follow while the hold lasts. A booking that costs nothing is confirmed without a gateway. The staff of
/// the tenant settles cash over the counter (`cash`).
#[utoipa::path(
    post, path = "/api/v1/payments", operation_id = "create_payment", tag = "payments", request_body = PaymentRequest,
    params(IdempotencyKey),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The payment, with what the buyer has to do in `next_action`; `wait`: read it again in a moment", body = Success<PaymentBody>),
        (status = 400, description = "`VALIDATION_ERROR`; also for what looks like the number of a card, wherever it stands", body = Problem),
        (status = 402, description = "`PAYMENT_FAILED`: `details.reason`; nothing was taken, and another payment may follow", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`PAYMENT_IN_PROGRESS` (`details.payment_id`), `ALREADY_PAID`, `ALREADY_CANCELLED`; `QUOTA_EXCEEDED`: too many payments of the booking have failed", body = Problem),
        (status = 410, description = "`RESERVATION_EXPIRED`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: no payments are taken here", body = Problem),
    ),
)]
pub(crate) async fn create(
    call: Call,
    body: CardlessBody<PaymentRequest>,
) -> Result<Response, ApiError> {
    let CardlessBody(body) = body;
    let state = &call.state;
    let booking = parse_booking(body.value.booking_id, state.log.partitions())?;
    let row = payable(&call, booking).await?;
    state.desk()?;
    let identity = call.identity("create payment", booking, &body.bytes);
    if let Some(answer) = recall(state, identity).await? {
        return Ok(answer.into_response(&call.context));
    }
    let id = derived_id("payment", identity.request_id);
    // To its end, whether or not the client waits for it.
    let (context, of_call) = (call.context.clone(), call.clone());
    let answer = detached(async move {
        let state = &of_call.state;
        let payment = match state.installation.payment(id).await? {
            // An earlier attempt came as far as the row.
            Some(payment) if is_asked_by(&payment, booking, body.value.method.as_deref()) => {
                payment
            }
            Some(_) => return Err(key_reused()),
            None => open(&of_call, row, body.value.method, id).await?,
        };
        let payment = taken_on(state, payment).await?;
        if let Some(failed) = failure(&payment) {
            return Err(failed);
        }
        let answer = Final::new(StatusCode::CREATED, &PaymentBody::from(payment))?;
        remember(state, identity, answer).await
    })
    .await?;
    Ok(answer.into_response(&context))
}

/// Whether a payment is the one that a request asks for.
fn is_asked_by(payment: &Payment, booking: BookingId, method: Option<&str>) -> bool {
    let (nothing_due, _) = NOTHING_DUE;
    let is_so_paid = payment.gateway == nothing_due || method == Some(payment.method.as_str());
    payment.booking == booking && is_so_paid
}

/// The booking, where it is the caller's to be paid. To others there is no such booking.
async fn payable(call: &Call, booking: BookingId) -> Result<BookingRow, ApiError> {
    let (state, caller) = (&call.state, &call.caller);
    let no_booking = || ApiError::not_found("booking");
    if caller.role != Role::Buyer {
        managers::authority_of_staff(state, caller, booking, &SELL_AT_COUNTER).await?;
    }
    projected::wait_for_user(state, caller.user, booking.partition()).await?;
    let row = projected::booking(state, booking)
        .await?
        .ok_or_else(no_booking)?;
    if caller.role == Role::Buyer && !ownership::is_of(state, caller.user, row.user_id).await? {
        return Err(no_booking());
    }
    Ok(row)
}

/// Opens a payment of a booking.
async fn open(
    call: &Call,
    row: BookingRow,
    method: Option<String>,
    id: Uuid,
) -> Result<Payment, ApiError> {
    let state = &call.state;
    let now_ms = state.clock.now_ms();
    let time = time_to_pay(state, &row, now_ms).await?;
    let (amount, currency) = total(&row)?;
    let (gateway, method) = way(call, method, amount, currency)?;
    let TenantId(tenant) = TenantsOfShows::of(state, row.show_id).await?;
    let new = NewPayment {
        id,
        tenant,
        event: row.event_id,
        show: row.show_id,
        booking: row.booking_id,
        user: row.user_id,
        amount,
        currency,
        method,
        gateway: gateway.to_owned(),
        hold_ends_ms: time.hold_ends_ms,
        deadline_ms: time.deadline_ms,
    };
    match state.installation.open_payment(&new, now_ms).await? {
        Opened::New(payment) => {
            if gateway == CASH {
                audit::note(state, settled(call, &payment)).await;
            }
            Ok(payment)
        }
        // The same call, beside this one.
        Opened::InProgress(payment) | Opened::AlreadyPaid(payment) if payment.id == id => {
            Ok(payment)
        }
        Opened::InProgress(payment) => Err(ApiError::new(
            Code::PaymentInProgress,
            "Another payment of this booking is under way. Finish it, or cancel it first.",
        )
        .with_details(json!({
            "payment_id": payment.id, "status": status(&payment), "method": payment.method,
        }))),
        Opened::AlreadyPaid(payment) => Err(already_paid(Some(payment.id))),
        Opened::TooMany => Err(ApiError::new(
            Code::QuotaExceeded,
            "Too many payments of this booking have failed. Reserve again to pay otherwise.",
        )),
    }
}

/// How long a booking can be paid, in Unix milliseconds.
struct TimeToPay {
    hold_ends_ms: u64,
    deadline_ms: u64,
}

/// How long a booking can be paid. Refuses one that there is nothing to pay of.
async fn time_to_pay(
    state: &AppState,
    row: &BookingRow,
    now_ms: u64,
) -> Result<TimeToPay, ApiError> {
    let refused = |why| rejection::to_error(&why, None, None);
    let desk = state.desk()?;
    let deadline_ms = now_ms.saturating_add(desk.payment_ms());
    match row.status {
        BookingStatus::Reserved if row.expires_at_ms > now_ms => Ok(TimeToPay {
            hold_ends_ms: row.expires_at_ms,
            deadline_ms,
        }),
        BookingStatus::Reserved | BookingStatus::Expired => {
            Err(refused(onsale_schemas::Rejection::ReservationExpired))
        }
        BookingStatus::Cancelled => Err(refused(onsale_schemas::Rejection::AlreadyCancelled)),
        BookingStatus::Confirmed => {
            let payments = state
                .installation
                .payments_of_booking(row.booking_id)
                .await?;
            // It was confirmed for money that could not be taken then. There is no hold any more, nothing that could be
            // extended: its places are kept until they go back.
            let is_owed = |payment: &&Payment| payment.state == PaymentState::CaptureFailed;
            let kept_until_ms = payments.iter().filter(is_owed).map(kept_until_ms).min();
            if let Some(kept_until_ms) = kept_until_ms {
                if kept_until_ms <= now_ms {
                    return Err(refused(onsale_schemas::Rejection::ReservationExpired));
                }
                return Ok(TimeToPay {
                    hold_ends_ms: kept_until_ms.saturating_add(desk.cancel_before_end_ms()),
                    deadline_ms: deadline_ms.min(kept_until_ms),
                });
            }
            let paid = payments.iter().find(|payment| payment.state.is_live());
            Err(already_paid(paid.map(|payment| payment.id)))
        }
    }
}

/// Until when another payment may pay in place of one whose money could not be taken, in Unix milliseconds.
fn kept_until_ms(failed: &Payment) -> u64 {
    let goes_back = failed.cancel_asked_at_ms.is_some() || failed.captured > 0;
    if goes_back { 0 } else { failed.deadline_ms }
}

fn already_paid(payment: Option<Uuid>) -> ApiError {
    ApiError::new(Code::AlreadyPaid, "The booking is paid.")
        .with_details(json!({ "payment_id": payment }))
}

/// What a booking costs: never what a request says.
fn total(row: &BookingRow) -> Result<(i64, Currency), ApiError> {
    let plain = || row.unit_price.saturating_mul(i64::from(row.quantity));
    let amount = row.order.as_ref().map_or_else(plain, |order| order.total);
    let currency = row
        .currency
        .parse()
        .map_err(|_| ApiError::damaged(format!("currency of booking {}", row.booking_id)))?;
    Ok((amount, currency))
}

/// The gateway and the method of a payment.
fn way(
    call: &Call,
    method: Option<String>,
    amount: i64,
    currency: Currency,
) -> Result<(&'static str, String), ApiError> {
    if amount == 0 {
        let (gateway, method) = NOTHING_DUE;
        return Ok((gateway, method.to_owned()));
    }
    let desk = call.state.desk()?;
    let (gateway, methods) = if call.caller.role == Role::Buyer {
        (desk.gateway(), desk.methods(amount, currency))
    } else {
        (Some(CASH), vec![CASH])
    };
    let Some(gateway) = gateway else {
        return Err(ApiError::new(
            Code::NotSupported,
            "There is no gateway in this installation. (To have one, set payments.gateway.)",
        ));
    };
    match method {
        Some(method) if methods.contains(&method.as_str()) => Ok((gateway, method)),
        other => {
            let expected = if methods.is_empty() {
                "another booking: no method of the gateway takes this amount and currency"
                    .to_owned()
            } else {
                format!("one of {}", methods.join(", "))
            };
            let value = other.map_or(Value::Null, Value::from);
            Err(ApiError::invalid("method", value, &expected))
        }
    }
}

/// Takes a payment on as far as it comes while the client waits. What is left is done by its job.
async fn taken_on(state: &AppState, payment: Payment) -> Result<Payment, ApiError> {
    if payment.state.is_final() {
        return Ok(payment);
    }
    let id = payment.id;
    let deadline = state.config.http.reply_deadline();
    match tokio::time::timeout(deadline, state.desk()?.advance(id)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(payment = %id, %error, "left to its job"),
        Err(_elapsed) => tracing::debug!(payment = %id, "its gateway or the log takes long"),
    }
    state.installation.payment(id).await?.ok_or_else(nothing)
}

/// Who has taken cash.
fn settled(call: &Call, payment: &Payment) -> AuditEntry {
    audit::actor(&call.caller, &call.context)
        .did("payment.take_cash", "payment", payment.id)
        .of_tenant(payment.tenant)
        .with(json!({ "booking": payment.booking.as_uuid(), "amount": payment.amount }))
}
