//! A person's second factors: setting an authenticator app up, recovery codes, and what there is.
//!
//! An account gets them once its address is known to be its person's: on one that was registered with another
//! person's address they would keep the owner of the address out, and let the other one in again.

use onsale_private::{LookupHash, Private};
use onsale_store::account::UserRow;
use onsale_store::factor::{Added, Consent, Removed, TotpRow, Tried};
use onsale_store::notice::Notice;
use serde_json::json;
use uuid::Uuid;

use super::consent::{Confirmation, in_session};
use super::tenants::check_address;
use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;
use crate::factors::{RECOVERY_CODES, RecoveryCode, TotpSecret};
use crate::repeat::Repeat;
use crate::vault::Vault;

/// What the audit trail calls it.
const SET_UP: &str = "factor.set_up";
/// How long a person has for the first code of an app, in seconds: an hour.
const SET_UP_SECONDS: u64 = 3_600;

/// The second factors of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FactorsOverview {
    /// Since when an authenticator app is in use, in milliseconds since 1970.
    pub totp_since_ms: Option<u64>,
    /// Its passkeys, oldest first.
    pub passkeys: Vec<OwnPasskey>,
    /// Recovery codes that were not used.
    pub recovery_codes_left: u32,
}

/// A passkey as its person sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnPasskey {
    /// Its id.
    pub passkey_id: Uuid,
    /// What the person calls it.
    pub name: Option<Private>,
    /// The name does not open.
    pub is_unreadable: bool,
    /// When it was registered, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it was last used, in milliseconds since 1970.
    pub last_used_at_ms: Option<u64>,
}

/// What an authenticator app is set up with. It is shown once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TotpSetup {
    /// For who types it, in base 32.
    pub secret: Private,
    /// For an app that reads it from a picture.
    pub uri: Private,
    /// How long the first code is waited for, in seconds.
    pub expires_in_seconds: u64,
}

impl Accounts {
    /// The second factors of an account.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] for a token's user that has no account here.
    pub async fn factors(&self, user: Uuid, now_ms: u64) -> Result<FactorsOverview, AccountError> {
        let row = self.store.user(user).await?;
        row.filter(|row| row.erased_at_ms.is_none())
            .ok_or(AccountError::NotFound("account"))?;
        let vault = self.vault(now_ms).await?;
        let factors = self.store.factors_of(user).await?;
        let passkeys = factors
            .passkeys
            .iter()
            .map(|row| {
                let mut is_unreadable = false;
                OwnPasskey {
                    passkey_id: row.passkey_id,
                    name: vault.shown(vault.open_passkey_name(row), &mut is_unreadable),
                    is_unreadable,
                    created_at_ms: row.created_at_ms,
                    last_used_at_ms: row.last_used_at_ms,
                }
            })
            .collect();
        Ok(FactorsOverview {
            totp_since_ms: factors.totp.and_then(|totp| totp.confirmed_at_ms),
            passkeys,
            recovery_codes_left: factors.recovery_codes,
        })
    }

    /// Begins to set an authenticator app up. One that is in use stays so until a code of this one is shown.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`], [`AccountError::StepUp`]; [`AccountError::NotVerified`] and
    /// [`AccountError::NotOwned`] where the address is not known to be its person's; and others.
    pub async fn set_up_totp(
        &self,
        user: Uuid,
        session: Uuid,
        password: Option<&Private>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<TotpSetup, AccountError> {
        let (by, vault, email) = self
            .consent_to_set_up(user, session, password, origin, now_ms)
            .await?;
        let secret = TotpSecret::random();
        let factor_id = Uuid::new_v4();
        let factor = TotpRow {
            factor_id,
            user_id: user,
            secret: vault.seal_totp(factor_id, &secret),
            created_at_ms: now_ms,
            confirmed_at_ms: None,
            last_step: None,
        };
        let entry = origin.own(user, SET_UP).with(json!({ "factor": "totp" }));
        if !self.store.set_up_totp(&factor, by, entry).await? {
            // Another change came before this one.
            return Err(AccountError::InvalidCredentials);
        }
        Ok(TotpSetup {
            secret: secret.base32(),
            uri: secret.uri(self.config.service_name.trim(), &email)?,
            expires_in_seconds: SET_UP_SECONDS,
        })
    }

    /// Puts the authenticator app to use that was set up, by its first code. The recovery codes that the
    /// account gets where it has none left.
    ///
    /// # Errors
    /// [`AccountError::WrongCode`], [`AccountError::ChallengeGone`] where nothing was set up or too long ago, or
    /// too many codes were wrong; [`AccountError::NotVerified`] and [`AccountError::NotOwned`]; and others.
    pub async fn confirm_totp(
        &self,
        user: Uuid,
        session: Uuid,
        code: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Option<Vec<Private>>, AccountError> {
        self.require_recent_factor(user, Some(session), now_ms)
            .await?;
        self.owner_of_address(user).await?;
        let bare: String = code.expose().split_whitespace().collect();
        let setting_up = self.store.factors_of(user).await?.setting_up;
        let in_time = |row: &TotpRow| {
            now_ms.saturating_sub(row.created_at_ms) < SET_UP_SECONDS.saturating_mul(1_000)
        };
        let setting_up = setting_up.filter(in_time);
        let setting_up = setting_up.ok_or(AccountError::ChallengeGone)?;
        // Who asked for it has the secret; who has only a token of the account guesses.
        let tried = Tried::InSession(session);
        self.count_code(user, tried, now_ms).await?;
        let vault = self.vault(now_ms).await?;
        let step = vault.open_totp(&setting_up)?.step_of(&bare, now_ms);
        let Some(step) = step else {
            self.refuse_code(user, false, origin, now_ms).await?;
            return Err(AccountError::WrongCode);
        };
        let (codes, hashes) = recovery_codes(vault, user);
        let entry = origin
            .own(user, "factor.add")
            .with(json!({ "factor": "totp" }));
        let notice = Notice::TotpAdded.job(user, now_ms)?;
        let by = in_session(user, session, now_ms);
        let factor = setting_up.factor_id;
        let added = self
            .store
            .confirm_totp(factor, step, hashes, notice, by, entry);
        added_with(added.await?, codes)
    }

    /// Removes the authenticator app.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`], [`AccountError::StepUp`], [`AccountError::NotFound`] and others.
    pub async fn remove_totp(
        &self,
        user: Uuid,
        session: Uuid,
        password: Option<&Private>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let factor = Removed::Totp;
        self.remove(user, session, factor, password, origin, now_ms)
            .await
    }

    pub(super) async fn remove(
        &self,
        user: Uuid,
        session: Uuid,
        factor: Removed,
        password: Option<&Private>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let doing = "factor.remove";
        let (_row, by) = self
            .consent_to(user, session, password, doing, origin, now_ms)
            .await?;
        let entry = origin.own(user, doing);
        let (notice, entry, what) = match factor {
            Removed::Totp => {
                let entry = entry.with(json!({ "factor": "totp" }));
                (Notice::TotpRemoved, entry, "authenticator app")
            }
            Removed::Passkey(id) => {
                let entry = entry.with(json!({ "factor": "passkey", "passkey": id }));
                (Notice::PasskeyRemoved, entry, "passkey")
            }
        };
        let notice = notice.job(user, now_ms)?;
        if self.store.remove_factor(factor, by, notice, entry).await? {
            Ok(())
        } else {
            Err(AccountError::NotFound(what))
        }
    }

    /// Gives an account that has a second factor other recovery codes; the earlier ones are good no more.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`], [`AccountError::StepUp`], [`AccountError::NotFound`] and others.
    pub async fn replace_recovery_codes(
        &self,
        user: Uuid,
        session: Uuid,
        password: Option<&Private>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Vec<Private>, AccountError> {
        let doing = "factor.recovery_codes";
        let (_row, by) = self
            .consent_to(user, session, password, doing, origin, now_ms)
            .await?;
        let (codes, hashes) = recovery_codes(self.vault(now_ms).await?, user);
        let entry = origin.own(user, doing);
        let replaced = self.store.replace_recovery_codes(hashes, by, entry);
        if replaced.await? {
            Ok(codes)
        } else {
            Err(AccountError::NotFound("second factor"))
        }
    }

    /// What a person's consent to set a second factor up is compared with once more, what the account's secrets
    /// are sealed by, and what the factor calls the account: its address.
    ///
    /// # Errors
    /// As [`Accounts::consent`]; [`AccountError::NotVerified`] and [`AccountError::NotOwned`] where the address is
    /// not known to be its person's.
    pub(super) async fn consent_to_set_up(
        &self,
        user: Uuid,
        session: Uuid,
        password: Option<&Private>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(Consent, &Vault, Private), AccountError> {
        let (row, by) = self
            .consent_to(user, session, password, SET_UP, origin, now_ms)
            .await?;
        check_address(&row)?;
        let vault = self.vault(now_ms).await?;
        let email = vault.open_profile(&row)?.email;
        let email = email.unwrap_or_else(|| Private::new(user.to_string()));
        Ok((by, vault, email))
    }

    /// The account of a person who consents to `doing` something to its factors, and what that is compared
    /// with once more when it is done.
    ///
    /// # Errors
    /// As [`Accounts::consent`].
    async fn consent_to(
        &self,
        user: Uuid,
        session: Uuid,
        password: Option<&Private>,
        doing: &'static str,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(UserRow, Consent), AccountError> {
        let confirmation = Confirmation {
            session: Some(session),
            password,
        };
        let row = self
            .consent(user, confirmation, doing, origin, now_ms)
            .await?;
        let by = Consent {
            mandate: in_session(user, session, now_ms),
            password: row.password.clone(),
        };
        Ok((row, by))
    }
}

/// New recovery codes, and what is kept of them.
pub(super) fn recovery_codes(vault: &Vault, user: Uuid) -> (Vec<Private>, Vec<LookupHash>) {
    (0..RECOVERY_CODES)
        .map(|_| {
            let code = RecoveryCode::random();
            (
                Private::new(code.expose()),
                vault.recovery_hash(user, &code),
            )
        })
        .unzip()
}

/// As [`recovery_codes`], of a request that may be repeated: the repeat makes the same ones.
pub(super) fn repeated_codes(
    vault: &Vault,
    user: Uuid,
    secret: &[u8; 32],
) -> (Vec<Private>, Vec<LookupHash>) {
    (0_u8..)
        .take(RECOVERY_CODES)
        .map(|number| {
            let code = RecoveryCode::of(Repeat::code(secret, number));
            (
                Private::new(code.expose()),
                vault.recovery_hash(user, &code),
            )
        })
        .unzip()
}

/// The recovery codes that came with a factor.
pub(super) fn added_with(
    added: Added,
    codes: Vec<Private>,
) -> Result<Option<Vec<Private>>, AccountError> {
    match added {
        Added::Added { with_codes } => Ok(with_codes.then_some(codes)),
        Added::Gone => Err(AccountError::ChallengeGone),
        Added::TooMany => Err(AccountError::TooManyPasskeys),
    }
}
