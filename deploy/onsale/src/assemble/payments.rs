//! Puts together who takes payments on: the saga with its gateway, the database and the log. The worker runs it as
//! jobs, and the ingress is handed it as its desk, so that a buyer who waits need not wait for a job.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use onsale_ingress::{
    DeskError, GatewayKind, GatewayNotice, NoticeRefused, PaymentDesk, PaymentsConfig, RefundAsked,
    RefundTerms, SimulatedPayment,
};
use onsale_log::CommandLog;
use onsale_payments::gateway::circuit::Limits;
use onsale_payments::gateway::simulated::Simulated;
use onsale_payments::gateway::stripe::{Stripe, StripeConfig, TIMEOUT, URL};
use onsale_payments::gateway::{Gateway, Guarded};
use onsale_payments::metrics::GatewayMetrics;
use onsale_payments::run::{self, Executor};
use onsale_payments::saga::Terms;
use onsale_payments::saga::rules::Rules;
use onsale_schemas::command::Currency;
use onsale_store::Store;
use prometheus::Registry;
use reqwest::Url;
use reqwest::header::HeaderMap;
use uuid::Uuid;

use super::simulated;
use crate::config::Config;
use crate::exit::{Failure, OrFail};

/// The circuit of the simulated gateway stays closed: a method of it that never answers is what one buyer has chosen,
/// and no outage.
const SIMULATED_LIMITS: Limits = Limits {
    failures_max: u32::MAX,
    open_min_ms: 1_000,
    open_max_ms: 60_000,
    probe_ms: 35_000,
};

/// What takes payments on in this process, and its simulated gateway, where it has that.
pub(super) fn executor(
    config: &Config,
    store: &Store,
    log: Arc<dyn CommandLog>,
    registry: &Registry,
) -> Result<(Executor, Option<Simulated>), Failure> {
    let simulated = match config.payments.gateway {
        Some(GatewayKind::Simulated) => Some(simulated::start(config, store)?),
        Some(GatewayKind::Stripe) | None => None,
    };
    let gateway = gateway(&config.payments, simulated.clone(), registry)?;
    let executor = Executor::new(
        store,
        log,
        gateway,
        terms(&config.payments),
        config.links_url(),
        run::system_clock(),
    );
    let executor = match config.accounts.ring().or_use()? {
        Some(ring) => executor.with_addresses(Arc::new(ring)),
        None => executor,
    };
    Ok((executor, simulated))
}

/// The same for the ingress.
pub(super) fn desk(
    config: &Config,
    executor: &Executor,
    simulated: Option<Simulated>,
) -> Arc<dyn PaymentDesk> {
    Arc::new(Desk {
        executor: executor.clone(),
        simulated,
        terms: terms(&config.payments),
    })
}

/// Who takes the money.
fn gateway(
    config: &PaymentsConfig,
    simulated: Option<Simulated>,
    registry: &Registry,
) -> Result<Option<Arc<dyn Gateway>>, Failure> {
    // Without a gateway too: dashboards and alerts read what is 0.
    let metrics = GatewayMetrics::register(registry).or_found()?;
    Ok(match config.gateway {
        None => None,
        Some(GatewayKind::Simulated) => {
            if !config.simulated {
                tracing::warn!("payments.gateway = \"simulated\": buyers pay with no money");
            }
            simulated.map(|simulated| -> Arc<dyn Gateway> {
                Arc::new(Guarded::new(simulated, SIMULATED_LIMITS).with_metrics(metrics))
            })
        }
        Some(GatewayKind::Stripe) => {
            let key = config.configured_stripe_key().or_use()?;
            let url = config.stripe_url.as_deref().unwrap_or(URL);
            let stripe = StripeConfig {
                url: Url::parse(url).context("payments.stripe_url").or_use()?,
                key: key
                    .ok_or_else(|| anyhow!("payments.stripe_key is not set"))
                    .or_use()?,
                webhook_secrets: config.configured_webhook_secrets().or_use()?,
                timeout: TIMEOUT,
            };
            let stripe = Stripe::new(&stripe).context("payments").or_use()?;
            let guarded = Guarded::new(stripe, Limits::default()).with_metrics(metrics);
            let guarded: Arc<dyn Gateway> = Arc::new(guarded);
            Some(guarded)
        }
    })
}

fn terms(config: &PaymentsConfig) -> Terms {
    Terms {
        payment_ms: seconds(config.payment_seconds),
        cancel_before_end_ms: seconds(config.cancel_before_end_seconds),
        extend_ms: config.extend_seconds.saturating_mul(1_000),
        extend_max_ms: seconds(config.extend_max_seconds),
        poll_ms: seconds(config.poll_seconds),
        backoff_min_ms: config.backoff_min_ms,
        backoff_max_ms: config.backoff_max_ms,
        tries_max: config.tries_max,
        capture_grace_ms: seconds(config.capture_grace_seconds),
    }
}

fn seconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1_000)
}

/// What the ingress asks of payments.
struct Desk {
    executor: Executor,
    simulated: Option<Simulated>,
    terms: Terms,
}

#[async_trait]
impl PaymentDesk for Desk {
    fn gateway(&self) -> Option<&'static str> {
        self.executor.gateway().map(|gateway| gateway.name())
    }

    fn methods(&self, amount: i64, currency: Currency) -> Vec<&'static str> {
        let methods = self.executor.gateway().map(|gateway| gateway.methods());
        methods
            .into_iter()
            .flatten()
            .filter(|method| method.takes(amount, currency))
            .filter(|method| !method.needs_email || self.executor.opens_addresses())
            .map(|method| method.name)
            .collect()
    }

    fn payment_ms(&self) -> u64 {
        self.terms.payment_ms
    }

    fn cancel_before_end_ms(&self) -> u64 {
        self.terms.cancel_before_end_ms
    }

    fn verify_webhook(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_ms: u64,
    ) -> Result<GatewayNotice, NoticeRefused> {
        let gateway = self
            .executor
            .gateway()
            .ok_or_else(|| NoticeRefused("there is no gateway".to_owned()))?;
        let notice = gateway
            .verify_webhook(headers, body, now_ms)
            .map_err(|error| NoticeRefused(error.to_string()))?;
        Ok(GatewayNotice {
            event_id: notice.event_id,
            kind: notice.kind,
            object: notice.object,
            payment: notice.payment,
            refund: notice.refund,
            dispute: notice.dispute,
            created_at_ms: notice.created_at_ms,
        })
    }

    fn refundable(&self, asked: &RefundAsked) -> RefundTerms {
        let rules = Rules::default();
        let due = if asked.is_show_cancelled {
            rules.cancelled(asked.paid)
        } else {
            rules.refund(asked.paid, asked.show_starts_at_ms, asked.now_ms)
        };
        RefundTerms {
            amount: due.amount,
            compensation: due.compensation,
            rule: due.rule,
        }
    }

    async fn advance(&self, payment: Uuid) -> Result<(), DeskError> {
        let taken_on = self.executor.advance(payment).await;
        taken_on
            .map(drop)
            .map_err(|error| DeskError(error.to_string()))
    }

    async fn cancel(&self, payment: Uuid) -> Result<(), DeskError> {
        let cancelled = self.executor.cancel(payment).await;
        cancelled
            .map(drop)
            .map_err(|error| DeskError(error.to_string()))
    }

    fn simulated(&self, object: &str) -> Option<SimulatedPayment> {
        let simulated = self.simulated.as_ref()?;
        simulated.with_machine(|machine, _| machine.payment(object).map(simulated::shown))
    }

    fn pass_simulated(&self, object: &str, is_approved: bool) {
        if let Some(simulated) = &self.simulated {
            simulated::act(simulated, object, is_approved);
        }
    }
}
