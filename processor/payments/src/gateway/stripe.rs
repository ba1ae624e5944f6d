//! Stripe, by its HTTP interface at a pinned version.
//!
//! Cards are paid on Stripe's own page: a Checkout session, whose payment intent exists once the buyer pays.
//! PromptPay is a payment intent that is confirmed at once, with a QR code for the buyer. Both carry the
//! payment's id as metadata.

mod answers;
mod client;
mod create;
mod failure;
mod methods;
mod state;
mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use onsale_private::Private;
use onsale_settings::Secret;
use url::Url;
use uuid::Uuid;

use self::answers::{Dispute, Expandable, Intent, List, Refund, Session};
use self::client::{Client, Form};
use self::create::Made;
use super::{
    CreateOrder, DisputeAtGateway, Gateway, GatewayError, GatewayState, Method, Notice, Page,
    Phase, RefundAtGateway, WebhookError,
};

pub use methods::{CARD, PROMPTPAY};
pub use webhook::{SIGNATURE_HEADER, TOLERANCE_S, sign};

/// The version of the interface that this is written for.
pub const VERSION: &str = "2026-08-26.dahlia";
/// Where Stripe is.
pub const URL: &str = "https://api.stripe.com";
/// How long a call may take. Stripe itself gives up later.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// Objects on a page, which is the most that Stripe gives.
const PAGE: &str = "100";
/// Most pages that are looked through for one payment: 100,000 objects of a day.
const FIND_PAGES_MAX: usize = 1_000;
/// Most pages of the refunds of one payment.
const REFUND_PAGES_MAX: usize = 10;
/// A key is remembered for a day, so what it made was made within one.
const KEY_LIVES_S: u64 = 86_400;
/// Clocks here and there differ.
const CLOCKS_S: u64 = 3_600;
const INTENTS: &str = "payment_intents";
const CHECKOUT: [&str; 2] = ["checkout", "sessions"];
const CHARGE: &str = "latest_charge";
const INTENT_AND_CHARGE: &str = "payment_intent.latest_charge";

/// Where Stripe is and as whom it is asked. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// Its address: [`URL`], or a counterpart of tests. Without TLS only on this machine.
    pub url: Url,
    /// The secret key, such as `sk_live_…`, or a restricted one.
    pub key: Secret,
    /// The secrets of the webhook endpoint, one or, while it is exchanged, two.
    pub webhook_secrets: Vec<Secret>,
    /// How long a call may take with all that belongs to it: [`TIMEOUT`].
    pub timeout: Duration,
}

/// Why Stripe cannot be asked as it is configured.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StripeConfigError {
    /// The address would send the key in the clear, or is none.
    #[error(
        "{0:?} is not Stripe's address: expected https://HOST, or http:// on this machine alone"
    )]
    Url(String),
    /// There are none or too many.
    #[error("{0} webhook secrets: expected one, or two while it is exchanged")]
    WebhookSecrets(usize),
    /// A secret is empty.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// The client cannot be made.
    #[error("no client for Stripe: {0}")]
    Client(String),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Stripe {
    client: Client,
    webhook_secrets: Vec<Secret>,
}

impl Stripe {
    /// Stripe as configured. Nothing is asked yet.
    ///
    /// # Errors
    /// [`StripeConfigError`].
    pub fn new(config: &StripeConfig) -> Result<Self, StripeConfigError> {
        let url = &config.url;
        let is_sound = match (url.scheme(), url.host_str()) {
            ("https", Some(_)) => true,
            ("http", Some(host)) => onsale_tls::is_this_machine(host),
            _ => false,
        };
        let has_more = url.query().is_some() || !url.username().is_empty();
        if !is_sound || has_more || url.password().is_some() {
            // Without a user and a password, which may be in it.
            let shown = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
            return Err(StripeConfigError::Url(shown));
        }
        if config.key.expose().trim().is_empty() {
            return Err(StripeConfigError::Empty("key"));
        }
        let secrets = &config.webhook_secrets;
        if !(1..=2).contains(&secrets.len()) {
            return Err(StripeConfigError::WebhookSecrets(secrets.len()));
        }
        if secrets.iter().any(|secret| secret.expose().is_empty()) {
            return Err(StripeConfigError::Empty("webhook secret"));
        }
        let client = Client::new(url, &config.key, VERSION, config.timeout)
            .map_err(StripeConfigError::Client)?;
        Ok(Self {
            client,
            webhook_secrets: secrets.clone(),
        })
    }

    async fn session(&self, id: &str) -> Result<Session, GatewayError> {
        let [checkout, sessions] = CHECKOUT;
        let query = Form::default().set("expand[]", INTENT_AND_CHARGE);
        self.client.get(&[checkout, sessions, id], query).await
    }

    async fn intent(&self, id: &str) -> Result<Intent, GatewayError> {
        let query = Form::default().set("expand[]", CHARGE);
        self.client.get(&[INTENTS, id], query).await
    }

    /// The payment intent behind an object, where there is one yet.
    async fn intent_of(&self, object: &str) -> Result<Option<String>, GatewayError> {
        if !is_session(object) {
            return Ok(Some(object.to_owned()));
        }
        Ok(self
            .session(object)
            .await?
            .payment_intent
            .map(|intent| match intent {
                Expandable::Id(id) => id,
                Expandable::Object(intent) => intent.id,
            }))
    }

    async fn expire(&self, session: &str) -> Result<GatewayState, GatewayError> {
        let [checkout, sessions] = CHECKOUT;
        let form = Form::default().set("expand[]", INTENT_AND_CHARGE);
        let path = [checkout, sessions, session, "expire"];
        state::of_session(&self.client.post(&path, None, form).await?)
    }

    async fn cancel_intent(&self, intent: &str) -> Result<GatewayState, GatewayError> {
        let form = Form::default()
            .set("cancellation_reason", "abandoned")
            .set("expand[]", CHARGE);
        let path = [INTENTS, intent, "cancel"];
        state::of_intent(&self.client.post(&path, None, form).await?)
    }

    /// What was refunded under a key. Stripe forgets keys after a day, and a refund that is asked again after
    /// that must not be a second one.
    async fn refunded_by(&self, intent: &str, key: &str) -> Result<Option<Refund>, GatewayError> {
        let mut after: Option<String> = None;
        for _ in 0..REFUND_PAGES_MAX {
            let mut query = Form::default()
                .set("payment_intent", intent)
                .set("limit", PAGE);
            if let Some(after) = &after {
                query = query.set("starting_after", after.as_str());
            }
            let list: List<Refund> = self.client.get(&["refunds"], query).await?;
            after = list.data.last().map(|refund| refund.id.clone());
            let found = list.data.into_iter().find(|refund| {
                let metadata = refund.metadata.as_ref();
                metadata
                    .and_then(|metadata| metadata.get("key"))
                    .map(String::as_str)
                    == Some(key)
            });
            if found.is_some() || !list.has_more || after.is_none() {
                return Ok(found);
            }
        }
        Err(state::unexpected(
            "more refunds of one payment than there can be",
        ))
    }
}

#[async_trait]
impl Gateway for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn methods(&self) -> &[Method] {
        &methods::METHODS
    }

    async fn create(&self, order: &CreateOrder<'_>) -> Result<GatewayState, GatewayError> {
        match create::made(order)? {
            Made::Session(form) => {
                let session = self.client.post(&CHECKOUT, Some(order.key), form).await?;
                state::of_session(&session)
            }
            Made::Intent(form) => {
                let intent = self.client.post(&[INTENTS], Some(order.key), form).await?;
                state::of_intent(&intent)
            }
        }
    }

    async fn read(&self, object: &str) -> Result<GatewayState, GatewayError> {
        let state = if is_session(object) {
            state::of_session(&self.session(object).await?)
        } else {
            state::of_intent(&self.intent(object).await?)
        };
        state.map(|state| named(object, state))
    }

    async fn find(
        &self,
        payment: Uuid,
        created_from_ms: u64,
    ) -> Result<Option<GatewayState>, GatewayError> {
        let from_s = (created_from_ms / 1_000).saturating_sub(CLOCKS_S);
        let to_s = (created_from_ms / 1_000).saturating_add(KEY_LIVES_S + CLOCKS_S);
        // Sessions first: the intent of one is known by its session here.
        let is_it = |session: &Session| state::payment_of(&session.metadata) == Some(payment);
        let id = |session: &Session| session.id.clone();
        let found = self.search(&CHECKOUT, (from_s, to_s), is_it, id).await?;
        if let Some(id) = found {
            return self.read(&id).await.map(Some);
        }
        let is_it = |intent: &Intent| state::payment_of(&intent.metadata) == Some(payment);
        let id = |intent: &Intent| intent.id.clone();
        match self.search(&[INTENTS], (from_s, to_s), is_it, id).await? {
            Some(id) => self.read(&id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn capture(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<GatewayState, GatewayError> {
        let Some(intent) = self.intent_of(object).await? else {
            return Err(not_paid());
        };
        let form = Form::default()
            .set("amount_to_capture", amount.to_string())
            .set("expand[]", CHARGE);
        let path = [INTENTS, &intent, "capture"];
        match self.client.post::<Intent>(&path, Some(key), form).await {
            Ok(intent) => state::of_intent(&intent).map(|state| named(object, state)),
            Err(error) if is_about_state(&error) => {
                let state = self.read(object).await?;
                match state.phase {
                    Phase::Captured | Phase::Cancelled => Ok(state),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn cancel(&self, object: &str) -> Result<GatewayState, GatewayError> {
        if !is_session(object) {
            return match self.cancel_intent(object).await {
                Err(error) if is_about_state(&error) => self.read(object).await,
                answer => answer,
            };
        }
        // The page is closed; money that is set aside is let go, which is another call.
        let session = self.session(object).await?;
        let state = state::of_session(&session)?;
        let answer = match (state.phase, session.payment_intent) {
            (Phase::AwaitingBuyer, _) => self.expire(object).await,
            (Phase::Authorised, Some(Expandable::Object(intent))) => {
                let cancelled = self.cancel_intent(&intent.id).await;
                cancelled.map(|state| named(object, state))
            }
            _ => return Ok(state),
        };
        match answer {
            Err(error) if is_about_state(&error) => {
                let state = self.read(object).await?;
                match state.phase {
                    // The buyer was faster: what is due for that is another step.
                    Phase::AwaitingBuyer => Err(error),
                    _ => Ok(state),
                }
            }
            answer => answer,
        }
    }

    async fn refund(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<RefundAtGateway, GatewayError> {
        let (intent, email) = if is_session(object) {
            let intent = self.intent_of(object).await?;
            (intent.ok_or_else(not_paid)?, None)
        } else {
            let intent = self.intent(object).await?;
            (intent.id.clone(), instructions_email(intent))
        };
        if let Some(refund) = self.refunded_by(&intent, key).await? {
            return state::of_refund(&refund);
        }
        let form = Form::default()
            .set("payment_intent", intent)
            .set("amount", amount.to_string())
            .set("metadata[key]", key);
        let form = match email {
            Some(email) => form.set("instructions_email", email.expose()),
            None => form,
        };
        state::of_refund(&self.client.post(&["refunds"], Some(key), form).await?)
    }

    async fn read_refund(&self, refund: &str) -> Result<RefundAtGateway, GatewayError> {
        let path = ["refunds", refund];
        state::of_refund(&self.client.get(&path, Form::default()).await?)
    }

    async fn read_dispute(&self, dispute: &str) -> Result<DisputeAtGateway, GatewayError> {
        let path = ["disputes", dispute];
        let dispute: Dispute = self.client.get(&path, Form::default()).await?;
        state::of_dispute(&dispute)
    }

    async fn page(&self, created_from_ms: u64, after: Option<&str>) -> Result<Page, GatewayError> {
        let mut query = Form::default()
            .set("limit", PAGE)
            .set("created[gte]", (created_from_ms / 1_000).to_string())
            .set("expand[]", "data.latest_charge");
        if let Some(after) = after {
            query = query.set("starting_after", after);
        }
        let list: List<Intent> = self.client.get(&[INTENTS], query).await?;
        let last = list.data.last().map(|intent| intent.id.clone());
        Ok(Page {
            items: list
                .data
                .iter()
                .map(state::page_item)
                .collect::<Result<_, _>>()?,
            next: last.filter(|_| list.has_more),
        })
    }

    fn verify_webhook(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Notice, WebhookError> {
        webhook::verify(&self.webhook_secrets, headers, body, now_ms)
    }
}

impl Stripe {
    /// The id of the first object of a list that is looked for.
    async fn search<T: serde::de::DeserializeOwned>(
        &self,
        path: &[&str],
        (from_s, to_s): (u64, u64),
        is_it: impl Fn(&T) -> bool,
        id: impl Fn(&T) -> String,
    ) -> Result<Option<String>, GatewayError> {
        let mut after: Option<String> = None;
        for _ in 0..FIND_PAGES_MAX {
            let mut query = Form::default()
                .set("limit", PAGE)
                .set("created[gte]", from_s.to_string())
                .set("created[lte]", to_s.to_string());
            if let Some(after) = &after {
                query = query.set("starting_after", after.as_str());
            }
            let list: List<T> = self.client.get(path, query).await?;
            if let Some(found) = list.data.iter().find(|object| is_it(object)) {
                return Ok(Some(id(found)));
            }
            after = list.data.last().map(&id);
            if !list.has_more || after.is_none() {
                return Ok(None);
            }
        }
        Err(state::unexpected(
            "more objects of a day than are looked through",
        ))
    }
}

/// A state under the name by which its row knows it: at a session's intent it has another.
fn named(object: &str, state: GatewayState) -> GatewayState {
    GatewayState {
        object: object.to_owned(),
        ..state
    }
}

fn is_session(object: &str) -> bool {
    object.starts_with("cs_")
}

/// Whether a refusal is about where the object stands: then it is read.
fn is_about_state(error: &GatewayError) -> bool {
    match error {
        GatewayError::Refused { code, .. } => {
            matches!(
                code.as_str(),
                "payment_intent_unexpected_state" | "charge_already_captured"
            ) || code == "invalid_request_error"
        }
        GatewayError::Unknown(_) | GatewayError::Unavailable { .. } => false,
    }
}

/// PromptPay carries no money back: Stripe asks the buyer by mail for an account. The address is the one that
/// the payment was made with.
fn instructions_email(intent: Intent) -> Option<Private> {
    let is_promptpay = intent
        .payment_method_types
        .iter()
        .any(|name| name == PROMPTPAY);
    let charge = intent.latest_charge.filter(|_| is_promptpay)?;
    charge.object()?.billing_details.as_ref()?.email.clone()
}

fn not_paid() -> GatewayError {
    GatewayError::refused("not_paid", "the buyer has not paid at Stripe's page")
}
