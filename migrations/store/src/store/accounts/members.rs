//! Who belongs to which tenant.

use onsale_schemas::MemberRole;
use uuid::Uuid;

use super::sessions::{self, Whose};
use crate::Store;
use crate::account::{Membership, MembershipChange, SessionEnd, UserRow};
use crate::audit::Audit;
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

    /// Lets a person belong to a tenant, or changes what it does there; its sessions end, because their
    /// tokens say the old role.
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
            .write(Durability::Durable, move |mut transaction| async move {
                let Membership {
                    tenant_id, user_id, ..
                } = membership;
                if !lock_tenant(&mut transaction, tenant_id).await? {
                    return Ok(MembershipChange::NotThere);
                }
                let remains = membership.role == MemberRole::Owner;
                if !remains && is_last_owner(&mut transaction, tenant_id, user_id).await? {
                    return Ok(MembershipChange::LastOwner);
                }
                insert(&mut transaction, &membership).await?;
                let whose = Whose::AllBut(user_id, None);
                sessions::end(&mut transaction, whose, SessionEnd::Role, now_ms).await?;
                transaction.commit(audit).await?;
                Ok(MembershipChange::Changed)
            })
            .await
    }

    /// Ends a membership and the sessions of the person.
    ///
    /// # Errors
    /// As every write.
    pub async fn remove_member(
        &self,
        tenant: Uuid,
        user: Uuid,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<MembershipChange, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                lock_tenant(&mut transaction, tenant).await?;
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
                let whose = Whose::AllBut(user, None);
                sessions::end(&mut transaction, whose, SessionEnd::Role, now_ms).await?;
                transaction.commit(audit).await?;
                Ok(MembershipChange::Changed)
            })
            .await
    }
}

/// Whoever changes who belongs to a tenant holds its row: of two owners who leave at once, the second
/// finds that it is the last. False where there is no such tenant, or it is closed.
pub(super) async fn lock_tenant(
    transaction: &mut Transaction,
    tenant: Uuid,
) -> Result<bool, StoreError> {
    let select = match transaction {
        Transaction::Postgres(_) => {
            "SELECT tenant_id FROM tenants WHERE tenant_id = $1 AND closed_at_ms IS NULL FOR UPDATE"
        }
        Transaction::Sqlite(_) => {
            "SELECT tenant_id FROM tenants WHERE tenant_id = $1 AND closed_at_ms IS NULL"
        }
    };
    let found = transaction.fetch_optional(select, &[tenant.into()]).await?;
    Ok(found.is_some())
}

pub(super) async fn is_last_owner(
    transaction: &mut Transaction,
    tenant: Uuid,
    user: Uuid,
) -> Result<bool, StoreError> {
    let owners = transaction
        .fetch(
            "SELECT user_id FROM memberships WHERE tenant_id = $1 AND role = 'owner' LIMIT 2",
            &[tenant.into()],
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
