//! Why a return from a provider leads no further.

use uuid::Uuid;

use crate::error::AccountError;

/// Why someone whom a provider may know does not get in. The words are an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refused {
    /// The person said no at the provider.
    Cancelled,
    /// The provider refused, could not be asked, or its answer is not to be believed.
    Provider,
    /// Too many sign-ins at once, or something changed meanwhile.
    TryAgain,
    /// The provider tells no address, and no account is linked.
    AddressMissing,
    /// An account has the address, and the provider does not vouch that it is this person's.
    AccountExists,
    /// An account has the address, which nobody has verified.
    AccountNotVerified,
    /// Only operators create accounts here.
    RegistrationClosed,
    /// The account cannot sign in.
    Disabled,
    /// Another account is linked to it.
    IdentityTaken,
    /// The account is linked to as many as it may be.
    TooManyIdentities,
    /// The session in which the link was asked for has ended.
    SessionEnded,
}

impl Refused {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Provider => "provider",
            Self::TryAgain => "try_again",
            Self::AddressMissing => "address_missing",
            Self::AccountExists => "account_exists",
            Self::AccountNotVerified => "account_not_verified",
            Self::RegistrationClosed => "registration_closed",
            Self::Disabled => "disabled",
            Self::IdentityTaken => "identity_taken",
            Self::TooManyIdentities => "too_many_identities",
            Self::SessionEnded => "session_ended",
        }
    }
}

/// Why a return leads no further: it is refused, which the person reads on a page, or it cannot be dealt
/// with.
pub(super) enum Stop {
    Refused(Refused, Option<Uuid>),
    Failed(AccountError),
}

impl<E: Into<AccountError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

pub(super) fn refused<T>(why: Refused, user: Option<Uuid>) -> Result<T, Stop> {
    Err(Stop::Refused(why, user))
}
