//! Gateways: who moves money. [`Gateway`] is what is asked of one; [`stripe`] and [`simulated`] are there.
//!
//! What a call does is done once for its key, so that whoever does not know whether it was done asks for it
//! again under the same key. An error says what is known: [`GatewayError`].

pub mod circuit;
#[cfg(feature = "counterpart")]
pub mod counterpart;
mod error;
mod guarded;
mod method;
mod notice;
pub mod simulated;
mod state;
pub mod stripe;

use async_trait::async_trait;
use http::HeaderMap;
use onsale_private::Private;
use onsale_schemas::command::Currency;
use uuid::Uuid;

pub use error::{GatewayError, WebhookError};
pub use guarded::Guarded;
pub use method::{Currencies, Method};
pub use notice::Notice;
pub use state::{
    DisputeAtGateway, GatewayState, Page, PageItem, Phase, RefundAtGateway, RefundPhase,
};

/// Longest body of a notice that is looked at, in bytes. Those of Stripe have a few KiB.
pub const NOTICE_MAX_BYTES: usize = 262_144;

/// A payment that is to be made at a gateway. Everything in it is bound to the key: asked again, it has to be
/// the same to the letter.
#[derive(Clone, Debug)]
pub struct CreateOrder<'a> {
    /// By which the gateway knows a repeat.
    pub key: &'a str,
    /// The payment; the gateway keeps it beside the object, and finds it by that.
    pub payment: Uuid,
    /// What is paid for.
    pub booking: Uuid,
    /// Who sells.
    pub tenant: Uuid,
    /// What is to be paid, in the smallest unit of the currency.
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
    /// One of [`Gateway::methods`].
    pub method: &'a str,
    /// What the buyer reads on the gateway's page, such as the name of the show; no personal data.
    pub title: &'a str,
    /// The buyer's address, where the method needs one.
    pub email: Option<&'a Private>,
    /// Where the gateway's page sends the buyer afterwards, whatever came of it.
    pub return_url: &'a str,
    /// When the payment is given up, in Unix milliseconds.
    pub expires_at_ms: u64,
}

/// What moves money. Each call is one attempt, bounded in time; who calls decides about repeats.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Its name in the database, such as `stripe`.
    fn name(&self) -> &'static str;

    /// How one can pay.
    fn methods(&self) -> &[Method];

    /// Makes a payment, once for its key.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn create(&self, order: &CreateOrder<'_>) -> Result<GatewayState, GatewayError>;

    /// Reads a payment. The answer calls it `object`, as it was asked for, whatever else the gateway calls it.
    ///
    /// # Errors
    /// [`GatewayError`]; refused where the gateway does not know the object.
    async fn read(&self, object: &str) -> Result<GatewayState, GatewayError>;

    /// Finds what was made for a payment when its key is no longer remembered. It was made at
    /// `created_from_ms` or within a day after that.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn find(
        &self,
        payment: Uuid,
        created_from_ms: u64,
    ) -> Result<Option<GatewayState>, GatewayError>;

    /// Takes money that was set aside. What was taken already is no error.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn capture(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<GatewayState, GatewayError>;

    /// Takes a payment back before money has come. The answer is what it is afterwards: one that the buyer has
    /// paid meanwhile is captured, or processed still.
    ///
    /// It has no key: doing it twice is doing it once, and under a key a gateway would answer for a day that it
    /// cannot be done now.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn cancel(&self, object: &str) -> Result<GatewayState, GatewayError>;

    /// Gives money back, once for its key, however late it is asked again.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn refund(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<RefundAtGateway, GatewayError>;

    /// Reads a refund.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn read_refund(&self, refund: &str) -> Result<RefundAtGateway, GatewayError>;

    /// Reads a dispute.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn read_dispute(&self, dispute: &str) -> Result<DisputeAtGateway, GatewayError>;

    /// What was made at `created_from_ms` or later, page by page.
    ///
    /// # Errors
    /// [`GatewayError`].
    async fn page(&self, created_from_ms: u64, after: Option<&str>) -> Result<Page, GatewayError>;

    /// Whether a notice is from the gateway, and what it is about. Nothing else of its body is believed.
    ///
    /// # Errors
    /// [`WebhookError`].
    fn verify_webhook(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Notice, WebhookError>;
}

/// A shared gateway is one.
#[async_trait]
impl<G: Gateway + ?Sized> Gateway for std::sync::Arc<G> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn methods(&self) -> &[Method] {
        (**self).methods()
    }

    async fn create(&self, order: &CreateOrder<'_>) -> Result<GatewayState, GatewayError> {
        (**self).create(order).await
    }

    async fn read(&self, object: &str) -> Result<GatewayState, GatewayError> {
        (**self).read(object).await
    }

    async fn find(
        &self,
        payment: Uuid,
        created_from_ms: u64,
    ) -> Result<Option<GatewayState>, GatewayError> {
        (**self).find(payment, created_from_ms).await
    }

    async fn capture(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<GatewayState, GatewayError> {
        (**self).capture(object, key, amount).await
    }

    async fn cancel(&self, object: &str) -> Result<GatewayState, GatewayError> {
        (**self).cancel(object).await
    }

    async fn refund(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<RefundAtGateway, GatewayError> {
        (**self).refund(object, key, amount).await
    }

    async fn read_refund(&self, refund: &str) -> Result<RefundAtGateway, GatewayError> {
        (**self).read_refund(refund).await
    }

    async fn read_dispute(&self, dispute: &str) -> Result<DisputeAtGateway, GatewayError> {
        (**self).read_dispute(dispute).await
    }

    async fn page(&self, created_from_ms: u64, after: Option<&str>) -> Result<Page, GatewayError> {
        (**self).page(created_from_ms, after).await
    }

    fn verify_webhook(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Notice, WebhookError> {
        (**self).verify_webhook(headers, body, now_ms)
    }
}
