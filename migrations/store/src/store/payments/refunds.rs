//! Refunds: opening one, and reading them.

use onsale_schemas::UserId;
use uuid::Uuid;

use super::{behind, checks, first_job, integer_or_null, lock};
use crate::Store;
use crate::audit::{Audit, Unaudited};
use crate::database::{Durability, Row, Transaction, Value, integer};
use crate::error::StoreError;
use crate::payment::{
    MoneyPlace, NewRefund, Payment, PaymentState, REFUND_JOB, REFUNDS_MAX, RETURNS_MAX_BYTES,
    Refund, RefundMove, RefundOf, RefundOpened, RefundState,
};
use crate::store::jobs::enqueue;

macro_rules! refunds {
    ($rest:literal) => {
        concat!(
            "SELECT refund_id, payment_id, number, tenant_id, returns, amount, compensation, rule, \
             reason, state, version, object, failure, tries, wake_at_ms, asked_by, created_at_ms, \
             updated_at_ms FROM refunds ",
            $rest
        )
    };
}

const INSERT: &str = "INSERT INTO refunds (refund_id, payment_id, number, tenant_id, returns, amount, \
     compensation, rule, reason, state, version, tries, wake_at_ms, asked_by, created_at_ms, \
     updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, 0, $11, $12, $13, $13) \
     ON CONFLICT DO NOTHING";

impl Store {
    /// Opens a refund of a payment that has succeeded, with its first job where it is approved. Of several at once
    /// none gets what another is to give: together they are never more than was taken. Where the very refund is there
    /// already, as for a call that is sent again, it is the answer as it is now.
    ///
    /// # Errors
    /// [`StoreError::NotThere`] without such a payment; [`StoreError::Exists`] where another refund has the id;
    /// [`StoreError::Invalid`] for what does not fit; otherwise as every write.
    pub async fn open_refund(
        &self,
        new: &NewRefund,
        now_ms: u64,
    ) -> Result<RefundOpened, StoreError> {
        self.open_refund_as(new, now_ms, Unaudited::Automatic).await
    }

    /// As [`Store::open_refund`], where staff does it.
    ///
    /// # Errors
    /// As there.
    pub async fn open_refund_as(
        &self,
        new: &NewRefund,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<RefundOpened, StoreError> {
        checks::new_refund(new)?;
        let returns = returns(&new.of)?;
        let (new, audit) = (new.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(payment) = lock(&mut transaction, new.payment).await? else {
                    return Err(StoreError::NotThere("payment"));
                };
                let others = of_payment(&mut transaction, payment.id).await?;
                if let Some(known) = others.iter().find(|refund| refund.id == new.id) {
                    return known_again(known, &new);
                }
                if payment.state != PaymentState::Succeeded {
                    return Ok(RefundOpened::NotPaid(payment));
                }
                let number = others.last().map_or(0, |last| last.number);
                if number >= REFUNDS_MAX {
                    return Ok(RefundOpened::TooMany);
                }
                let left = left(&payment, &others);
                if new.amount > left {
                    return Ok(RefundOpened::TooMuch { left });
                }
                let refund = opened(&new, &payment, number.saturating_add(1), now_ms);
                if !insert(&mut transaction, &refund, &returns).await? {
                    return Err(StoreError::Exists("a refund with this id"));
                }
                note_move(&mut transaction, None, &refund, "it was opened", None).await?;
                if new.is_approved {
                    let job = first_job(REFUND_JOB, "refund", refund.id);
                    enqueue(&mut transaction, &job).await?;
                }
                transaction.commit(audit).await?;
                Ok(RefundOpened::New(refund))
            })
            .await
    }

    /// One refund.
    ///
    /// # Errors
    /// As every read.
    pub async fn refund(&self, id: Uuid) -> Result<Option<Refund>, StoreError> {
        let row = self
            .database
            .fetch_optional(refunds!("WHERE refund_id = $1"), &[id.into()])
            .await?;
        row.map(|row| refund_row(&row)).transpose()
    }

    /// The refund that a gateway knows by this name, or the latest where it has used one again.
    ///
    /// # Errors
    /// As every read.
    pub async fn refund_by_object(
        &self,
        gateway: &str,
        object: &str,
    ) -> Result<Option<Refund>, StoreError> {
        let row = self
            .database
            .fetch_optional(
                refunds!(
                    "WHERE object = $1 AND EXISTS (SELECT 1 FROM payments AS p \
                     WHERE p.payment_id = refunds.payment_id AND p.gateway = $2) \
                     ORDER BY created_at_ms DESC, refund_id DESC LIMIT 1"
                ),
                &[object.into(), gateway.into()],
            )
            .await?;
        row.map(|row| refund_row(&row)).transpose()
    }

    /// Refunds of a payment by their numbers; there are [`REFUNDS_MAX`] at most.
    ///
    /// # Errors
    /// As every read.
    pub async fn refunds_of_payment(&self, payment: Uuid) -> Result<Vec<Refund>, StoreError> {
        self.refunds(
            refunds!("WHERE payment_id = $1 ORDER BY number"),
            &[payment.into()],
        )
        .await
    }

    /// Refunds of a tenant from behind `after` on, newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn refunds_of_tenant(
        &self,
        tenant: Uuid,
        state: Option<RefundState>,
        after: Option<MoneyPlace>,
        limit: u32,
    ) -> Result<Vec<Refund>, StoreError> {
        let (created_at_ms, id) = behind(after);
        self.refunds(
            refunds!(
                "WHERE tenant_id = $1 AND (created_at_ms, refund_id) < ($2, $3) \
                 AND ($4 IS NULL OR state = $4) \
                 ORDER BY created_at_ms DESC, refund_id DESC LIMIT $5"
            ),
            &[
                tenant.into(),
                created_at_ms.into(),
                id.into(),
                Value::Text(state.map(RefundState::as_str)),
                limit.into(),
            ],
        )
        .await
    }

    /// Refunds that are under way and should have been looked at before `before_ms`, those first that have waited
    /// longest. One that a person has to decide or to look at is among them only where it says when it is to be
    /// looked at.
    ///
    /// # Errors
    /// As every read.
    pub async fn stuck_refunds(
        &self,
        before_ms: u64,
        limit: u32,
    ) -> Result<Vec<Refund>, StoreError> {
        self.refunds(
            refunds!(
                "WHERE state NOT IN ('done', 'refused') \
                 AND (wake_at_ms IS NOT NULL OR state IN ('approved', 'processing')) \
                 AND coalesce(wake_at_ms, updated_at_ms) < $1 \
                 ORDER BY coalesce(wake_at_ms, updated_at_ms), refund_id LIMIT $2"
            ),
            &[integer("before_ms", before_ms)?.into(), limit.into()],
        )
        .await
    }

    /// What became of a refund, from its opening on.
    ///
    /// # Errors
    /// As every read.
    pub async fn moves_of_refund(&self, id: Uuid) -> Result<Vec<RefundMove>, StoreError> {
        let rows = self
            .database
            .fetch(
                "SELECT refund_id, version, at_ms, state_before, state, amount, failure, reason, \
                 event FROM refund_moves WHERE refund_id = $1 ORDER BY version",
                &[id.into()],
            )
            .await?;
        rows.iter().map(move_row).collect()
    }

    async fn refunds(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Refund>, StoreError> {
        let rows = self.database.fetch(sql, values).await?;
        rows.iter().map(refund_row).collect()
    }
}

/// Refunds of a payment by their numbers, as the transaction sees them.
pub(super) async fn of_payment(
    transaction: &mut Transaction,
    payment: Uuid,
) -> Result<Vec<Refund>, StoreError> {
    let rows = transaction
        .fetch(
            refunds!("WHERE payment_id = $1 ORDER BY number"),
            &[payment.into()],
        )
        .await?;
    rows.iter().map(refund_row).collect()
}

/// What is left to give back of what a payment has taken, when these refunds get theirs. What has gone back without
/// any of them, as by hand at the gateway, is gone, too.
pub(super) fn left(payment: &Payment, refunds: &[Refund]) -> i64 {
    let sum = |counts: fn(RefundState) -> bool| {
        let of_state = refunds.iter().filter(|refund| counts(refund.state));
        of_state.fold(0i64, |sum, refund| sum.saturating_add(refund.amount))
    };
    let asked = sum(|state| state != RefundState::Refused);
    let done = sum(|state| state == RefundState::Done);
    let without_refund = payment.refunded.saturating_sub(done).max(0);
    let given = asked.saturating_add(without_refund);
    payment.captured.saturating_sub(given).max(0)
}

/// Writes down what became of a refund, which is of this version now.
pub(super) async fn note_move(
    transaction: &mut Transaction,
    before: Option<RefundState>,
    after: &Refund,
    reason: &str,
    event: Option<&str>,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO refund_moves (refund_id, version, payment_id, tenant_id, at_ms, \
             state_before, state, amount, failure, reason, event) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            &[
                after.id.into(),
                after.version.into(),
                after.payment.into(),
                after.tenant.into(),
                integer("updated_at_ms", after.updated_at_ms)?.into(),
                Value::Text(before.map(RefundState::as_str)),
                after.state.as_str().into(),
                after.amount.into(),
                Value::Text(after.failure.as_deref().map(checks::brief)),
                checks::brief(reason).into(),
                Value::Text(event),
            ],
        )
        .await
        .map(drop)
}

fn known_again(known: &Refund, new: &NewRefund) -> Result<RefundOpened, StoreError> {
    if known.of == new.of && known.asked_by == new.asked_by {
        Ok(RefundOpened::New(known.clone()))
    } else {
        Err(StoreError::Exists("another refund with this id"))
    }
}

fn opened(new: &NewRefund, payment: &Payment, number: u32, now_ms: u64) -> Refund {
    let state = if new.is_approved {
        RefundState::Approved
    } else {
        RefundState::Requested
    };
    let reason = new.reason.as_deref().map(checks::brief);
    Refund {
        id: new.id,
        payment: payment.id,
        number,
        tenant: payment.tenant,
        of: new.of.clone(),
        amount: new.amount,
        compensation: new.compensation,
        rule: new.rule.clone(),
        reason: reason.map(str::to_owned),
        state,
        version: 1,
        object: None,
        failure: None,
        tries: 0,
        wake_at_ms: new.is_approved.then_some(now_ms),
        asked_by: new.asked_by,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    }
}

/// False when there is a refund of that id.
async fn insert(
    transaction: &mut Transaction,
    refund: &Refund,
    returns: &str,
) -> Result<bool, StoreError> {
    let values = [
        refund.id.into(),
        refund.payment.into(),
        refund.number.into(),
        refund.tenant.into(),
        returns.into(),
        refund.amount.into(),
        refund.compensation.into(),
        Value::from(&refund.rule),
        Value::from(&refund.reason),
        refund.state.as_str().into(),
        integer_or_null("wake_at_ms", refund.wake_at_ms)?.into(),
        refund.asked_by.map(|user| user.0).into(),
        integer("created_at_ms", refund.created_at_ms)?.into(),
    ];
    transaction
        .execute(INSERT, &values)
        .await
        .map(|inserted| inserted > 0)
}

/// What goes back on sale, as it is stored.
fn returns(of: &RefundOf) -> Result<String, StoreError> {
    let text = serde_json::to_string(of)
        .map_err(|error| StoreError::Invalid(format!("places: {error}")))?;
    checks::length("places of a refund", &text, RETURNS_MAX_BYTES)?;
    Ok(text)
}

fn refund_row(row: &Row) -> Result<Refund, StoreError> {
    let of = serde_json::from_str(&row.text("returns")?)
        .map_err(|error| StoreError::Corrupt(format!("refunds.returns: {error}")))?;
    Ok(Refund {
        id: row.uuid("refund_id")?,
        payment: row.uuid("payment_id")?,
        number: row.number("number")?,
        tenant: row.uuid("tenant_id")?,
        of,
        amount: row.signed("amount")?,
        compensation: row.signed("compensation")?,
        rule: row.text("rule")?,
        reason: row.text_or_null("reason")?,
        state: row.word("state", RefundState::parse)?,
        version: row.signed("version")?,
        object: row.text_or_null("object")?,
        failure: row.text_or_null("failure")?,
        tries: row.number("tries")?,
        wake_at_ms: row.number_or_null("wake_at_ms")?,
        asked_by: row.uuid_or_null("asked_by")?.map(UserId),
        created_at_ms: row.number("created_at_ms")?,
        updated_at_ms: row.number("updated_at_ms")?,
    })
}

fn move_row(row: &Row) -> Result<RefundMove, StoreError> {
    let before = row.text_or_null("state_before")?;
    Ok(RefundMove {
        refund: row.uuid("refund_id")?,
        version: row.signed("version")?,
        at_ms: row.number("at_ms")?,
        before: before
            .map(|text| {
                RefundState::parse(&text)
                    .ok_or_else(|| StoreError::Corrupt(format!("state_before is {text:?}")))
            })
            .transpose()?,
        after: row.word("state", RefundState::parse)?,
        amount: row.signed("amount")?,
        failure: row.text_or_null("failure")?,
        reason: row.text("reason")?,
        event: row.text_or_null("event")?,
    })
}
