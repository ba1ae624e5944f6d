//! Accounts elsewhere that one signs in with.

use onsale_private::LookupHash;
use uuid::Uuid;

/// Identities elsewhere that one account may be linked to.
pub const IDENTITIES_PER_USER_MAX: u32 = 10;

/// That an account signs in with an account elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityRow {
    /// Its id.
    pub identity_id: Uuid,
    /// The account here.
    pub user_id: Uuid,
    /// The name of the provider in the configuration.
    pub provider: String,
    /// By which it is found: of issuer and subject; no two accounts have the same.
    pub subject_hash: LookupHash,
    /// Whether the provider had verified the address that the account here has.
    pub is_vouched: bool,
    /// When it was linked, in milliseconds since 1970.
    pub linked_at_ms: u64,
    /// When someone last signed in by it, in milliseconds since 1970.
    pub last_used_at_ms: u64,
}

/// What has to hold of an account in the transaction that links an identity to it, beside that it is active.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkCondition {
    /// It has this address, which is verified. Where account and mailbox are not known to be one person's, its
    /// password, its sessions, second factors and identities whose provider does not vouch for the address end with
    /// the link: someone else may have set them up.
    VerifiedAddress(LookupHash),
    /// The session in which its person asked for it is live.
    Session {
        /// The session.
        session: Uuid,
        /// When that is looked at, in milliseconds since 1970.
        now_ms: u64,
    },
}

/// The result of linking an identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Linking {
    /// It is linked, or was before.
    Linked,
    /// What has to hold of the account does not.
    Withdrawn,
    /// It is linked to another account.
    Taken,
    /// The account has as many as it may.
    TooMany,
}

/// The result of unlinking an identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unlinking {
    /// Done.
    Unlinked,
    /// The account has no such identity, or has another password by now.
    NotThere,
    /// Nobody could sign in to the account any more.
    LastWay,
}
