//! Moving a refund on. One that is done raises what has gone back of its payment, in the same transaction.

use super::refunds::{left, note_move, of_payment};
use super::{checks, integer_or_null, lock, moves, posted};
use crate::Store;
use crate::audit::{Audit, Unaudited};
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;
use crate::job::NewJob;
use crate::payment::{Moved, Payment, Refund, RefundState};
use crate::store::jobs::enqueue;

const UPDATE: &str = "UPDATE refunds SET version = version + 1, state = $3, amount = $4, \
     compensation = $5, rule = $6, object = $7, failure = $8, tries = $9, wake_at_ms = $10, \
     updated_at_ms = $11 WHERE refund_id = $1 AND version = $2";

impl Store {
    /// Makes a refund what it is `after` what was seen, as [`Store::move_payment`] does with a payment. What the one
    /// who asked has said stays. One that becomes done raises what has gone back of its payment, whose version is the
    /// next one then; one that is done no longer, because the bank has sent the money back, lowers it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where more would go back than is left of the payment, and for what does not fit;
    /// [`StoreError::Exists`] when the books have another entry for the same; otherwise as every write.
    pub async fn move_refund(
        &self,
        before: &Refund,
        after: &Refund,
        moved: &Moved,
        job: Option<NewJob>,
    ) -> Result<bool, StoreError> {
        self.move_refund_as(before, after, moved, job, Unaudited::Automatic)
            .await
    }

    /// As [`Store::move_refund`], where staff does it: approves it, refuses it, or decides what else becomes of it.
    ///
    /// # Errors
    /// As there.
    pub async fn move_refund_as(
        &self,
        before: &Refund,
        after: &Refund,
        moved: &Moved,
        job: Option<NewJob>,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        checks::refund_move(before, after, moved.event)?;
        let after = Refund {
            version: before.version.saturating_add(1),
            ..after.clone()
        };
        let (before, moved, audit) = (before.clone(), moved.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                // The payment first, as whoever opens a refund has it.
                let Some(payment) = lock(&mut transaction, after.payment).await? else {
                    return Err(StoreError::NotThere("payment"));
                };
                if !update(&mut transaction, before.version, &after).await? {
                    return Ok(false);
                }
                let (state, reason) = (Some(before.state), moved.reason.as_str());
                note_move(&mut transaction, state, &after, reason, moved.event).await?;
                follow(&mut transaction, &payment, &before, &after).await?;
                if let Some(posting) = &moved.posting {
                    let at_ms = after.updated_at_ms;
                    posted::post(&mut transaction, &payment, posting, at_ms).await?;
                }
                if let Some(job) = &job {
                    enqueue(&mut transaction, job).await?;
                }
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }
}

/// Writes a refund over the one of that version; false where there is none.
async fn update(
    transaction: &mut Transaction,
    version: i64,
    after: &Refund,
) -> Result<bool, StoreError> {
    let values = [
        after.id.into(),
        version.into(),
        after.state.as_str().into(),
        after.amount.into(),
        after.compensation.into(),
        Value::from(&after.rule),
        Value::from(&after.object),
        Value::Text(after.failure.as_deref().map(checks::brief)),
        after.tries.into(),
        integer_or_null("wake_at_ms", after.wake_at_ms)?.into(),
        integer("updated_at_ms", after.updated_at_ms)?.into(),
    ];
    transaction
        .execute(UPDATE, &values)
        .await
        .map(|updated| updated > 0)
}

/// What follows for the payment from a refund that was written: nothing but for one that is done, or was.
async fn follow(
    transaction: &mut Transaction,
    payment: &Payment,
    before: &Refund,
    after: &Refund,
) -> Result<(), StoreError> {
    let is_raised = after.amount > before.amount
        || before.state == RefundState::Refused && after.state != RefundState::Refused;
    let (was_done, is_done) = (
        before.state == RefundState::Done,
        after.state == RefundState::Done,
    );
    if !is_raised && !was_done && !is_done {
        return Ok(());
    }
    let refunds = of_payment(transaction, payment.id).await?;
    if is_raised {
        let others = refunds.iter().filter(|other| other.id != after.id);
        let others: Vec<Refund> = others.cloned().collect();
        let left = left(payment, &others);
        if after.amount > left {
            return Err(StoreError::Invalid(format!(
                "amount of refund {} is {}: expected at most the {left} that are left of what payment {} has taken",
                after.id, after.amount, payment.id
            )));
        }
    }
    let done = refunds
        .iter()
        .filter(|refund| refund.state == RefundState::Done)
        .fold(0i64, |sum, refund| sum.saturating_add(refund.amount));
    let refunded = match (was_done, is_done) {
        // What the gateway has said of the payment may have it already.
        (_, true) => payment.refunded.max(done),
        (true, false) => payment.refunded.saturating_sub(before.amount).max(done),
        (false, false) => return Ok(()),
    };
    if refunded == payment.refunded {
        return Ok(());
    }
    let raised = Payment {
        version: payment.version.saturating_add(1),
        refunded,
        updated_at_ms: after.updated_at_ms.max(payment.updated_at_ms),
        ..payment.clone()
    };
    // Nobody else has changed it since it was locked.
    if !moves::update(transaction, payment.version, &raised).await? {
        return Err(StoreError::NotThere("payment"));
    }
    let reason = if is_done {
        format!("refund {} is done", after.number)
    } else {
        format!("refund {} is not done after all", after.number)
    };
    super::note_move(transaction, Some(payment.state), &raised, &reason, None).await
}
