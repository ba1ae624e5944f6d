//! What is read from the books.

use onsale_schemas::command::Currency;
use uuid::Uuid;

use super::{Account, Posting};

/// Longest name of what an entry is about, in bytes.
pub const POSTING_WHAT_MAX_BYTES: usize = 64;
/// Most lines of an entry.
pub const POSTING_LINES_MAX: usize = 16;

/// What an account has got and given, in one currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Balance {
    /// The currency.
    pub currency: Currency,
    /// The account.
    pub account: Account,
    /// The sum of its debits, in the smallest unit of the currency.
    pub debit: i64,
    /// The sum of its credits, as a positive number.
    pub credit: i64,
}

impl Balance {
    /// What is on the account: positive where it got more than it gave.
    pub fn amount(&self) -> i64 {
        self.debit.saturating_sub(self.credit)
    }
}

/// As [`Balance`], of what was posted on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DayBalance {
    /// Which day: how many days it is from 1970-01-01, where the days begin as was asked for.
    pub day: i64,
    /// What was got and given on it.
    pub balance: Balance,
}

/// Where an entry stands in an export, by its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BookPlace {
    /// When it was posted, in Unix milliseconds.
    pub at_ms: u64,
    /// Which of those of that moment.
    pub id: Uuid,
}

/// Which entries are exported, oldest first. What is from before a moment that is minutes ago is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BookFilter {
    /// Only of this tenant.
    pub tenant: Option<Uuid>,
    /// From this moment on, in Unix milliseconds.
    pub from_ms: u64,
    /// Before this moment, in Unix milliseconds.
    pub until_ms: u64,
    /// Only those behind this one.
    pub after: Option<BookPlace>,
    /// At most this many.
    pub limit: u32,
}

/// An entry of the books.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookEntry {
    /// Its id.
    pub id: Uuid,
    /// Whose books it is in.
    pub tenant: Uuid,
    /// The payment that it is about.
    pub payment: Uuid,
    /// The currency of its amounts.
    pub currency: Currency,
    /// When it was posted, in Unix milliseconds.
    pub at_ms: u64,
    /// What was posted.
    pub posting: Posting,
}

impl BookEntry {
    /// Where it stands in an export.
    pub fn place(&self) -> BookPlace {
        BookPlace {
            at_ms: self.at_ms,
            id: self.id,
        }
    }
}
