//! By which right a person acts, compared again where it acts.
//!
//! Locks of people are taken in one order everywhere, so that no two transactions wait for each other:
//! tenants, accounts, then tokens and sessions.

use onsale_schemas::MemberRole;
use uuid::Uuid;

use crate::account::{Mandate, Requirement, UserRole};
use crate::database::{Transaction, integer};
use crate::error::StoreError;

/// The account of a session that is live and may be used.
const LIVE: &str = "SELECT u.role, u.address_owned_at_ms FROM sessions s \
     JOIN users u ON u.user_id = s.user_id WHERE s.session_id = $1 AND s.user_id = $2 \
     AND s.ended_at_ms IS NULL AND s.expires_at_ms > $3 \
     AND u.disabled_at_ms IS NULL AND u.erased_at_ms IS NULL";

/// Refuses a right that holds no more. Behind the lock of the tenant, where it is about one: whoever takes
/// the right away holds that too.
pub(super) async fn check(
    transaction: &mut Transaction,
    mandate: Option<Mandate>,
) -> Result<(), StoreError> {
    let Some(mandate) = mandate else {
        return Ok(());
    };
    let values = [
        mandate.session_id.into(),
        mandate.user_id.into(),
        integer("at_ms", mandate.at_ms)?.into(),
    ];
    let Some(account) = transaction.fetch_optional(LIVE, &values).await? else {
        return if is_known(transaction, mandate.user_id).await? {
            Err(StoreError::RightWithdrawn)
        } else {
            Ok(())
        };
    };
    let holds = match mandate.requires {
        Requirement::Account => true,
        Requirement::OwnsAddress => account
            .number_or_null::<u64>("address_owned_at_ms")?
            .is_some(),
        Requirement::Admin => account.word("role", UserRole::parse)? == UserRole::Admin,
        Requirement::Member(tenant, roles) => {
            let membership = transaction
                .fetch_optional(
                    "SELECT role FROM memberships WHERE tenant_id = $1 AND user_id = $2",
                    &[tenant.into(), mandate.user_id.into()],
                )
                .await?;
            match membership {
                Some(row) => roles.contains(&row.word("role", MemberRole::parse)?),
                None => false,
            }
        }
    };
    if holds {
        Ok(())
    } else {
        Err(StoreError::RightWithdrawn)
    }
}

/// Whether a person has, or had, an account here: an erased one keeps its row. The tokens of another issuer
/// may name sessions too, of people that only the issuer knows.
async fn is_known(transaction: &mut Transaction, user: Uuid) -> Result<bool, StoreError> {
    let select = "SELECT user_id FROM users WHERE user_id = $1";
    let found = transaction.fetch_optional(select, &[user.into()]).await?;
    Ok(found.is_some())
}
