//! Accounts.

use onsale_private::LookupHash;
use uuid::Uuid;

use super::admins::{self, Admins};
use super::invitations::{self, Which};
use super::sessions::{self, Whose};
use super::{address_changes, factors, identities, mandate, notices, one_time_tokens, rights};
use crate::Store;
use crate::account::{
    Act, Gain, IdentityRow, OneTimeToken, PasswordHash, ProfileChange, Purpose, SealedEmail,
    SessionEnd, UserRole, UserRow,
};
use crate::audit::{Audit, Unaudited};
use crate::database::{Durability, Row, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::job::NewJob;
use crate::notice::Notice;
use crate::store::jobs::enqueue;

macro_rules! columns {
    () => {
        "user_id, role, email_sealed, email_hash, email_verified_at_ms, address_owned_at_ms, \
         name_sealed, phone_sealed, password_hash, locale, created_at_ms, disabled_at_ms, erased_at_ms"
    };
}

pub(super) use columns;

/// The rest of a statement that lists accounts without a second factor.
macro_rules! without_factor {
    () => {
        " AND NOT EXISTS (SELECT 1 FROM totp_factors f WHERE f.user_id = u.user_id \
         AND f.confirmed_at_ms IS NOT NULL) \
         AND NOT EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.user_id) \
         ORDER BY u.created_at_ms, u.user_id LIMIT $1"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO users (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL)"
);

impl Store {
    /// Adds an account, with a token that proves its address and the job that sends it, where there
    /// are such.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when an account has the address; otherwise as every write.
    pub async fn add_user(
        &self,
        user: &UserRow,
        proof: Option<(OneTimeToken, NewJob)>,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        self.add_account(user.clone(), None, proof, audit.into())
            .await
    }

    /// Adds an account, with an identity by which it signs in and a token that proves its address, where there
    /// are such.
    pub(super) async fn add_account(
        &self,
        user: UserRow,
        identity: Option<IdentityRow>,
        proof: Option<(OneTimeToken, NewJob)>,
        audit: Audit,
    ) -> Result<(), StoreError> {
        let result = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                insert(&mut transaction, &user).await?;
                if let Some(identity) = identity {
                    identities::insert(&mut transaction, &identity).await?;
                }
                if let Some((token, mail)) = proof {
                    one_time_tokens::insert(&mut transaction, &token).await?;
                    enqueue(&mut transaction, &mail).await?;
                }
                transaction.commit(audit).await
            })
            .await;
        match result {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("account")),
            other => other,
        }
    }

    /// One account.
    ///
    /// # Errors
    /// As every read.
    pub async fn user(&self, id: Uuid) -> Result<Option<UserRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!("SELECT ", columns!(), " FROM users WHERE user_id = $1"),
                &[id.into()],
            )
            .await?
            .map(|row| user_row(&row))
            .transpose()
    }

    /// The account with this address.
    ///
    /// # Errors
    /// As every read.
    pub async fn user_by_email(&self, hash: LookupHash) -> Result<Option<UserRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!("SELECT ", columns!(), " FROM users WHERE email_hash = $1"),
                &[Value::from(&hash)],
            )
            .await?
            .map(|row| user_row(&row))
            .transpose()
    }

    /// People with rights, the oldest accounts first, who have no second factor: admins of the installation and,
    /// unless `admins_alone`, members of open tenants. At most `limit`.
    ///
    /// # Errors
    /// As every read.
    pub async fn staff_without_factor(
        &self,
        admins_alone: bool,
        limit: u32,
    ) -> Result<Vec<UserRow>, StoreError> {
        const ALL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM users u WHERE u.disabled_at_ms IS NULL AND u.erased_at_ms IS NULL \
             AND (u.role = 'admin' OR EXISTS (SELECT 1 FROM memberships m JOIN tenants t \
             ON t.tenant_id = m.tenant_id WHERE m.user_id = u.user_id AND t.closed_at_ms IS NULL))",
            without_factor!()
        );
        const ADMINS: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM users u WHERE u.disabled_at_ms IS NULL AND u.erased_at_ms IS NULL \
             AND u.role = 'admin'",
            without_factor!()
        );
        let sql = if admins_alone { ADMINS } else { ALL };
        let rows = self.database.fetch(sql, &[limit.into()]).await?;
        rows.iter().map(user_row).collect()
    }

    /// Changes a profile; the account as it is then, `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn change_profile(
        &self,
        id: Uuid,
        change: &ProfileChange,
        act: impl Into<Act>,
    ) -> Result<Option<UserRow>, StoreError> {
        let change = change.clone();
        self.change_user(id, (Admins::Stay, None), act.into(), move |user| {
            let ProfileChange {
                name,
                phone,
                locale,
            } = change;
            user.name = name.unwrap_or(user.name.take());
            user.phone = phone.unwrap_or(user.phone.take());
            user.locale = locale.unwrap_or(user.locale.take());
            None
        })
        .await
    }

    /// Sets a password, tells its person by mail, ends every session but `keep`, every link that would set another
    /// and every change of the address that waits, and unlinks identities whose provider does not vouch for the
    /// address: whoever knew the old password may have linked one. Where `instead_of` is given, only in the place of that one: of two changes at once, the second has compared
    /// with a password that is gone. False where there is no such account, or another password by now.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn set_password(
        &self,
        id: Uuid,
        password: &PasswordHash,
        instead_of: Option<&PasswordHash>,
        keep: Option<Uuid>,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<bool, StoreError> {
        let (password, instead_of) = (password.clone(), instead_of.cloned());
        let Act { audit, mandate } = act.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(mut user) = lock(&mut transaction, id).await? else {
                    return Ok(false);
                };
                mandate::check(&mut transaction, mandate).await?;
                if instead_of.is_some() && instead_of != user.password {
                    return Ok(false);
                }
                if user.erased_at_ms.is_some() {
                    return Ok(false);
                }
                user.password = Some(password);
                replace(&mut transaction, &user).await?;
                let links = Purpose::ResetPassword;
                one_time_tokens::void(&mut transaction, id, links, now_ms).await?;
                address_changes::void(&mut transaction, id, now_ms).await?;
                let notice = Notice::PasswordChanged.job(id, now_ms)?;
                notices::tell(&mut transaction, &notice).await?;
                end_ways_in(&mut transaction, id, keep, now_ms).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// Keeps another hash of the same password, in the place of `before` alone. Sessions and links stay.
    ///
    /// # Errors
    /// As every write.
    pub async fn rehash_password(
        &self,
        id: Uuid,
        before: &PasswordHash,
        after: &PasswordHash,
    ) -> Result<(), StoreError> {
        let (before, after) = (before.clone(), after.clone());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let user = lock(&mut transaction, id).await?;
                let same = |user: &UserRow| user.password.as_ref() == Some(&before);
                let Some(mut user) = user.filter(same) else {
                    return Ok(());
                };
                user.password = Some(after);
                replace(&mut transaction, &user).await?;
                transaction.commit(Unaudited::Automatic).await
            })
            .await
    }

    /// Disables an account, ends its sessions and links and withdraws what it invited, or lets it sign in
    /// again. The account as it is then, `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::LastAdmin`], [`StoreError::RightWithdrawn`], and as every write.
    pub async fn set_user_disabled(
        &self,
        id: Uuid,
        disabled: bool,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<Option<UserRow>, StoreError> {
        let admins = if disabled {
            Admins::LoseOne
        } else {
            Admins::Stay
        };
        self.change_user(id, (admins, None), act.into(), move |user| {
            if disabled {
                user.disabled_at_ms = user.disabled_at_ms.or(Some(now_ms));
                Some((SessionEnd::Disabled, now_ms))
            } else {
                user.disabled_at_ms = None;
                None
            }
        })
        .await
    }

    /// Changes an account that is not erased, and ends its sessions where `change` says why. `gains`: to whom rights
    /// are given by it, and when.
    pub(super) async fn change_user(
        &self,
        id: Uuid,
        (admins, gains): (Admins, Option<(Gain, u64)>),
        act: Act,
        change: impl FnOnce(&mut UserRow) -> Option<(SessionEnd, u64)> + Clone + Send + 'static,
    ) -> Result<Option<UserRow>, StoreError> {
        let Act { audit, mandate } = act;
        self.database
            .write_again(Durability::Durable, move |mut transaction| async move {
                let is_last = admins::is_last(&mut transaction, admins, id).await?;
                let user = lock(&mut transaction, id).await?;
                mandate::check(&mut transaction, mandate).await?;
                let Some(mut user) = user.filter(|user| user.erased_at_ms.is_none()) else {
                    return Ok(None);
                };
                if is_last {
                    return Err(StoreError::LastAdmin);
                }
                if let Some((gain, now_ms)) = gains {
                    rights::gain(&mut transaction, &user, gain, now_ms).await?;
                }
                let ends = change(&mut user);
                replace(&mut transaction, &user).await?;
                if let Some((why, now_ms)) = ends {
                    sessions::end(&mut transaction, Whose::AllBut(id, None), why, now_ms).await?;
                    if why == SessionEnd::Disabled {
                        let links = Purpose::ResetPassword;
                        one_time_tokens::void(&mut transaction, id, links, now_ms).await?;
                        address_changes::void(&mut transaction, id, now_ms).await?;
                    }
                    if why == SessionEnd::Disabled || user.role != UserRole::Admin {
                        let sent = Which::SentBy(id);
                        invitations::withdraw(&mut transaction, sent, now_ms).await?;
                    }
                }
                transaction.commit(audit).await?;
                Ok(Some(user))
            })
            .await
    }
}

/// An account, which nobody else changes until the transaction ends. After the tenant, where both are held,
/// and before tokens and sessions.
pub(super) async fn lock(
    transaction: &mut Transaction,
    id: Uuid,
) -> Result<Option<UserRow>, StoreError> {
    // SQLite has one writer at a time, and this transaction is it.
    let select = match transaction {
        Transaction::Postgres(_) => concat!(
            "SELECT ",
            columns!(),
            " FROM users WHERE user_id = $1 FOR NO KEY UPDATE"
        ),
        Transaction::Sqlite(_) => concat!("SELECT ", columns!(), " FROM users WHERE user_id = $1"),
    };
    transaction
        .fetch_optional(select, &[id.into()])
        .await?
        .map(|row| user_row(&row))
        .transpose()
}

/// Ends what a password that is no longer that of the account may have opened: every session but `keep`,
/// sign-ins on their way, and identities whose provider does not vouch for the address.
pub(super) async fn end_ways_in(
    transaction: &mut Transaction,
    user: Uuid,
    keep: Option<Uuid>,
    now_ms: u64,
) -> Result<(), StoreError> {
    let whose = Whose::AllBut(user, keep);
    sessions::end(transaction, whose, SessionEnd::Password, now_ms).await?;
    identities::drop_unvouched(transaction, user, now_ms).await?;
    identities::end_sign_ins(transaction, user).await
}

/// Makes an account that of the person who reads the mail of its address, and writes it: what someone else may have
/// set up ends. Where account and mailbox were not known to be one person's, that includes its second factors: they
/// would keep the person out for ever, and let the other one in.
pub(super) async fn give_to_reader(
    transaction: &mut Transaction,
    user: &mut UserRow,
    now_ms: u64,
) -> Result<(), StoreError> {
    let was_owned = user.owns_address();
    user.own_address(now_ms);
    // Before the mails that tell of it, which go to verified addresses.
    replace(transaction, user).await?;
    end_ways_in(transaction, user.user_id, None, now_ms).await?;
    if !was_owned {
        factors::drop_all(transaction, user.user_id, now_ms).await?;
    }
    Ok(())
}

pub(super) async fn insert(
    transaction: &mut Transaction,
    user: &UserRow,
) -> Result<(), StoreError> {
    if user.erased_at_ms.is_some() {
        return Err(StoreError::Invalid(
            "a new account that is erased already".to_owned(),
        ));
    }
    transaction
        .execute(
            INSERT,
            &[
                user.user_id.into(),
                user.role.as_str().into(),
                user.email.as_ref().map(|email| &email.sealed).into(),
                user.email.as_ref().map(|email| &email.hash).into(),
                instant("email_verified_at_ms", user.email_verified_at_ms)?.into(),
                instant("address_owned_at_ms", user.address_owned_at_ms)?.into(),
                user.name.as_ref().into(),
                user.phone.as_ref().into(),
                Value::Text(user.password.as_ref().map(PasswordHash::expose)),
                Value::from(&user.locale),
                integer("created_at_ms", user.created_at_ms)?.into(),
                instant("disabled_at_ms", user.disabled_at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

/// Writes what may change of an account that is not erased.
pub(super) async fn replace(
    transaction: &mut Transaction,
    user: &UserRow,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE users SET role = $2, email_verified_at_ms = $3, address_owned_at_ms = $4, \
             name_sealed = $5, phone_sealed = $6, password_hash = $7, locale = $8, \
             disabled_at_ms = $9 WHERE user_id = $1",
            &[
                user.user_id.into(),
                user.role.as_str().into(),
                instant("email_verified_at_ms", user.email_verified_at_ms)?.into(),
                instant("address_owned_at_ms", user.address_owned_at_ms)?.into(),
                user.name.as_ref().into(),
                user.phone.as_ref().into(),
                Value::Text(user.password.as_ref().map(PasswordHash::expose)),
                Value::from(&user.locale),
                instant("disabled_at_ms", user.disabled_at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

fn instant(what: &str, ms: Option<u64>) -> Result<Option<i64>, StoreError> {
    ms.map(|ms| integer(what, ms)).transpose()
}

pub(super) fn user_row(row: &Row) -> Result<UserRow, StoreError> {
    let sealed = row.sealed_or_null("email_sealed")?;
    let hash = row.exactly_or_null("email_hash")?;
    Ok(UserRow {
        user_id: row.uuid("user_id")?,
        role: row.word("role", UserRole::parse)?,
        email: sealed.zip(hash).map(|(sealed, hash)| SealedEmail {
            sealed,
            hash: LookupHash::from_bytes(hash),
        }),
        email_verified_at_ms: row.number_or_null("email_verified_at_ms")?,
        address_owned_at_ms: row.number_or_null("address_owned_at_ms")?,
        name: row.sealed_or_null("name_sealed")?,
        phone: row.sealed_or_null("phone_sealed")?,
        password: row.text_or_null("password_hash")?.map(PasswordHash::new),
        locale: row.text_or_null("locale")?,
        created_at_ms: row.number("created_at_ms")?,
        disabled_at_ms: row.number_or_null("disabled_at_ms")?,
        erased_at_ms: row.number_or_null("erased_at_ms")?,
    })
}
