//! What the simulated gateway holds: payments, refunds, disputes and what happened.

use std::collections::BTreeMap;

use onsale_private::Private;
use onsale_schemas::command::Currency;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a payment of the simulation stands, in the gateway's words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A card is wanted, perhaps another one than before.
    RequiresPaymentMethod,
    /// The buyer has to do something.
    RequiresAction,
    /// A bank works on it.
    Processing,
    /// The money is set aside.
    RequiresCapture,
    /// The money has come.
    Succeeded,
    /// No money has come and none will.
    Canceled,
}

impl Status {
    /// As Stripe spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// What becomes of a payment by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// Nothing: somebody acts as the buyer ([`Act`]).
    Buyer,
    /// It is paid after so many milliseconds, 0: with the call that makes it.
    Pays(u64),
    /// As [`Course::Pays`]; what is set aside cannot be taken.
    PaysButCannotBeTaken(u64),
    /// As [`Course::Pays`], and disputed so many milliseconds after the money came.
    PaysAndDisputes(u64, u64),
    /// A bank works on it for so many milliseconds before it is paid, and it cannot be taken back meanwhile.
    Processes(u64),
    /// As [`Course::Processes`], until so many milliseconds after its time was over.
    PaysLate(u64),
    /// The card is declined at once.
    Declines,
    /// The buyer passes a challenge, or fails it by doing nothing for so many milliseconds.
    Challenges(u64),
}

/// What a buyer does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Act {
    /// Pays, and passes what challenge there is.
    Pay,
    /// Tries, and is declined.
    Fail,
    /// Begins something that a bank works on, until another act.
    Begin,
}

/// The state of a Checkout session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SessionStatus {
    /// Its page takes payments.
    Open,
    /// The buyer has paid, or a bank works on it.
    Complete,
    /// Its page is closed.
    Expired,
}

impl SessionStatus {
    /// As Stripe spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Expired => "expired",
        }
    }
}

/// The Checkout session of a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionOf {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: SessionStatus,
    /// When its page closes, in Unix seconds.
    pub expires_at_s: u64,
    /// Where the page sends the buyer who has paid.
    pub success_url: String,
    /// Where it sends one who has not.
    pub cancel_url: String,
    /// What its maker wants to be kept with it; the payment has its own.
    pub metadata: BTreeMap<String, String>,
    /// Whether the buyer has tried: only then there is a payment intent.
    pub is_tried: bool,
}

/// A payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// Which one it is, from 0.
    pub number: usize,
    /// Its session, where it is paid on the gateway's page.
    pub session: Option<SessionOf>,
    /// Where it stands.
    pub status: Status,
    /// What it is about.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// How it is paid.
    pub method: String,
    /// Whether the money is set aside first.
    pub holds: bool,
    /// What came.
    pub received: i64,
    /// What went back.
    pub refunded: i64,
    /// Why the last try failed.
    pub failure: Option<&'static str>,
    /// Why it was canceled.
    pub cancelled_for: Option<&'static str>,
    /// What its maker wants to be kept with it.
    pub metadata: BTreeMap<String, String>,
    /// The buyer's address, where it was given.
    pub email: Option<Private>,
    /// When it was made, in Unix milliseconds.
    pub created_ms: u64,
    /// What becomes of it by itself.
    pub course: Course,
    /// When its maker gives it up, in Unix milliseconds.
    pub expires_at_ms: u64,
}

impl Record {
    /// The payment that it was made for.
    pub fn payment(&self) -> Option<Uuid> {
        Uuid::parse_str(self.metadata.get("payment")?).ok()
    }

    /// What its maker calls it: the session, where there is one.
    pub fn object(&self) -> &str {
        self.session
            .as_ref()
            .map_or(&self.id, |session| &session.id)
    }

    /// What could be taken.
    pub fn capturable(&self) -> i64 {
        if self.status == Status::RequiresCapture {
            self.amount
        } else {
            0
        }
    }
}

/// A refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundRecord {
    /// Its id.
    pub id: String,
    /// The payment that it is of.
    pub of: String,
    /// How much.
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
    /// What its maker wants to be kept with it.
    pub metadata: BTreeMap<String, String>,
    /// When it was made, in Unix milliseconds.
    pub created_ms: u64,
}

/// A dispute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisputeRecord {
    /// Its id.
    pub id: String,
    /// The payment that it is about.
    pub of: String,
    /// How much.
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
    /// When it was made, in Unix milliseconds.
    pub created_ms: u64,
}

impl DisputeRecord {
    /// Until when it takes evidence, in Unix milliseconds: a week.
    pub fn due_at_ms(&self) -> u64 {
        self.created_ms.saturating_add(604_800_000)
    }
}

/// What an answer or an event is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Object {
    /// A payment, as its intent.
    Payment(Record),
    /// A payment, as its session.
    Session(Record),
    /// A refund.
    Refund(RefundRecord),
    /// A dispute.
    Dispute(DisputeRecord),
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Which one it is, from 0.
    pub number: u64,
    /// What happened, as Stripe calls it.
    pub kind: &'static str,
    /// When, in Unix milliseconds.
    pub created_ms: u64,
    /// What it is about, as it was then.
    pub object: Object,
}

/// Why a call was not done, as an answer of Stripe has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The status of the answer.
    pub status: u16,
    /// Of which kind it is.
    pub kind: &'static str,
    /// Which it is; empty where Stripe has none.
    pub code: &'static str,
    /// In words.
    pub message: String,
}

impl Problem {
    /// What is not as it should be.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_request_error",
            code,
            message: message.into(),
        }
    }

    /// What is not there.
    pub fn missing(what: &str, id: &str) -> Self {
        Self {
            status: 404,
            ..Self::invalid("resource_missing", format!("No such {what}: {id:?}"))
        }
    }
}
