//! Showing the second factor again, for what is sensitive.

use onsale_private::Private;
use onsale_store::factor::{Shown, Tried};
use serde_json::json;
use uuid::Uuid;

use super::consent::in_session;
use super::passkeys::PasskeyAnswer;
use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;
use crate::factors::Code;

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
            .own(user, "session.step_up")
            .with(json!({ "session": session, "second_factor": shown.proof.as_str() }));
        let by = in_session(user, session, now_ms);
        if self.store.prove_session(by, shown, entry).await? {
            Ok(())
        } else {
            Err(AccountError::WrongCode)
        }
    }
}
