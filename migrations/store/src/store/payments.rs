//! Payments, refunds, what gateways say of them, and the books.
//!
//! A row is changed by compare-and-set on its version; its history, its lines of the books and the job that follows
//! from it are written in the same transaction. Whoever pays or sells may read (migration 0039), and nobody but the
//! installation writes: every change here asks for a store of [`Store::for_installation`].

mod books;
mod checks;
mod disputes;
mod forget;
mod moves;
mod notices;
mod open;
mod posted;
mod refund_moves;
mod refunds;
mod standing;

use onsale_schemas::command::Currency;
use onsale_schemas::{BookingId, EventId, ShowId, UserId};
use serde_json::json;
use uuid::Uuid;

pub(super) use forget::{forget_reasons, forget_with_bookings};

use super::Store;
use crate::database::{Row, Transaction, Value, integer};
use crate::error::StoreError;
use crate::job::NewJob;
use crate::payment::{
    JOB_ATTEMPTS_MAX, MoneyPlace, Payment, PaymentFilter, PaymentMove, PaymentState,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT payment_id, tenant_id, event_id, show_id, booking_id, user_id, attempt, amount, \
             currency, method, gateway, state, version, object, next_action, failure, captured, \
             refunded, hold_ends_ms, extended_ms, deadline_ms, tries, wake_at_ms, asked_at_ms, \
             cancel_asked_at_ms, created_at_ms, updated_at_ms FROM payments ",
            $rest
        )
    };
}
use select;

impl Store {
    /// One payment.
    ///
    /// # Errors
    /// As every read.
    pub async fn payment(&self, id: Uuid) -> Result<Option<Payment>, StoreError> {
        self.one_payment(select!("WHERE payment_id = $1"), &[id.into()])
            .await
    }

    /// The payment that a gateway knows by this name; the latest where it has used one again.
    ///
    /// # Errors
    /// As every read.
    pub async fn payment_by_object(
        &self,
        gateway: &str,
        object: &str,
    ) -> Result<Option<Payment>, StoreError> {
        self.one_payment(
            select!(
                "WHERE object = $1 AND gateway = $2 \
                 ORDER BY created_at_ms DESC, payment_id DESC LIMIT 1"
            ),
            &[object.into(), gateway.into()],
        )
        .await
    }

    /// Payments of a booking, in the order in which they were tried; there are
    /// [`ATTEMPTS_MAX`](crate::payment::ATTEMPTS_MAX) at most.
    ///
    /// # Errors
    /// As every read.
    pub async fn payments_of_booking(
        &self,
        booking: BookingId,
    ) -> Result<Vec<Payment>, StoreError> {
        self.payments(
            select!("WHERE booking_id = $1 ORDER BY attempt"),
            &[booking.as_uuid().into()],
        )
        .await
    }

    /// Payments of a tenant from behind `after` on, newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn payments_of_tenant(
        &self,
        tenant: Uuid,
        filter: &PaymentFilter,
        after: Option<MoneyPlace>,
        limit: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        let (created_at_ms, id) = behind(after);
        self.payments(
            select!(
                "WHERE tenant_id = $1 AND (created_at_ms, payment_id) < ($2, $3) \
                 AND ($4 IS NULL OR event_id = $4) AND ($5 IS NULL OR show_id = $5) \
                 AND ($6 IS NULL OR state = $6) \
                 ORDER BY created_at_ms DESC, payment_id DESC LIMIT $7"
            ),
            &[
                tenant.into(),
                created_at_ms.into(),
                id.into(),
                filter.event.map(|event| event.0).into(),
                filter.show.map(|show| show.0).into(),
                Value::Text(filter.state.map(PaymentState::as_str)),
                limit.into(),
            ],
        )
        .await
    }

    /// Payments of who pays, from behind `after` on, newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn payments_of_user(
        &self,
        user: UserId,
        after: Option<MoneyPlace>,
        limit: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        let (created_at_ms, id) = behind(after);
        self.payments(
            select!(
                "WHERE user_id = $1 AND (created_at_ms, payment_id) < ($2, $3) \
                 ORDER BY created_at_ms DESC, payment_id DESC LIMIT $4"
            ),
            &[user.0.into(), created_at_ms.into(), id.into(), limit.into()],
        )
        .await
    }

    /// Payments that are not over and should have been looked at before `before_ms`, those first that have waited
    /// longest. One that a person has to look at is among them only where it says when it is to be looked at.
    ///
    /// # Errors
    /// As every read.
    pub async fn stuck_payments(
        &self,
        before_ms: u64,
        limit: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        self.payments(
            select!(
                "WHERE state NOT IN ('succeeded', 'failed', 'timed_out', 'refunded') \
                 AND (wake_at_ms IS NOT NULL OR state <> 'needs_operator') \
                 AND coalesce(wake_at_ms, updated_at_ms) < $1 \
                 ORDER BY coalesce(wake_at_ms, updated_at_ms), payment_id LIMIT $2"
            ),
            &[integer("before_ms", before_ms)?.into(), limit.into()],
        )
        .await
    }

    /// What became of a payment, from its opening on.
    ///
    /// # Errors
    /// As every read.
    pub async fn moves_of_payment(&self, id: Uuid) -> Result<Vec<PaymentMove>, StoreError> {
        let rows = self
            .database
            .fetch(
                "SELECT payment_id, version, at_ms, state_before, state, captured, refunded, \
                 failure, reason, event FROM payment_moves WHERE payment_id = $1 ORDER BY version",
                &[id.into()],
            )
            .await?;
        rows.iter().map(move_row).collect()
    }

    async fn payments(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Payment>, StoreError> {
        let rows = self.database.fetch(sql, values).await?;
        rows.iter().map(payment_row).collect()
    }

    async fn one_payment(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Payment>, StoreError> {
        let row = self.database.fetch_optional(sql, values).await?;
        row.map(|row| payment_row(&row)).transpose()
    }
}

/// A payment that nobody else changes until the transaction ends.
async fn lock(transaction: &mut Transaction, id: Uuid) -> Result<Option<Payment>, StoreError> {
    // SQLite has one writer at a time, and this transaction is it.
    let sql = match transaction {
        Transaction::Postgres(_) => select!("WHERE payment_id = $1 FOR UPDATE"),
        Transaction::Sqlite(_) => select!("WHERE payment_id = $1"),
    };
    let row = transaction.fetch_optional(sql, &[id.into()]).await?;
    row.map(|row| payment_row(&row)).transpose()
}

/// Writes down what became of a payment, which is of this version now.
async fn note_move(
    transaction: &mut Transaction,
    before: Option<PaymentState>,
    after: &Payment,
    reason: &str,
    event: Option<&str>,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO payment_moves (payment_id, version, tenant_id, at_ms, state_before, state, \
             captured, refunded, failure, reason, event) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            &[
                after.id.into(),
                after.version.into(),
                after.tenant.into(),
                integer("updated_at_ms", after.updated_at_ms)?.into(),
                Value::Text(before.map(PaymentState::as_str)),
                after.state.as_str().into(),
                after.captured.into(),
                after.refunded.into(),
                Value::Text(after.failure.as_deref().map(checks::brief)),
                checks::brief(reason).into(),
                Value::Text(event),
            ],
        )
        .await
        .map(drop)
}

/// The first job of what was opened.
fn first_job(kind: &'static str, name: &str, id: Uuid) -> NewJob {
    NewJob {
        kind,
        key: format!("{id}:1"),
        payload: json!({ name: id }).to_string(),
        delay_ms: 0,
        attempts_max: JOB_ATTEMPTS_MAX,
    }
}

/// The place in a list behind a row; without one, before all. None has the highest UUID.
fn behind(after: Option<MoneyPlace>) -> (i64, Uuid) {
    match after {
        Some(place) => (
            i64::try_from(place.created_at_ms).unwrap_or(i64::MAX),
            place.id,
        ),
        None => (i64::MAX, Uuid::max()),
    }
}

fn integer_or_null(what: &str, number: Option<u64>) -> Result<Option<i64>, StoreError> {
    number.map(|number| integer(what, number)).transpose()
}

fn currency(row: &Row) -> Result<Currency, StoreError> {
    row.word("currency", |text| text.parse().ok())
}

fn payment_row(row: &Row) -> Result<Payment, StoreError> {
    let booking = row.uuid("booking_id")?;
    Ok(Payment {
        id: row.uuid("payment_id")?,
        tenant: row.uuid("tenant_id")?,
        event: EventId(row.uuid("event_id")?),
        show: ShowId(row.uuid("show_id")?),
        booking: BookingId::from_uuid(booking)
            .ok_or_else(|| StoreError::Corrupt(format!("booking_id is {booking}")))?,
        user: UserId(row.uuid("user_id")?),
        attempt: row.number("attempt")?,
        amount: row.signed("amount")?,
        currency: currency(row)?,
        method: row.text("method")?,
        gateway: row.text("gateway")?,
        state: row.word("state", PaymentState::parse)?,
        version: row.signed("version")?,
        object: row.text_or_null("object")?,
        next_action: row.text_or_null("next_action")?,
        failure: row.text_or_null("failure")?,
        captured: row.signed("captured")?,
        refunded: row.signed("refunded")?,
        hold_ends_ms: row.number("hold_ends_ms")?,
        extended_ms: row.number("extended_ms")?,
        deadline_ms: row.number("deadline_ms")?,
        tries: row.number("tries")?,
        wake_at_ms: row.number_or_null("wake_at_ms")?,
        asked_at_ms: row.number_or_null("asked_at_ms")?,
        cancel_asked_at_ms: row.number_or_null("cancel_asked_at_ms")?,
        created_at_ms: row.number("created_at_ms")?,
        updated_at_ms: row.number("updated_at_ms")?,
    })
}

fn move_row(row: &Row) -> Result<PaymentMove, StoreError> {
    let before = row.text_or_null("state_before")?;
    Ok(PaymentMove {
        payment: row.uuid("payment_id")?,
        version: row.signed("version")?,
        at_ms: row.number("at_ms")?,
        before: before
            .map(|text| {
                PaymentState::parse(&text)
                    .ok_or_else(|| StoreError::Corrupt(format!("state_before is {text:?}")))
            })
            .transpose()?,
        after: row.word("state", PaymentState::parse)?,
        captured: row.signed("captured")?,
        refunded: row.signed("refunded")?,
        failure: row.text_or_null("failure")?,
        reason: row.text("reason")?,
        event: row.text_or_null("event")?,
    })
}
