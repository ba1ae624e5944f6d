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
use crate::metrics::{CallOutcome, GatewayMetrics, Timed};

/// A gateway behind a circuit breaker: while that is open, calls are [`GatewayError::Unavailable`] at once.
#[derive(Debug)]
pub struct Guarded<G> {
    inner: G,
    circuit: Mutex<Circuit>,
    started: Instant,
    metrics: Option<GatewayMetrics>,
}

impl<G: Gateway> Guarded<G> {
    /// Guards a gateway.
    pub fn new(inner: G, limits: Limits) -> Self {
        Self {
            inner,
            circuit: Mutex::new(Circuit::new(limits)),
            started: Instant::now(),
            metrics: None,
        }
    }

    /// Its calls and its circuit are shown by these from now on.
    #[must_use]
    pub fn with_metrics(mut self, metrics: GatewayMetrics) -> Self {
        metrics.stands(self.position());
        self.metrics = Some(metrics);
        self
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
        name: &'static str,
        call: impl Future<Output = Result<T, GatewayError>> + Send,
    ) -> Result<T, GatewayError> {
        let admission = self.circuit.lock().admit(self.now_ms());
        if let Admission::Wait { for_ms } = admission {
            if let Some(metrics) = &self.metrics {
                metrics.not_made(name);
            }
            return Err(GatewayError::Unavailable {
                retry_after_ms: Some(for_ms),
                why: "it failed again and again, or wants to be left alone: the circuit is open"
                    .to_owned(),
            });
        }
        self.show_position();
        let timed = Timed::begin(self.metrics.as_ref(), name);
        let answer = call.await;
        timed.ended(outcome(answer.as_ref().err()));
        let shown = shown(answer.as_ref().err());
        self.circuit.lock().record(shown, self.now_ms());
        self.show_position();
        answer
    }

    fn show_position(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.stands(self.position());
        }
    }
}

fn outcome(error: Option<&GatewayError>) -> CallOutcome {
    match error {
        None => CallOutcome::Done,
        Some(GatewayError::Refused { .. }) => CallOutcome::Refused,
        Some(GatewayError::Unknown(_)) => CallOutcome::Unknown,
        Some(GatewayError::Unavailable { .. }) => CallOutcome::Unavailable,
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
        self.ask("create", self.inner.create(order)).await
    }

    async fn read(&self, object: &str) -> Result<GatewayState, GatewayError> {
        self.ask("read", self.inner.read(object)).await
    }

    async fn find(
        &self,
        payment: Uuid,
        created_from_ms: u64,
    ) -> Result<Option<GatewayState>, GatewayError> {
        self.ask("find", self.inner.find(payment, created_from_ms))
            .await
    }

    async fn capture(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<GatewayState, GatewayError> {
        self.ask("capture", self.inner.capture(object, key, amount))
            .await
    }

    async fn cancel(&self, object: &str) -> Result<GatewayState, GatewayError> {
        self.ask("cancel", self.inner.cancel(object)).await
    }

    async fn refund(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<RefundAtGateway, GatewayError> {
        self.ask("refund", self.inner.refund(object, key, amount))
            .await
    }

    async fn read_refund(&self, refund: &str) -> Result<RefundAtGateway, GatewayError> {
        self.ask("read_refund", self.inner.read_refund(refund))
            .await
    }

    async fn read_dispute(&self, dispute: &str) -> Result<DisputeAtGateway, GatewayError> {
        self.ask("read_dispute", self.inner.read_dispute(dispute))
            .await
    }

    async fn page(&self, created_from_ms: u64, after: Option<&str>) -> Result<Page, GatewayError> {
        self.ask("page", self.inner.page(created_from_ms, after))
            .await
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
