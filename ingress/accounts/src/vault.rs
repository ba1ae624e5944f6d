//! Seals and opens what is personal of an account, and finds it.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use onsale_private::{KeyRing, LookupHash, LookupKey, OpenError, Place, Private, Sealed};
use onsale_store::account::{GuestRow, SealedEmail, SessionRow, UserRow};
use onsale_store::address_change::KeptChange;
use onsale_store::factor::{PasskeyRow, TotpRow};
use onsale_store::{Store, StoreError, sealed_columns};
use uuid::Uuid;
use webauthn_rs::prelude::Passkey;

use crate::email::Email;
use crate::factors::{RecoveryCode, TotpSecret};
use crate::unreadable::Unreadable;

/// What hashes of an address of e-mail are of.
const EMAIL: &str = "email";
/// What hashes of a person at a provider are of.
const SUBJECT: &str = "subject";
/// What hashes of a network address are of.
const ADDRESS: &str = "address";
/// What hashes of a recovery code are of.
const RECOVERY_CODE: &str = "recovery code";

/// What is to be done where the key is lost.
const REMEDY: &str = "nobody can sign in or be found, and sales go on: bring the key back from where it is \
     kept (the file accounts-secret of the data folder, or accounts.key), or list it in \
     accounts.old_key_files";

/// Why the key of hashes cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is there does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It opens, and is no key.
    #[error("lookup_keys.key_sealed holds no key")]
    NoKey,
    /// A second factor opens, and is none.
    #[error("{0} holds no second factor")]
    NoFactor(&'static str),
}

/// Seals, opens and finds what is personal.
#[derive(Clone, Debug)]
pub struct Vault {
    ring: Arc<KeyRing>,
    lookup: LookupKey,
    unreadable: Arc<Unreadable>,
}

/// What a person told of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// The address; `None` once the account is erased.
    pub email: Option<Private>,
    /// The name.
    pub name: Option<Private>,
    /// The telephone number.
    pub phone: Option<Private>,
    /// Something of it does not open, and is left out.
    pub is_unreadable: bool,
}

impl Vault {
    /// With the database's key of hashes, which is created where there is none yet.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn open(store: &Store, ring: Arc<KeyRing>, now_ms: u64) -> Result<Self, VaultError> {
        let sealed = match store.lookup_key().await? {
            Some(sealed) => sealed,
            None => {
                let new =
                    ring.seal_bytes(sealed_columns::LOOKUP_KEY, LookupKey::random().as_bytes());
                store.keep_lookup_key(&new, now_ms).await?
            }
        };
        let bytes = ring.open_bytes(sealed_columns::LOOKUP_KEY, &sealed)?;
        let lookup = LookupKey::from_bytes(&bytes).ok_or(VaultError::NoKey)?;
        Ok(Self {
            ring,
            lookup,
            unreadable: Arc::default(),
        })
    }

    /// Why the keys of this ring do not open what the database has sealed; `None` where they do, or there is
    /// nothing yet. Creates nothing.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn misfit(store: &Store, ring: &KeyRing) -> Result<Option<String>, StoreError> {
        let Some(sealed) = store.lookup_key().await? else {
            return Ok(None);
        };
        let opened = ring.open_bytes(sealed_columns::LOOKUP_KEY, &sealed);
        Ok(opened.err().map(|error| format!("{error}; {REMEDY}")))
    }

    /// With these keys.
    #[cfg(test)]
    pub(crate) fn with(ring: Arc<KeyRing>, lookup: LookupKey) -> Self {
        Self {
            ring,
            lookup,
            unreadable: Arc::default(),
        }
    }

    /// The hash of parts, each told apart from the next.
    pub(crate) fn keyed(&self, kind: &str, parts: &[&[u8]]) -> LookupHash {
        let mut value = Vec::with_capacity(64 + parts.iter().map(|part| part.len()).sum::<usize>());
        for part in parts {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            value.extend_from_slice(&length.to_be_bytes());
            value.extend_from_slice(part);
        }
        self.lookup.hash(kind, &value)
    }

    /// By which an account is found.
    pub fn email_hash(&self, email: &Email) -> LookupHash {
        self.lookup.hash(EMAIL, email.folded().expose().as_bytes())
    }

    /// By which a network is known again: IPv6 by its /56, as a single subscriber has it.
    pub fn address_hash(&self, address: IpAddr) -> LookupHash {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.lookup.hash(ADDRESS, &v4.octets()),
            IpAddr::V6(v6) => self.lookup.hash(ADDRESS, &v6.octets()[..7]),
        }
    }

    /// By which the account is found of a person whom a provider knows: `authority` is whose subjects these
    /// are.
    pub fn subject_hash(&self, authority: &str, subject: &Private) -> LookupHash {
        let length = u64::try_from(authority.len()).unwrap_or(u64::MAX);
        let mut value = length.to_be_bytes().to_vec();
        value.extend_from_slice(authority.as_bytes());
        value.extend_from_slice(subject.expose().as_bytes());
        self.lookup.hash(SUBJECT, &value)
    }

    /// An address as an account keeps it.
    pub fn seal_email(&self, user: Uuid, email: &Email) -> SealedEmail {
        SealedEmail {
            sealed: self.ring.seal(sealed_columns::email(user), email.written()),
            hash: self.email_hash(email),
        }
    }

    /// A name as an account keeps it.
    pub fn seal_name(&self, user: Uuid, name: &Private) -> Sealed {
        self.ring.seal(sealed_columns::name(user), name)
    }

    /// A telephone number as an account keeps it.
    pub fn seal_phone(&self, user: Uuid, phone: &Private) -> Sealed {
        self.ring.seal(sealed_columns::phone(user), phone)
    }

    /// What an account holds of its person.
    ///
    /// # Errors
    /// When a value does not open.
    pub fn open_profile(&self, user: &UserRow) -> Result<Profile, OpenError> {
        let id = user.user_id;
        let email = user.email.as_ref().map(|email| &email.sealed);
        Ok(Profile {
            email: self.open_one(sealed_columns::email(id), email)?,
            name: self.open_one(sealed_columns::name(id), user.name.as_ref())?,
            phone: self.open_one(sealed_columns::phone(id), user.phone.as_ref())?,
            is_unreadable: false,
        })
    }

    /// What an account holds of its person, to be shown: what does not open is left out.
    pub(crate) fn show_profile(&self, user: &UserRow) -> Profile {
        let id = user.user_id;
        let email = user.email.as_ref().map(|email| &email.sealed);
        let mut is_unreadable = false;
        let mut show = |place, sealed| self.shown(self.open_one(place, sealed), &mut is_unreadable);
        let email = show(sealed_columns::email(id), email);
        let name = show(sealed_columns::name(id), user.name.as_ref());
        let phone = show(sealed_columns::phone(id), user.phone.as_ref());
        Profile {
            email,
            name,
            phone,
            is_unreadable,
        }
    }

    /// What was opened, to be shown; `None` where it does not open, which is said in the log once.
    pub(crate) fn shown<T, E: Display>(
        &self,
        opened: Result<Option<T>, E>,
        is_unreadable: &mut bool,
    ) -> Option<T> {
        self.unreadable.shown(opened, is_unreadable)
    }

    /// The address of an account; `None` once it is erased.
    ///
    /// # Errors
    /// When it does not open.
    pub(crate) fn open_email(&self, user: &UserRow) -> Result<Option<Private>, OpenError> {
        let place = sealed_columns::email(user.user_id);
        self.open_one(place, user.email.as_ref().map(|email| &email.sealed))
    }

    fn open_one(
        &self,
        place: Place,
        sealed: Option<&Sealed>,
    ) -> Result<Option<Private>, OpenError> {
        sealed
            .map(|sealed| self.ring.open(place, sealed))
            .transpose()
    }

    /// The program that a session was opened with, as the session keeps it.
    pub fn seal_agent(&self, session: Uuid, agent: &Private) -> Sealed {
        self.ring.seal(sealed_columns::agent(session), agent)
    }

    /// The address that a session was opened from, as the session keeps it.
    pub fn seal_address(&self, session: Uuid, address: IpAddr) -> Sealed {
        let text = Private::new(address.to_canonical().to_string());
        self.ring.seal(sealed_columns::address(session), &text)
    }

    /// An address as a guest keeps it.
    pub fn seal_guest_email(&self, guest: Uuid, email: &Email) -> SealedEmail {
        let place = sealed_columns::guest_email(guest);
        SealedEmail {
            sealed: self.ring.seal(place, email.written()),
            hash: self.email_hash(email),
        }
    }

    /// The address of a guest; `None` once it is forgotten or erased.
    ///
    /// # Errors
    /// When it does not open.
    pub fn open_guest_email(&self, guest: &GuestRow) -> Result<Option<Private>, OpenError> {
        let place = sealed_columns::guest_email(guest.guest_id);
        self.open_one(place, guest.email.as_ref().map(|email| &email.sealed))
    }

    /// An address that an account is to get, as the change keeps it.
    pub(crate) fn seal_new_email(&self, change: Uuid, email: &Email) -> SealedEmail {
        let place = sealed_columns::new_email(change);
        SealedEmail {
            sealed: self.ring.seal(place, email.written()),
            hash: self.email_hash(email),
        }
    }

    /// The address that an account is to get; `None` once that was done or withdrawn.
    ///
    /// # Errors
    /// When it does not open.
    pub(crate) fn open_new_email(&self, change: &KeptChange) -> Result<Option<Private>, OpenError> {
        let place = sealed_columns::new_email(change.change_id);
        self.open_one(place, change.email.as_ref())
    }

    /// An address as an invitation to it keeps it.
    pub fn seal_invited(&self, invitation: Uuid, email: &Email) -> Sealed {
        self.ring
            .seal(sealed_columns::invited(invitation), email.written())
    }

    /// The address that an invitation was sent to.
    ///
    /// # Errors
    /// When it does not open.
    pub fn open_invited(&self, invitation: Uuid, sealed: &Sealed) -> Result<Private, OpenError> {
        self.ring.open(sealed_columns::invited(invitation), sealed)
    }

    /// Program and address of a session, to be shown: what does not open is left out.
    pub(crate) fn show_origin(
        &self,
        session: &SessionRow,
        is_unreadable: &mut bool,
    ) -> (Option<Private>, Option<Private>) {
        let id = session.session_id;
        let agent = self.open_one(sealed_columns::agent(id), session.agent.as_ref());
        let address = self.open_one(sealed_columns::address(id), session.address.as_ref());
        (
            self.shown(agent, is_unreadable),
            self.shown(address, is_unreadable),
        )
    }

    /// The secret of an authenticator app, as it is kept.
    pub(crate) fn seal_totp(&self, factor: Uuid, secret: &TotpSecret) -> Sealed {
        let place = sealed_columns::totp_secret(factor);
        self.ring.seal_bytes(place, secret.as_bytes())
    }

    /// The secret of an authenticator app.
    ///
    /// # Errors
    /// When it does not open.
    pub(crate) fn open_totp(&self, row: &TotpRow) -> Result<TotpSecret, VaultError> {
        let place = sealed_columns::totp_secret(row.factor_id);
        let bytes = self.ring.open_bytes(place, &row.secret)?;
        TotpSecret::from_bytes(&bytes).ok_or(VaultError::NoFactor("totp_factors.secret_sealed"))
    }

    /// By which a recovery code of an account is found.
    pub(crate) fn recovery_hash(&self, user: Uuid, code: &RecoveryCode) -> LookupHash {
        let value = [user.as_bytes().as_slice(), code.as_bytes()].concat();
        self.lookup.hash(RECOVERY_CODE, &value)
    }

    /// Public key and counter of a passkey, as they are kept.
    ///
    /// # Errors
    /// When they have no JSON.
    pub(crate) fn seal_credential(
        &self,
        passkey: Uuid,
        credential: &Passkey,
    ) -> Result<Sealed, serde_json::Error> {
        let bytes = serde_json::to_vec(credential)?;
        let place = sealed_columns::credential(passkey);
        Ok(self.ring.seal_bytes(place, &bytes))
    }

    /// Public key and counter of a passkey.
    ///
    /// # Errors
    /// When they do not open.
    pub(crate) fn open_credential(&self, row: &PasskeyRow) -> Result<Passkey, VaultError> {
        let place = sealed_columns::credential(row.passkey_id);
        let bytes = self.ring.open_bytes(place, &row.credential)?;
        let none = |_error| VaultError::NoFactor("passkeys.credential_sealed");
        serde_json::from_slice(&bytes).map_err(none)
    }

    /// What a person calls a passkey, as it is kept.
    pub(crate) fn seal_passkey_name(&self, passkey: Uuid, name: &Private) -> Sealed {
        self.ring.seal(sealed_columns::passkey_name(passkey), name)
    }

    /// What a person calls a passkey.
    ///
    /// # Errors
    /// When it does not open.
    pub(crate) fn open_passkey_name(&self, row: &PasskeyRow) -> Result<Option<Private>, OpenError> {
        let place = sealed_columns::passkey_name(row.passkey_id);
        self.open_one(place, row.name.as_ref())
    }

    /// The keys themselves, for what is sealed elsewhere.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }
}
