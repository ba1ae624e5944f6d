//! Changing the address of an account. What is asked for waits here until the link that was mailed to the new
//! address is followed.

use onsale_private::{LookupHash, Sealed};
use uuid::Uuid;

use crate::account::{SealedEmail, TokenHash};

/// Changes that an account may ask for within a day.
pub const ADDRESS_CHANGES_PER_DAY_MAX: u32 = 5;

/// A change that was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressChange {
    /// Its id.
    pub change_id: Uuid,
    /// The hash of the link's token.
    pub token_hash: TokenHash,
    /// The account.
    pub user_id: Uuid,
    /// The new address, sealed for this row ([`crate::sealed_columns::new_email`]).
    pub email: SealedEmail,
    /// The address that the account had when this was asked for: once it has another, the link no longer works.
    pub from_hash: LookupHash,
    /// When it was asked for, in milliseconds since 1970.
    pub issued_at_ms: u64,
    /// Until when the link is good, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// What is kept of a change for the person who asked for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptChange {
    /// Its id.
    pub change_id: Uuid,
    /// The new address, sealed for this row ([`crate::sealed_columns::new_email`]); `None` once the link was used or
    /// withdrawn.
    pub email: Option<Sealed>,
    /// When it was asked for, in milliseconds since 1970.
    pub issued_at_ms: u64,
    /// Until when the link is good, in milliseconds since 1970.
    pub expires_at_ms: u64,
    /// When the link was used or withdrawn, in milliseconds since 1970.
    pub used_at_ms: Option<u64>,
}

/// The result of asking for a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressAsked {
    /// The link is sent.
    Asked,
    /// There is no such active account, or its password or address is another by now.
    NotThere,
    /// The account has asked for [`ADDRESS_CHANGES_PER_DAY_MAX`] within a day.
    TooMany {
        /// When it may ask for the next, in milliseconds since 1970.
        next_at_ms: u64,
    },
}
