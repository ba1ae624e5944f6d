//! What buyers have their banks take back.

use onsale_schemas::command::Currency;
use uuid::Uuid;

/// Longest reason of a dispute, in bytes.
pub const DISPUTE_REASON_MAX_BYTES: usize = 64;

/// Where a dispute stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DisputeState {
    /// Nobody has decided.
    Open,
    /// The money stays, or came back.
    Won,
    /// The money is gone.
    Lost,
}

impl DisputeState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Won, Self::Lost];

    /// Its name in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// The state of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A dispute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispute {
    /// Where the payment was made.
    pub gateway: String,
    /// What the gateway calls the dispute.
    pub object: String,
    /// The payment.
    pub payment: Uuid,
    /// Who sells.
    pub tenant: Uuid,
    /// What the bank wants back, in the smallest unit of the currency.
    pub amount: i64,
    /// In which currency.
    pub currency: Currency,
    /// Where it stands.
    pub state: DisputeState,
    /// Why, in the gateway's word.
    pub reason: String,
    /// Until when an answer is expected, in Unix milliseconds.
    pub due_at_ms: Option<u64>,
    /// When it was opened, in Unix milliseconds.
    pub opened_at_ms: u64,
    /// When it was last heard of, in Unix milliseconds.
    pub updated_at_ms: u64,
}
