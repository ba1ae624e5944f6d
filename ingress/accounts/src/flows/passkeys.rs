//! Passkeys: registering them, and signing in with one.

use onsale_private::Private;
use onsale_store::StoreError;
use onsale_store::account::UserRow;
use onsale_store::factor::{PasskeyRow, Proof, Removed, Shown, SignedCeremony};
use onsale_store::notice::Notice;
use serde_json::{Value, json};
use uuid::Uuid;
use webauthn_rs::prelude::Passkey;

use super::consent::in_session;
use super::factors::{added_with, recovery_codes, repeated_codes};
use crate::accounts::{Accounts, Origin, SignedIn};
use crate::error::AccountError;
use crate::factors::{Passkeys, credential_hash};
use crate::fields;
use crate::repeat::Repeat;

/// What ids of passkeys are derived as.
const PASSKEY: &str = "passkey";

/// The first half of a ceremony.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasskeyCeremony {
    /// For the second half.
    pub ceremony: Private,
    /// For the browser, as `navigator.credentials` takes it.
    pub options: Value,
}

/// The second half of a ceremony.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasskeyAnswer {
    /// That of the first half.
    pub ceremony: Private,
    /// What the browser answered.
    pub credential: Value,
}

/// A passkey that was registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisteredPasskey {
    /// Its id.
    pub passkey_id: Uuid,
    /// The recovery codes that the account gets where it has none left.
    pub recovery_codes: Option<Vec<Private>>,
}

/// Whom a passkey has signed for.
pub(super) struct Signed {
    pub(super) user_id: Uuid,
    pub(super) shown: Shown,
    /// The passkey as it was read.
    pub(super) kept: PasskeyRow,
    user: UserRow,
}

impl Accounts {
    fn passkeys(&self) -> Result<&Passkeys, AccountError> {
        self.passkeys.as_ref().ok_or(AccountError::NoPasskeys)
    }

    /// Begins to register a passkey.
    ///
    /// # Errors
    /// [`AccountError::NoPasskeys`], [`AccountError::InvalidCredentials`], [`AccountError::StepUp`];
    /// [`AccountError::NotVerified`] and [`AccountError::NotOwned`] where the address is not known to be its
    /// person's; and others.
    pub async fn begin_passkey(
        &self,
        user: Uuid,
        session: Uuid,
        password: Option<&Private>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<PasskeyCeremony, AccountError> {
        let passkeys = self.passkeys()?;
        let (_by, vault, email) = self
            .consent_to_set_up(user, session, password, origin, now_ms)
            .await?;
        let known = self.store.factors_of(user).await?.passkeys;
        // One that does not open cannot be signed in with either: it keeps nobody from another one.
        let known = known
            .iter()
            .filter_map(|row| {
                let credential = vault.open_credential(row).map(Some);
                let credential = vault.shown(credential, &mut false)?;
                Some(credential.cred_id().clone())
            })
            .collect();
        let begun = passkeys.begin_registration(user, &email, known, vault.ring(), now_ms)?;
        Ok(PasskeyCeremony {
            ceremony: Private::new(begun.ceremony),
            options: begun.options,
        })
    }

    /// Registers a passkey. That the password was right was seen when the ceremony began, for this account
    /// and a few minutes.
    ///
    /// # Errors
    /// [`AccountError::ChallengeGone`], [`AccountError::WrongPasskey`], [`AccountError::PasskeyTaken`],
    /// [`AccountError::TooManyPasskeys`], [`AccountError::NotVerified`], [`AccountError::NotOwned`] and others.
    pub async fn add_passkey(
        &self,
        user: Uuid,
        session: Uuid,
        answer: PasskeyAnswer,
        name: Option<&Private>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<RegisteredPasskey, AccountError> {
        let passkeys = self.passkeys()?;
        let name = name.map(fields::name).transpose()?;
        self.require_recent_factor(user, Some(session), now_ms)
            .await?;
        self.owner_of_address(user).await?;
        let vault = self.vault(now_ms).await?;
        if let Some(repeat) = &origin.repeat
            && let Some(registered) = self.registered_key_before(user, repeat, now_ms).await?
        {
            return Ok(registered);
        }
        let PasskeyAnswer {
            ceremony,
            credential,
        } = answer;
        let ended = passkeys.end_registration(user, &ceremony, credential, vault.ring(), now_ms)?;
        let new_id = |repeat: &Repeat| repeat.id(PASSKEY);
        let passkey_id = origin.repeat.as_ref().map_or_else(Uuid::new_v4, new_id);
        let row = PasskeyRow {
            passkey_id,
            user_id: user,
            credential_hash: credential_hash(ended.value.cred_id()),
            credential: vault
                .seal_credential(passkey_id, &ended.value)
                .map_err(no_json)?,
            name: name.map(|name| vault.seal_passkey_name(passkey_id, &name)),
            created_at_ms: now_ms,
            last_used_at_ms: None,
        };
        let (codes, hashes) = match &origin.repeat {
            Some(repeat) => {
                let [secret, _] = repeat.secrets();
                repeated_codes(vault, user, &secret)
            }
            None => recovery_codes(vault, user),
        };
        let entry = origin
            .own(user, "factor.add")
            .with(json!({ "factor": "passkey", "passkey": passkey_id }));
        let notice = Notice::PasskeyAdded.job(user, now_ms)?;
        let by = in_session(user, session, now_ms);
        let used = (ended.ceremony_id, ended.expires_at_ms);
        let added = self
            .store
            .add_passkey(&row, used, hashes, notice, by, entry);
        let added = match added.await {
            Err(StoreError::Exists(_)) => return Err(AccountError::PasskeyTaken),
            added => added?,
        };
        Ok(RegisteredPasskey {
            passkey_id,
            recovery_codes: added_with(added, codes)?,
        })
    }

    /// The passkey that an earlier try of the same request has registered, with the recovery codes that came with it
    /// as long as they are the account's. (A ceremony is good once, so no other request has the same ones.)
    async fn registered_key_before(
        &self,
        user: Uuid,
        repeat: &Repeat,
        now_ms: u64,
    ) -> Result<Option<RegisteredPasskey>, AccountError> {
        let known = self.store.factors_of(user).await?.passkeys;
        for (passkey_id, secret) in repeat.ids(PASSKEY).into_iter().zip(repeat.secrets()) {
            let is_it = |row: &PasskeyRow| {
                row.passkey_id == passkey_id && Repeat::is_recent(row.created_at_ms, now_ms)
            };
            if !known.iter().any(is_it) {
                continue;
            }
            let vault = self.vault(now_ms).await?;
            let (codes, hashes) = repeated_codes(vault, user, &secret);
            let are_its = match hashes.first() {
                Some(hash) => self.store.has_recovery_code(user, hash).await?,
                None => false,
            };
            repeat.note_found();
            return Ok(Some(RegisteredPasskey {
                passkey_id,
                recovery_codes: are_its.then_some(codes),
            }));
        }
        Ok(None)
    }

    /// Removes a passkey.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`], [`AccountError::StepUp`], [`AccountError::NotFound`] and others.
    pub async fn remove_passkey(
        &self,
        user: Uuid,
        session: Uuid,
        passkey: Uuid,
        password: Option<&Private>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let factor = Removed::Passkey(passkey);
        self.remove(user, session, factor, password, origin, now_ms)
            .await
    }

    /// Begins a sign-in with a passkey, or shows the second factor again with one. Nobody need be known for
    /// it, and nothing is written down.
    ///
    /// # Errors
    /// [`AccountError::NoPasskeys`] and others.
    pub async fn begin_passkey_sign_in(
        &self,
        now_ms: u64,
    ) -> Result<PasskeyCeremony, AccountError> {
        let passkeys = self.passkeys()?;
        let vault = self.vault(now_ms).await?;
        let begun = passkeys.begin_sign_in(vault.ring(), now_ms)?;
        Ok(PasskeyCeremony {
            ceremony: Private::new(begun.ceremony),
            options: begun.options,
        })
    }

    /// Opens a session by a passkey, whose authenticator has verified its person: a whole sign-in.
    ///
    /// # Errors
    /// [`AccountError::WrongPasskey`], [`AccountError::ChallengeGone`] and others.
    pub async fn sign_in_with_passkey(
        &self,
        answer: PasskeyAnswer,
        tenant: Option<Uuid>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        let signed = self
            .signed_by_passkey(answer.clone(), origin, now_ms)
            .await?;
        let id = signed.user_id;
        if !signed.user.is_active() {
            self.note_refusal(Some(id), "disabled", origin).await?;
            return Err(AccountError::Disabled);
        }
        let mut opened = self
            .open_proven(signed.user, tenant, None, signed.shown, origin, now_ms)
            .await;
        if matches!(opened, Err(AccountError::WrongCode)) && self.was_resealed(&signed.kept).await?
        {
            let signed = self.signed_by_passkey(answer, origin, now_ms).await?;
            opened = self
                .open_proven(signed.user, tenant, None, signed.shown, origin, now_ms)
                .await;
        }
        match opened {
            // The ceremony was used before, or another use of the passkey came first.
            Err(AccountError::WrongCode) => {
                self.note_refusal(Some(id), "passkey", origin).await?;
                Err(AccountError::ChallengeGone)
            }
            opened => opened,
        }
    }

    /// What a passkey has signed, compared with the one that is kept.
    pub(super) async fn signed_by_passkey(
        &self,
        answer: PasskeyAnswer,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Signed, AccountError> {
        let passkeys = self.passkeys()?;
        let vault = self.vault(now_ms).await?;
        let PasskeyAnswer {
            ceremony,
            credential,
        } = answer;
        let ended = passkeys.answer(&ceremony, credential, vault.ring(), now_ms)?;
        let answer = ended.value;
        let said = answer.user;
        let Some(row) = self.store.passkey(answer.credential).await? else {
            // Made up, or removed: there is no account that the trail could say it of.
            return Err(AccountError::WrongPasskey);
        };
        // The account that the passkey says it is of is the one that it is of.
        let user = if row.user_id == said {
            self.store.user(row.user_id).await?
        } else {
            None
        };
        let Some(user) = user else {
            self.note_refusal(Some(row.user_id), "passkey", origin)
                .await?;
            return Err(AccountError::WrongPasskey);
        };
        let kept: Passkey = vault.open_credential(&row)?;
        let passkey = match passkeys.compare(answer, kept) {
            Ok(passkey) => passkey,
            Err(error) => {
                self.note_refusal(Some(user.user_id), "passkey", origin)
                    .await?;
                return Err(error);
            }
        };
        let to = vault
            .seal_credential(row.passkey_id, &passkey)
            .map_err(no_json)?;
        let proof = Proof::Passkey(SignedCeremony {
            passkey_id: row.passkey_id,
            from: row.credential.clone(),
            to,
            ceremony_id: ended.ceremony_id,
            ceremony_expires_at_ms: ended.expires_at_ms,
        });
        Ok(Signed {
            user_id: user.user_id,
            shown: Shown {
                proof,
                counted_ms: 0,
                notice: None,
            },
            user,
            kept: row,
        })
    }

    /// Whether a passkey was sealed with another key since it was read, and not used: then what it has signed was
    /// refused with nothing of it used up, and is good for another try.
    pub(super) async fn was_resealed(&self, kept: &PasskeyRow) -> Result<bool, AccountError> {
        let row = self.store.passkey(kept.credential_hash).await?;
        Ok(row.is_some_and(|row| {
            row.passkey_id == kept.passkey_id
                && row.last_used_at_ms == kept.last_used_at_ms
                && row.credential != kept.credential
        }))
    }
}

fn no_json(error: serde_json::Error) -> AccountError {
    AccountError::Internal(format!("a passkey has no JSON: {error}"))
}
