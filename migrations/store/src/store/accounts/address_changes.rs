//! Another address for an account: asked for in a session, done by the link that the new address is sent.
//!
//! Locks are taken in the order of all that is about people: the account, then what waits for it, then its sessions.

use onsale_private::{LookupHash, Sealed};
use uuid::Uuid;

use super::sessions::{self, Whose};
use super::{identities, mandate, notices, one_time_tokens, users};
use crate::Store;
use crate::account::{
    AccountProof, Act, PasswordHash, Purpose, SealedEmail, SessionEnd, TokenHash, UserRow,
};
use crate::address_change::{ADDRESS_CHANGES_PER_DAY_MAX, AddressAsked, AddressChange, KeptChange};
use crate::audit::AuditEntry;
use crate::database::{Durability, Row, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::job::NewJob;
use crate::notice::NoticeJob;
use crate::store::jobs::enqueue;

/// Within how long changes are counted, in milliseconds.
const DAY_MS: u64 = 86_400_000;
/// Changes of a person that are shown to it at most.
const KEPT_MAX: u32 = 100;

const INSERT: &str = "INSERT INTO address_changes (change_id, token_hash, user_id, email_sealed, \
     email_hash, from_hash, issued_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
/// A change whose link is good at a time.
const SELECT_GOOD: &str = "SELECT change_id, token_hash, user_id, email_sealed, email_hash, from_hash, \
     issued_at_ms, expires_at_ms FROM address_changes WHERE token_hash = $1 \
     AND used_at_ms IS NULL AND expires_at_ms > $2";
/// Of two at the same time, the second waits for the row and finds it used.
const USE_UP: &str = "UPDATE address_changes SET used_at_ms = $2, email_sealed = NULL \
     WHERE token_hash = $1 AND used_at_ms IS NULL AND expires_at_ms > $2 \
     RETURNING email_hash, from_hash";
const VOID: &str = "UPDATE address_changes SET used_at_ms = $2, email_sealed = NULL \
     WHERE user_id = $1 AND used_at_ms IS NULL";
/// Those whose links are good no more stay as they are.
const WITHDRAW: &str = "UPDATE address_changes SET used_at_ms = $2, email_sealed = NULL \
     WHERE user_id = $1 AND used_at_ms IS NULL AND expires_at_ms > $2 RETURNING change_id";

impl Store {
    /// Writes a change down, enqueues the mail with its link to the new address and the notice to the one that the
    /// account has. What was asked for before is good no more. Nobody is looked for by the new address, so this does
    /// the same whether or not another account has it. `shown` is the password that the account has to have still.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn ask_address_change(
        &self,
        change: &AddressChange,
        mail: NewJob,
        notice: NoticeJob,
        shown: Option<&PasswordHash>,
        act: impl Into<Act>,
    ) -> Result<AddressAsked, StoreError> {
        let (change, shown) = (change.clone(), shown.cloned());
        let Act { audit, mandate } = act.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let (id, now_ms) = (change.user_id, change.issued_at_ms);
                let user = users::lock(&mut transaction, id).await?;
                mandate::check(&mut transaction, mandate).await?;
                let is_right = |user: &UserRow| {
                    user.is_active() && user.password == shown && has(user, &change.from_hash)
                };
                if !user.as_ref().is_some_and(is_right) {
                    return Ok(AddressAsked::NotThere);
                }
                if let Some(next_at_ms) = next_at(&mut transaction, id, now_ms).await? {
                    return Ok(AddressAsked::TooMany { next_at_ms });
                }
                void(&mut transaction, id, now_ms).await?;
                insert(&mut transaction, &change).await?;
                enqueue(&mut transaction, &mail).await?;
                notices::tell(&mut transaction, &notice).await?;
                transaction.commit(audit).await?;
                Ok(AddressAsked::Asked)
            })
            .await
    }

    /// Withdraws the changes of an account that wait, and the mails with their links that were not sent yet. False where
    /// none waits: then nothing is written.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn withdraw_address_changes(
        &self,
        user: Uuid,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<bool, StoreError> {
        let Act { audit, mandate } = act.into();
        self.database
            .write_again(Durability::Durable, move |mut transaction| async move {
                users::lock(&mut transaction, user).await?;
                mandate::check(&mut transaction, mandate).await?;
                let values = [user.into(), integer("now_ms", now_ms)?.into()];
                let waiting = transaction.fetch(WITHDRAW, &values).await?;
                if waiting.is_empty() {
                    return Ok(false);
                }
                forget_mails(&mut transaction, &waiting).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// A change whose link is good now, which it stays.
    ///
    /// # Errors
    /// As every read.
    pub async fn address_change(
        &self,
        hash: TokenHash,
        now_ms: u64,
    ) -> Result<Option<AddressChange>, StoreError> {
        let values = [Value::Bytes(&hash), integer("now_ms", now_ms)?.into()];
        self.database
            .fetch_optional(SELECT_GOOD, &values)
            .await?
            .map(|row| change_row(&row))
            .transpose()
    }

    /// Uses the token of a link up to give its account the new address: `email`, sealed for the account. The address is
    /// verified then, and known to be the account's own: `proof` shows that the reader of the mail is its person.
    /// Without that the account would be left to whoever reads a mailbox that its person mistyped, for a password that
    /// is set by mail drops the second factors of an account that is not known to be its person's
    /// (`users::give_to_reader`). What the old address or its session might still open ends: links that were mailed
    /// there, changes that wait, sign-ins on their way, and every session but that of `proof`. Accounts elsewhere stay
    /// linked, and no provider vouches for them any more: it vouched for the old address. `notice` goes to that one,
    /// where it was verified. Whose account it is; `None` where the token is not good, or the account has another
    /// address by now.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where another account has the address, and [`StoreError::RightWithdrawn`] where the
    /// proof holds no more: the token stays good; otherwise as every write.
    pub async fn change_address(
        &self,
        hash: TokenHash,
        email: &SealedEmail,
        proof: AccountProof,
        notice: NoticeJob,
        now_ms: u64,
        audit: impl FnOnce(Uuid) -> AuditEntry + Send + 'static,
    ) -> Result<Option<Uuid>, StoreError> {
        let email = email.clone();
        let result = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(id) = whose(&mut transaction, hash, now_ms).await? else {
                    return Ok(None);
                };
                let user = users::lock(&mut transaction, id).await?;
                let Some((to, from)) = use_up(&mut transaction, hash, now_ms).await? else {
                    return Ok(None);
                };
                let is_for = |user: &UserRow| user.is_active() && has(user, &from);
                let Some(user) = user.filter(is_for) else {
                    return Ok(None);
                };
                if to != email.hash {
                    return Err(StoreError::Invalid(
                        "another address than was asked for".to_owned(),
                    ));
                }
                one_time_tokens::check_proof(&mut transaction, &user, &proof, now_ms).await?;
                // While it is the old address that is verified or not.
                notices::tell(&mut transaction, &notice).await?;
                replace(&mut transaction, id, &email, now_ms).await?;
                for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword] {
                    one_time_tokens::void(&mut transaction, id, purpose, now_ms).await?;
                }
                void(&mut transaction, id, now_ms).await?;
                identities::vouch_no_more(&mut transaction, id).await?;
                identities::end_sign_ins(&mut transaction, id).await?;
                let keep = match proof {
                    AccountProof::Session(session) => Some(session),
                    AccountProof::Password(_) => None,
                };
                let ended = Whose::AllBut(id, keep);
                sessions::end(&mut transaction, ended, SessionEnd::Address, now_ms).await?;
                transaction.commit(audit(id)).await?;
                Ok(Some(id))
            })
            .await;
        match result {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("account")),
            other => other,
        }
    }

    /// What is kept of the changes that a person asked for, the newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn address_changes_of(&self, user: Uuid) -> Result<Vec<KeptChange>, StoreError> {
        self.database
            .fetch(
                "SELECT change_id, email_sealed, issued_at_ms, expires_at_ms, used_at_ms FROM address_changes \
                 WHERE user_id = $1 ORDER BY issued_at_ms DESC, change_id LIMIT $2",
                &[user.into(), KEPT_MAX.into()],
            )
            .await?
            .iter()
            .map(|row| {
                Ok(KeptChange {
                    change_id: row.uuid("change_id")?,
                    email: row.sealed_or_null("email_sealed")?,
                    issued_at_ms: row.number("issued_at_ms")?,
                    expires_at_ms: row.number("expires_at_ms")?,
                    used_at_ms: row.number_or_null("used_at_ms")?,
                })
            })
            .collect()
    }

    /// Forgets changes whose links were good until before `before_ms`; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_address_changes(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.forget_in_steps(
            "DELETE FROM address_changes WHERE change_id IN (SELECT change_id \
             FROM address_changes WHERE expires_at_ms < $1 LIMIT $2)",
            before_ms,
        )
        .await
    }
}

/// The changes that an account has asked for are good no more.
pub(super) async fn void(
    transaction: &mut Transaction,
    user: Uuid,
    now_ms: u64,
) -> Result<(), StoreError> {
    transaction
        .execute(VOID, &[user.into(), integer("now_ms", now_ms)?.into()])
        .await
        .map(drop)
}

/// Deletes the changes of an account that is being erased, and the mails about them with the addresses in them. One
/// that is being sent at this moment stays.
pub(super) async fn erase(transaction: &mut Transaction, user: Uuid) -> Result<(), StoreError> {
    let deleted = transaction
        .fetch(
            "DELETE FROM address_changes WHERE user_id = $1 RETURNING change_id",
            &[user.into()],
        )
        .await?;
    forget_mails(transaction, &deleted).await?;
    for keys in crate::notice::keys_with_address(user) {
        transaction
            .execute(
                "DELETE FROM jobs WHERE kind = $1 AND job_key LIKE $2 AND state <> 'running'",
                &[crate::notice::KIND.into(), Value::from(&keys)],
            )
            .await?;
    }
    Ok(())
}

/// Deletes the mails with the links of changes. One that is being sent at this moment stays.
async fn forget_mails(transaction: &mut Transaction, changes: &[Row]) -> Result<(), StoreError> {
    for row in changes {
        // The mail has the id of the change.
        let key = row.uuid("change_id")?.to_string();
        transaction
            .execute(
                "DELETE FROM jobs WHERE kind = $1 AND job_key = $2 AND state <> 'running'",
                &[crate::mail::KIND.into(), Value::from(&key)],
            )
            .await?;
    }
    Ok(())
}

/// Whether an account has the address of this hash.
fn has(user: &UserRow, address: &LookupHash) -> bool {
    user.email
        .as_ref()
        .is_some_and(|email| email.hash == *address)
}

/// When an account may ask for the next change; `None`: now. The count is of all that it asked for, used or not.
async fn next_at(
    transaction: &mut Transaction,
    user: Uuid,
    now_ms: u64,
) -> Result<Option<u64>, StoreError> {
    let since_ms = now_ms.saturating_sub(DAY_MS);
    let asked = transaction
        .fetch(
            "SELECT issued_at_ms FROM address_changes WHERE user_id = $1 AND issued_at_ms > $2 \
             ORDER BY issued_at_ms DESC LIMIT $3",
            &[
                user.into(),
                integer("issued_at_ms", since_ms)?.into(),
                ADDRESS_CHANGES_PER_DAY_MAX.into(),
            ],
        )
        .await?;
    let count = u32::try_from(asked.len()).unwrap_or(u32::MAX);
    match asked.last() {
        Some(oldest) if count >= ADDRESS_CHANGES_PER_DAY_MAX => {
            let at_ms: u64 = oldest.number("issued_at_ms")?;
            Ok(Some(at_ms.saturating_add(DAY_MS)))
        }
        _ => Ok(None),
    }
}

async fn insert(transaction: &mut Transaction, change: &AddressChange) -> Result<(), StoreError> {
    transaction
        .execute(
            INSERT,
            &[
                change.change_id.into(),
                Value::Bytes(&change.token_hash),
                change.user_id.into(),
                Value::from(&change.email.sealed),
                Value::from(&change.email.hash),
                Value::from(&change.from_hash),
                integer("issued_at_ms", change.issued_at_ms)?.into(),
                integer("expires_at_ms", change.expires_at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

/// The account of a link that is good.
async fn whose(
    transaction: &mut Transaction,
    hash: TokenHash,
    now_ms: u64,
) -> Result<Option<Uuid>, StoreError> {
    let values = [Value::Bytes(&hash), integer("now_ms", now_ms)?.into()];
    let found = transaction.fetch_optional(SELECT_GOOD, &values).await?;
    found.map(|row| row.uuid("user_id")).transpose()
}

/// Uses a good token up, and forgets the address: the one that it leads to, and the one that it leads away from.
async fn use_up(
    transaction: &mut Transaction,
    hash: TokenHash,
    now_ms: u64,
) -> Result<Option<(LookupHash, LookupHash)>, StoreError> {
    let values = [Value::Bytes(&hash), integer("now_ms", now_ms)?.into()];
    let used = transaction.fetch_optional(USE_UP, &values).await?;
    used.map(|row| {
        Ok((
            LookupHash::from_bytes(row.exactly("email_hash")?),
            LookupHash::from_bytes(row.exactly("from_hash")?),
        ))
    })
    .transpose()
}

/// Gives an account an address that is verified now, and known to be its own.
async fn replace(
    transaction: &mut Transaction,
    user: Uuid,
    email: &SealedEmail,
    now_ms: u64,
) -> Result<(), StoreError> {
    let now = integer("now_ms", now_ms)?;
    transaction
        .execute(
            "UPDATE users SET email_sealed = $2, email_hash = $3, email_verified_at_ms = $4, \
             address_owned_at_ms = $4 WHERE user_id = $1",
            &[
                user.into(),
                Value::from(&email.sealed),
                Value::from(&email.hash),
                now.into(),
            ],
        )
        .await
        .map(drop)
}

fn change_row(row: &Row) -> Result<AddressChange, StoreError> {
    Ok(AddressChange {
        change_id: row.uuid("change_id")?,
        token_hash: row.exactly("token_hash")?,
        user_id: row.uuid("user_id")?,
        email: SealedEmail {
            sealed: Sealed::from_stored(row.bytes("email_sealed")?),
            hash: LookupHash::from_bytes(row.exactly("email_hash")?),
        },
        from_hash: LookupHash::from_bytes(row.exactly("from_hash")?),
        issued_at_ms: row.number("issued_at_ms")?,
        expires_at_ms: row.number("expires_at_ms")?,
    })
}
