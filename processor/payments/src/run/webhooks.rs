//! What a gateway has said: which payment, refund or dispute to look at. How things stand is then read from it.

use onsale_store::payment::{Dispute, DisputeState, NoticeKey, Payment, StoredNotice};

use super::{Executor, Rest, RunError, ids};
use crate::saga::Seen;

impl Executor {
    /// Looks at what a notice is about. What became of it, for an operator.
    pub(super) async fn hear(&self, key: &NoticeKey) -> Result<String, RunError> {
        let NoticeKey { gateway, event_id } = key;
        let Some(stored) = self.store.notice(gateway, event_id).await? else {
            return Ok("there is no such notice".to_owned());
        };
        let became = self.look_at(&stored).await?;
        self.store.mark_notice(gateway, event_id, &became).await?;
        Ok(became)
    }

    async fn look_at(&self, stored: &StoredNotice) -> Result<String, RunError> {
        let StoredNotice {
            gateway, notice, ..
        } = stored;
        let kind = &notice.kind;
        let payment = match (notice.payment, &notice.object) {
            (Some(id), _) => self.store.payment(id).await?,
            (None, Some(object)) => self.store.payment_by_object(gateway, object).await?,
            (None, None) => None,
        };
        let refund = match &notice.refund {
            Some(object) => self.store.refund_by_object(gateway, object).await?,
            None => None,
        };
        let payment = match (payment, &refund, &notice.dispute) {
            (None, Some(refund), _) => self.store.payment(refund.payment).await?,
            (None, None, Some(dispute)) => self.disputed(gateway, dispute).await?,
            (payment, ..) => payment,
        };
        let Some(payment) = payment.filter(|payment| payment.gateway == *gateway) else {
            // It is kept: another program may use the same account there.
            return Ok(format!("{kind}: about nothing that is known here"));
        };
        let id = payment.id;
        if let Some(dispute) = &notice.dispute {
            return self.note_dispute(&payment, dispute).await;
        }
        if let Some(refund) = refund {
            self.look_at_refund(refund.id).await?;
        }
        Ok(match self.look(id).await? {
            Rest::Unknown => format!("{kind}: payment {id} is gone"),
            Rest::Over => format!("{kind}: payment {id} is over"),
            Rest::Waits { until_ms, .. } => format!("{kind}: payment {id} waits until {until_ms}"),
        })
    }

    /// The payment of a dispute whose notice does not say it.
    async fn disputed(&self, gateway: &str, dispute: &str) -> Result<Option<Payment>, RunError> {
        let Some(asked) = self.gateway().filter(|asked| asked.name() == gateway) else {
            return Ok(None);
        };
        let read = asked.read_dispute(dispute).await;
        let read = read.map_err(|error| RunError::Gateway(error.to_string()))?;
        match read.payment_object {
            Some(object) => Ok(self.store.payment_by_object(gateway, &object).await?),
            None => Ok(None),
        }
    }

    /// Writes down how a dispute stands, as read from the gateway.
    async fn note_dispute(&self, payment: &Payment, dispute: &str) -> Result<String, RunError> {
        let id = payment.id;
        let Some(gateway) = self.gateway_of(payment) else {
            let name = &payment.gateway;
            return Err(RunError::Gateway(format!("{name} is not configured here")));
        };
        let read = gateway.read_dispute(dispute).await;
        let read = read.map_err(|error| RunError::Gateway(error.to_string()))?;
        let now_ms = self.now_ms();
        let state = match read.status.as_str() {
            "won" | "warning_closed" | "prevented" => DisputeState::Won,
            "lost" => DisputeState::Lost,
            _ => DisputeState::Open,
        };
        // An inquiry takes no money.
        let is_of_money = !read.status.starts_with("warning") && read.status != "prevented";
        let amount = if is_of_money { read.amount } else { 0 };
        let known = self.store.disputes_of_payment(id).await?;
        let known = known.iter().find(|known| known.object == read.object);
        let tell = |is_returned| Seen::Disputed {
            dispute: ids::short(&read.object),
            amount,
            is_returned,
        };
        // Told first and written down then: what is told again after a crash is in the books once.
        if amount > 0 && known.is_none_or(|known| known.amount == 0) {
            self.tell(id, &tell(false)).await?;
        }
        let is_back = state == DisputeState::Won && amount > 0;
        if is_back && known.is_none_or(|known| known.state != DisputeState::Won) {
            self.tell(id, &tell(true)).await?;
        }
        let dispute = Dispute {
            gateway: payment.gateway.clone(),
            object: read.object,
            payment: id,
            tenant: payment.tenant,
            amount,
            currency: read.currency,
            state,
            reason: read.reason,
            due_at_ms: None,
            opened_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        self.store.put_dispute(&dispute, None).await?;
        tracing::warn!(payment = %id, state = state.as_str(), "a payment is disputed");
        Ok(format!("payment {id}: the dispute is {}", state.as_str()))
    }
}
