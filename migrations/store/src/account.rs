//! Accounts, tenants, memberships, sessions and one-time tokens as rows. What is personal comes here
//! sealed and leaves sealed: this crate has no key.

use std::fmt;

use onsale_private::{LookupHash, Sealed};
use onsale_schemas::MemberRole;
use uuid::Uuid;

use crate::audit::{Audit, AuditEntry, Unaudited};

/// Sessions of one account at a time; one more ends the oldest.
pub const SESSIONS_PER_USER_MAX: u32 = 50;
/// Purchases as a guest that one account has taken over; further ones stay where they are.
pub const GUESTS_PER_ACCOUNT_MAX: u32 = 100;

/// What a person is to the installation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserRole {
    /// Everybody.
    Buyer,
    /// Looks after the installation and all its tenants.
    Admin,
}

impl UserRole {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Admin => "admin",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Buyer, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

/// The hash of a password with the name of its scheme in front. It does not show in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a hash.
    pub fn new(hash: impl Into<String>) -> Self {
        Self(hash.into())
    }

    /// The hash itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(hidden)")
    }
}

/// An e-mail address as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedEmail {
    /// The address.
    pub sealed: Sealed,
    /// By which it is found; no two accounts have the same.
    pub hash: LookupHash,
}

/// An account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserRow {
    /// Its id.
    pub user_id: Uuid,
    /// What the person is to the installation.
    pub role: UserRole,
    /// `None` once it is erased.
    pub email: Option<SealedEmail>,
    /// When a link that was mailed to the address was followed, or a provider vouched for it, in milliseconds since
    /// 1970. That need not have been the account's person: anyone may register another person's address.
    pub email_verified_at_ms: Option<u64>,
    /// When account and mailbox were shown to be one person's, or operators vouched for it, in milliseconds since
    /// 1970. Only then is what belongs to the owner of the address the account's, and only then does it get second
    /// factors.
    pub address_owned_at_ms: Option<u64>,
    /// The name.
    pub name: Option<Sealed>,
    /// The telephone number.
    pub phone: Option<Sealed>,
    /// `None` for an account that signs in by other means.
    pub password: Option<PasswordHash>,
    /// The language (BCP 47) in which it is written to.
    pub locale: Option<String>,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// Since when it cannot sign in, in milliseconds since 1970.
    pub disabled_at_ms: Option<u64>,
    /// When it was erased, in milliseconds since 1970.
    pub erased_at_ms: Option<u64>,
}

impl UserRow {
    /// Whether it may sign in.
    pub fn is_active(&self) -> bool {
        self.disabled_at_ms.is_none() && self.erased_at_ms.is_none()
    }

    /// Whether account and mailbox are known to be one person's.
    pub fn owns_address(&self) -> bool {
        self.address_owned_at_ms.is_some()
    }

    /// By which what belongs to its address is found, where account and mailbox are known to be one person's:
    /// what lies under another address may be another person's.
    pub fn owned_address(&self) -> Option<&LookupHash> {
        self.address_owned_at_ms?;
        self.email.as_ref().map(|email| &email.hash)
    }

    /// Notes that the address is verified, where it was not.
    pub(crate) fn verify_address(&mut self, now_ms: u64) {
        self.email_verified_at_ms = self.email_verified_at_ms.or(Some(now_ms));
    }

    /// Notes that account and mailbox are one person's, where that was not known.
    pub(crate) fn own_address(&mut self, now_ms: u64) {
        self.verify_address(now_ms);
        self.address_owned_at_ms = self.address_owned_at_ms.or(Some(now_ms));
    }
}

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

/// What of a profile is to change: `None` leaves it, `Some(None)` removes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProfileChange {
    /// The name.
    pub name: Option<Option<Sealed>>,
    /// The telephone number.
    pub phone: Option<Option<Sealed>>,
    /// The language.
    pub locale: Option<Option<String>>,
}

/// An organizer's house.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantRow {
    /// Its id.
    pub tenant_id: Uuid,
    /// Its name in addresses, which no other has.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// When it was opened, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it was closed, in milliseconds since 1970.
    pub closed_at_ms: Option<u64>,
}

/// That a person belongs to a tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The tenant.
    pub tenant_id: Uuid,
    /// The person.
    pub user_id: Uuid,
    /// What it does there.
    pub role: MemberRole,
    /// Since when, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// By which right a person acts. An access token says what held when it was minted, so what outlives the
/// token compares the rows again, in the transaction of what it changes. Of a person that has no account
/// here, whose token another issuer minted, there is nothing to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mandate {
    /// The person.
    pub user_id: Uuid,
    /// The session that it acts in, which has to be live.
    pub session_id: Uuid,
    /// What else has to hold.
    pub requires: Requirement,
    /// When it acts, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What a person has to be for what it does, beside active and in a live session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Requirement {
    /// Nothing else.
    Account,
    /// Of an address that is known to be its person's.
    OwnsAddress,
    /// An admin of the installation.
    Admin,
    /// A member of this tenant, as one of these.
    Member(Uuid, &'static [MemberRole]),
}

/// What is written down about a change, and by which right it is asked for (`None`: the caller vouches
/// for it, as for the command line and for tokens that belong to no session).
#[derive(Clone, PartialEq, Debug)]
pub struct Act {
    /// What is written down.
    pub audit: Audit,
    /// The right.
    pub mandate: Option<Mandate>,
}

impl Act {
    /// An entry about what is done by a right.
    pub fn new(entry: AuditEntry, mandate: Option<Mandate>) -> Self {
        Self {
            audit: entry.into(),
            mandate,
        }
    }
}

impl From<AuditEntry> for Act {
    fn from(entry: AuditEntry) -> Self {
        Self::new(entry, None)
    }
}

impl From<Audit> for Act {
    fn from(audit: Audit) -> Self {
        Self {
            audit,
            mandate: None,
        }
    }
}

impl From<Unaudited> for Act {
    fn from(why: Unaudited) -> Self {
        Self {
            audit: why.into(),
            mandate: None,
        }
    }
}

/// The result of changing or ending a membership.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MembershipChange {
    /// Done.
    Changed,
    /// The person is no member, cannot become one (its account is disabled, erased or missing), or the
    /// tenant is closed.
    NotThere,
    /// It is the only owner that can sign in, and a tenant always has one.
    LastOwner,
}

/// What of a tenant is to change: `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TenantChange {
    /// Its name in addresses.
    pub slug: Option<String>,
    /// Its name for people.
    pub name: Option<String>,
}

/// An invitation to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewInvitation {
    /// Its id, which is the key of the job that mails it, too.
    pub invitation_id: Uuid,
    /// Its token, with the address by hash and what it is to.
    pub token: OneTimeToken,
    /// The address, for the list of those who may withdraw it.
    pub address: Sealed,
    /// The account that invites; `None` where that is none.
    pub invited_by: Option<Uuid>,
}

/// An invitation that waits for an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvitationRow {
    /// Its id.
    pub invitation_id: Uuid,
    /// The address that it was sent to.
    pub address: Sealed,
    /// What the person is to be.
    pub role: MemberRole,
    /// The account that invited; `None` where that was none.
    pub invited_by: Option<Uuid>,
    /// When it was sent, in milliseconds since 1970.
    pub issued_at_ms: u64,
    /// Until when it is good, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// The result of accepting an invitation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acceptance {
    /// The person belongs to the tenant.
    Accepted(Membership),
    /// The token is not good, or the tenant is closed.
    NotGood,
    /// It was sent to another address than that of the account.
    OtherAddress,
    /// The person is the only owner, and a tenant always has one.
    LastOwner,
}

/// The result of erasing an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Erasure {
    /// Done.
    Erased {
        /// Sessions that were deleted.
        sessions: u64,
        /// Memberships that were deleted.
        memberships: u64,
        /// Purchases as a guest that name nobody any more.
        guests: u64,
        /// Identities elsewhere that were unlinked.
        identities: u64,
    },
    /// There is no such account, it is erased already, or its password is another by now.
    NotThere,
    /// It is the only owner of a tenant, and a tenant always has one.
    LastOwner,
}

/// A key of a program that acts for a tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKeyRow {
    /// Its id, which stands where an account's would.
    pub key_id: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// What people call it.
    pub name: String,
    /// The hash of the key.
    pub key_hash: TokenHash,
    /// Names of what it may do, with a space between two.
    pub scopes: String,
    /// The account that created it.
    pub created_by: Option<Uuid>,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it expires, in milliseconds since 1970; `None`: never.
    pub expires_at_ms: Option<u64>,
    /// When it was last used, to the minute, in milliseconds since 1970.
    pub last_used_at_ms: Option<u64>,
    /// When it was revoked, in milliseconds since 1970.
    pub revoked_at_ms: Option<u64>,
}

impl ApiKeyRow {
    /// Whether it is good.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.revoked_at_ms.is_none() && self.expires_at_ms.is_none_or(|end| now_ms < end)
    }
}

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
}

impl SessionEnd {
    const ALL: [Self; 8] = [
        Self::Logout,
        Self::Reuse,
        Self::Password,
        Self::Role,
        Self::Disabled,
        Self::Operator,
        Self::Erased,
        Self::TooMany,
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
        }
    }

    /// The end of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == name)
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
