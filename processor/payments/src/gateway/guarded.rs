//! A gateway behind a circuit breaker.

use std::time::Instant;

use async_trait::async_trait;
use http::HeaderMap;
use parking_lot::Mutex;
use uuid::Uuid;

use super::circuit::{Admission, Circuit, Limits, Position, Shown};
use super::{
    CreateOrder, DisputeAtGateway, Gateway, GatewayError, GatewayState, Method, Notice, Page,
    RefundAtGateway, WebhookError,
};

/// A gateway behind a circuit breaker: while that is open, calls are [`GatewayError::Unavailable`] at once.
#[derive(Debug)]
pub struct Guarded<G> {
    inner: G,
    circuit: Mutex<Circuit>,
    started: Instant,
}

impl<G: Gateway> Guarded<G> {
    /// Guards a gateway.
    pub fn new(inner: G, limits: Limits) -> Self {
        Self {
            inner,
            circuit: Mutex::new(Circuit::new(limits)),
            started: Instant::now(),
        }
    }

    /// Where the circuit stands.
    pub fn position(&self) -> Position {
        self.circuit.lock().position()
    }

    /// The gateway behind it.
    pub fn inner(&self) -> &G {
        &self.inner
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn ask<T>(
        &self,
        call: impl Future<Output = Result<T, GatewayError>> + Send,
    ) -> Result<T, GatewayError> {
        let admission = self.circuit.lock().admit(self.now_ms());
        if let Admission::Wait { for_ms } = admission {
            return Err(GatewayError::Unavailable {
                retry_after_ms: Some(for_ms),
                why: "it failed again and again, or wants to be left alone: the circuit is open"
                    .to_owned(),
            });
        }
        let answer = call.await;
        let shown = shown(answer.as_ref().err());
        self.circuit.lock().record(shown, self.now_ms());
        answer
    }
}

fn shown(error: Option<&GatewayError>) -> Shown {
    match error {
        None | Some(GatewayError::Refused { .. }) => Shown::Works,
        Some(GatewayError::Unavailable {
            retry_after_ms: Some(for_ms),
            ..
        }) => Shown::Busy { for_ms: *for_ms },
        Some(GatewayError::Unavailable { .. } | GatewayError::Unknown(_)) => Shown::Fails,
    }
}

#[async_trait]
impl<G: Gateway> Gateway for Guarded<G> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn methods(&self) -> &[Method] {
        self.inner.methods()
    }

    async fn create(&self, order: &CreateOrder<'_>) -> Result<GatewayState, GatewayError> {
        self.ask(self.inner.create(order)).await
    }

    async fn read(&self, object: &str) -> Result<GatewayState, GatewayError> {
        self.ask(self.inner.read(object)).await
    }

    async fn find(
        &self,
        payment: Uuid,
        created_from_ms: u64,
    ) -> Result<Option<GatewayState>, GatewayError> {
        self.ask(self.inner.find(payment, created_from_ms)).await
    }

    async fn capture(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<GatewayState, GatewayError> {
        self.ask(self.inner.capture(object, key, amount)).await
    }

    async fn cancel(&self, object: &str) -> Result<GatewayState, GatewayError> {
        self.ask(self.inner.cancel(object)).await
    }

    async fn refund(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<RefundAtGateway, GatewayError> {
        self.ask(self.inner.refund(object, key, amount)).await
    }

    async fn read_refund(&self, refund: &str) -> Result<RefundAtGateway, GatewayError> {
        self.ask(self.inner.read_refund(refund)).await
    }

    async fn read_dispute(&self, dispute: &str) -> Result<DisputeAtGateway, GatewayError> {
        self.ask(self.inner.read_dispute(dispute)).await
    }

    async fn page(&self, created_from_ms: u64, after: Option<&str>) -> Result<Page, GatewayError> {
        self.ask(self.inner.page(created_from_ms, after)).await
    }

    fn verify_webhook(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Notice, WebhookError> {
        self.inner.verify_webhook(headers, body, now_ms)
    }
}
