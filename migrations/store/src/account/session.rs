//! Sessions and their refresh tokens.

use onsale_private::{LookupHash, Sealed};
use uuid::Uuid;

/// Sessions of one account at a time; one more ends the oldest.
pub const SESSIONS_PER_USER_MAX: u32 = 50;

/// Why a session has ended before its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionEnd {
    /// The person ended it.
    Logout,
    /// A refresh token was used a second time, so somebody else has it.
    Reuse,
    /// The password was changed.
    Password,
    /// The person's role was changed.
    Role,
    /// The account was disabled.
    Disabled,
    /// An operator ended it.
    Operator,
    /// The account was erased.
    Erased,
    /// The account opened more than it may have.
    TooMany,
    /// The account moved to another address.
    Address,
    /// The account got a second factor, which was not shown in it.
    Factor,
    /// For a reason that a later version knows. It is read and never written.
    Other,
}

impl SessionEnd {
    const ALL: [Self; 10] = [
        Self::Logout,
        Self::Reuse,
        Self::Password,
        Self::Role,
        Self::Disabled,
        Self::Operator,
        Self::Erased,
        Self::TooMany,
        Self::Address,
        Self::Factor,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Reuse => "reuse",
            Self::Password => "password",
            Self::Role => "role",
            Self::Disabled => "disabled",
            Self::Operator => "operator",
            Self::Erased => "erased",
            Self::TooMany => "too_many",
            Self::Address => "address",
            Self::Factor => "factor",
            Self::Other => "other",
        }
    }

    /// The end of a name; [`SessionEnd::Other`] for one that this version does not know, as the database may be
    /// that of a later one.
    pub fn parse(name: &str) -> Self {
        let known = Self::ALL.into_iter().find(|why| why.as_str() == name);
        known.unwrap_or(Self::Other)
    }
}

/// A hash of a random token: there is nothing to guess, so it is a plain one.
pub type TokenHash = [u8; 32];
/// What a successor of a token is derived with.
pub type SuccessorSalt = [u8; 16];

/// One sign-in with the refresh tokens that follow from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRow {
    /// Its id.
    pub session_id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// The tenant that it acts for.
    pub tenant_id: Option<Uuid>,
    /// The hash of what all its tokens have in common.
    pub family_hash: TokenHash,
    /// The hash of the token that is good now.
    pub token_hash: TokenHash,
    /// The hash of the token before, and what the good one was derived from it with.
    pub previous: Option<(TokenHash, SuccessorSalt)>,
    /// When the good token was given out, in milliseconds since 1970.
    pub rotated_at_ms: u64,
    /// When it was opened, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it ends unless it is used, in milliseconds since 1970.
    pub expires_at_ms: u64,
    /// When and why it ended before.
    pub ended: Option<(u64, SessionEnd)>,
    /// The program that it was opened with.
    pub agent: Option<Sealed>,
    /// The address that it was opened from.
    pub address: Option<Sealed>,
    /// By which that address is known again.
    pub address_hash: Option<LookupHash>,
}

impl SessionRow {
    /// Whether it can still be used.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.ended.is_none() && now_ms < self.expires_at_ms
    }
}

/// What becomes of a session whose refresh token was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionStep {
    /// It stays as it is.
    Keep,
    /// Another token is good from now on.
    Rotate {
        /// The hash of the new token.
        token_hash: TokenHash,
        /// What it was derived with from the one before.
        salt: SuccessorSalt,
        /// When the session ends unless it is used again, in milliseconds since 1970.
        expires_at_ms: u64,
    },
    /// It ends.
    End(SessionEnd),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_a_later_version_knows_is_read_as_another() {
        for why in SessionEnd::ALL {
            assert_eq!(SessionEnd::parse(why.as_str()), why);
        }
        assert_eq!(SessionEnd::parse("moonlight"), SessionEnd::Other);
    }
}
