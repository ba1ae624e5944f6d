//! Keys of programs that act for a tenant. Whether the caller may is decided before.

use onsale_store::account::{ApiKeyRow, TokenHash};
use onsale_store::store::KEPT_API_KEYS_PER_TENANT_MAX;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::acting::Acting;
use crate::api_key::{API_KEY_NAME_MAX_CHARS, ApiKeyScopes};
use crate::error::AccountError;
use crate::fields::is_line;
use crate::repeat::Repeat;
use crate::secret::ApiKeySecret;

/// What ids of keys are derived as.
const API_KEY: &str = "API key";

impl Accounts {
    /// Creates a key. Only the answer to this ever shows it.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::TooManyKeys`] and others.
    pub async fn create_api_key(
        &self,
        tenant: Uuid,
        name: &str,
        scopes: ApiKeyScopes,
        expires_at_ms: Option<u64>,
        by: &Acting,
        now_ms: u64,
    ) -> Result<(ApiKeyRow, ApiKeySecret), AccountError> {
        let name = name.trim();
        if !is_line(name, API_KEY_NAME_MAX_CHARS) {
            return Err(AccountError::Invalid {
                field: "name",
                expected: "1 to 100 characters on one line",
            });
        }
        if let Some(at_ms) = expires_at_ms.filter(|end| *end <= now_ms) {
            return Err(AccountError::Past {
                field: "expires_at",
                at_ms,
            });
        }
        let tenant = self.tenant(tenant).await?.tenant_id;
        self.require_recent_factor_of(by, now_ms).await?;
        if let Some(created) = self.created_before(tenant, by, now_ms).await? {
            return Ok(created);
        }
        let (key_id, secret) = match &by.repeat {
            Some(repeat) => {
                let [secret, _] = repeat.secrets();
                (repeat.id(API_KEY), ApiKeySecret::of(secret))
            }
            None => (Uuid::new_v4(), ApiKeySecret::random()),
        };
        let key = ApiKeyRow {
            key_id,
            tenant_id: tenant,
            name: name.to_owned(),
            key_hash: secret.hash(),
            scopes: scopes.names().join(" "),
            created_by: by.actor.id,
            created_at_ms: now_ms,
            expires_at_ms,
            last_used_at_ms: None,
            revoked_at_ms: None,
        };
        let entry = by
            .did("api_key.create", "api_key", key.key_id)
            .of_tenant(tenant)
            .with(json!({
                "name": key.name, "scopes": scopes.names(), "expires_at_ms": expires_at_ms,
            }));
        if self.tenants.add_api_key(&key, by.act(entry)).await? {
            Ok((key, secret))
        } else {
            Err(AccountError::TooManyKeys)
        }
    }

    /// The key that an earlier try of the same request has created.
    async fn created_before(
        &self,
        tenant: Uuid,
        by: &Acting,
        now_ms: u64,
    ) -> Result<Option<(ApiKeyRow, ApiKeySecret)>, AccountError> {
        let Some(repeat) = &by.repeat else {
            return Ok(None);
        };
        for (id, secret) in repeat.ids(API_KEY).into_iter().zip(repeat.secrets()) {
            let secret = ApiKeySecret::of(secret);
            let found = self.tenants.api_key_of(tenant, id).await?;
            let found = found.filter(|key| {
                Repeat::is_recent(key.created_at_ms, now_ms) && key.key_hash == secret.hash()
            });
            if let Some(key) = found
                && self.still_holds(by.mandate).await?
            {
                repeat.note_found();
                return Ok(Some((key, secret)));
            }
        }
        Ok(None)
    }

    /// The keys of a tenant that were not revoked, those that are good first.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn api_keys(
        &self,
        tenant: Uuid,
        now_ms: u64,
    ) -> Result<Vec<ApiKeyRow>, AccountError> {
        // Those that have expired are listed too, until they are revoked or forgotten.
        let limit = KEPT_API_KEYS_PER_TENANT_MAX;
        Ok(self.tenants.api_keys_of(tenant, now_ms, limit).await?)
    }

    /// Revokes a key for good; its hash, by which it may be remembered.
    ///
    /// # Errors
    /// [`AccountError::NotFound`].
    pub async fn revoke_api_key(
        &self,
        tenant: Uuid,
        key: Uuid,
        by: &Acting,
        now_ms: u64,
    ) -> Result<TokenHash, AccountError> {
        let entry = by.did("api_key.revoke", "api_key", key).of_tenant(tenant);
        let revoked = self
            .tenants
            .revoke_api_key(tenant, key, now_ms, by.act(entry));
        revoked.await?.ok_or(AccountError::NotFound("API key"))
    }
}
