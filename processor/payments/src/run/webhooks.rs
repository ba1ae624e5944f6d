//! What a gateway has said: which payment, refund or dispute to look at. How things stand is then read from it.

use onsale_store::payment::NoticeRow;
use serde::Deserialize;

use super::{Executor, RunError};

/// The notice that a job is about.
#[derive(Debug, Deserialize)]
pub(super) struct NoticeKey {
    gateway: String,
    event_id: String,
}

impl Executor {
    /// Looks at what a notice is about. What became of it, for an operator.
    pub(super) async fn hear(&self, key: NoticeKey) -> Result<String, RunError> {
        let NoticeKey { gateway, event_id } = key;
        let Some(notice) = self.store.notice(&gateway, &event_id).await? else {
            return Ok("there is no such notice".to_owned());
        };
        let became = self.look_at(&notice).await?;
        let now_ms = self.now_ms();
        self.store
            .mark_notice(&gateway, &event_id, &became, now_ms)
            .await?;
        Ok(became)
    }

    async fn look_at(&self, notice: &NoticeRow) -> Result<String, RunError> {
        let payment = match (notice.payment, &notice.object) {
            (Some(id), _) => self.store.payment(id).await?,
            (None, Some(object)) => {
                self.store
                    .payment_by_object(&notice.gateway, object)
                    .await?
            }
            (None, None) => None,
        };
        let Some(payment) = payment.filter(|payment| payment.gateway == notice.gateway) else {
            // It is kept: another program may use the same account there.
            return Ok(format!("{}: about nothing that is known here", notice.kind));
        };
        if notice.refund.is_some() {
            for refund in self.store.refunds_of_payment(payment.id).await? {
                if refund.object == notice.refund {
                    self.advance_refund(refund.id).await?;
                }
            }
        }
        let rest = self.look(payment.id).await?;
        Ok(format!("{}: payment {} {rest:?}", notice.kind, payment.id))
    }
}
