//! Second factors of accounts as rows. What is secret comes here sealed or hashed: this crate has no key.

use onsale_private::{LookupHash, Sealed};
use uuid::Uuid;

use crate::account::{Mandate, PasswordHash, TokenHash};
use crate::notice::NoticeJob;

/// Passkeys of one account.
pub const PASSKEYS_PER_USER_MAX: u32 = 20;
/// Codes that may be tried on one challenge, and in one session before one is right.
pub const ATTEMPTS_MAX: u32 = 5;

/// An authenticator app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TotpRow {
    /// Its id.
    pub factor_id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// What the app has, too.
    pub secret: Sealed,
    /// When setting it up began, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When a first code showed that the app has the secret, in milliseconds since 1970; `None`: not yet.
    pub confirmed_at_ms: Option<u64>,
    /// The time step of the last code that was used: none of it or before it is good again.
    pub last_step: Option<u64>,
}

/// A passkey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasskeyRow {
    /// Its id.
    pub passkey_id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// The hash of its id with the authenticator, by which it is found.
    pub credential_hash: TokenHash,
    /// Its public key and counter.
    pub credential: Sealed,
    /// What the person calls it.
    pub name: Option<Sealed>,
    /// When it was registered, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it was last used, in milliseconds since 1970.
    pub last_used_at_ms: Option<u64>,
}

/// All second factors of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Factors {
    /// The authenticator app that is in use.
    pub totp: Option<TotpRow>,
    /// The one that is being set up.
    pub setting_up: Option<TotpRow>,
    /// Oldest first.
    pub passkeys: Vec<PasskeyRow>,
    /// Recovery codes that were not used.
    pub recovery_codes: u32,
}

impl Factors {
    /// Whether there is one that is asked for.
    pub fn is_any(&self) -> bool {
        self.totp.is_some() || !self.passkeys.is_empty()
    }
}

/// That a person has shown its password, and has yet to show its second factor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChallengeRow {
    /// The hash of the token by which it is answered.
    pub challenge_hash: TokenHash,
    /// Whose it is.
    pub user_id: Uuid,
    /// The tenant that was named, the nil one for oneself; `None`: none was named.
    pub tenant_id: Option<Uuid>,
    /// Until when it can be answered, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// How many codes may be tried on an account, however many challenges they answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodePace {
    /// Codes that may be tried at once.
    pub burst: u64,
    /// After how long another one may be tried, in milliseconds.
    pub one_per_ms: u64,
}

impl CodePace {
    /// Until when what was tried is not forgotten, with another attempt at `now_ms`, in milliseconds since
    /// 1970. `until_ms` is the same before it.
    ///
    /// # Errors
    /// How long to wait for the next attempt, in milliseconds.
    pub(crate) fn next(self, until_ms: u64, now_ms: u64) -> Result<u64, u64> {
        let next_ms = until_ms.max(now_ms).saturating_add(self.one_per_ms);
        let limit_ms = now_ms.saturating_add(self.burst.saturating_mul(self.one_per_ms));
        if next_ms > limit_ms {
            Err(next_ms - limit_ms)
        } else {
            Ok(next_ms)
        }
    }
}

/// Where a code is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tried {
    /// A code of an authenticator app, as the answer to a challenge, which only who knows the password has: that
    /// counts for the account, too.
    OnChallenge(TokenHash),
    /// A recovery code as the answer to a challenge. Nobody guesses one, so it counts for the challenge alone:
    /// who knows the password keeps nobody out who has a recovery code.
    RecoveryOnChallenge(TokenHash),
    /// In a session. Only who has its token can do that, so it counts for the session alone: it keeps nobody
    /// from signing in.
    InSession(Uuid),
}

/// Whether a code may be tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// It may, and is counted.
    Counted {
        /// Whether it is the last one for a while.
        is_last: bool,
    },
    /// Too many were tried.
    Wait {
        /// Until another one may be tried, in milliseconds.
        wait_ms: u64,
    },
    /// The challenge was answered or has expired, the session has ended, one of them took too many attempts,
    /// or the account cannot sign in.
    Gone,
}

/// What shows that a person has its second factor. It is good once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proof {
    /// A code of an authenticator app.
    Totp {
        /// The app.
        factor_id: Uuid,
        /// The time step that the code is of.
        step: u64,
    },
    /// A recovery code, by its hash.
    RecoveryCode(LookupHash),
    /// What a passkey has signed.
    Passkey(SignedCeremony),
}

/// What a passkey has signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedCeremony {
    /// The passkey.
    pub passkey_id: Uuid,
    /// Its credential as it was read: of two uses at once the second has compared with an old counter.
    pub from: Sealed,
    /// Its credential with the new counter.
    pub to: Sealed,
    /// The ceremony, which is good once.
    pub ceremony_id: Uuid,
    /// Until when it would be, in milliseconds since 1970.
    pub ceremony_expires_at_ms: u64,
}

impl Proof {
    /// By what kind of factor, as the audit trail says it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Totp { .. } => "totp",
            Self::RecoveryCode(_) => "recovery_code",
            Self::Passkey(_) => "passkey",
        }
    }
}

/// A proof that was found right, to be used up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// The proof.
    pub proof: Proof,
    /// What counting the attempt added for the account, in milliseconds: one that was right does not count.
    pub counted_ms: u64,
    /// The mail that tells the person of it.
    pub notice: Option<NoticeJob>,
}

/// The result of opening a session by a proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proven {
    /// Done.
    Opened,
    /// The proof was used before, or another change came before.
    Used,
    /// The challenge was answered or has expired, or the account cannot sign in.
    Gone,
}

/// By which right, and by which password, a person changes its factors.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consent {
    /// The right.
    pub mandate: Mandate,
    /// The password that was shown, which the account has to have still; `None`: it has none.
    pub password: Option<PasswordHash>,
}

/// A factor that is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removed {
    /// The authenticator app.
    Totp,
    /// A passkey.
    Passkey(Uuid),
}

/// Whether a factor was added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Added {
    /// It was.
    Added {
        /// Whether the recovery codes that were offered are good now: there were no others.
        with_codes: bool,
    },
    /// What was to be confirmed is not there any more, or the account has changed.
    Gone,
    /// The account has as many as it may.
    TooMany,
}

/// What resetting the factors of an account removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FactorsReset {
    /// Authenticator apps, those that were being set up included.
    pub totp: u64,
    /// Passkeys.
    pub passkeys: u64,
    /// Recovery codes, used ones included.
    pub recovery_codes: u64,
    /// Sessions that have ended.
    pub sessions: u64,
}

impl FactorsReset {
    /// Whether there was anything to remove.
    pub fn has_removed(&self) -> bool {
        self.totp + self.passkeys + self.recovery_codes > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_tried_a_few_at_once_and_then_at_a_pace() {
        let pace = CodePace {
            burst: 3,
            one_per_ms: 100,
        };
        let now_ms = 1_000;
        let mut until_ms = 0;
        for _ in 0..3 {
            until_ms = pace.next(until_ms, now_ms).unwrap();
        }
        assert_eq!(until_ms, 1_300);
        assert_eq!(pace.next(until_ms, now_ms), Err(100));
        assert_eq!(pace.next(until_ms, now_ms + 99), Err(1));
        assert_eq!(pace.next(until_ms, now_ms + 100), Ok(1_400));
        assert_eq!(pace.next(until_ms, now_ms + 5_000), Ok(6_100));
    }
}
