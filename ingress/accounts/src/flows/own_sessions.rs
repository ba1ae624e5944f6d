//! A person's list of its own sessions.

use onsale_private::Private;
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::error::AccountError;

/// A session as its person sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnSession {
    /// Its id.
    pub session_id: Uuid,
    /// When it was opened, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it was last used, in milliseconds since 1970.
    pub last_used_at_ms: u64,
    /// When it ends unless it is used, in milliseconds since 1970.
    pub expires_at_ms: u64,
    /// The program that it was opened with.
    pub agent: Option<Private>,
    /// The address that it was opened from.
    pub address: Option<Private>,
    /// Something of it does not open, and is left out.
    pub is_unreadable: bool,
}

impl Accounts {
    /// The live sessions of an account, newest first.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn sessions(&self, user: Uuid, now_ms: u64) -> Result<Vec<OwnSession>, AccountError> {
        let vault = self.vault(now_ms).await?;
        let rows = self.store.sessions_of(user, now_ms).await?;
        let sessions = rows
            .into_iter()
            .map(|row| {
                let mut is_unreadable = false;
                let (agent, address) = vault.show_origin(&row, &mut is_unreadable);
                OwnSession {
                    session_id: row.session_id,
                    created_at_ms: row.created_at_ms,
                    last_used_at_ms: row.rotated_at_ms,
                    expires_at_ms: row.expires_at_ms,
                    agent,
                    address,
                    is_unreadable,
                }
            })
            .collect();
        Ok(sessions)
    }
}
