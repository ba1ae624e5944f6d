//! Keys of programs that act for a tenant.

use uuid::Uuid;

use super::{mandate, members};
use crate::Store;
use crate::account::{Act, ApiKeyRow, TokenHash};
use crate::database::{Durability, Row, Value, integer};
use crate::error::StoreError;

/// Keys of one tenant that are good at a time.
pub const API_KEYS_PER_TENANT_MAX: u32 = 100;
/// Keys of one tenant that were not revoked, those that have expired and are still kept included.
pub const KEPT_API_KEYS_PER_TENANT_MAX: u32 = 1_000;
/// How exactly it is known when a key was last used, in milliseconds: not every call is a write.
const USED_EXACTNESS_MS: u64 = 60_000;

macro_rules! columns {
    () => {
        "key_id, tenant_id, name, key_hash, scopes, created_by, created_at_ms, expires_at_ms, \
         last_used_at_ms, revoked_at_ms"
    };
}

impl Store {
    /// Adds a key. False where the tenant is closed, or has as many as it may.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`]; otherwise as every write.
    pub async fn add_api_key(
        &self,
        key: &ApiKeyRow,
        act: impl Into<Act>,
    ) -> Result<bool, StoreError> {
        let key = key.clone();
        let Act {
            audit,
            mandate: right,
        } = act.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if !members::lock_tenant(&mut transaction, key.tenant_id).await? {
                    return Ok(false);
                }
                mandate::check(&mut transaction, right).await?;
                let now = integer("created_at_ms", key.created_at_ms)?;
                let kept = transaction
                    .fetch(
                        "SELECT key_id FROM api_keys WHERE tenant_id = $1 AND revoked_at_ms IS NULL \
                         LIMIT $2",
                        &[key.tenant_id.into(), KEPT_API_KEYS_PER_TENANT_MAX.into()],
                    )
                    .await?;
                if u32::try_from(kept.len())
                    .is_ok_and(|count| count >= KEPT_API_KEYS_PER_TENANT_MAX)
                {
                    return Ok(false);
                }
                let live = transaction
                    .fetch(
                        "SELECT key_id FROM api_keys WHERE tenant_id = $1 AND revoked_at_ms IS NULL \
                         AND (expires_at_ms IS NULL OR expires_at_ms > $2) LIMIT $3",
                        &[
                            key.tenant_id.into(),
                            now.into(),
                            API_KEYS_PER_TENANT_MAX.into(),
                        ],
                    )
                    .await?;
                if u32::try_from(live.len()).is_ok_and(|count| count >= API_KEYS_PER_TENANT_MAX) {
                    return Ok(false);
                }
                let expires = key
                    .expires_at_ms
                    .map(|ms| integer("expires_at_ms", ms))
                    .transpose()?;
                transaction
                    .execute(
                        "INSERT INTO api_keys (key_id, tenant_id, name, key_hash, scopes, created_by, \
                         created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                        &[
                            key.key_id.into(),
                            key.tenant_id.into(),
                            Value::from(&key.name),
                            Value::Bytes(&key.key_hash),
                            Value::from(&key.scopes),
                            key.created_by.into(),
                            now.into(),
                            expires.into(),
                        ],
                    )
                    .await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// The keys of a tenant that were not revoked, those that are good first, the oldest of each first.
    ///
    /// # Errors
    /// As every read.
    pub async fn api_keys_of(
        &self,
        tenant: Uuid,
        now_ms: u64,
        limit: u32,
    ) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.database
            .fetch(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM api_keys WHERE tenant_id = $1 AND revoked_at_ms IS NULL \
                     ORDER BY CASE WHEN expires_at_ms IS NULL OR expires_at_ms > $2 THEN 0 ELSE 1 \
                     END, created_at_ms, key_id LIMIT $3"
                ),
                &[
                    tenant.into(),
                    integer("now_ms", now_ms)?.into(),
                    limit.into(),
                ],
            )
            .await?
            .iter()
            .map(api_key_row)
            .collect()
    }

    /// The ids of the good keys of a tenant that an account created, the oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn api_keys_created_by(
        &self,
        tenant: Uuid,
        user: Uuid,
        now_ms: u64,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.database
            .fetch(
                "SELECT key_id FROM api_keys WHERE tenant_id = $1 AND created_by = $2 \
                 AND revoked_at_ms IS NULL AND (expires_at_ms IS NULL OR expires_at_ms > $3) \
                 ORDER BY created_at_ms, key_id LIMIT $4",
                &[
                    tenant.into(),
                    user.into(),
                    integer("now_ms", now_ms)?.into(),
                    API_KEYS_PER_TENANT_MAX.into(),
                ],
            )
            .await?
            .iter()
            .map(|row| row.uuid("key_id"))
            .collect()
    }

    /// The keys that an account created, for whatever tenant, as long as they are kept, the newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn api_keys_of_person(
        &self,
        user: Uuid,
        limit: u32,
    ) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.database
            .fetch(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM api_keys WHERE created_by = $1 ORDER BY created_at_ms DESC, key_id LIMIT $2"
                ),
                &[user.into(), limit.into()],
            )
            .await?
            .iter()
            .map(api_key_row)
            .collect()
    }

    /// Forgets keys that were revoked, or have expired, before `before_ms`; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_api_keys(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.forget_in_steps(
            "DELETE FROM api_keys WHERE key_id IN (SELECT key_id FROM api_keys \
             WHERE revoked_at_ms < $1 OR expires_at_ms < $1 LIMIT $2)",
            before_ms,
        )
        .await
    }

    /// The key of a hash, of a tenant that is open.
    ///
    /// # Errors
    /// As every read.
    pub async fn api_key(&self, hash: TokenHash) -> Result<Option<ApiKeyRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM api_keys WHERE key_hash = $1 AND tenant_id IN \
                     (SELECT tenant_id FROM tenants WHERE closed_at_ms IS NULL)"
                ),
                &[Value::Bytes(&hash)],
            )
            .await?
            .map(|row| api_key_row(&row))
            .transpose()
    }

    /// A key of a tenant by its id, whether or not it is good.
    ///
    /// # Errors
    /// As every read.
    pub async fn api_key_of(
        &self,
        tenant: Uuid,
        key: Uuid,
    ) -> Result<Option<ApiKeyRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM api_keys WHERE tenant_id = $1 AND key_id = $2"
                ),
                &[tenant.into(), key.into()],
            )
            .await?
            .map(|row| api_key_row(&row))
            .transpose()
    }

    /// Notes that a key is used.
    ///
    /// # Errors
    /// As every write.
    pub async fn note_api_key_used(&self, key: Uuid, now_ms: u64) -> Result<(), StoreError> {
        self.database
            .execute_unaudited(
                Durability::Rebuildable,
                "UPDATE api_keys SET last_used_at_ms = $2 WHERE key_id = $1 \
                 AND (last_used_at_ms IS NULL OR last_used_at_ms < $3)",
                &[
                    key.into(),
                    integer("now_ms", now_ms)?.into(),
                    integer("before_ms", now_ms.saturating_sub(USED_EXACTNESS_MS))?.into(),
                ],
            )
            .await
            .map(drop)
    }

    /// Revokes a key of a tenant for good; its hash, `None` where the tenant has no such key.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`]; otherwise as every write.
    pub async fn revoke_api_key(
        &self,
        tenant: Uuid,
        key: Uuid,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<Option<TokenHash>, StoreError> {
        let Act {
            audit,
            mandate: right,
        } = act.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                mandate::check(&mut transaction, right).await?;
                let revoked = transaction
                    .fetch_optional(
                        "UPDATE api_keys SET revoked_at_ms = $3 WHERE tenant_id = $1 AND key_id = $2 \
                         AND revoked_at_ms IS NULL RETURNING key_hash",
                        &[tenant.into(), key.into(), integer("now_ms", now_ms)?.into()],
                    )
                    .await?;
                let Some(row) = revoked else {
                    return Ok(None);
                };
                let hash = row.exactly("key_hash")?;
                transaction.commit(audit).await?;
                Ok(Some(hash))
            })
            .await
    }
}

fn api_key_row(row: &Row) -> Result<ApiKeyRow, StoreError> {
    Ok(ApiKeyRow {
        key_id: row.uuid("key_id")?,
        tenant_id: row.uuid("tenant_id")?,
        name: row.text("name")?,
        key_hash: row.exactly("key_hash")?,
        scopes: row.text("scopes")?,
        created_by: row.uuid_or_null("created_by")?,
        created_at_ms: row.number("created_at_ms")?,
        expires_at_ms: row.number_or_null("expires_at_ms")?,
        last_used_at_ms: row.number_or_null("last_used_at_ms")?,
        revoked_at_ms: row.number_or_null("revoked_at_ms")?,
    })
}
