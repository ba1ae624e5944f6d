//! Requests of people who forgot their password: asked for in one write that looks up no account, and answered by a
//! worker.

use onsale_private::LookupHash;

use crate::Store;
use crate::account::{OneTimeToken, Purpose, UserRow};
use crate::audit::{AuditEntry, Unaudited};
use crate::database::{Database, Durability, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::mail::LinkMail;
use crate::reset::{KIND, ResetAnswer, ResetRequest, WAITING_MAX, WAITING_OF_BLOCK_MAX};
use crate::store::jobs::enqueue;

/// The action of who forgot a password.
const FORGOT: &str = "account.forgot_password";
/// How long requests are kept that were answered, in milliseconds: a minute.
const KEPT_MS: u64 = 60_000;
/// Answered requests that each answer forgets at most. It is more than one, so they do not pile up.
const FORGOTTEN_AT_ONCE: u32 = 100;

/// How many wait, as far as that matters.
const COUNT_WAITING: &str = "SELECT COUNT(*) AS waiting FROM (SELECT job_id FROM jobs \
     WHERE kind = $1 AND state = 'waiting' LIMIT $2) AS few";
/// How many of those came from one part of the net: their keys begin alike.
const COUNT_OF_BLOCK: &str = "SELECT COUNT(*) AS waiting FROM (SELECT job_id FROM jobs \
     WHERE kind = $1 AND state = 'waiting' AND job_key >= $2 AND job_key < $3 LIMIT $4) AS few";

macro_rules! forget {
    ($among:literal, $lock:literal) => {
        concat!(
            "DELETE FROM jobs WHERE job_id ",
            $among,
            "SELECT job_id FROM jobs WHERE kind = $1 AND state IN ('done', 'cancelled') \
             AND ended_at_ms < (SELECT now_ms FROM database_clock) - $2 \
             ORDER BY ended_at_ms, job_id LIMIT $3",
            $lock,
            ")"
        )
    };
}

impl Store {
    /// Enqueues a request, and looks for nobody: it reads and writes the same whether or not an account has the
    /// address. False where [`WAITING_MAX`] wait, or [`WAITING_OF_BLOCK_MAX`] of the same part of the net.
    ///
    /// # Errors
    /// As every write.
    pub async fn ask_for_reset(&self, request: &ResetRequest) -> Result<bool, StoreError> {
        let (job, block) = (request.to_job()?, request.wide_block());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let values = [KIND.into(), WAITING_MAX.into()];
                let counted = transaction.fetch_optional(COUNT_WAITING, &values).await?;
                let waiting: u32 = match counted {
                    Some(row) => row.number("waiting")?,
                    None => 0,
                };
                if waiting >= WAITING_MAX {
                    return Ok(false);
                }
                if let Some(block) = &block
                    && waiting_of(&mut transaction, block).await? >= WAITING_OF_BLOCK_MAX
                {
                    return Ok(false);
                }
                enqueue(&mut transaction, &job).await?;
                // Who asked is written down with whom it is about, which is not known yet.
                transaction.commit(Unaudited::Automatic).await?;
                Ok(true)
            })
            .await
    }

    /// Answers a request that was asked at `asked_at_ms`: sends a link to the account of the address, where there is one that was not sent any a
    /// moment ago, and writes down who asked. A second answer to the same request sends no second link.
    ///
    /// # Errors
    /// As every write.
    pub async fn answer_reset_request(
        &self,
        request: &ResetRequest,
        asked_at_ms: u64,
        now_ms: u64,
    ) -> Result<ResetAnswer, StoreError> {
        let address = LookupHash::from_bytes(request.address_hash);
        let found = self.user_by_email(address).await?;
        let entry = |subject: &str| request.by.did(FORGOT, "user", subject);
        let Some(user) = found.filter(UserRow::is_active) else {
            self.append_audit(entry("unknown")).await?;
            return Ok(ResetAnswer::Nobody);
        };
        let entry = entry(&user.user_id.to_string());
        if now_ms.saturating_sub(asked_at_ms) >= request.life_ms {
            self.append_audit(entry).await?;
            return Ok(ResetAnswer::TooLate);
        }
        self.send_reset(request, &user, entry, now_ms).await
    }

    async fn send_reset(
        &self,
        request: &ResetRequest,
        user: &UserRow,
        entry: AuditEntry,
        now_ms: u64,
    ) -> Result<ResetAnswer, StoreError> {
        let token = OneTimeToken {
            token_hash: request.token_hash,
            purpose: Purpose::ResetPassword,
            user_id: Some(user.user_id),
            email_hash: user.email.as_ref().map(|email| email.hash),
            invited: None,
            issued_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(request.life_ms),
        };
        let mail = LinkMail {
            mail_id: request.mail_id,
            purpose: token.purpose.as_str().to_owned(),
            user_id: token.user_id,
            invitation: None,
            address: None,
            expires_at_ms: token.expires_at_ms,
            token: request.token.clone(),
        };
        let pace = request.pace();
        let sent = self.issue_at_pace(&token, mail.into_job()?, pace, entry);
        match sent.await {
            Ok(true) => Ok(ResetAnswer::Sent),
            Ok(false) => Ok(ResetAnswer::TooSoon),
            // An earlier attempt at the job has sent it.
            Err(error) if is_unique_violation(&error) => Ok(ResetAnswer::Sent),
            Err(error) => Err(error),
        }
    }

    /// Forgets some of the requests that were answered more than a minute ago; how many those were.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_answered_resets(&self) -> Result<u64, StoreError> {
        let values = [
            KIND.into(),
            integer("kept_ms", KEPT_MS)?.into(),
            FORGOTTEN_AT_ONCE.into(),
        ];
        let sql = match &self.database {
            // Several workers do this at once: each takes others, and waits for none (see `claim_jobs`).
            Database::Postgres(_) => forget!("= ANY(ARRAY(", " FOR UPDATE SKIP LOCKED)"),
            // One writer at a time.
            Database::Sqlite(_) => forget!("IN (", ""),
        };
        self.database
            .execute_unaudited(Durability::Durable, sql, &values)
            .await
    }
}

/// How many requests of a part of the net wait, as far as that matters.
async fn waiting_of(transaction: &mut Transaction, block: &str) -> Result<u32, StoreError> {
    // Keys go on with hexadecimal digits, which come before this letter in every order of letters.
    let behind = format!("{block}g");
    let values = [
        KIND.into(),
        Value::from(block),
        Value::from(&behind),
        WAITING_OF_BLOCK_MAX.into(),
    ];
    match transaction.fetch_optional(COUNT_OF_BLOCK, &values).await? {
        Some(row) => row.number("waiting"),
        None => Ok(0),
    }
}
