//! What payments ask of their gateway.

use std::sync::Arc;
use std::time::Duration;

use onsale_private::Private;
use onsale_store::payment::Payment;

use super::Executor;
use super::addresses::address;
use crate::gateway::{CreateOrder, Gateway, GatewayError, GatewayState};
use crate::saga::{Action, NOT_FOUND, Seen};

/// A gateway gives up by itself before this; what it has not answered by then is unknown.
const PATIENCE: Duration = Duration::from_secs(40);
/// How far the clock of a gateway may be apart, in milliseconds.
const CLOCKS_APART_MS: u64 = 3_600_000;
/// The method needs an address, and the buyer has none. (The word is the API's.)
const NO_ADDRESS: &str = "email_missing";
/// Gateways bind a key to what was asked first.
const KEY_REUSED: &str = "idempotency_error";

impl Executor {
    /// Does something about a payment at its gateway. One that is none of this process is unavailable to it: another
    /// process may have it.
    pub(super) async fn at_gateway(&self, payment: &Payment, action: &Action) -> Seen {
        let Some(gateway) = self.gateway_of(payment) else {
            tracing::warn!(
                payment = %payment.id,
                gateway = payment.gateway,
                "a payment waits for a gateway that is not configured here"
            );
            return Seen::Unavailable {
                retry_after_ms: None,
            };
        };
        match tokio::time::timeout(PATIENCE, self.ask_gateway(gateway, payment, action)).await {
            Ok(seen) => seen,
            Err(_elapsed) => Seen::GatewayUnknown,
        }
    }

    /// The gateway that a payment goes through.
    pub(super) fn gateway_of(&self, payment: &Payment) -> Option<&Arc<dyn Gateway>> {
        self.gateway
            .as_ref()
            .filter(|gateway| gateway.name() == payment.gateway)
    }

    async fn ask_gateway(
        &self,
        gateway: &Arc<dyn Gateway>,
        payment: &Payment,
        action: &Action,
    ) -> Seen {
        let id = payment.id;
        let asked = match (action, &payment.object) {
            (Action::Create, _) => return self.make(gateway, payment).await,
            (Action::Capture, Some(object)) => {
                let key = format!("{id}:capture");
                gateway.capture(object, &key, payment.amount).await
            }
            (Action::Cancel, Some(object)) => gateway.cancel(object).await,
            (Action::RefundAll { amount }, Some(object)) => {
                let key = format!("{id}:refund:0");
                match gateway.refund(object, &key, *amount).await {
                    // What the object says counts, as everywhere.
                    Ok(_) => gateway.read(object).await,
                    Err(error) => Err(error),
                }
            }
            (Action::Read, Some(object)) => gateway.read(object).await,
            // Whatever is to be done to it, it has to be found first.
            _ => return self.find(gateway, payment).await,
        };
        seen(payment, asked)
    }

    /// Makes a payment. Where the buyer's address goes with it and is another one by now, or none, the repeat of what
    /// was done already would be refused, so it is looked for.
    async fn make(&self, gateway: &Arc<dyn Gateway>, payment: &Payment) -> Seen {
        let mut methods = gateway.methods().iter();
        let needs_email = methods.any(|method| method.name == payment.method && method.needs_email);
        if !needs_email {
            return seen(payment, self.create(gateway, payment, None).await);
        }
        let email = match address(&self.store, self.ring.as_deref(), payment.user).await {
            Ok(Some(email)) => email,
            Ok(None) => {
                let otherwise = Seen::GatewayRefused {
                    code: NO_ADDRESS.to_owned(),
                    is_final: true,
                };
                return self.find_or(gateway, payment, otherwise).await;
            }
            Err(why) => {
                tracing::warn!(payment = %payment.id, "the buyer's address is not known now: {why}");
                return Seen::Unavailable {
                    retry_after_ms: None,
                };
            }
        };
        match self.create(gateway, payment, Some(&email)).await {
            Err(GatewayError::Refused { code, .. }) if code == KEY_REUSED => {
                self.find_or(gateway, payment, Seen::GatewayUnknown).await
            }
            asked => seen(payment, asked),
        }
    }

    /// What the gateway has of a payment; `otherwise` where that is nothing.
    async fn find_or(
        &self,
        gateway: &Arc<dyn Gateway>,
        payment: &Payment,
        otherwise: Seen,
    ) -> Seen {
        match self.find(gateway, payment).await {
            Seen::GatewayRefused { code, .. } if code == NOT_FOUND => otherwise,
            seen => seen,
        }
    }

    async fn create(
        &self,
        gateway: &Arc<dyn Gateway>,
        payment: &Payment,
        email: Option<&Private>,
    ) -> Result<GatewayState, GatewayError> {
        let key = format!("{}:create", payment.id);
        let return_url = self.return_url(payment);
        // Nothing that somebody may change meanwhile: a repeat has to be the same to the letter.
        let title = format!("Booking {}", payment.booking);
        let order = CreateOrder {
            key: &key,
            payment: payment.id,
            booking: payment.booking.as_uuid(),
            tenant: payment.tenant,
            amount: payment.amount,
            currency: payment.currency,
            method: &payment.method,
            title: &title,
            email,
            return_url: &return_url,
            expires_at_ms: payment.deadline_ms,
        };
        gateway.create(&order).await
    }

    async fn find(&self, gateway: &Arc<dyn Gateway>, payment: &Payment) -> Seen {
        let asked_at_ms = payment.asked_at_ms.unwrap_or(payment.created_at_ms);
        let from_ms = asked_at_ms.saturating_sub(CLOCKS_APART_MS);
        match gateway.find(payment.id, from_ms).await {
            Ok(Some(state)) => Seen::Gateway(state),
            Ok(None) => Seen::GatewayRefused {
                code: NOT_FOUND.to_owned(),
                is_final: true,
            },
            Err(error) => seen(payment, Err(error)),
        }
    }
}

/// What an answer of the gateway says.
fn seen(payment: &Payment, asked: Result<GatewayState, GatewayError>) -> Seen {
    match asked {
        Ok(state) => Seen::Gateway(state),
        Err(error) => failed(payment, error),
    }
}

/// What an error of the gateway says.
fn failed(payment: &Payment, error: GatewayError) -> Seen {
    let payment = payment.id;
    match error {
        GatewayError::Refused {
            code,
            message_for_operator,
            is_final,
        } => {
            tracing::info!(%payment, code, is_final, "refused by the gateway: {message_for_operator}");
            Seen::GatewayRefused { code, is_final }
        }
        GatewayError::Unknown(why) => {
            tracing::warn!(%payment, "what became of a call of the gateway is not known: {why}");
            Seen::GatewayUnknown
        }
        GatewayError::Unavailable {
            retry_after_ms,
            why,
        } => {
            tracing::debug!(%payment, "the gateway is not asked now: {why}");
            Seen::Unavailable { retry_after_ms }
        }
    }
}
