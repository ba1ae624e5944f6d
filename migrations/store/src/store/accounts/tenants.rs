//! Tenants.

use uuid::Uuid;

use super::{mandate, members, rights, users};
use crate::Store;
use crate::account::{Act, Gain, Membership, TenantChange, TenantRow, UserRow};
use crate::database::{Durability, Row, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;

macro_rules! columns {
    () => {
        "tenant_id, slug, name, created_at_ms, closed_at_ms"
    };
}

impl Store {
    /// Opens a tenant with its first member, its owner where it is to have one at once.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the slug (or the id) is taken; [`StoreError::RightWithdrawn`];
    /// [`StoreError::Invalid`] for a member whose account is not active; otherwise as every write.
    pub async fn add_tenant(
        &self,
        tenant: &TenantRow,
        first: Option<&Membership>,
        act: impl Into<Act>,
    ) -> Result<(), StoreError> {
        let (tenant, first) = (tenant.clone(), first.copied());
        let Act {
            audit,
            mandate: right,
        } = act.into();
        let result = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                mandate::check(&mut transaction, right).await?;
                insert(&mut transaction, &tenant).await?;
                if let Some(first) = first {
                    let account = users::lock(&mut transaction, first.user_id).await?;
                    let Some(account) = account.filter(UserRow::is_active) else {
                        return Err(StoreError::Invalid(
                            "a member whose account is disabled, erased or missing".to_owned(),
                        ));
                    };
                    // That a person owns its address is part of the right by which it opens one for itself.
                    let gain = Gain::OfAnyone;
                    rights::gain(&mut transaction, &account, gain, first.created_at_ms).await?;
                    members::insert(&mut transaction, &first).await?;
                }
                transaction.commit(audit).await
            })
            .await;
        match result {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("tenant")),
            other => other,
        }
    }

    /// Changes a tenant that is open; the tenant as it is then, `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the slug is taken; [`StoreError::RightWithdrawn`]; otherwise as every
    /// write.
    pub async fn change_tenant(
        &self,
        id: Uuid,
        change: &TenantChange,
        act: impl Into<Act>,
    ) -> Result<Option<TenantRow>, StoreError> {
        const CHANGE: &str = concat!(
            "UPDATE tenants SET slug = COALESCE($2, slug), name = COALESCE($3, name) \
             WHERE tenant_id = $1 AND closed_at_ms IS NULL RETURNING ",
            columns!()
        );
        let change = change.clone();
        let Act {
            audit,
            mandate: right,
        } = act.into();
        let result = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                if !members::lock_tenant(&mut transaction, id).await? {
                    return Ok(None);
                }
                mandate::check(&mut transaction, right).await?;
                let values = [
                    id.into(),
                    Value::from(&change.slug),
                    Value::from(&change.name),
                ];
                let Some(row) = transaction.fetch_optional(CHANGE, &values).await? else {
                    return Ok(None);
                };
                let tenant = tenant_row(&row)?;
                transaction.commit(audit).await?;
                Ok(Some(tenant))
            })
            .await;
        match result {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("tenant")),
            other => other,
        }
    }

    /// One tenant.
    ///
    /// # Errors
    /// As every read.
    pub async fn tenant(&self, id: Uuid) -> Result<Option<TenantRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!("SELECT ", columns!(), " FROM tenants WHERE tenant_id = $1"),
                &[id.into()],
            )
            .await?
            .map(|row| tenant_row(&row))
            .transpose()
    }

    /// The tenant of a slug.
    ///
    /// # Errors
    /// As every read.
    pub async fn tenant_by_slug(&self, slug: &str) -> Result<Option<TenantRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!("SELECT ", columns!(), " FROM tenants WHERE slug = $1"),
                &[slug.into()],
            )
            .await?
            .map(|row| tenant_row(&row))
            .transpose()
    }
}

async fn insert(transaction: &mut Transaction, tenant: &TenantRow) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO tenants (tenant_id, slug, name, created_at_ms) VALUES ($1, $2, $3, $4)",
            &[
                tenant.tenant_id.into(),
                Value::from(&tenant.slug),
                Value::from(&tenant.name),
                integer("created_at_ms", tenant.created_at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

pub(super) fn tenant_row(row: &Row) -> Result<TenantRow, StoreError> {
    Ok(TenantRow {
        tenant_id: row.uuid("tenant_id")?,
        slug: row.text("slug")?,
        name: row.text("name")?,
        created_at_ms: row.number("created_at_ms")?,
        closed_at_ms: row.number_or_null("closed_at_ms")?,
    })
}
