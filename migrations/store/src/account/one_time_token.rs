//! One-time tokens: the links that are mailed.

use onsale_private::LookupHash;
use onsale_schemas::MemberRole;
use uuid::Uuid;

use super::{PasswordHash, TokenHash};

/// Wrong passwords that may come with the token of a mailed link. It is good no more after the last one.
pub const WRONG_PASSWORDS_PER_LINK_MAX: u32 = 10;

/// What a one-time token is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To show that an address is one's own.
    VerifyEmail,
    /// To set a new password without the old one.
    ResetPassword,
    /// To become a member of a tenant.
    Invitation,
    /// To become the first admin of the installation.
    FirstAdmin,
    /// To give an account another address. What is asked for waits in a table of its own
    /// ([`crate::address_change`]).
    ChangeEmail,
}

impl Purpose {
    const ALL: [Self; 5] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::Invitation,
        Self::FirstAdmin,
        Self::ChangeEmail,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::Invitation => "invitation",
            Self::FirstAdmin => "first_admin",
            Self::ChangeEmail => "change_email",
        }
    }

    /// The purpose of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == name)
    }
}

/// What shows, beside the mail, that a link is followed by the person of the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountProof {
    /// A live session of the account.
    Session(Uuid),
    /// Its password, which it has to have still.
    Password(PasswordHash),
}

/// How often an account is sent a token of one purpose that nobody uses, by whoever asks for it. While the
/// long pause is shorter than a token's life, there always is a good one in the mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkPace {
    /// Within how long tokens are counted, in milliseconds.
    pub within_ms: u64,
    /// Tokens within that time after which the long pause is kept, at least 1.
    pub short_pauses: u32,
    /// The pause before that, in milliseconds.
    pub short_pause_ms: u64,
    /// The pause from then on, in milliseconds.
    pub long_pause_ms: u64,
}

/// What is kept of a one-time token for the person that it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptLink {
    /// What it is for.
    pub purpose: Purpose,
    /// What an invitation is to.
    pub invited: Option<(Uuid, MemberRole)>,
    /// The account that invited.
    pub invited_by: Option<Uuid>,
    /// When it was issued, in milliseconds since 1970.
    pub issued_at_ms: u64,
    /// Until when it is good, in milliseconds since 1970.
    pub expires_at_ms: u64,
    /// When it was used or withdrawn, in milliseconds since 1970.
    pub used_at_ms: Option<u64>,
}

/// A one-time token, by its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OneTimeToken {
    /// Its hash.
    pub token_hash: TokenHash,
    /// What it is for.
    pub purpose: Purpose,
    /// The account that it is for; `None` for one that creates an account.
    pub user_id: Option<Uuid>,
    /// The address that it is sent to.
    pub email_hash: Option<LookupHash>,
    /// What an invitation is to.
    pub invited: Option<(Uuid, MemberRole)>,
    /// When it was issued, in milliseconds since 1970.
    pub issued_at_ms: u64,
    /// Until when it is good, in milliseconds since 1970.
    pub expires_at_ms: u64,
}
