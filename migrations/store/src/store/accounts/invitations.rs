//! Invitations to tenants: one-time tokens that are sent to an address.

use onsale_private::{LookupHash, Sealed};
use onsale_schemas::MemberRole;
use uuid::Uuid;

use super::one_time_tokens::{self, use_up};
use super::sessions::{self, Whose};
use super::{mandate, members, rights, users};
use crate::Store;
use crate::account::{
    Acceptance, Act, Gain, InvitationRow, Membership, NewInvitation, Purpose, SessionEnd,
    TokenHash, UserRow,
};
use crate::audit::AuditEntry;
use crate::database::{Durability, Row, Transaction, Value, integer};
use crate::error::StoreError;
use crate::job::NewJob;
use crate::mail;
use crate::store::jobs::enqueue;

/// Invitations of one tenant that wait for an answer.
pub const INVITATIONS_PER_TENANT_MAX: u32 = 200;

/// Invitations that wait for an answer end without one.
macro_rules! withdraw {
    ($which:literal) => {
        concat!(
            "UPDATE one_time_tokens SET used_at_ms = $1, address_sealed = NULL \
             WHERE purpose = 'invitation' AND used_at_ms IS NULL AND ",
            $which,
            " RETURNING invitation_id"
        )
    };
}

/// Which invitations are meant.
#[derive(Clone, Copy)]
pub(super) enum Which {
    /// This one, of this tenant.
    One(Uuid, Uuid),
    /// To a tenant, sent to this address.
    To(Uuid, LookupHash),
    /// To a tenant, sent by this account.
    SentFor(Uuid, Uuid),
    /// Sent by this account, to whatever tenant.
    SentBy(Uuid),
}

impl Store {
    /// Issues an invitation and enqueues the job that sends it. An earlier one of the tenant to the same
    /// address is good no more. False where the tenant is closed, or has as many invitations as it may.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`]; otherwise as every write.
    pub async fn invite(
        &self,
        invitation: &NewInvitation,
        mail: NewJob,
        act: impl Into<Act>,
    ) -> Result<bool, StoreError> {
        let NewInvitation {
            invitation_id,
            token,
            address,
            invited_by,
        } = invitation.clone();
        let Act {
            audit,
            mandate: right,
        } = act.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let (Some((tenant, _)), Some(hash)) = (token.invited, token.email_hash) else {
                    return Err(StoreError::Invalid(
                        "an invitation to nothing or of nobody".to_owned(),
                    ));
                };
                if !members::lock_tenant(&mut transaction, tenant).await? {
                    return Ok(false);
                }
                mandate::check(&mut transaction, right).await?;
                let earlier = Which::To(tenant, hash);
                withdraw(&mut transaction, earlier, token.issued_at_ms).await?;
                let now = integer("issued_at_ms", token.issued_at_ms)?;
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
                    transaction
                        .execute(
                            "UPDATE one_time_tokens SET invitation_id = $2, address_sealed = $3, \
                             invited_by = $4 WHERE token_hash = $1",
                            &[
                                Value::Bytes(&token.token_hash),
                                invitation_id.into(),
                                Value::from(&address),
                                invited_by.into(),
                            ],
                        )
                        .await?;
                    enqueue(&mut transaction, &mail).await?;
                    transaction.commit(audit).await?;
                    Ok(true)
                } else {
                    Ok(false)
                }
            })
            .await
    }

    /// The invitations of a tenant that wait for an answer, the oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn invitations_of(
        &self,
        tenant: Uuid,
        now_ms: u64,
    ) -> Result<Vec<InvitationRow>, StoreError> {
        self.database
            .fetch(
                "SELECT invitation_id, address_sealed, member_role, invited_by, issued_at_ms, \
                 expires_at_ms FROM one_time_tokens WHERE tenant_id = $1 AND used_at_ms IS NULL \
                 AND expires_at_ms > $2 AND invitation_id IS NOT NULL \
                 AND address_sealed IS NOT NULL ORDER BY issued_at_ms, invitation_id LIMIT $3",
                &[
                    tenant.into(),
                    integer("now_ms", now_ms)?.into(),
                    INVITATIONS_PER_TENANT_MAX.into(),
                ],
            )
            .await?
            .iter()
            .map(invitation_row)
            .collect()
    }

    /// Withdraws an invitation of a tenant, and its mail where that was not sent yet. False where none such
    /// waits for an answer.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`]; otherwise as every write.
    pub async fn withdraw_invitation(
        &self,
        tenant: Uuid,
        invitation: Uuid,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<bool, StoreError> {
        let Act {
            audit,
            mandate: right,
        } = act.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if !members::lock_tenant(&mut transaction, tenant).await? {
                    return Ok(false);
                }
                mandate::check(&mut transaction, right).await?;
                let one = Which::One(tenant, invitation);
                if withdraw(&mut transaction, one, now_ms).await? == 0 {
                    return Ok(false);
                }
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// Uses an invitation up for an account that has the address that it was sent to: who reads its mail
    /// has shown that it is its own. Changes of the address that wait are good no more.
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
                let found = one_time_tokens::good(&mut transaction, hash, purpose, now_ms).await?;
                let Some((tenant_id, role)) = found.and_then(|token| token.invited) else {
                    return Ok(Acceptance::NotGood);
                };
                // Before the token, as whoever withdraws it.
                if !members::lock_tenant(&mut transaction, tenant_id).await? {
                    return Ok(Acceptance::NotGood);
                }
                let row = users::lock(&mut transaction, user).await?;
                let Some(mut row) = row.filter(UserRow::is_active) else {
                    return Ok(Acceptance::NotGood);
                };
                let Some(token) = use_up(&mut transaction, hash, purpose, now_ms).await? else {
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
                row.own_address(now_ms);
                rights::gain(&mut transaction, &row, Gain::OfOwner, now_ms).await?;
                users::replace(&mut transaction, &row).await?;
                transaction.commit(audit(&membership)).await?;
                Ok(Acceptance::Accepted(membership))
            })
            .await
    }
}

/// Withdraws invitations that wait for an answer, and their mails with them; how many there were.
pub(super) async fn withdraw(
    transaction: &mut Transaction,
    which: Which,
    now_ms: u64,
) -> Result<u64, StoreError> {
    let now = Value::from(integer("now_ms", now_ms)?);
    let withdrawn = match which {
        Which::One(tenant, invitation) => {
            transaction
                .fetch(
                    withdraw!("tenant_id = $2 AND invitation_id = $3 AND expires_at_ms > $1"),
                    &[now, tenant.into(), invitation.into()],
                )
                .await?
        }
        Which::To(tenant, address) => {
            transaction
                .fetch(
                    withdraw!("tenant_id = $2 AND email_hash = $3"),
                    &[now, tenant.into(), Value::from(&address)],
                )
                .await?
        }
        Which::SentFor(tenant, by) => {
            transaction
                .fetch(
                    withdraw!("tenant_id = $2 AND invited_by = $3"),
                    &[now, tenant.into(), by.into()],
                )
                .await?
        }
        Which::SentBy(by) => {
            transaction
                .fetch(withdraw!("invited_by = $2"), &[now, by.into()])
                .await?
        }
    };
    forget_mails(transaction, &withdrawn).await?;
    Ok(u64::try_from(withdrawn.len()).unwrap_or(u64::MAX))
}

/// Deletes the jobs that mail invitations, with the addresses in them. One that is being sent at this moment
/// stays; its link leads to nothing.
pub(super) async fn forget_mails(
    transaction: &mut Transaction,
    invitations: &[Row],
) -> Result<(), StoreError> {
    for row in invitations {
        let Some(invitation) = row.uuid_or_null("invitation_id")? else {
            continue;
        };
        let key = invitation.to_string();
        transaction
            .execute(
                "DELETE FROM jobs WHERE kind = $1 AND job_key = $2 AND state <> 'running'",
                &[mail::KIND.into(), Value::from(&key)],
            )
            .await?;
    }
    Ok(())
}

fn invitation_row(row: &Row) -> Result<InvitationRow, StoreError> {
    Ok(InvitationRow {
        invitation_id: row.uuid("invitation_id")?,
        address: Sealed::from_stored(row.bytes("address_sealed")?),
        role: row.word("member_role", MemberRole::parse)?,
        invited_by: row.uuid_or_null("invited_by")?,
        issued_at_ms: row.number("issued_at_ms")?,
        expires_at_ms: row.number("expires_at_ms")?,
    })
}

/// Makes a person a member, or another kind of one: then its sessions end, for their tokens say the old.
async fn change(
    transaction: &mut Transaction,
    membership: &Membership,
    now_ms: u64,
) -> Result<Acceptance, StoreError> {
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
        if !remains {
            withdraw(transaction, Which::SentFor(tenant, user), now_ms).await?;
        }
    }
    members::insert(transaction, membership).await?;
    Ok(Acceptance::Accepted(*membership))
}
