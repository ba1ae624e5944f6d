//! Takes payments on as the test says, by their methods.

use async_trait::async_trait;
use http::HeaderMap;
use onsale_ingress::{
    DeskError, GatewayNotice, NoticeRefused, PaymentDesk, RefundAsked, RefundTerms,
};
use onsale_schemas::command::Currency;
use onsale_store::Store;
use onsale_store::payment::{Moved, Payment, PaymentState};
use uuid::Uuid;

/// The signature that this desk believes.
pub(crate) const SIGNATURE: &str = "right";
/// The smallest amount that `sim_dear` takes.
const DEAR: i64 = 1_000_000;

pub(crate) struct FakeDesk(pub(crate) Store);

impl FakeDesk {
    async fn become_of(&self, id: Uuid, change: impl Fn(&mut Payment)) -> Result<(), DeskError> {
        let failed = |error: onsale_store::StoreError| DeskError(error.to_string());
        let before = self.0.payment(id).await.map_err(failed)?;
        let before = before.ok_or_else(|| DeskError("there is no such payment".to_owned()))?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(());
        }
        let moved = Moved {
            reason: "as the test says".to_owned(),
            posting: None,
            event: None,
        };
        let moved = self.0.move_payment(&before, &after, &moved, None).await;
        moved.map(drop).map_err(failed)
    }
}

#[async_trait]
impl PaymentDesk for FakeDesk {
    fn gateway(&self) -> Option<&'static str> {
        Some("simulated")
    }

    fn methods(&self, amount: i64, _currency: Currency) -> Vec<&'static str> {
        let mut methods = vec![
            "sim_card",
            "sim_card_declined",
            "sim_card_challenge",
            "sim_slow",
        ];
        if amount >= DEAR {
            methods.push("sim_dear");
        }
        methods
    }

    fn payment_ms(&self) -> u64 {
        600_000
    }

    fn cancel_before_end_ms(&self) -> u64 {
        30_000
    }

    fn verify_webhook(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_ms: u64,
    ) -> Result<GatewayNotice, NoticeRefused> {
        let signature = headers.get("x-signature").map(http::HeaderValue::as_bytes);
        if signature != Some(SIGNATURE.as_bytes()) {
            return Err(NoticeRefused(
                "no signature of this body is right".to_owned(),
            ));
        }
        Ok(GatewayNotice {
            event_id: String::from_utf8_lossy(body).into_owned(),
            kind: "payment.changed".to_owned(),
            object: None,
            payment: None,
            refund: None,
            dispute: None,
            created_at_ms: now_ms,
        })
    }

    fn refundable(&self, asked: &RefundAsked) -> RefundTerms {
        RefundTerms {
            amount: asked.paid / 2,
            compensation: 0,
            rule: "half".to_owned(),
        }
    }

    async fn advance(&self, payment: Uuid) -> Result<(), DeskError> {
        self.become_of(payment, |payment| match payment.method.as_str() {
            "sim_card" | "cash" | "free" => {
                payment.state = PaymentState::Succeeded;
                payment.captured = payment.amount;
            }
            "sim_card_declined" => {
                payment.state = PaymentState::Failed;
                payment.failure = Some("card_declined".to_owned());
            }
            "sim_card_challenge" => {
                payment.state = PaymentState::AwaitingBuyer;
                let action = r#"{"kind":"redirect","url":"https://bank.example/3"}"#;
                payment.next_action = Some(action.to_owned());
            }
            _ => {}
        })
        .await
    }

    async fn cancel(&self, payment: Uuid) -> Result<(), DeskError> {
        self.become_of(payment, |payment| {
            if payment.state.is_live() && payment.state != PaymentState::Succeeded {
                payment.state = PaymentState::Failed;
                payment.failure = Some("cancelled".to_owned());
            }
        })
        .await
    }
}
