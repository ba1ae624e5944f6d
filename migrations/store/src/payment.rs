//! Payments, their refunds and their books.
//!
//! The gateway decides what money has moved; the log decides who has a place. What lies here is what this
//! installation has tried and knows of both, so that whoever takes a payment up again after a crash asks
//! for the same thing under the same key. A row is changed by compare-and-set on its version, and its jobs,
//! ledger lines and events are written in the same transaction.

mod books;
mod dispute;
mod listed;
mod notice;
mod refunds;
mod standing;

use onsale_schemas::command::Currency;
use onsale_schemas::{BookingId, EventId, ShowId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use books::{
    Balance, BookEntry, BookFilter, BookPlace, DayBalance, POSTING_LINES_MAX,
    POSTING_WHAT_MAX_BYTES,
};
pub use dispute::{DISPUTE_REASON_MAX_BYTES, Dispute, DisputeState};
pub use listed::{MoneyPlace, PaymentFilter, PaymentMove, RefundMove};
pub use notice::{
    Handled, NOTICE_ID_MAX_BYTES, NOTICE_KIND_MAX_BYTES, NewNotice, NoticeKey, StoredNotice,
};
pub use refunds::{NewRefund, REFUNDS_MAX, RETURNS_MAX_BYTES, RefundOpened};
pub use standing::{MoneyStanding, StandingIn};

/// The kind of a job that takes a payment on. Its key is the payment, a colon and what makes it one of its own; its
/// payload is `{"payment": ID}`.
pub const PAYMENT_JOB: &str = "payment.step";
/// The kind of a job that takes a refund on, as [`PAYMENT_JOB`] with `{"refund": ID}`.
pub const REFUND_JOB: &str = "refund.step";
/// The kind of a job that acts on a notice of the inbox. Its payload is a [`NoticeKey`].
pub const NOTICE_JOB: &str = "payment.webhook";
/// How often such a job is tried before it is left to an operator.
pub const JOB_ATTEMPTS_MAX: u16 = 50;
/// Longest name of a method, in bytes.
pub const METHOD_MAX_BYTES: usize = 64;
/// Longest name of a gateway, in bytes.
pub const GATEWAY_MAX_BYTES: usize = 32;
/// Longest name of the rule that gave an amount, in bytes.
pub const RULE_MAX_BYTES: usize = 64;
/// Most payments that are tried for one booking.
pub const ATTEMPTS_MAX: u32 = 20;
/// Longest id of an object at a gateway, in bytes.
pub const OBJECT_MAX_BYTES: usize = 255;
/// Longest description of what a buyer has to do next, in bytes of JSON.
pub const NEXT_ACTION_MAX_BYTES: usize = 8_192;
/// Longest reason of a failure, in bytes.
pub const REASON_MAX_BYTES: usize = 500;

/// Where a payment stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Written down; the gateway may or may not have heard of it.
    Pending,
    /// The gateway knows it and waits for the buyer: a form, a redirect, a QR code.
    AwaitingBuyer,
    /// The gateway works on it.
    Processing,
    /// The money is set aside and can be taken or let go; the log is asked for the sale.
    Authorised,
    /// The money has come; the log is asked for the sale.
    Paid,
    /// The log has confirmed the booking; the money that was set aside is taken.
    Capturing,
    /// Paid and confirmed. Refunds of it are rows of their own.
    Succeeded,
    /// It is being taken back at the gateway, before any money has come.
    Cancelling,
    /// Over without money; another payment of the booking may follow.
    Failed,
    /// Over without money, because the time was over.
    TimedOut,
    /// Money has come that buys nothing: it goes back in full.
    Refunding,
    /// It has gone back in full without a sale.
    Refunded,
    /// The booking is confirmed, and the money that was set aside could not be taken: another payment is
    /// waited for, then the places go back.
    CaptureFailed,
    /// Neither gateway nor log says what to do: a person looks at it.
    NeedsOperator,
}

impl PaymentState {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Pending,
        Self::AwaitingBuyer,
        Self::Processing,
        Self::Authorised,
        Self::Paid,
        Self::Capturing,
        Self::Succeeded,
        Self::Cancelling,
        Self::Failed,
        Self::TimedOut,
        Self::Refunding,
        Self::Refunded,
        Self::CaptureFailed,
        Self::NeedsOperator,
    ];

    /// Its name in the database and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::AwaitingBuyer => "awaiting_buyer",
            Self::Processing => "processing",
            Self::Authorised => "authorised",
            Self::Paid => "paid",
            Self::Capturing => "capturing",
            Self::Succeeded => "succeeded",
            Self::Cancelling => "cancelling",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::CaptureFailed => "capture_failed",
            Self::NeedsOperator => "needs_operator",
        }
    }

    /// The state of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether it is over: no step follows by itself. Refunds of a payment that succeeded are rows of their own.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::TimedOut | Self::Refunded
        )
    }

    /// Whether it keeps other payments of its booking from being opened.
    pub fn is_live(self) -> bool {
        !matches!(
            self,
            Self::Failed | Self::TimedOut | Self::Refunding | Self::Refunded | Self::CaptureFailed
        )
    }
}

/// A payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    /// Its id, which is also the stem of its keys at the gateway and in the log.
    pub id: Uuid,
    /// Who sells.
    pub tenant: Uuid,
    /// The event of the show.
    pub event: EventId,
    /// The show of the booking.
    pub show: ShowId,
    /// What is paid for.
    pub booking: BookingId,
    /// Who pays.
    pub user: UserId,
    /// Which payment of the booking it is, from 1.
    pub attempt: u32,
    /// The booking's total, in the smallest unit of the currency.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// How it is paid, as the buyer chose, such as `card` or `promptpay`.
    pub method: String,
    /// Which gateway it goes through: `stripe`, `simulated`, `cash` or `none` (nothing is due).
    pub gateway: String,
    /// Where it stands.
    pub state: PaymentState,
    /// How often it was changed, from 1.
    pub version: i64,
    /// What the gateway calls it; `None` until that is known.
    pub object: Option<String>,
    /// What the buyer has to do, as JSON for its answer.
    pub next_action: Option<String>,
    /// Why it failed, in a word that answers carry, such as `card_declined`.
    pub failure: Option<String>,
    /// What was taken so far.
    pub captured: i64,
    /// What went back so far.
    pub refunded: i64,
    /// When the booking's hold ends as far as is known, in Unix milliseconds.
    pub hold_ends_ms: u64,
    /// By how much this payment has extended the hold so far, in milliseconds.
    pub extended_ms: u64,
    /// When it is given up, in Unix milliseconds.
    pub deadline_ms: u64,
    /// How often the step that is due has failed in a row.
    pub tries: u32,
    /// When it is looked at again at the latest, in Unix milliseconds; `None` when it is over.
    pub wake_at_ms: Option<u64>,
    /// When the gateway was first asked to make it, in Unix milliseconds; `None` when it certainly was not.
    pub asked_at_ms: Option<u64>,
    /// When the buyer asked for it to be cancelled.
    pub cancel_asked_at_ms: Option<u64>,
    /// When it was opened.
    pub created_at_ms: u64,
    /// When it was last changed.
    pub updated_at_ms: u64,
}

/// A payment to be opened. Its deadline and first wake are the opener's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPayment {
    /// Its id.
    pub id: Uuid,
    /// Who sells.
    pub tenant: Uuid,
    /// The event of the show.
    pub event: EventId,
    /// The show of the booking.
    pub show: ShowId,
    /// What is paid for.
    pub booking: BookingId,
    /// Who pays.
    pub user: UserId,
    /// The booking's total.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// How it is paid.
    pub method: String,
    /// Which gateway it goes through.
    pub gateway: String,
    /// When the hold ends.
    pub hold_ends_ms: u64,
    /// When it is given up.
    pub deadline_ms: u64,
}

/// What became of a payment that was to be opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Opened {
    /// It was opened, with its first job.
    New(Payment),
    /// Another payment of the booking is under way.
    InProgress(Payment),
    /// The booking is paid.
    AlreadyPaid(Payment),
    /// [`ATTEMPTS_MAX`] payments were tried.
    TooMany,
}

/// A change of a payment: what it is afterwards is in the [`Payment`] itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Why, in a few words for an operator.
    pub reason: String,
    /// What is written into the books.
    pub posting: Option<Posting>,
    /// What becomes known to others, such as `payment.success`.
    pub event: Option<&'static str>,
}

/// Where a refund stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// A buyer has asked; staff decides.
    Requested,
    /// It is to be done: places go back through the log first, where it is about places.
    Approved,
    /// The places are back on sale (or none are to be), the gateway is asked.
    Processing,
    /// The money went back.
    Done,
    /// Staff has refused it, or the log had nothing to give back.
    Refused,
    /// The gateway will not do it: a person looks at it.
    NeedsOperator,
}

impl RefundState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Requested,
        Self::Approved,
        Self::Processing,
        Self::Done,
        Self::Refused,
        Self::NeedsOperator,
    ];

    /// Its name in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Processing => "processing",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::NeedsOperator => "needs_operator",
        }
    }

    /// The state of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What goes back on sale with a refund.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundOf {
    /// The whole booking.
    Booking,
    /// Some of its places, by their numbers within the booking.
    Places(Vec<u32>),
    /// Money alone; the places stay sold.
    Amount,
}

/// A refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// Its id, the stem of its keys.
    pub id: Uuid,
    /// The payment.
    pub payment: Uuid,
    /// Which refund of the payment it is, from 1.
    pub number: u32,
    /// Who sells.
    pub tenant: Uuid,
    /// What goes back on sale.
    pub of: RefundOf,
    /// What goes back, in the smallest unit of the payment's currency.
    pub amount: i64,
    /// What is added to make good for a cancelled show; part of nothing that was paid.
    pub compensation: i64,
    /// The rule that gave the amount, such as `more_than_7_days`, or `amount` where staff has said it.
    pub rule: String,
    /// What the one who asked has said.
    pub reason: Option<String>,
    /// Where it stands.
    pub state: RefundState,
    /// How often it was changed, from 1.
    pub version: i64,
    /// What the gateway calls it.
    pub object: Option<String>,
    /// Why it was refused or stands still.
    pub failure: Option<String>,
    /// How often the step that is due has failed in a row.
    pub tries: u32,
    /// When it is looked at again at the latest.
    pub wake_at_ms: Option<u64>,
    /// Who asked for it; `None` where it follows from a cancelled show.
    pub asked_by: Option<UserId>,
    /// When it was asked for.
    pub created_at_ms: u64,
    /// When it was last changed.
    pub updated_at_ms: u64,
}

/// An account of the books.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// Money that lies at the gateway for the tenant.
    Gateway,
    /// Money in a box office's till.
    Cash,
    /// What buyers paid for bookings that are confirmed.
    Sales,
    /// Money that came and buys nothing yet, or never will: it is owed to the buyer.
    OwedToBuyers,
    /// What went back to buyers.
    Refunds,
    /// What was added to refunds of cancelled shows.
    Compensation,
    /// What banks have taken back.
    Disputes,
}

impl Account {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Gateway,
        Self::Cash,
        Self::Sales,
        Self::OwedToBuyers,
        Self::Refunds,
        Self::Compensation,
        Self::Disputes,
    ];

    /// Its name in the database and in exports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Cash => "cash",
            Self::Sales => "sales",
            Self::OwedToBuyers => "owed_to_buyers",
            Self::Refunds => "refunds",
            Self::Compensation => "compensation",
            Self::Disputes => "disputes",
        }
    }

    /// The account of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|account| account.as_str() == text)
    }
}

/// One entry of the books: its lines come to 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posting {
    /// What it is about, such as `capture` or `refund:2`: once for each payment.
    pub what: String,
    /// Each account with what it gets (a debit, positive) or gives (a credit, negative), in the smallest unit
    /// of the payment's currency.
    pub lines: Vec<(Account, i64)>,
}

impl Posting {
    /// `amount` from one account to another.
    pub fn new(what: impl Into<String>, debit: Account, credit: Account, amount: i64) -> Self {
        Self {
            what: what.into(),
            lines: vec![(debit, amount), (credit, -amount)],
        }
    }

    /// Whether its lines come to 0.
    pub fn is_balanced(&self) -> bool {
        self.lines
            .iter()
            .try_fold(0i64, |sum, (_, amount)| sum.checked_add(*amount))
            == Some(0)
    }
}
