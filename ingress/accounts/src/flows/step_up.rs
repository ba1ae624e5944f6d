//! Showing the second factor again for what is sensitive, and agreeing to changes of the factors themselves.

use onsale_auth::Role;
use onsale_private::Private;
use onsale_store::account::{Mandate, Requirement, UserRow};
use onsale_store::factor::{Consent, Shown, Tried};
use serde_json::json;
use uuid::Uuid;

use super::passkeys::PasskeyAnswer;
use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;
use crate::factors::Code;

/// For how long a second factor that was shown in a session is enough for what is sensitive, in milliseconds:
/// 15 minutes. It is also how old a session may be in which an account without a password does that.
const RECENT_MS: u64 = 15 * 60 * 1_000;

impl Accounts {
    /// Notes that a person has its second factor in this session, by a code.
    ///
    /// # Errors
    /// [`AccountError::WrongCode`], [`AccountError::ChallengeGone`] where too many were wrong in this session,
    /// and others.
    pub async fn step_up(
        &self,
        user: Uuid,
        session: Uuid,
        code: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let code = Code::parse(code)?;
        if !self.store.has_second_factor(user).await? {
            return Err(AccountError::NotFound("second factor"));
        }
        let tried = Tried::InSession(session);
        let checked = self.check_code(user, tried, &code, origin, now_ms).await?;
        let proven = self
            .prove(user, session, checked.shown, origin, now_ms)
            .await;
        if matches!(proven, Err(AccountError::WrongCode)) {
            self.refuse_code(user, false, origin, now_ms).await?;
        }
        proven
    }

    /// Notes that a person has its second factor in this session, by a passkey.
    ///
    /// # Errors
    /// [`AccountError::WrongPasskey`] and others.
    pub async fn step_up_with_passkey(
        &self,
        user: Uuid,
        session: Uuid,
        answer: PasskeyAnswer,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let signed = self
            .signed_by_passkey(answer.clone(), origin, now_ms)
            .await?;
        if signed.user_id != user {
            self.note_refusal(Some(user), "passkey", origin).await?;
            return Err(AccountError::WrongPasskey);
        }
        let proven = self
            .prove(user, session, signed.shown, origin, now_ms)
            .await;
        if matches!(proven, Err(AccountError::WrongCode)) && self.was_resealed(&signed.kept).await?
        {
            let signed = self.signed_by_passkey(answer, origin, now_ms).await?;
            return self
                .prove(user, session, signed.shown, origin, now_ms)
                .await;
        }
        proven
    }

    async fn prove(
        &self,
        user: Uuid,
        session: Uuid,
        shown: Shown,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let entry = origin
            .own(user, Role::Buyer, "session.step_up")
            .with(json!({ "session": session, "second_factor": shown.proof.as_str() }));
        let by = in_session(user, session, now_ms);
        if self.store.prove_session(by, shown, entry).await? {
            Ok(())
        } else {
            Err(AccountError::WrongCode)
        }
    }

    /// Refuses what is sensitive where the account has a second factor that was not shown in this session
    /// lately. A token of no session cannot show one.
    ///
    /// # Errors
    /// [`AccountError::StepUp`].
    pub(crate) async fn require_recent_factor(
        &self,
        user: Uuid,
        session: Option<Uuid>,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        if !self.store.has_second_factor(user).await? {
            return Ok(());
        }
        let at_ms = match session {
            Some(session) => self.store.proven_at(user, session).await?,
            None => None,
        };
        if at_ms.is_some_and(|at_ms| now_ms.saturating_sub(at_ms) < RECENT_MS) {
            return Ok(());
        }
        Err(AccountError::StepUp {
            ways: self.ways(user).await?,
        })
    }

    /// An account whose person agrees to `doing` something to its factors: it shows its password and, where it
    /// has one, has shown its second factor lately. An account without a password has signed in lately.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::InvalidCredentials`], [`AccountError::OldSession`] and
    /// others.
    pub(super) async fn consent(
        &self,
        user: Uuid,
        session: Uuid,
        password: Option<&Private>,
        doing: &'static str,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(UserRow, Consent), AccountError> {
        let row = self.store.user(user).await?;
        let row = row.filter(UserRow::is_active);
        let row = row.ok_or(AccountError::NotFound("account"))?;
        self.require_recent_factor(user, Some(session), now_ms)
            .await?;
        let shown = row.password.as_ref();
        if shown.is_some() {
            let password = password.ok_or(AccountError::Invalid {
                field: "password",
                expected: "the password of the account",
            })?;
            if !self.passwords.verify(password, shown).await? {
                self.note_wrong_confirmation(user, doing, origin).await?;
                return Err(AccountError::InvalidCredentials);
            }
        } else {
            let opened = self.store.session(session).await?;
            let is_new = opened.is_some_and(|opened| {
                opened.user_id == user && now_ms.saturating_sub(opened.created_at_ms) < RECENT_MS
            });
            if !is_new {
                return Err(AccountError::OldSession);
            }
        }
        let consent = Consent {
            mandate: in_session(user, session, now_ms),
            password: row.password.clone(),
        };
        Ok((row, consent))
    }
}

/// The right of a person over its own account, in a session of it.
pub(super) fn in_session(user: Uuid, session: Uuid, now_ms: u64) -> Mandate {
    Mandate {
        user_id: user,
        session_id: session,
        requires: Requirement::Account,
        at_ms: now_ms,
    }
}
