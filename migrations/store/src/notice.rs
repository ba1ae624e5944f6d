//! Mails that tell people what happened to their accounts, as payloads of jobs. They bring no link, so the
//! payload names the account by its id and what happened, and nothing else.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::StoreError;
use crate::job::NewJob;

/// The kind of job.
pub const KIND: &str = "mail.notice";
/// Attempts before an operator looks at it: with pauses that double, about a day.
const ATTEMPTS_MAX: u16 = 12;
/// After how long there is no use in sending one any more, in milliseconds: 7 days.
const LIFE_MS: u64 = 7 * 86_400_000;
const DAY_MS: u64 = 86_400_000;

/// What a person is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// An authenticator app was set up.
    TotpAdded,
    /// The authenticator app was removed.
    TotpRemoved,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// Someone who knows the password tries codes.
    CodesTried,
    /// Operators removed every second factor.
    FactorsReset,
}

impl Notice {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::TotpAdded,
        Self::TotpRemoved,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::RecoveryCodeUsed,
        Self::CodesTried,
        Self::FactorsReset,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TotpAdded => "totp_added",
            Self::TotpRemoved => "totp_removed",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::CodesTried => "codes_tried",
            Self::FactorsReset => "factors_reset",
        }
    }

    /// The notice of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.as_str() == name)
    }

    /// The job that mails it to an account.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where it has no JSON.
    pub fn job(self, user: Uuid, now_ms: u64) -> Result<NewJob, StoreError> {
        let mail_id = Uuid::now_v7();
        // Whoever goes on trying codes fills no mailbox: one a day.
        let key = match self {
            Self::CodesTried => format!("{} {user} {}", self.as_str(), now_ms / DAY_MS),
            _ => mail_id.to_string(),
        };
        let mail = NoticeMail {
            mail_id,
            user_id: user,
            notice: self.as_str().to_owned(),
            expires_at_ms: now_ms.saturating_add(LIFE_MS),
        };
        let payload = serde_json::to_string(&mail)
            .map_err(|error| StoreError::Invalid(format!("a mail: {error}")))?;
        Ok(NewJob {
            kind: KIND,
            key,
            payload,
            delay_ms: 0,
            attempts_max: ATTEMPTS_MAX,
        })
    }
}

/// The payload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NoticeMail {
    /// Its own id, which no other mail has.
    pub mail_id: Uuid,
    /// The account that it goes to.
    pub user_id: Uuid,
    /// What it tells ([`Notice`]), by name.
    pub notice: String,
    /// After when there is no use in sending it, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_as_it_was_written_and_tried_codes_are_told_once_a_day() {
        let user = Uuid::from_u128(7);
        for notice in Notice::ALL {
            let job = notice.job(user, 5 * DAY_MS).unwrap();
            let mail: NoticeMail = serde_json::from_str(&job.payload).unwrap();
            assert_eq!(Notice::parse(&mail.notice), Some(notice));
            let again = notice.job(user, 5 * DAY_MS + 1).unwrap();
            assert_eq!(job.key == again.key, notice == Notice::CodesTried);
        }
        assert_eq!(Notice::parse("other"), None);
    }
}
