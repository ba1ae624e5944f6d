//! Why something with an account is not done.

use onsale_auth::MintError;
use onsale_private::OpenError;
use onsale_store::StoreError;
use onsale_store::account::Purpose;

use crate::branding::{CONTRAST_MIN, Contrast};
use crate::flows::SecondStep;
use crate::passwords::{PasswordError, Weakness};
use crate::providers::ProviderError;
use crate::sessions::Refusal;
use crate::vault::VaultError;

/// Why something with an account is not done. No message names a person or repeats what may be personal or secret.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// A field cannot be what it is.
    #[error("{field}: expected {expected}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// As [`AccountError::Invalid`], of a field that is no secret and nothing personal: what stands in it is said.
    #[error("{field}: {value:?}; expected {expected}")]
    InvalidValue {
        /// The field.
        field: &'static str,
        /// What stands in it.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// An instant has passed already.
    #[error("{field}: expected an instant that lies ahead")]
    Past {
        /// The field.
        field: &'static str,
        /// The instant, in milliseconds since 1970.
        at_ms: u64,
    },
    /// The password is one of those that are tried first.
    #[error("{field}: expected {why}")]
    Weak {
        /// The field that it stands in.
        field: &'static str,
        /// What is wrong with it.
        why: Weakness,
    },
    /// Another account has the address that a new one asks for.
    #[error("there is an account with this e-mail address already")]
    EmailTaken,
    /// Another account has the address that an account is to get by a link for this purpose. The link stays good.
    #[error("another account has this e-mail address")]
    AddressTaken(Purpose),
    /// A link came without what shows that its follower is the account's person. It stays good.
    #[error("neither a session of the account nor its password came along")]
    NotFollower,
    /// Address or password are wrong, which of them is not said.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// The account cannot sign in. Only who knows its password learns of it.
    #[error("this account is disabled")]
    Disabled,
    /// The account has a second factor, which is shown next. Only who knows the password learns of it.
    #[error("a second factor is needed to sign in")]
    SecondFactor(SecondStep),
    /// The account has a second factor, which was not shown in this session lately.
    #[error("the second factor has to be shown again")]
    StepUp {
        /// What may be shown: `totp`, `recovery_code`, `passkey`.
        ways: Vec<&'static str>,
    },
    /// A code is not right, or was used before.
    #[error("the code is wrong or was used before")]
    WrongCode,
    /// Too many codes of its authenticator app were tried on the account.
    #[error("too many codes were tried")]
    TooManyCodes {
        /// When another may be tried, in seconds.
        retry_after_seconds: u64,
    },
    /// What is answered is not good any more: it expired, was answered, or took too many attempts.
    #[error("what is answered is not good any more")]
    ChallengeGone,
    /// What a passkey answered is not valid, or the passkey is not known.
    #[error("the passkey is not known, or its answer is not valid")]
    WrongPasskey,
    /// The account, or another one, has the passkey.
    #[error("this passkey is registered already")]
    PasskeyTaken,
    /// The account has as many passkeys as it may.
    #[error("the account has as many passkeys as it may")]
    TooManyPasskeys,
    /// Passkeys are bound to the address of the pages, for which browsers have none.
    #[error("there are no passkeys at the address of the pages")]
    NoPasskeys,
    /// A refresh token gives nothing.
    #[error("the refresh token is not valid: {0:?}")]
    Refresh(Refusal),
    /// A link for this purpose was used before, is too old, or was withdrawn.
    #[error("this link is not valid any more")]
    BadLink(Purpose),
    /// It is the only owner of a tenant, and a tenant always has one.
    #[error("this account is the only owner of a tenant")]
    LastOwner,
    /// A text could not be read on the colour behind it.
    #[error("{text} on {background} has a contrast of {found}; expected at least {CONTRAST_MIN}")]
    Contrast {
        /// The field of the text's colour.
        text: &'static str,
        /// The field of the colour behind it.
        background: &'static str,
        /// Their contrast.
        found: Contrast,
    },
    /// Another tenant has the slug.
    #[error("there is a tenant with this slug already")]
    SlugTaken,
    /// The invitation was sent to another address than that of the account.
    #[error("this invitation was sent to another e-mail address")]
    OtherAddress,
    /// The address has to be verified first.
    #[error("the e-mail address is not verified")]
    NotVerified,
    /// It is verified, and the account may be another person's than the mailbox.
    #[error("it is not known that account and mailbox are one person's")]
    NotOwned,
    /// An account that is to be an admin may be another person's than the mailbox.
    #[error("nobody has shown that the account is that of the owner of its e-mail address")]
    OwnerUnknown,
    /// The tenant has as many invitations as it may.
    #[error("too many invitations wait for an answer")]
    TooManyInvitations,
    /// The person owns as many tenants as it may.
    #[error("the person owns as many tenants as it may")]
    TooManyTenants,
    /// The tenant has as many API keys as it may.
    #[error("the tenant has as many API keys as it may")]
    TooManyKeys,
    /// A sign-in with a provider that this browser did not begin, or did too long ago, or has ended.
    #[error("this sign-in is not valid any more")]
    BadSignIn,
    /// An account without a password shows that it is its person by having signed in just now.
    #[error("the account has no password, and the session was opened too long ago")]
    SignInAgain,
    /// The account has no password to be changed.
    #[error("the account has no password")]
    NoPassword,
    /// Nobody could sign in to the account any more.
    #[error("this is the only way to sign in to the account")]
    LastWayIn,
    /// A provider does not answer as it should.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// There is no such thing of this account.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Only operators create accounts here.
    #[error("registration is closed")]
    RegistrationClosed,
    /// Only accounts buy here.
    #[error("guests do not buy here")]
    NoGuests,
    /// Too many passwords wait to be checked.
    #[error("too many passwords are being checked")]
    Busy {
        /// When there should be room, in seconds.
        retry_after_seconds: u64,
    },
    /// The account has asked for another address as often as it may.
    #[error("the account has asked for another e-mail address too often")]
    TooManyAddressChanges {
        /// When it may ask again, in seconds.
        retry_after_seconds: u64,
    },
    /// The address was sent as many mails as it may be.
    #[error("too many mails were sent to this e-mail address")]
    TooManyMails {
        /// When another may be sent, in seconds.
        retry_after_seconds: u64,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is sealed does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No token can be minted.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// A defect.
    #[error("{0}")]
    Internal(String),
}

impl From<PasswordError> for AccountError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy {
                retry_after_seconds,
            } => Self::Busy {
                retry_after_seconds,
            },
            PasswordError::Failed(why) => Self::Internal(why),
        }
    }
}

impl From<VaultError> for AccountError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Store(error) => Self::Store(error),
            VaultError::Open(error) => Self::Open(error),
            VaultError::NoKey | VaultError::NoFactor(_) => Self::Internal(error.to_string()),
        }
    }
}
