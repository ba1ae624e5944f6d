//! Mails that tell people what happened to their accounts, as payloads of jobs. They bring no link, so the
//! payload names the account by its id and what happened, and nothing else; but for the sealed address of one that
//! goes to where the account is leaving.
//!
//! They go to verified addresses alone, and to an account a few of a kind each day: otherwise anyone could
//! register another person's address and have this server write there.

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
/// Mails of a kind that an account is sent on a day. Further ones would say what these have said.
const DAILY_MAX: u32 = 5;

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
    /// An account elsewhere was linked.
    IdentityLinked,
    /// An account elsewhere was unlinked.
    IdentityUnlinked,
    /// The password was changed.
    PasswordChanged,
    /// The password was set by a mailed link.
    PasswordReset,
    /// Another address was asked for. It goes to the one that the account has at that moment.
    AddressChangeAsked,
    /// The account got another address. It goes to the one before.
    AddressChanged,
}

impl Notice {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::TotpAdded,
        Self::TotpRemoved,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::RecoveryCodeUsed,
        Self::CodesTried,
        Self::FactorsReset,
        Self::IdentityLinked,
        Self::IdentityUnlinked,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::AddressChangeAsked,
        Self::AddressChanged,
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
            Self::IdentityLinked => "identity_linked",
            Self::IdentityUnlinked => "identity_unlinked",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::AddressChangeAsked => "address_change_asked",
            Self::AddressChanged => "address_changed",
        }
    }

    /// The notice of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.as_str() == name)
    }

    /// Mails of this kind that an account is sent on a day.
    fn daily_max(self) -> u32 {
        match self {
            // Whoever has the password can go on trying codes.
            Self::CodesTried => 1,
            _ => DAILY_MAX,
        }
    }

    /// The job that mails it to an account.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where it has no JSON.
    pub fn job(self, user: Uuid, now_ms: u64) -> Result<NoticeJob, StoreError> {
        self.job_with(Uuid::now_v7(), user, None, now_ms)
    }

    /// As [`Notice::job`], to the address that the account has now even where it has another when the mail is sent.
    /// `seal` seals that address for the mail whose id it is given
    /// ([`crate::sealed_columns::mailed_address`]), in base64 for addresses.
    ///
    /// # Errors
    /// As [`Notice::job`].
    pub fn job_to(
        self,
        user: Uuid,
        now_ms: u64,
        seal: impl FnOnce(Uuid) -> String,
    ) -> Result<NoticeJob, StoreError> {
        let mail_id = Uuid::now_v7();
        self.job_with(mail_id, user, Some(seal(mail_id)), now_ms)
    }

    fn job_with(
        self,
        mail_id: Uuid,
        user: Uuid,
        address: Option<String>,
        now_ms: u64,
    ) -> Result<NoticeJob, StoreError> {
        let mail = NoticeMail {
            mail_id,
            user_id: user,
            notice: self.as_str().to_owned(),
            address,
            expires_at_ms: now_ms.saturating_add(LIFE_MS),
        };
        let payload = serde_json::to_string(&mail)
            .map_err(|error| StoreError::Invalid(format!("a mail: {error}")))?;
        Ok(NoticeJob {
            user_id: user,
            kind_and_day: format!("{} {user} {}", self.as_str(), now_ms / DAY_MS),
            daily_max: self.daily_max(),
            payload,
        })
    }
}

/// Patterns (of `LIKE`) of the keys of jobs about an account that hold an address.
pub(crate) fn keys_with_address(user: Uuid) -> [String; 2] {
    [Notice::AddressChangeAsked, Notice::AddressChanged]
        .map(|notice| format!("{} {user} %", notice.as_str()))
}

/// A notice that is enqueued with what it tells of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoticeJob {
    /// The account that it goes to.
    pub(crate) user_id: Uuid,
    /// What it shares with the others of the kind that the account is sent on the same day.
    kind_and_day: String,
    daily_max: u32,
    payload: String,
}

impl NoticeJob {
    /// The job as each of those that a day has room for; it is enqueued as the first that there is not yet.
    pub(crate) fn as_each(&self) -> impl Iterator<Item = NewJob> + Send + '_ {
        (1..=self.daily_max).map(|number| NewJob {
            kind: KIND,
            key: format!("{} {number}", self.kind_and_day),
            payload: self.payload.clone(),
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
    /// Where it goes that is not to the account's address ([`Notice::job_to`]), sealed. The address was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// After when there is no use in sending it, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_as_it_was_written_and_a_day_has_room_for_a_few() {
        let user = Uuid::from_u128(7);
        let keys = |notice: Notice, now_ms: u64| {
            let job = notice.job(user, now_ms).unwrap();
            job.as_each().map(|job| job.key).collect::<Vec<_>>()
        };
        for notice in Notice::ALL {
            let job = notice.job(user, 5 * DAY_MS).unwrap();
            let mail: NoticeMail = serde_json::from_str(&job.payload).unwrap();
            assert_eq!(Notice::parse(&mail.notice), Some(notice));
            let today = keys(notice, 5 * DAY_MS);
            let room = if notice == Notice::CodesTried { 1 } else { 5 };
            assert_eq!(today.len(), room);
            assert_eq!(keys(notice, 6 * DAY_MS - 1), today);
            let tomorrow = keys(notice, 6 * DAY_MS);
            assert!(today.iter().all(|key| !tomorrow.contains(key)));
        }
        assert_eq!(Notice::parse("other"), None);
    }

    #[test]
    fn a_notice_to_an_address_holds_it_sealed_under_a_key_that_erasing_finds() {
        let user = Uuid::from_u128(7);
        let mut sealed_for = None;
        let job = Notice::AddressChanged.job_to(user, 5 * DAY_MS, |mail| {
            sealed_for = Some(mail);
            "sealed".to_owned()
        });
        let job = job.unwrap();
        let mail: NoticeMail = serde_json::from_str(&job.payload).unwrap();
        assert_eq!(mail.address.as_deref(), Some("sealed"));
        assert_eq!(Some(mail.mail_id), sealed_for);
        let [_, pattern] = keys_with_address(user);
        let begin = pattern.strip_suffix('%').unwrap();
        assert!(job.as_each().all(|job| job.key.starts_with(begin)));
        let plain = Notice::PasswordChanged.job(user, 5 * DAY_MS).unwrap();
        assert!(!plain.payload.contains("address"), "{}", plain.payload);
    }
}
