//! Going on with a session.

use onsale_store::account::{SessionEnd, SessionRow};
use onsale_store::audit::{Audit, Unaudited};
use onsale_store::store::Decided;
use serde_json::json;

use crate::accounts::{Accounts, Origin, SignedIn};
use crate::error::AccountError;
use crate::sessions::{FamilyTokens, RefreshToken, Refusal, Verdict, shown};

impl Accounts {
    /// A new access token for a refresh token, which is used up.
    ///
    /// # Errors
    /// [`AccountError::Refresh`] and others.
    pub async fn refresh(
        &self,
        token: &str,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        let unknown = || AccountError::Refresh(Refusal::Unknown);
        let token = RefreshToken::parse(token).ok_or_else(unknown)?;
        // A guess costs a read, and no turn among those who write.
        let found = self.store.session(token.session()).await?;
        let is_of_family = |row: &SessionRow| row.family_hash == token.family_hash();
        if !found.as_ref().is_some_and(is_of_family) {
            return Err(unknown());
        }
        let step = {
            let (origin, policy, token) = (origin.clone(), self.policy(), token.clone());
            let tokens: FamilyTokens = self.tokens.clone();
            let salt = rand::random();
            move |session: &SessionRow| {
                let (verdict, step) = shown(session, &token, &tokens, salt, policy, now_ms);
                let audit: Audit = match &verdict {
                    Verdict::Refused(Refusal::Reused) => origin
                        .anonymous()
                        .did("session.reuse", "user", session.user_id)
                        .with(json!({
                            "session": session.session_id,
                            "ended": SessionEnd::Reuse.as_str(),
                        }))
                        .into(),
                    // Every quarter of an hour of every session: its opening and its end say enough.
                    _ => Unaudited::Automatic.into(),
                };
                Decided {
                    step,
                    audit,
                    value: (verdict, session.clone()),
                }
            }
        };
        let stepped = self
            .store
            .step_session(token.session(), now_ms, step)
            .await?;
        let (verdict, session) = stepped.ok_or_else(unknown)?;
        let next = match verdict {
            Verdict::Next(next) | Verdict::Again(next) => next,
            Verdict::Refused(why) => return Err(AccountError::Refresh(why)),
        };
        let user = self.store.user(session.user_id).await?;
        let user = user.filter(|user| user.is_active()).ok_or_else(unknown)?;
        let person = self.person(user, session.tenant_id, now_ms).await?;
        let expires_at_ms = now_ms.saturating_add(self.policy().life_ms);
        self.signed_in(person, next, expires_at_ms, now_ms)
    }

    /// Ends the session of a refresh token, for a client whose access token has expired. Whether there
    /// was one is not said.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn logout_with(
        &self,
        token: &str,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let Some(token) = RefreshToken::parse(token) else {
            return Ok(());
        };
        let Some(session) = self.store.session(token.session()).await? else {
            return Ok(());
        };
        if session.family_hash != token.family_hash() {
            return Ok(());
        }
        let entry = origin
            .own(session.user_id, "session.end")
            .with(json!({ "session": session.session_id }));
        let why = SessionEnd::Logout;
        let (user, id) = (session.user_id, session.session_id);
        self.store.end_session(user, id, why, now_ms, entry).await?;
        Ok(())
    }
}
