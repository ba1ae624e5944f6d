//! Mails to the people of accounts, as payloads of jobs: written by whoever makes the fact true, read by
//! whoever sends.
//!
//! A payload lies in the database and is shown to operators, so it names the account by its id and holds
//! the token of a link sealed. Whoever sends the mail opens address and token at that moment.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::StoreError;
use crate::job::NewJob;

/// The kind of job.
pub const KIND: &str = "mail.account";
/// Attempts before an operator looks at it: with pauses that double, about a day.
const ATTEMPTS_MAX: u16 = 12;

/// A mail with a link that holds a one-time token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LinkMail {
    /// Its own id, which no other mail has.
    pub mail_id: Uuid,
    /// What the token is for ([`crate::account::Purpose`]), by name.
    pub purpose: String,
    /// Whom it goes to.
    pub user_id: Uuid,
    /// Until when it is good, in milliseconds since 1970: later there is no use in sending it.
    pub expires_at_ms: u64,
    /// The token, sealed ([`crate::sealed_columns::mailed_token`]), in base64 for addresses.
    pub token: String,
}

impl LinkMail {
    /// The job that sends it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where it has no JSON.
    pub fn into_job(self) -> Result<NewJob, StoreError> {
        let payload = serde_json::to_string(&self)
            .map_err(|error| StoreError::Invalid(format!("a mail: {error}")))?;
        Ok(NewJob {
            kind: KIND,
            key: self.mail_id.to_string(),
            payload,
            delay_ms: 0,
            attempts_max: ATTEMPTS_MAX,
        })
    }
}
