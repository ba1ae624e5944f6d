//! Purchases without an account.

use uuid::Uuid;

use super::SealedEmail;

/// Purchases as a guest that one account has taken over; further ones stay where they are.
pub const GUESTS_PER_ACCOUNT_MAX: u32 = 100;

/// Who buys without an account: one purchase, under an id that stands in the log where an account's would.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuestRow {
    /// Its id, which nobody else has and no account gets.
    pub guest_id: Uuid,
    /// The address, which other guests and an account may have, too. `None` once it is forgotten or erased.
    pub email: Option<SealedEmail>,
    /// The language (BCP 47) in which it is written to.
    pub locale: Option<String>,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// Until when its token is good, in milliseconds since 1970.
    pub expires_at_ms: u64,
    /// The account that took it over, and when, in milliseconds since 1970.
    pub owner: Option<(Uuid, u64)>,
    /// When it was erased, in milliseconds since 1970.
    pub erased_at_ms: Option<u64>,
}

/// The result of taking over what was bought as a guest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TakeOver {
    /// The guests that are the account's from now on; none where there was nothing to take over.
    Taken(Vec<Uuid>),
    /// The account's address is not verified, so the purchases of that address may be another person's.
    NotVerified,
    /// It is verified, and the account may be another person's than the mailbox.
    NotOwned,
    /// There is no such account, or it is disabled or erased.
    NotThere,
}
