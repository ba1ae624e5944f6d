//! Admins who can sign in: an installation that had one keeps one.

use uuid::Uuid;

use crate::Store;
use crate::account::UserRole;
use crate::database::Transaction;
use crate::error::StoreError;

const SELECT_ADMIN: &str = "SELECT user_id FROM users WHERE role = 'admin' \
     AND disabled_at_ms IS NULL AND erased_at_ms IS NULL LIMIT 1";

/// What a change of an account does to the admins who can sign in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admins {
    /// They stay.
    Stay,
    /// If the account is one of them, it is none any more.
    LoseOne,
}

impl Store {
    /// Whether the installation has an admin who can sign in.
    ///
    /// # Errors
    /// As every read.
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        let found = self.database.fetch_optional(SELECT_ADMIN, &[]).await?;
        Ok(found.is_some())
    }
}

/// Whether the installation has an admin who can sign in.
pub(super) async fn has_admin(transaction: &mut Transaction) -> Result<bool, StoreError> {
    let found = transaction.fetch_optional(SELECT_ADMIN, &[]).await?;
    Ok(found.is_some())
}

/// Whether nobody could look after the installation any more after this change of an account. Before any account is
/// locked.
pub(super) async fn is_last(
    transaction: &mut Transaction,
    change: Admins,
    user: Uuid,
) -> Result<bool, StoreError> {
    match change {
        Admins::Stay => Ok(false),
        Admins::LoseOne => Ok(lock(transaction, user).await? == [user]),
    }
}

/// The admins who can sign in. Nobody else makes one of them less until the transaction ends: of two who disable
/// each other, the second finds that it is the last. They and the account that is to be changed are locked by one
/// statement in one order, before any other account, so that no two transactions wait for each other: an account that
/// was locked by itself behind the others would come out of that order.
async fn lock(transaction: &mut Transaction, user: Uuid) -> Result<Vec<Uuid>, StoreError> {
    // SQLite has one writer at a time, and this transaction is it.
    let select = match transaction {
        Transaction::Postgres(_) => {
            "SELECT user_id, role, disabled_at_ms, erased_at_ms FROM users \
             WHERE user_id = $1 OR (role = 'admin' AND disabled_at_ms IS NULL \
             AND erased_at_ms IS NULL) ORDER BY user_id FOR NO KEY UPDATE"
        }
        Transaction::Sqlite(_) => {
            "SELECT user_id, role, disabled_at_ms, erased_at_ms FROM users \
             WHERE user_id = $1 OR (role = 'admin' AND disabled_at_ms IS NULL \
             AND erased_at_ms IS NULL) ORDER BY user_id"
        }
    };
    let rows = transaction.fetch(select, &[user.into()]).await?;
    let mut admins = Vec::with_capacity(rows.len());
    for row in &rows {
        // The account itself is there whatever it is.
        let is_admin = row.word("role", UserRole::parse)? == UserRole::Admin
            && row.number_or_null::<u64>("disabled_at_ms")?.is_none()
            && row.number_or_null::<u64>("erased_at_ms")?.is_none();
        if is_admin {
            admins.push(row.uuid("user_id")?);
        }
    }
    Ok(admins)
}
