//! Ending sessions.

use onsale_store::account::SessionEnd;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;

impl Accounts {
    /// Ends one session of an account; its access tokens last until they expire.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] where it has no such live session.
    pub async fn end_session(
        &self,
        user: Uuid,
        session: Uuid,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let entry = origin
            .own(user, "session.end")
            .with(json!({ "session": session }));
        let why = SessionEnd::Logout;
        let ended = self.store.end_session(user, session, why, now_ms, entry);
        if ended.await? {
            Ok(())
        } else {
            Err(AccountError::NotFound("session"))
        }
    }

    /// Ends every session of an account; how many there were.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn end_all_sessions(
        &self,
        user: Uuid,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<u64, AccountError> {
        let entry = origin
            .own(user, "session.end")
            .with(json!({ "sessions": "all" }));
        let why = SessionEnd::Logout;
        let ended = self.store.end_sessions(user, None, why, now_ms, entry);
        Ok(ended.await?)
    }
}
