//! Mails to the people of accounts, as payloads of jobs: written in the transaction of the fact that
//! they follow from, read by the worker that sends them.
//!
//! A payload lies in the database and is shown to operators, so it names the account by its id and holds
//! the token of a link sealed. The worker that sends the mail opens address and token at that moment.

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
    /// The account that it is about, and goes to unless there is an address; `None` for an invitation, which goes to
    /// an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// What an invitation is to, and where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Invitation>,
    /// Where a mail about an account goes that is for another address than the account's, sealed
    /// ([`crate::sealed_columns::mailed_address`]), in base64 for addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Until when it is good, in milliseconds since 1970: later there is no use in sending it.
    pub expires_at_ms: u64,
    /// The token, sealed ([`crate::sealed_columns::mailed_token`]), in base64 for addresses.
    pub token: String,
}

/// What an invitation is to, and where it goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Invitation {
    /// The address, sealed ([`crate::sealed_columns::mailed_address`]), in base64 for addresses.
    pub address: String,
    /// The name of the tenant.
    pub tenant: String,
    /// The tenant, whose colours and logo the mail has; nodes of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// What the person is to be there, by name.
    pub role: String,
    /// The language (BCP 47) that it is written in.
    pub locale: Option<String>,
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
