//! Erasing a person: what is personal goes, facts stay under an id that names nobody.

use uuid::Uuid;

use super::invitations::{self, Which};
use super::{address_changes, answers, factors, guests, identities, mandate, users};
use crate::Store;
use crate::account::{Erasure, Mandate, PasswordHash, UserRow};
use crate::account_answer::LastAnswer;
use crate::audit::AuditEntry;
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;
use crate::store::payments;

impl Store {
    /// Erases what is personal of an account: address, name, number, password and language, its second
    /// factors, sessions, links, memberships and identities elsewhere, remembered answers to it, invitations by it,
    /// and the mails of these that wait; what it has said when it asked for refunds, too. The purchases as a guest that it took over name nobody any more either. Where its address is known
    /// to be its own, so do the purchases of that, and invitations to it go, too. What stays is its id, under which
    /// its bookings are, and when it was created and erased. `shown` is the password that the account has to have
    /// still (`None`: it has none); `last` is what is remembered of the call that asks for it.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn erase_user(
        &self,
        id: Uuid,
        shown: Option<&PasswordHash>,
        by: Option<Mandate>,
        last: Option<LastAnswer>,
        now_ms: u64,
        audit: impl FnOnce(&Erasure) -> AuditEntry + Send + 'static,
    ) -> Result<Erasure, StoreError> {
        let shown = shown.cloned();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                lock_tenants(&mut transaction, id).await?;
                let user = users::lock(&mut transaction, id).await?;
                mandate::check(&mut transaction, by).await?;
                let is_right =
                    |user: &UserRow| user.erased_at_ms.is_none() && user.password == shown;
                let Some(user) = user.filter(is_right) else {
                    return Ok(Erasure::NotThere);
                };
                if is_last_owner_anywhere(&mut transaction, id).await? {
                    return Ok(Erasure::LastOwner);
                }
                let memberships = transaction
                    .execute("DELETE FROM memberships WHERE user_id = $1", &[id.into()])
                    .await?;
                let identities = identities::erase(&mut transaction, id).await?;
                let sessions = transaction
                    .execute("DELETE FROM sessions WHERE user_id = $1", &[id.into()])
                    .await?;
                factors::delete(&mut transaction, id).await?;
                address_changes::erase(&mut transaction, id).await?;
                answers::erase(&mut transaction, id, last.as_ref()).await?;
                // Under an address that is not known to be its own lies what belongs to another person.
                let address = user.owned_address();
                let deleted = transaction
                    .fetch(
                        "DELETE FROM one_time_tokens WHERE user_id = $1 OR email_hash = $2 \
                         RETURNING invitation_id",
                        &[id.into(), Value::from(address)],
                    )
                    .await?;
                invitations::forget_mails(&mut transaction, &deleted).await?;
                invitations::withdraw(&mut transaction, Which::SentBy(id), now_ms).await?;
                payments::forget_reasons(&mut transaction, id).await?;
                let guests = guests::erase_those_of(&mut transaction, &user, now_ms).await?;
                transaction
                    .execute(
                        "UPDATE users SET role = 'buyer', email_sealed = NULL, email_hash = NULL, \
                         email_verified_at_ms = NULL, address_owned_at_ms = NULL, name_sealed = NULL, \
                         phone_sealed = NULL, password_hash = NULL, locale = NULL, \
                         erased_at_ms = $2 WHERE user_id = $1",
                        &[id.into(), integer("now_ms", now_ms)?.into()],
                    )
                    .await?;
                let erasure = Erasure::Erased {
                    sessions,
                    memberships,
                    guests,
                    identities,
                };
                transaction.commit(audit(&erasure)).await?;
                Ok(erasure)
            })
            .await
    }
}

/// Holds the tenants that a person owns until the transaction ends, so of two owners who leave at once the
/// second finds that it is the last. Before the account, as whoever changes a membership does.
async fn lock_tenants(transaction: &mut Transaction, user: Uuid) -> Result<(), StoreError> {
    // SQLite has one writer at a time, and this transaction is it.
    if let Transaction::Postgres(_) = transaction {
        let lock = "SELECT tenant_id FROM tenants WHERE tenant_id IN (SELECT tenant_id \
             FROM memberships WHERE user_id = $1 AND role = 'owner') ORDER BY tenant_id \
             FOR NO KEY UPDATE";
        transaction.fetch(lock, &[user.into()]).await?;
    }
    Ok(())
}

/// Whether a tenant would be without an owner.
async fn is_last_owner_anywhere(
    transaction: &mut Transaction,
    user: Uuid,
) -> Result<bool, StoreError> {
    let owned = "SELECT t.tenant_id FROM tenants t JOIN memberships m ON m.tenant_id = t.tenant_id \
         WHERE m.user_id = $1 AND m.role = 'owner' AND t.closed_at_ms IS NULL";
    for row in transaction.fetch(owned, &[user.into()]).await? {
        let tenant = row.uuid("tenant_id")?;
        if super::members::is_last_owner(transaction, tenant, user).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
