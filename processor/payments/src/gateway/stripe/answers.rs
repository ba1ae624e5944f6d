//! What Stripe answers, as far as it is looked at. What is missing or of another kind is [`Unknown`].
//!
//! [`Unknown`]: crate::gateway::GatewayError::Unknown

use std::collections::BTreeMap;

use onsale_private::Private;
use serde::Deserialize;

/// An object that is named or given in full.
#[derive(Clone, Deserialize, Debug)]
#[serde(untagged)]
pub(super) enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

impl<T> Expandable<T> {
    pub(super) fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

pub(super) type Metadata = Option<BTreeMap<String, String>>;

#[derive(Clone, Deserialize, Debug)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) created: u64,
    #[serde(default)]
    pub(super) payment_method_types: Vec<String>,
    #[serde(default)]
    pub(super) amount_received: i64,
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) last_payment_error: Option<Problem>,
    #[serde(default)]
    pub(super) cancellation_reason: Option<String>,
    #[serde(default)]
    pub(super) next_action: Option<NextAction>,
    #[serde(default)]
    pub(super) latest_charge: Option<Expandable<Charge>>,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct Charge {
    #[serde(default)]
    pub(super) amount_refunded: i64,
    #[serde(default)]
    pub(super) billing_details: Option<BillingDetails>,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct BillingDetails {
    #[serde(default)]
    pub(super) email: Option<Private>,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct NextAction {
    #[serde(default)]
    pub(super) redirect_to_url: Option<RedirectTo>,
    #[serde(default)]
    pub(super) promptpay_display_qr_code: Option<QrCode>,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct RedirectTo {
    #[serde(default)]
    pub(super) url: Option<String>,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct QrCode {
    pub(super) data: String,
    #[serde(default)]
    pub(super) hosted_instructions_url: Option<String>,
    #[serde(default)]
    pub(super) image_url_svg: Option<String>,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct Session {
    pub(super) id: String,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) amount_total: Option<i64>,
    #[serde(default)]
    pub(super) currency: Option<String>,
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) payment_intent: Option<Expandable<Intent>>,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) failure_reason: Option<String>,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) reason: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) payment_intent: Option<Expandable<Named>>,
    #[serde(default)]
    pub(super) evidence_details: Option<EvidenceDetails>,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct EvidenceDetails {
    #[serde(default)]
    pub(super) due_by: Option<u64>,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct Named {
    pub(super) id: String,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

#[derive(Clone, Deserialize, Debug)]
pub(super) struct Failure {
    pub(super) error: Problem,
}

/// What is wrong, in an answer or with the last try of a buyer.
#[derive(Clone, Deserialize, Debug)]
pub(super) struct Problem {
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) decline_code: Option<String>,
    #[serde(default)]
    pub(super) message: Option<String>,
    #[serde(default)]
    pub(super) param: Option<String>,
}

impl Problem {
    /// In a word: what the bank says, else the code, else the kind.
    pub(super) fn word(&self) -> String {
        let given = [&self.decline_code, &self.code, &self.kind];
        given
            .into_iter()
            .flatten()
            .find_map(|text| word(text))
            .unwrap_or_else(|| "declined".to_owned())
    }
}

/// Longest word of a reason, in bytes.
const WORD_MAX_BYTES: usize = 64;

/// A reason as answers and metrics may carry it; `None` for what is no word.
pub(super) fn word(text: &str) -> Option<String> {
    let is_word = (1..=WORD_MAX_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    is_word.then(|| text.to_owned())
}
