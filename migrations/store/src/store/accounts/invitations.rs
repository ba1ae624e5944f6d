//! Invitations to tenants: one-time tokens that are sent to an address.

use uuid::Uuid;

use super::one_time_tokens::{self, use_up};
use super::sessions::{self, Whose};
use super::{members, users};
use crate::Store;
use crate::account::{
    Acceptance, Membership, OneTimeToken, Purpose, SessionEnd, TokenHash, UserRow,
};
use crate::audit::{Audit, AuditEntry};
use crate::database::{Durability, Transaction, integer};
use crate::error::StoreError;
use crate::job::NewJob;
use crate::store::jobs::enqueue;

/// Invitations of one tenant that wait for an answer.
pub const INVITATIONS_PER_TENANT_MAX: u32 = 200;

impl Store {
    /// Issues an invitation and enqueues the job that sends it. An earlier one of the tenant to the same
    /// address is good no more. False where the tenant is closed, or has as many invitations as it may.
    ///
    /// # Errors
    /// As every write.
    pub async fn invite(
        &self,
        token: &OneTimeToken,
        mail: NewJob,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (token, audit) = (token.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some((tenant, _)) = token.invited else {
                    return Err(StoreError::Invalid("an invitation to nothing".to_owned()));
                };
                if !members::lock_tenant(&mut transaction, tenant).await? {
                    return Ok(false);
                }
                let now = integer("issued_at_ms", token.issued_at_ms)?;
                transaction
                    .execute(
                        "UPDATE one_time_tokens SET used_at_ms = $3 WHERE tenant_id = $1 \
                         AND email_hash = $2 AND used_at_ms IS NULL",
                        &[tenant.into(), token.email_hash.as_ref().into(), now.into()],
                    )
                    .await?;
                let waiting = transaction
                    .fetch(
                        "SELECT token_hash FROM one_time_tokens WHERE tenant_id = $1 \
                         AND used_at_ms IS NULL AND expires_at_ms > $2 LIMIT $3",
                        &[tenant.into(), now.into(), INVITATIONS_PER_TENANT_MAX.into()],
                    )
                    .await?;
                if u32::try_from(waiting.len())
                    .is_ok_and(|count| count < INVITATIONS_PER_TENANT_MAX)
                {
                    one_time_tokens::insert(&mut transaction, &token).await?;
                    enqueue(&mut transaction, &mail).await?;
                    transaction.commit(audit).await?;
                    Ok(true)
                } else {
                    Ok(false)
                }
            })
            .await
    }

    /// Uses an invitation up for an account that has the address that it was sent to: who reads its mail
    /// has shown that it is its own.
    ///
    /// # Errors
    /// As every write.
    pub async fn accept_invitation(
        &self,
        hash: TokenHash,
        user: Uuid,
        now_ms: u64,
        audit: impl FnOnce(&Membership) -> AuditEntry + Send + 'static,
    ) -> Result<Acceptance, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let purpose = Purpose::Invitation;
                let Some(token) = use_up(&mut transaction, hash, purpose, now_ms).await? else {
                    return Ok(Acceptance::NotGood);
                };
                let Some((tenant_id, role)) = token.invited else {
                    return Ok(Acceptance::NotGood);
                };
                if !members::lock_tenant(&mut transaction, tenant_id).await? {
                    return Ok(Acceptance::NotGood);
                }
                let row = users::lock(&mut transaction, user).await?;
                let Some(mut row) = row.filter(UserRow::is_active) else {
                    return Ok(Acceptance::NotGood);
                };
                if row.email.as_ref().map(|email| email.hash) != token.email_hash {
                    return Ok(Acceptance::OtherAddress);
                }
                let membership = Membership {
                    tenant_id,
                    user_id: user,
                    role,
                    created_at_ms: now_ms,
                };
                match change(&mut transaction, &membership, now_ms).await? {
                    Acceptance::Accepted(_) => {}
                    refused => return Ok(refused),
                }
                row.email_verified_at_ms = row.email_verified_at_ms.or(Some(now_ms));
                users::replace(&mut transaction, &row).await?;
                transaction.commit(audit(&membership)).await?;
                Ok(Acceptance::Accepted(membership))
            })
            .await
    }
}

/// Makes a person a member, or another kind of one: then its sessions end, for their tokens say the old.
async fn change(
    transaction: &mut Transaction,
    membership: &Membership,
    now_ms: u64,
) -> Result<Acceptance, StoreError> {
    use onsale_schemas::MemberRole;
    let (tenant, user) = (membership.tenant_id, membership.user_id);
    let before = transaction
        .fetch_optional(
            "SELECT tenant_id, user_id, role, created_at_ms FROM memberships \
             WHERE tenant_id = $1 AND user_id = $2",
            &[tenant.into(), user.into()],
        )
        .await?;
    if let Some(row) = before {
        let before = members::membership_row(&row)?.role;
        let remains = membership.role == MemberRole::Owner;
        if !remains && members::is_last_owner(transaction, tenant, user).await? {
            return Ok(Acceptance::LastOwner);
        }
        if before != membership.role {
            let whose = Whose::AllBut(user, None);
            sessions::end(transaction, whose, SessionEnd::Role, now_ms).await?;
        }
    }
    members::insert(transaction, membership).await?;
    Ok(Acceptance::Accepted(*membership))
}
