//! Persons: the account, its profile, and what it is to the installation.

use std::fmt;

use onsale_private::{LookupHash, Sealed};
use uuid::Uuid;

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
