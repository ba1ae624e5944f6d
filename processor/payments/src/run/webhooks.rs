//! What a gateway has said: which payment, refund or dispute to look at. How things stand is then read from it.

use onsale_store::payment::{
    Account, Dispute, DisputeState, NoticeKey, Payment, Posting, StoredNotice,
};

use super::{Executor, Rest, RunError, ids};

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
        let amount = read.amount;
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
        let what = ids::posting_of_dispute(&dispute.object);
        let post = |what: String, to: Account, from: Account| {
            (is_of_money && amount > 0).then(|| Posting::new(what, to, from, amount))
        };
        let taken = post(what.clone(), Account::Disputes, Account::Gateway);
        if state == DisputeState::Won {
            // What came back went first, also where that was never heard of.
            let open = Dispute {
                state: DisputeState::Open,
                ..dispute.clone()
            };
            self.store.put_dispute(&open, taken.as_ref()).await?;
            let what = format!("{what}:returned");
            let returned = post(what, Account::Gateway, Account::Disputes);
            self.store.put_dispute(&dispute, returned.as_ref()).await?;
        } else {
            self.store.put_dispute(&dispute, taken.as_ref()).await?;
        }
        tracing::warn!(payment = %id, state = state.as_str(), "a payment is disputed");
        Ok(format!("payment {id}: the dispute is {}", state.as_str()))
    }
}
