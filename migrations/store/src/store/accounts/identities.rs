//! Accounts elsewhere by which people sign in, and sign-ins on their way.

use onsale_private::LookupHash;
use uuid::Uuid;

use super::{mandate, notices, sessions, users};
use crate::Store;
use crate::account::{
    Act, IDENTITIES_PER_USER_MAX, IdentityRow, LinkCondition, Linking, OneTimeToken, PasswordHash,
    SealedEmail, TokenHash, Unlinking, UserRow,
};
use crate::audit::{Audit, Unaudited};
use crate::database::{Durability, Row, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::job::NewJob;
use crate::notice::{Notice, NoticeJob};

macro_rules! columns {
    () => {
        "identity_id, user_id, provider, subject_hash, vouched, linked_at_ms, last_used_at_ms"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO identities (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7)"
);
const SELECT_OF_USER: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM identities WHERE user_id = $1 ORDER BY linked_at_ms, identity_id LIMIT $2"
);

impl Store {
    /// Whose account an identity elsewhere is linked to.
    ///
    /// # Errors
    /// As every read.
    pub async fn identity(&self, subject: LookupHash) -> Result<Option<IdentityRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM identities WHERE subject_hash = $1"
                ),
                &[Value::from(&subject)],
            )
            .await?
            .map(|row| identity_row(&row))
            .transpose()
    }

    /// The identities of an account, the oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn identities_of(&self, user: Uuid) -> Result<Vec<IdentityRow>, StoreError> {
        self.database
            .fetch(
                SELECT_OF_USER,
                &[user.into(), IDENTITIES_PER_USER_MAX.into()],
            )
            .await?
            .iter()
            .map(identity_row)
            .collect()
    }

    /// Adds an account that signs in by an identity, with a token that proves its address and the job that
    /// sends it, where there are such.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when an account has the address or the identity; otherwise as every write.
    pub async fn add_user_with_identity(
        &self,
        user: &UserRow,
        identity: &IdentityRow,
        proof: Option<(OneTimeToken, NewJob)>,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let identity = Some(identity.clone());
        self.add_account(user.clone(), identity, proof, audit.into())
            .await
    }

    /// Links an identity to an account for which the condition holds, and tells its person by `notice`. Where its
    /// provider vouches for the address, that is known to be the account's person's from then on.
    ///
    /// # Errors
    /// As every write.
    pub async fn link_identity(
        &self,
        identity: &IdentityRow,
        condition: LinkCondition,
        notice: NoticeJob,
        audit: impl Into<Audit>,
    ) -> Result<Linking, StoreError> {
        let (identity, audit) = (identity.clone(), audit.into());
        let result = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                let user = users::lock(&mut transaction, identity.user_id).await?;
                let Some(mut user) = user.filter(UserRow::is_active) else {
                    return Ok(Linking::Withdrawn);
                };
                if !holds(&mut transaction, &user, condition).await? {
                    return Ok(Linking::Withdrawn);
                }
                let is_shown = user.owns_address() && user.email_verified_at_ms.is_some();
                if identity.is_vouched && !is_shown {
                    let now_ms = identity.linked_at_ms;
                    make_theirs(&mut transaction, &mut user, condition, now_ms).await?;
                }
                let linked = of_user(&mut transaction, user.user_id).await?;
                if linked
                    .iter()
                    .any(|row| row.subject_hash == identity.subject_hash)
                {
                    return Ok(Linking::Linked);
                }
                let count = u32::try_from(linked.len()).unwrap_or(u32::MAX);
                if count >= IDENTITIES_PER_USER_MAX {
                    return Ok(Linking::TooMany);
                }
                insert(&mut transaction, &identity).await?;
                notices::tell(&mut transaction, &notice).await?;
                transaction.commit(audit).await?;
                Ok(Linking::Linked)
            })
            .await;
        match result {
            Err(error) if is_unique_violation(&error) => Ok(Linking::Taken),
            other => other,
        }
    }

    /// Unlinks an identity, unless the account could not sign in any more: it has no password, and no other
    /// identity of a provider in `configured`. Sign-ins on their way end, and `notice` tells the person. `shown`
    /// is the password that the account has to have still (`None`: it has none).
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn unlink_identity(
        &self,
        user: Uuid,
        identity: Uuid,
        shown: Option<&PasswordHash>,
        configured: Vec<String>,
        notice: NoticeJob,
        act: impl Into<Act>,
    ) -> Result<Unlinking, StoreError> {
        let shown = shown.cloned();
        let Act { audit, mandate } = act.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let row = users::lock(&mut transaction, user).await?;
                mandate::check(&mut transaction, mandate).await?;
                let is_right = |row: &UserRow| row.is_active() && row.password == shown;
                let Some(row) = row.filter(is_right) else {
                    return Ok(Unlinking::NotThere);
                };
                let linked = of_user(&mut transaction, user).await?;
                if !linked.iter().any(|row| row.identity_id == identity) {
                    return Ok(Unlinking::NotThere);
                }
                let is_other_way = |row: &IdentityRow| {
                    row.identity_id != identity && configured.contains(&row.provider)
                };
                if row.password.is_none() && !linked.iter().any(is_other_way) {
                    return Ok(Unlinking::LastWay);
                }
                transaction
                    .execute(
                        "DELETE FROM identities WHERE identity_id = $1 AND user_id = $2",
                        &[identity.into(), user.into()],
                    )
                    .await?;
                end_sign_ins(&mut transaction, user).await?;
                notices::tell(&mut transaction, &notice).await?;
                transaction.commit(audit).await?;
                Ok(Unlinking::Unlinked)
            })
            .await
    }

    /// Takes the return from a provider up, by what the browser and it have in common. False where that was
    /// done before.
    ///
    /// # Errors
    /// As every write.
    pub async fn begin_federated_sign_in(
        &self,
        state: TokenHash,
        expires_at_ms: u64,
    ) -> Result<bool, StoreError> {
        let values = [
            Value::Bytes(&state),
            integer("expires_at_ms", expires_at_ms)?.into(),
        ];
        let begun = self
            .database
            .execute_unaudited(
                Durability::Durable,
                "INSERT INTO federated_sign_ins (state_hash, expires_at_ms) VALUES ($1, $2) \
                 ON CONFLICT (state_hash) DO NOTHING",
                &values,
            )
            .await?;
        Ok(begun == 1)
    }

    /// Says whose sign-in it is, and by which code its session may be opened until when; notes that the
    /// identity was used. False where the identity is not the account's any more.
    ///
    /// # Errors
    /// As every write.
    pub async fn hand_sign_in_over(
        &self,
        state: TokenHash,
        identity: LookupHash,
        code: TokenHash,
        now_ms: u64,
        expires_at_ms: u64,
    ) -> Result<bool, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let used = transaction
                    .fetch_optional(
                        "UPDATE identities SET last_used_at_ms = $2 WHERE subject_hash = $1 \
                         RETURNING user_id",
                        &[Value::from(&identity), integer("now_ms", now_ms)?.into()],
                    )
                    .await?;
                let Some(used) = used else {
                    return Ok(false);
                };
                let handed = transaction
                    .execute(
                        "UPDATE federated_sign_ins SET user_id = $2, code_hash = $3, \
                         expires_at_ms = $4 WHERE state_hash = $1 AND code_hash IS NULL \
                         AND used_at_ms IS NULL",
                        &[
                            Value::Bytes(&state),
                            used.uuid("user_id")?.into(),
                            Value::Bytes(&code),
                            integer("expires_at_ms", expires_at_ms)?.into(),
                        ],
                    )
                    .await?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(handed == 1)
            })
            .await
    }

    /// Uses the code of a sign-in up; whose it is. `None` where it is not good.
    ///
    /// # Errors
    /// As every write.
    pub async fn take_sign_in(
        &self,
        state: TokenHash,
        code: TokenHash,
        now_ms: u64,
    ) -> Result<Option<Uuid>, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let taken = transaction
                    .fetch_optional(
                        "UPDATE federated_sign_ins SET used_at_ms = $3 WHERE state_hash = $1 \
                         AND code_hash = $2 AND used_at_ms IS NULL AND expires_at_ms > $3 \
                         RETURNING user_id",
                        &[
                            Value::Bytes(&state),
                            Value::Bytes(&code),
                            integer("now_ms", now_ms)?.into(),
                        ],
                    )
                    .await?;
                transaction.commit(Unaudited::Automatic).await?;
                taken.map(|row| row.uuid("user_id")).transpose()
            })
            .await
    }

    /// Forgets sign-ins that were good until before `before_ms`; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_federated_sign_ins(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.forget_in_steps(
            "DELETE FROM federated_sign_ins WHERE state_hash IN (SELECT state_hash \
             FROM federated_sign_ins WHERE expires_at_ms < $1 LIMIT $2)",
            before_ms,
        )
        .await
    }
}

/// Sign-ins of an account that have not opened their session open none.
pub(super) async fn end_sign_ins(
    transaction: &mut Transaction,
    user: Uuid,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "DELETE FROM federated_sign_ins WHERE user_id = $1 AND used_at_ms IS NULL",
            &[user.into()],
        )
        .await
        .map(drop)
}

/// No provider vouches for the address that an account has from now on: it vouched for another. The identities stay.
pub(super) async fn vouch_no_more(
    transaction: &mut Transaction,
    user: Uuid,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE identities SET vouched = 0 WHERE user_id = $1",
            &[user.into()],
        )
        .await
        .map(drop)
}

/// Unlinks identities whose provider does not vouch for the account's address, and tells its person if there
/// were any: whoever linked them need not be the one who reads its mail.
pub(super) async fn drop_unvouched(
    transaction: &mut Transaction,
    user: Uuid,
    now_ms: u64,
) -> Result<(), StoreError> {
    let delete = "DELETE FROM identities WHERE user_id = $1 AND vouched = 0";
    if transaction.execute(delete, &[user.into()]).await? > 0 {
        let notice = Notice::IdentityUnlinked.job(user, now_ms)?;
        notices::tell(transaction, &notice).await?;
    }
    Ok(())
}

/// Deletes the identities of an account and its sign-ins; how many identities there were.
pub(super) async fn erase(transaction: &mut Transaction, user: Uuid) -> Result<u64, StoreError> {
    transaction
        .execute(
            "DELETE FROM federated_sign_ins WHERE user_id = $1",
            &[user.into()],
        )
        .await?;
    transaction
        .execute("DELETE FROM identities WHERE user_id = $1", &[user.into()])
        .await
}

/// Makes an account that may be another person's that of the person whom a provider vouches for. In a session it is
/// theirs; by the address alone, what someone else may have set up ends, second factors too, as it does with a reset
/// by mail.
async fn make_theirs(
    transaction: &mut Transaction,
    user: &mut UserRow,
    condition: LinkCondition,
    now_ms: u64,
) -> Result<(), StoreError> {
    match condition {
        LinkCondition::Session { .. } => {
            user.own_address(now_ms);
            users::replace(transaction, user).await
        }
        LinkCondition::VerifiedAddress(_) => {
            user.password = None;
            users::give_to_reader(transaction, user, now_ms).await
        }
    }
}

async fn holds(
    transaction: &mut Transaction,
    user: &UserRow,
    condition: LinkCondition,
) -> Result<bool, StoreError> {
    match condition {
        LinkCondition::VerifiedAddress(hash) => {
            let address = user.email.as_ref().map(|email: &SealedEmail| email.hash);
            Ok(user.email_verified_at_ms.is_some() && address == Some(hash))
        }
        LinkCondition::Session { session, now_ms } => {
            sessions::is_live(transaction, user.user_id, session, now_ms).await
        }
    }
}

async fn of_user(
    transaction: &mut Transaction,
    user: Uuid,
) -> Result<Vec<IdentityRow>, StoreError> {
    let values = [user.into(), IDENTITIES_PER_USER_MAX.into()];
    transaction
        .fetch(SELECT_OF_USER, &values)
        .await?
        .iter()
        .map(identity_row)
        .collect()
}

pub(super) async fn insert(
    transaction: &mut Transaction,
    identity: &IdentityRow,
) -> Result<(), StoreError> {
    transaction
        .execute(
            INSERT,
            &[
                identity.identity_id.into(),
                identity.user_id.into(),
                Value::from(&identity.provider),
                Value::from(&identity.subject_hash),
                u32::from(identity.is_vouched).into(),
                integer("linked_at_ms", identity.linked_at_ms)?.into(),
                integer("last_used_at_ms", identity.last_used_at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

fn identity_row(row: &Row) -> Result<IdentityRow, StoreError> {
    Ok(IdentityRow {
        identity_id: row.uuid("identity_id")?,
        user_id: row.uuid("user_id")?,
        provider: row.text("provider")?,
        subject_hash: LookupHash::from_bytes(row.exactly("subject_hash")?),
        is_vouched: row.signed("vouched")? != 0,
        linked_at_ms: row.number("linked_at_ms")?,
        last_used_at_ms: row.number("last_used_at_ms")?,
    })
}
