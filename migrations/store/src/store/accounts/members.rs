//! Who belongs to which tenant.

use onsale_schemas::MemberRole;
use uuid::Uuid;

use super::invitations::{self, Which};
use super::sessions::{self, Whose};
use super::{mandate, rights, users};
use crate::Store;
use crate::account::{Act, Gain, Mandate, Membership, MembershipChange, SessionEnd, UserRow};
use crate::audit::{Audit, AuditEntry};
use crate::database::{Durability, Row, Transaction, integer};
use crate::error::StoreError;

/// Memberships of one account that are looked at.
const MEMBERSHIPS_MAX: u32 = 100;

impl Store {
    /// The tenants that a person belongs to and that are open, the oldest membership first.
    ///
    /// # Errors
    /// As every read.
    pub async fn memberships_of(&self, user: Uuid) -> Result<Vec<Membership>, StoreError> {
        self.database
            .fetch(
                "SELECT m.tenant_id, m.user_id, m.role, m.created_at_ms FROM memberships m \
                 JOIN tenants t ON t.tenant_id = m.tenant_id \
                 WHERE m.user_id = $1 AND t.closed_at_ms IS NULL \
                 ORDER BY m.created_at_ms, m.tenant_id LIMIT $2",
                &[user.into(), MEMBERSHIPS_MAX.into()],
            )
            .await?
            .iter()
            .map(membership_row)
            .collect()
    }

    /// What a person is to a tenant that is open.
    ///
    /// # Errors
    /// As every read.
    pub async fn membership(
        &self,
        user: Uuid,
        tenant: Uuid,
    ) -> Result<Option<Membership>, StoreError> {
        self.database
            .fetch_optional(
                "SELECT m.tenant_id, m.user_id, m.role, m.created_at_ms FROM memberships m \
                 JOIN tenants t ON t.tenant_id = m.tenant_id \
                 WHERE m.user_id = $1 AND m.tenant_id = $2 AND t.closed_at_ms IS NULL",
                &[user.into(), tenant.into()],
            )
            .await?
            .map(|row| membership_row(&row))
            .transpose()
    }

    /// The people of a tenant, the oldest membership first.
    ///
    /// # Errors
    /// As every read.
    pub async fn members_of(
        &self,
        tenant: Uuid,
        limit: u32,
    ) -> Result<Vec<(Membership, UserRow)>, StoreError> {
        let rows = self
            .database
            .fetch(
                "SELECT tenant_id, user_id, role, created_at_ms FROM memberships \
                 WHERE tenant_id = $1 ORDER BY created_at_ms, user_id LIMIT $2",
                &[tenant.into(), limit.into()],
            )
            .await?;
        let mut members = Vec::with_capacity(rows.len());
        for row in &rows {
            let membership = membership_row(row)?;
            // There are a handful.
            if let Some(user) = self.user(membership.user_id).await? {
                members.push((membership, user));
            }
        }
        Ok(members)
    }

    /// Lets a person belong to a tenant, or changes what it does there, whether or not it was a member: for
    /// operators. Its sessions end, because their tokens say the old role, and invitations to it are good no
    /// more.
    ///
    /// # Errors
    /// As every write.
    pub async fn set_member(
        &self,
        membership: &Membership,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<MembershipChange, StoreError> {
        let (membership, audit) = (*membership, audit.into());
        self.database
            .write_again(Durability::Durable, move |mut transaction| async move {
                let Membership {
                    tenant_id, user_id, ..
                } = membership;
                if !lock_tenant(&mut transaction, tenant_id).await? {
                    return Ok(MembershipChange::NotThere);
                }
                let person = users::lock(&mut transaction, user_id).await?;
                let Some(person) = person.filter(UserRow::is_active) else {
                    return Ok(MembershipChange::NotThere);
                };
                let remains = membership.role == MemberRole::Owner;
                if !remains && is_last_owner(&mut transaction, tenant_id, user_id).await? {
                    return Ok(MembershipChange::LastOwner);
                }
                insert(&mut transaction, &membership).await?;
                let (role, person) = (membership.role, &person);
                settle(&mut transaction, tenant_id, person, Some(role), now_ms).await?;
                transaction.commit(audit).await?;
                Ok(MembershipChange::Changed)
            })
            .await
    }

    /// Gives a member another role; its sessions end, because their tokens say the old one, and invitations
    /// to it are good no more. `audit` is given the role of before. The role that it has already changes
    /// nothing and leaves no entry.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`]; otherwise as every write.
    pub async fn change_member(
        &self,
        tenant: Uuid,
        user: Uuid,
        role: MemberRole,
        right: Option<Mandate>,
        now_ms: u64,
        audit: impl FnOnce(MemberRole) -> AuditEntry + Send + 'static,
    ) -> Result<MembershipChange, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if !lock_tenant(&mut transaction, tenant).await? {
                    return Ok(MembershipChange::NotThere);
                }
                mandate::check(&mut transaction, right).await?;
                let Some(person) = users::lock(&mut transaction, user).await? else {
                    return Ok(MembershipChange::NotThere);
                };
                let before = transaction
                    .fetch_optional(
                        "SELECT role FROM memberships WHERE tenant_id = $1 AND user_id = $2",
                        &[tenant.into(), user.into()],
                    )
                    .await?;
                let Some(before) = before else {
                    return Ok(MembershipChange::NotThere);
                };
                let before = before.word("role", MemberRole::parse)?;
                if before == role {
                    return Ok(MembershipChange::Changed);
                }
                let remains = role == MemberRole::Owner;
                if !remains && is_last_owner(&mut transaction, tenant, user).await? {
                    return Ok(MembershipChange::LastOwner);
                }
                transaction
                    .execute(
                        "UPDATE memberships SET role = $3 WHERE tenant_id = $1 AND user_id = $2",
                        &[tenant.into(), user.into(), role.as_str().into()],
                    )
                    .await?;
                settle(&mut transaction, tenant, &person, Some(role), now_ms).await?;
                transaction.commit(audit(before)).await?;
                Ok(MembershipChange::Changed)
            })
            .await
    }

    /// Ends a membership and the sessions of the person. Invitations to it, and those that it sent, are
    /// good no more.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`]; otherwise as every write.
    pub async fn remove_member(
        &self,
        tenant: Uuid,
        user: Uuid,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<MembershipChange, StoreError> {
        let Act {
            audit,
            mandate: right,
        } = act.into();
        self.database
            .write_again(Durability::Durable, move |mut transaction| async move {
                lock_tenant(&mut transaction, tenant).await?;
                mandate::check(&mut transaction, right).await?;
                let Some(person) = users::lock(&mut transaction, user).await? else {
                    return Ok(MembershipChange::NotThere);
                };
                if is_last_owner(&mut transaction, tenant, user).await? {
                    return Ok(MembershipChange::LastOwner);
                }
                let removed = transaction
                    .execute(
                        "DELETE FROM memberships WHERE tenant_id = $1 AND user_id = $2",
                        &[tenant.into(), user.into()],
                    )
                    .await?;
                if removed == 0 {
                    return Ok(MembershipChange::NotThere);
                }
                settle(&mut transaction, tenant, &person, None, now_ms).await?;
                transaction.commit(audit).await?;
                Ok(MembershipChange::Changed)
            })
            .await
    }
}

/// What follows from another role in a tenant, or from none: sessions end, for their tokens say the old
/// one; an invitation would bring another role back, and what it invited goes with its right to; and what follows from
/// gaining rights, where there is a role. Comes last.
async fn settle(
    transaction: &mut Transaction,
    tenant: Uuid,
    person: &UserRow,
    role: Option<MemberRole>,
    now_ms: u64,
) -> Result<(), StoreError> {
    if let Some(email) = &person.email {
        let to = Which::To(tenant, email.hash);
        invitations::withdraw(transaction, to, now_ms).await?;
    }
    if role != Some(MemberRole::Owner) {
        let sent = Which::SentFor(tenant, person.user_id);
        invitations::withdraw(transaction, sent, now_ms).await?;
    }
    // All of them, also those for another tenant or for none, which are nothing to the caller's.
    transaction.go_on_for_installation().await?;
    if role.is_some() {
        // Who takes part in a tenant has shown whose the address is, or an operator vouches for it.
        rights::gain(transaction, person, Gain::OfAnyone, now_ms).await?;
    }
    let whose = Whose::AllBut(person.user_id, None);
    sessions::end(transaction, whose, SessionEnd::Role, now_ms).await?;
    Ok(())
}

/// Whoever changes who belongs to a tenant holds its row: of two owners who leave at once, the second
/// finds that it is the last. False where there is no such tenant, or it is closed. Rows that refer to the
/// tenant, as sessions that are opened for it, do not wait for this lock.
pub(super) async fn lock_tenant(
    transaction: &mut Transaction,
    tenant: Uuid,
) -> Result<bool, StoreError> {
    let select = match transaction {
        Transaction::Postgres(_) => {
            "SELECT tenant_id FROM tenants WHERE tenant_id = $1 AND closed_at_ms IS NULL \
             FOR NO KEY UPDATE"
        }
        Transaction::Sqlite(_) => {
            "SELECT tenant_id FROM tenants WHERE tenant_id = $1 AND closed_at_ms IS NULL"
        }
    };
    let found = transaction.fetch_optional(select, &[tenant.into()]).await?;
    Ok(found.is_some())
}

/// Whether a tenant would be without an owner who can sign in.
pub(super) async fn is_last_owner(
    transaction: &mut Transaction,
    tenant: Uuid,
    user: Uuid,
) -> Result<bool, StoreError> {
    let owners = transaction
        .fetch(
            "SELECT user_id FROM memberships WHERE tenant_id = $1 AND role = 'owner' \
             AND (user_id = $2 OR user_id IN (SELECT user_id FROM users \
             WHERE disabled_at_ms IS NULL AND erased_at_ms IS NULL)) LIMIT 2",
            &[tenant.into(), user.into()],
        )
        .await?;
    match &owners[..] {
        [owner] => Ok(owner.uuid("user_id")? == user),
        _ => Ok(false),
    }
}

pub(super) async fn insert(
    transaction: &mut Transaction,
    membership: &Membership,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO memberships (tenant_id, user_id, role, created_at_ms) \
             VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role",
            &[
                membership.tenant_id.into(),
                membership.user_id.into(),
                membership.role.as_str().into(),
                integer("created_at_ms", membership.created_at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

pub(super) fn membership_row(row: &Row) -> Result<Membership, StoreError> {
    Ok(Membership {
        tenant_id: row.uuid("tenant_id")?,
        user_id: row.uuid("user_id")?,
        role: row.word("role", MemberRole::parse)?,
        created_at_ms: row.number("created_at_ms")?,
    })
}
