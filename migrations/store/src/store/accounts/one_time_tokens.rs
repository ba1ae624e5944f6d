//! One-time tokens. Each is used up in the transaction of what it allows.

use onsale_private::LookupHash;
use onsale_schemas::MemberRole;
use uuid::Uuid;

use super::{address_changes, admins, notices, sessions, users};
use crate::Store;
use crate::account::{
    AccountProof, KeptLink, LinkPace, OneTimeToken, PasswordHash, Purpose, SealedEmail, TokenHash,
    UserRow,
};
use crate::audit::{Audit, AuditEntry};
use crate::database::{Durability, Row, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::job::NewJob;
use crate::notice::Notice;
use crate::store::jobs::enqueue;

macro_rules! columns {
    () => {
        "token_hash, purpose, user_id, email_hash, tenant_id, member_role, issued_at_ms, \
         expires_at_ms"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO one_time_tokens (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);
/// A token that is good at a time.
const SELECT_GOOD: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM one_time_tokens WHERE token_hash = $1 AND purpose = $2 AND used_at_ms IS NULL \
     AND expires_at_ms > $3"
);

/// What the token of a mailed link is used for.
enum Use {
    Verify(Option<AccountProof>),
    Reset(PasswordHash),
}

impl Use {
    fn purpose(&self) -> Purpose {
        match self {
            Self::Verify(_) => Purpose::VerifyEmail,
            Self::Reset(_) => Purpose::ResetPassword,
        }
    }
}

impl Store {
    /// Issues a token and enqueues the job that sends it. Earlier ones stay good, each until it is used
    /// or expires: otherwise anyone could make the link in another person's mailbox useless by asking
    /// for the next. Nothing is issued for an account that is erased or disabled by now.
    ///
    /// # Errors
    /// As every write.
    pub async fn issue_one_time_token(
        &self,
        token: &OneTimeToken,
        mail: Option<NewJob>,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let (token, audit) = (token.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if let Some(user) = token.user_id {
                    let account = users::lock(&mut transaction, user).await?;
                    if !account.is_some_and(|account| account.is_active()) {
                        return Ok(());
                    }
                }
                insert(&mut transaction, &token).await?;
                if let Some(mail) = mail {
                    enqueue(&mut transaction, &mail).await?;
                }
                transaction.commit(audit).await
            })
            .await
    }

    /// As [`Store::issue_one_time_token`] for an active account that was not sent a token of the purpose
    /// within the pause of `pace`. False where it was, or there is no such account: then the entry is
    /// written all the same, and nothing else.
    ///
    /// # Errors
    /// As every write.
    pub async fn issue_at_pace(
        &self,
        token: &OneTimeToken,
        mail: NewJob,
        pace: LinkPace,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (token, audit) = (token.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(id) = token.user_id else {
                    return Err(StoreError::Invalid("a token for nobody".to_owned()));
                };
                // Of two at once, the second waits here and finds what the first was sent.
                let user = users::lock(&mut transaction, id).await?;
                let is_due = user.is_some_and(|user| is_for(&token, &user))
                    && pause_is_over(&mut transaction, id, &token, pace).await?;
                if is_due {
                    insert(&mut transaction, &token).await?;
                    enqueue(&mut transaction, &mail).await?;
                }
                transaction.commit(audit).await?;
                Ok(is_due)
            })
            .await
    }

    /// A token that is good now, which it stays: to refuse a wrong one before anything costly.
    ///
    /// # Errors
    /// As every read.
    pub async fn one_time_token(
        &self,
        hash: TokenHash,
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<Option<OneTimeToken>, StoreError> {
        let values = [
            Value::Bytes(&hash),
            purpose.as_str().into(),
            integer("now_ms", now_ms)?.into(),
        ];
        self.database
            .fetch_optional(SELECT_GOOD, &values)
            .await?
            .map(|row| token_row(&row))
            .transpose()
    }

    /// What is kept of links and invitations of a person, the newest first: open ones of its account, where its
    /// address is verified all that went there, and the invitations that it sent.
    ///
    /// # Errors
    /// As every read.
    pub async fn links_of_person(
        &self,
        user: &UserRow,
        limit: u32,
    ) -> Result<Vec<KeptLink>, StoreError> {
        self.database
            .fetch(
                "SELECT purpose, tenant_id, member_role, invited_by, issued_at_ms, expires_at_ms, \
                 used_at_ms FROM one_time_tokens WHERE (user_id = $1 AND used_at_ms IS NULL) \
                 OR email_hash = $2 OR invited_by = $1 ORDER BY issued_at_ms DESC, token_hash LIMIT $3",
                &[
                    user.user_id.into(),
                    user.owned_address().into(),
                    limit.into(),
                ],
            )
            .await?
            .iter()
            .map(kept_link)
            .collect()
    }

    /// Uses a token up to verify an account's address, with every other one of the account for the purpose. Where
    /// `proof` shows that the reader of the mail is the account's person, the address is known to be its own from
    /// then on. Whose account it is; `None` where the token is not good, or the account has another address by now.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`] where the proof holds no more: the token stays good; otherwise as every write.
    pub async fn verify_email(
        &self,
        hash: TokenHash,
        proof: Option<AccountProof>,
        now_ms: u64,
        audit: impl FnOnce(Uuid) -> AuditEntry + Send + 'static,
    ) -> Result<Option<Uuid>, StoreError> {
        self.with_token(hash, Use::Verify(proof), now_ms, audit)
            .await
    }

    /// Uses a token up to set a password, with every other one of the account for the purpose. What someone else
    /// may have set up ends: every session, and identities elsewhere whose provider does not vouch for the address.
    /// Where the address was not known to be the account's person's, its second factors are removed, too: nobody
    /// knows whose they are. So the account is that of who reads its mail from then on. A second factor that was set
    /// up after that stays. The person is told by mail, and changes of the address that wait are good no more.
    /// Otherwise as [`Store::verify_email`].
    ///
    /// # Errors
    /// As every write.
    pub async fn reset_password(
        &self,
        hash: TokenHash,
        password: &PasswordHash,
        now_ms: u64,
        audit: impl FnOnce(Uuid) -> AuditEntry + Send + 'static,
    ) -> Result<Option<Uuid>, StoreError> {
        let password = password.clone();
        self.with_token(hash, Use::Reset(password), now_ms, audit)
            .await
    }

    /// Adds the first admin of the installation by a token, with a token that proves the address and the
    /// job that sends it; every token for a first admin is used up by it. False where the token is not
    /// good, or there is an admin by now.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when an account has the address; otherwise as every write.
    pub async fn add_first_admin(
        &self,
        hash: TokenHash,
        user: &UserRow,
        proof: (OneTimeToken, NewJob),
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (user, audit) = (user.clone(), audit.into());
        let result = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                // All of them: of two nodes' links that are followed at once, the second waits for these
                // rows and finds them used.
                let used = transaction
                    .fetch(
                        "UPDATE one_time_tokens SET used_at_ms = $1 WHERE purpose = 'first_admin' \
                         AND used_at_ms IS NULL AND expires_at_ms > $1 RETURNING token_hash",
                        &[integer("now_ms", now_ms)?.into()],
                    )
                    .await?;
                let mut is_good = false;
                for row in &used {
                    is_good |= row.exactly("token_hash")? == hash;
                }
                if !is_good || admins::has_admin(&mut transaction).await? {
                    return Ok(false);
                }
                users::insert(&mut transaction, &user).await?;
                let (token, mail) = proof;
                insert(&mut transaction, &token).await?;
                enqueue(&mut transaction, &mail).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await;
        match result {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("account")),
            other => other,
        }
    }

    async fn with_token(
        &self,
        hash: TokenHash,
        using: Use,
        now_ms: u64,
        audit: impl FnOnce(Uuid) -> AuditEntry + Send + 'static,
    ) -> Result<Option<Uuid>, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let purpose = using.purpose();
                let found = good(&mut transaction, hash, purpose, now_ms).await?;
                let Some(id) = found.and_then(|token| token.user_id) else {
                    return Ok(None);
                };
                // The account before its tokens, as whoever ends several of them does: two links of an
                // account at once would otherwise wait for each other.
                let user = users::lock(&mut transaction, id).await?;
                let Some(token) = use_up(&mut transaction, hash, purpose, now_ms).await? else {
                    return Ok(None);
                };
                let Some(mut user) = user.filter(|user| is_for(&token, user)) else {
                    return Ok(None);
                };
                user.verify_address(now_ms);
                match &using {
                    Use::Verify(proof) => {
                        if let Some(proof) = proof {
                            check_proof(&mut transaction, &user, proof, now_ms).await?;
                            user.own_address(now_ms);
                        }
                        users::replace(&mut transaction, &user).await?;
                    }
                    // Codes of a second factor that stays, and that were tried, go on counting: otherwise who
                    // reads the mail of an account would have as many as it asks for links.
                    Use::Reset(password) => {
                        user.password = Some(password.clone());
                        users::give_to_reader(&mut transaction, &mut user, now_ms).await?;
                        address_changes::void(&mut transaction, id, now_ms).await?;
                        let notice = Notice::PasswordReset.job(id, now_ms)?;
                        notices::tell(&mut transaction, &notice).await?;
                    }
                }
                void(&mut transaction, id, purpose, now_ms).await?;
                transaction.commit(audit(id)).await?;
                Ok(Some(id))
            })
            .await
    }

    /// Forgets tokens that were good until before `before_ms`; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_one_time_tokens(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.forget_in_steps(
            "DELETE FROM one_time_tokens WHERE token_hash IN (SELECT token_hash \
             FROM one_time_tokens WHERE expires_at_ms < $1 LIMIT $2)",
            before_ms,
        )
        .await
    }
}

/// Compares once more what shows that who reads the mail is the account's person, too.
pub(super) async fn check_proof(
    transaction: &mut Transaction,
    user: &UserRow,
    proof: &AccountProof,
    now_ms: u64,
) -> Result<(), StoreError> {
    let holds = match proof {
        AccountProof::Session(session) => {
            sessions::is_live(transaction, user.user_id, *session, now_ms).await?
        }
        AccountProof::Password(password) => user.password.as_ref() == Some(password),
    };
    if holds {
        Ok(())
    } else {
        Err(StoreError::RightWithdrawn)
    }
}

/// Whether a token still is for this account: active, with the address that it was sent to.
fn is_for(token: &OneTimeToken, user: &UserRow) -> bool {
    let address = |email: &SealedEmail| email.hash;
    user.is_active() && token.email_hash == user.email.as_ref().map(address)
}

pub(super) async fn insert(
    transaction: &mut Transaction,
    token: &OneTimeToken,
) -> Result<(), StoreError> {
    let (tenant, role) = token.invited.unzip();
    transaction
        .execute(
            INSERT,
            &[
                Value::Bytes(&token.token_hash),
                token.purpose.as_str().into(),
                token.user_id.into(),
                token.email_hash.as_ref().into(),
                tenant.into(),
                Value::Text(role.map(MemberRole::as_str)),
                integer("issued_at_ms", token.issued_at_ms)?.into(),
                integer("expires_at_ms", token.expires_at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

/// Whether an account may be sent another token: none was sent within the pause. One that was used counts
/// no more, since only who has the mailbox uses one.
async fn pause_is_over(
    transaction: &mut Transaction,
    user: Uuid,
    token: &OneTimeToken,
    pace: LinkPace,
) -> Result<bool, StoreError> {
    let now_ms = token.issued_at_ms;
    let within_ms = now_ms.saturating_sub(pace.within_ms);
    let sent = transaction
        .fetch(
            "SELECT issued_at_ms FROM one_time_tokens WHERE user_id = $1 AND purpose = $2 \
             AND used_at_ms IS NULL AND issued_at_ms > $3 ORDER BY issued_at_ms DESC LIMIT $4",
            &[
                user.into(),
                token.purpose.as_str().into(),
                integer("issued_at_ms", within_ms)?.into(),
                pace.short_pauses.max(1).into(),
            ],
        )
        .await?;
    let Some(last) = sent.first() else {
        return Ok(true);
    };
    let last_ms: u64 = last.number("issued_at_ms")?;
    let count = u32::try_from(sent.len()).unwrap_or(u32::MAX);
    let pause_ms = if count < pace.short_pauses {
        pace.short_pause_ms
    } else {
        pace.long_pause_ms
    };
    Ok(now_ms.saturating_sub(last_ms) >= pause_ms)
}

/// The tokens of an account for a purpose are good no more.
pub(super) async fn void(
    transaction: &mut Transaction,
    user: Uuid,
    purpose: Purpose,
    now_ms: u64,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE one_time_tokens SET used_at_ms = $3 \
             WHERE user_id = $1 AND purpose = $2 AND used_at_ms IS NULL",
            &[
                user.into(),
                purpose.as_str().into(),
                integer("now_ms", now_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

/// A token that is good now.
pub(super) async fn good(
    transaction: &mut Transaction,
    hash: TokenHash,
    purpose: Purpose,
    now_ms: u64,
) -> Result<Option<OneTimeToken>, StoreError> {
    let values = [
        Value::Bytes(&hash),
        purpose.as_str().into(),
        integer("now_ms", now_ms)?.into(),
    ];
    transaction
        .fetch_optional(SELECT_GOOD, &values)
        .await?
        .map(|row| token_row(&row))
        .transpose()
}

/// Uses a good token up, and forgets the address that an invitation went to. Of two at the same time, the
/// second waits for the row and finds it used.
pub(super) async fn use_up(
    transaction: &mut Transaction,
    hash: TokenHash,
    purpose: Purpose,
    now_ms: u64,
) -> Result<Option<OneTimeToken>, StoreError> {
    const USE_UP: &str = concat!(
        "UPDATE one_time_tokens SET used_at_ms = $3, address_sealed = NULL \
         WHERE token_hash = $1 AND purpose = $2 AND used_at_ms IS NULL \
         AND expires_at_ms > $3 RETURNING ",
        columns!()
    );
    let values = [
        Value::Bytes(&hash),
        purpose.as_str().into(),
        integer("now_ms", now_ms)?.into(),
    ];
    transaction
        .fetch_optional(USE_UP, &values)
        .await?
        .map(|row| token_row(&row))
        .transpose()
}

/// What an invitation is to.
fn invited(row: &Row) -> Result<Option<(Uuid, MemberRole)>, StoreError> {
    let role = row
        .text_or_null("member_role")?
        .and_then(|name| MemberRole::parse(&name));
    Ok(row.uuid_or_null("tenant_id")?.zip(role))
}

fn kept_link(row: &Row) -> Result<KeptLink, StoreError> {
    Ok(KeptLink {
        purpose: row.word("purpose", Purpose::parse)?,
        invited: invited(row)?,
        invited_by: row.uuid_or_null("invited_by")?,
        issued_at_ms: row.number("issued_at_ms")?,
        expires_at_ms: row.number("expires_at_ms")?,
        used_at_ms: row.number_or_null("used_at_ms")?,
    })
}

fn token_row(row: &Row) -> Result<OneTimeToken, StoreError> {
    Ok(OneTimeToken {
        token_hash: row.exactly("token_hash")?,
        purpose: row.word("purpose", Purpose::parse)?,
        user_id: row.uuid_or_null("user_id")?,
        email_hash: row
            .exactly_or_null("email_hash")?
            .map(LookupHash::from_bytes),
        invited: invited(row)?,
        issued_at_ms: row.number("issued_at_ms")?,
        expires_at_ms: row.number("expires_at_ms")?,
    })
}
