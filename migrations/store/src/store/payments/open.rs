//! Opening a payment. One at a time is under way for a booking, which an index holds to.

use super::{first_job, integer_or_null, note_move, payment_row, select};
use crate::Store;
use crate::audit::Unaudited;
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;
use crate::payment::{ATTEMPTS_MAX, NewPayment, Opened, PAYMENT_JOB, Payment, PaymentState};
use crate::store::jobs::enqueue;
use crate::store::payments::checks;

/// How often it is looked again what the booking has, where another payment of it was opened at the same moment.
const LOOKS_MAX: u32 = 4;

const INSERT: &str = "INSERT INTO payments (payment_id, tenant_id, event_id, show_id, booking_id, \
     user_id, attempt, amount, currency, method, gateway, state, version, captured, refunded, \
     hold_ends_ms, extended_ms, deadline_ms, tries, wake_at_ms, created_at_ms, updated_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending', 1, 0, 0, $12, 0, $13, 0, $14, \
     $15, $15) ON CONFLICT DO NOTHING";

impl Store {
    /// Opens a payment of a booking, with its first job, unless another one is under way or has paid. Where the very
    /// payment is there already, as for a call that is sent again, it is the answer as it is now.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where another payment has the id; [`StoreError::Invalid`] for what does not fit;
    /// otherwise as every write.
    pub async fn open_payment(&self, new: &NewPayment, now_ms: u64) -> Result<Opened, StoreError> {
        checks::new_payment(new)?;
        let new = new.clone();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                for _ in 0..LOOKS_MAX {
                    let tried = tried(&mut transaction, &new).await?;
                    if let Some(opened) = stands_already(&tried, &new)? {
                        return Ok(opened);
                    }
                    let attempt = tried.last().map_or(0, |last| last.attempt);
                    let payment = opened(&new, attempt.saturating_add(1), now_ms);
                    if !insert(&mut transaction, &payment).await? {
                        continue;
                    }
                    note_move(&mut transaction, None, &payment, "it was opened", None).await?;
                    let job = first_job(PAYMENT_JOB, "payment", payment.id);
                    enqueue(&mut transaction, &job).await?;
                    transaction.commit(Unaudited::Automatic).await?;
                    return Ok(Opened::New(payment));
                }
                Err(StoreError::Exists("a payment with this id or attempt"))
            })
            .await
    }
}

/// Payments of the booking, and the one of this id, whatever that is of.
async fn tried(
    transaction: &mut Transaction,
    new: &NewPayment,
) -> Result<Vec<Payment>, StoreError> {
    let rows = transaction
        .fetch(
            select!("WHERE booking_id = $1 OR payment_id = $2 ORDER BY attempt"),
            &[new.booking.as_uuid().into(), new.id.into()],
        )
        .await?;
    rows.iter().map(payment_row).collect()
}

/// What keeps the payment from being opened.
fn stands_already(tried: &[Payment], new: &NewPayment) -> Result<Option<Opened>, StoreError> {
    if let Some(known) = tried.iter().find(|payment| payment.id == new.id) {
        let is_same = (known.tenant, known.booking, known.user)
            == (new.tenant, new.booking, new.user)
            && (known.amount, known.currency) == (new.amount, new.currency)
            && (&known.method, &known.gateway) == (&new.method, &new.gateway);
        return if is_same {
            Ok(Some(Opened::New(known.clone())))
        } else {
            Err(StoreError::Exists("another payment with this id"))
        };
    }
    // The one that has paid says more than one that is under way, which the index allows beside none.
    if let Some(live) = tried.iter().find(|payment| payment.state.is_live()) {
        return Ok(Some(match live.state {
            PaymentState::Succeeded => Opened::AlreadyPaid(live.clone()),
            _ => Opened::InProgress(live.clone()),
        }));
    }
    let count = u32::try_from(tried.len()).unwrap_or(u32::MAX);
    Ok((count >= ATTEMPTS_MAX).then_some(Opened::TooMany))
}

fn opened(new: &NewPayment, attempt: u32, now_ms: u64) -> Payment {
    let new = new.clone();
    Payment {
        id: new.id,
        tenant: new.tenant,
        event: new.event,
        show: new.show,
        booking: new.booking,
        user: new.user,
        attempt,
        amount: new.amount,
        currency: new.currency,
        method: new.method,
        gateway: new.gateway,
        state: PaymentState::Pending,
        version: 1,
        object: None,
        next_action: None,
        failure: None,
        captured: 0,
        refunded: 0,
        hold_ends_ms: new.hold_ends_ms,
        extended_ms: 0,
        deadline_ms: new.deadline_ms,
        tries: 0,
        wake_at_ms: Some(now_ms),
        asked_at_ms: None,
        cancel_asked_at_ms: None,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    }
}

/// False when a payment of that id, or another one of the booking, was there first.
async fn insert(transaction: &mut Transaction, payment: &Payment) -> Result<bool, StoreError> {
    let values = [
        payment.id.into(),
        payment.tenant.into(),
        payment.event.0.into(),
        payment.show.0.into(),
        payment.booking.as_uuid().into(),
        payment.user.0.into(),
        payment.attempt.into(),
        payment.amount.into(),
        payment.currency.as_str().into(),
        Value::from(&payment.method),
        Value::from(&payment.gateway),
        integer("hold_ends_ms", payment.hold_ends_ms)?.into(),
        integer("deadline_ms", payment.deadline_ms)?.into(),
        integer_or_null("wake_at_ms", payment.wake_at_ms)?.into(),
        integer("created_at_ms", payment.created_at_ms)?.into(),
    ];
    transaction
        .execute(INSERT, &values)
        .await
        .map(|inserted| inserted > 0)
}
