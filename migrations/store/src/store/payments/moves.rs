//! Moving a payment on.

use super::{checks, integer_or_null, note_move, posted};
use crate::Store;
use crate::audit::{Audit, Unaudited};
use crate::database::{Durability, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::job::NewJob;
use crate::payment::{Moved, Payment};
use crate::store::jobs::enqueue;

const UPDATE: &str = "UPDATE payments SET version = version + 1, state = $3, object = $4, \
     next_action = $5, failure = $6, captured = $7, refunded = $8, hold_ends_ms = $9, \
     extended_ms = $10, deadline_ms = $11, tries = $12, wake_at_ms = $13, asked_at_ms = $14, \
     cancel_asked_at_ms = $15, updated_at_ms = $16 WHERE payment_id = $1 AND version = $2";

impl Store {
    /// Makes a payment what it is `after` what was seen, with its history, what is written into the books and the job
    /// that follows, as long as it is of the version that it was `before`. It is of the next version then. False when
    /// another one was faster: nothing was changed.
    ///
    /// An entry that is in the books already, for the same with the same lines, is not written again.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the payment would be live beside another one of its booking, or the books have
    /// another entry for the same; [`StoreError::Invalid`] for what does not fit; otherwise as every write.
    pub async fn move_payment(
        &self,
        before: &Payment,
        after: &Payment,
        moved: &Moved,
        job: Option<NewJob>,
    ) -> Result<bool, StoreError> {
        self.move_payment_as(before, after, moved, job, Unaudited::Automatic)
            .await
    }

    /// As [`Store::move_payment`], where a person does it.
    ///
    /// # Errors
    /// As there.
    pub async fn move_payment_as(
        &self,
        before: &Payment,
        after: &Payment,
        moved: &Moved,
        job: Option<NewJob>,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        checks::payment_move(before, after, moved.event)?;
        let after = Payment {
            version: before.version.saturating_add(1),
            ..after.clone()
        };
        let (before, moved, audit) = (before.clone(), moved.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if !update(&mut transaction, before.version, &after).await? {
                    return Ok(false);
                }
                let (state, reason) = (Some(before.state), moved.reason.as_str());
                note_move(&mut transaction, state, &after, reason, moved.event).await?;
                if let Some(posting) = &moved.posting {
                    let at_ms = after.updated_at_ms;
                    posted::post(&mut transaction, &after, posting, at_ms).await?;
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

/// Writes a payment over the one of that version; false where there is none.
pub(super) async fn update(
    transaction: &mut Transaction,
    version: i64,
    after: &Payment,
) -> Result<bool, StoreError> {
    let values = [
        after.id.into(),
        version.into(),
        after.state.as_str().into(),
        Value::from(&after.object),
        Value::from(&after.next_action),
        Value::Text(after.failure.as_deref().map(checks::brief)),
        after.captured.into(),
        after.refunded.into(),
        integer("hold_ends_ms", after.hold_ends_ms)?.into(),
        integer("extended_ms", after.extended_ms)?.into(),
        integer("deadline_ms", after.deadline_ms)?.into(),
        after.tries.into(),
        integer_or_null("wake_at_ms", after.wake_at_ms)?.into(),
        integer_or_null("asked_at_ms", after.asked_at_ms)?.into(),
        integer_or_null("cancel_asked_at_ms", after.cancel_asked_at_ms)?.into(),
        integer("updated_at_ms", after.updated_at_ms)?.into(),
    ];
    match transaction.execute(UPDATE, &values).await {
        Ok(updated) => Ok(updated > 0),
        // The only unique column that it changes is that of the index of live ones.
        Err(error) if is_unique_violation(&error) => {
            Err(StoreError::Exists("another live payment of the booking"))
        }
        Err(error) => Err(error),
    }
}
