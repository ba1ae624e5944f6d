//! What buyers have their banks take back.

use uuid::Uuid;

use super::{behind, checks, currency, integer_or_null, lock, posted};
use crate::Store;
use crate::audit::Unaudited;
use crate::database::{Durability, Row, Value, integer};
use crate::error::StoreError;
use crate::payment::{
    DISPUTE_REASON_MAX_BYTES, Dispute, DisputeState, GATEWAY_MAX_BYTES, MoneyPlace,
    OBJECT_MAX_BYTES, Posting,
};

macro_rules! disputes {
    ($rest:literal) => {
        concat!(
            "SELECT gateway, object, payment_id, tenant_id, amount, currency, state, reason, \
             due_at_ms, opened_at_ms, updated_at_ms FROM disputes ",
            $rest
        )
    };
}

/// What is decided is not open again, whatever is heard of it late. What changes nothing is no change.
const PUT: &str = "INSERT INTO disputes (gateway, object, payment_id, tenant_id, amount, currency, \
     state, reason, due_at_ms, opened_at_ms, updated_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
     ON CONFLICT (gateway, object) DO UPDATE SET amount = excluded.amount, state = excluded.state, \
     reason = excluded.reason, due_at_ms = excluded.due_at_ms, updated_at_ms = excluded.updated_at_ms \
     WHERE disputes.payment_id = excluded.payment_id \
     AND (disputes.state = 'open' OR excluded.state <> 'open') \
     AND (disputes.state <> excluded.state OR disputes.amount <> excluded.amount \
     OR disputes.reason <> excluded.reason \
     OR coalesce(disputes.due_at_ms, -1) <> coalesce(excluded.due_at_ms, -1))";

impl Store {
    /// Writes down what is known of a dispute, with what is written into the books for it. False when that was known,
    /// or it is decided and this is from before: nothing was changed.
    ///
    /// # Errors
    /// [`StoreError::NotThere`] without such a payment of the tenant; [`StoreError::Exists`] when the books have
    /// another entry for the same; [`StoreError::Invalid`] for what does not fit; otherwise as every write.
    pub async fn put_dispute(
        &self,
        dispute: &Dispute,
        posting: Option<&Posting>,
    ) -> Result<bool, StoreError> {
        checks::length("gateway", &dispute.gateway, GATEWAY_MAX_BYTES)?;
        checks::length("object", &dispute.object, OBJECT_MAX_BYTES)?;
        checks::length("reason", &dispute.reason, DISPUTE_REASON_MAX_BYTES)?;
        checks::amount("amount", dispute.amount)?;
        let (dispute, posting) = (dispute.clone(), posting.cloned());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let payment = lock(&mut transaction, dispute.payment).await?;
                let Some(payment) = payment.filter(|payment| payment.tenant == dispute.tenant)
                else {
                    return Err(StoreError::NotThere("payment"));
                };
                let values = [
                    Value::from(&dispute.gateway),
                    Value::from(&dispute.object),
                    dispute.payment.into(),
                    dispute.tenant.into(),
                    dispute.amount.into(),
                    dispute.currency.as_str().into(),
                    dispute.state.as_str().into(),
                    Value::from(&dispute.reason),
                    integer_or_null("due_at_ms", dispute.due_at_ms)?.into(),
                    integer("opened_at_ms", dispute.opened_at_ms)?.into(),
                    integer("updated_at_ms", dispute.updated_at_ms)?.into(),
                ];
                if transaction.execute(PUT, &values).await? == 0 {
                    return Ok(false);
                }
                if let Some(posting) = &posting {
                    let at_ms = dispute.updated_at_ms;
                    posted::post(&mut transaction, &payment, posting, at_ms).await?;
                }
                transaction.commit(Unaudited::Automatic).await?;
                Ok(true)
            })
            .await
    }

    /// Disputes of a payment, the first one first.
    ///
    /// # Errors
    /// As every read.
    pub async fn disputes_of_payment(&self, payment: Uuid) -> Result<Vec<Dispute>, StoreError> {
        let rows = self
            .database
            .fetch(
                disputes!("WHERE payment_id = $1 ORDER BY opened_at_ms, object"),
                &[payment.into()],
            )
            .await?;
        rows.iter().map(dispute_row).collect()
    }

    /// Disputes of a tenant that were opened before a place, newest first: its time, and the payment's id where several
    /// were opened at that moment.
    ///
    /// # Errors
    /// As every read.
    pub async fn disputes_of_tenant(
        &self,
        tenant: Uuid,
        state: Option<DisputeState>,
        after: Option<MoneyPlace>,
        limit: u32,
    ) -> Result<Vec<Dispute>, StoreError> {
        let (opened_at_ms, payment) = behind(after);
        let rows = self
            .database
            .fetch(
                disputes!(
                    "WHERE tenant_id = $1 AND (opened_at_ms, payment_id) < ($2, $3) \
                     AND ($4 IS NULL OR state = $4) \
                     ORDER BY opened_at_ms DESC, payment_id DESC, object DESC LIMIT $5"
                ),
                &[
                    tenant.into(),
                    opened_at_ms.into(),
                    payment.into(),
                    Value::Text(state.map(DisputeState::as_str)),
                    limit.into(),
                ],
            )
            .await?;
        rows.iter().map(dispute_row).collect()
    }
}

fn dispute_row(row: &Row) -> Result<Dispute, StoreError> {
    Ok(Dispute {
        gateway: row.text("gateway")?,
        object: row.text("object")?,
        payment: row.uuid("payment_id")?,
        tenant: row.uuid("tenant_id")?,
        amount: row.signed("amount")?,
        currency: currency(row)?,
        state: row.word("state", DisputeState::parse)?,
        reason: row.text("reason")?,
        due_at_ms: row.number_or_null("due_at_ms")?,
        opened_at_ms: row.number("opened_at_ms")?,
        updated_at_ms: row.number("updated_at_ms")?,
    })
}
