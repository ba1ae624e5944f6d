//! Callers that send an API key in the place of a token.
//!
//! A key is looked up in the database, and what was found is remembered for a short time, so that a
//! program that asks often costs no look-up each time. A key that is not known yet counts towards the
//! limit of its address first: guessing costs no look-ups.

use std::time::Duration;

use http::HeaderValue;
use moka::sync::Cache;
use onsale_accounts::{ApiKeyScopes, ApiKeySecret};
use onsale_auth::Identity;
use onsale_schemas::{TenantId, UserId};
use onsale_store::StoreError;
use onsale_store::account::{ApiKeyRow, TokenHash};

use crate::auth::Caller;
use crate::error::{ApiError, Code};
use crate::rate_limit::{Class, Key};
use crate::state::IngressState;

/// For how long a key is remembered, and so how soon a revoked one is refused by other nodes.
const REMEMBERED_FOR: Duration = Duration::from_secs(30);
/// For how long a revoked key is refused without a look-up: longer than one is remembered that was looked up
/// a moment before it was revoked.
const REVOKED_FOR: Duration = Duration::from_secs(120);
/// For how long a key that was good is good on while the database cannot be asked: sales go on without it.
const GOOD_WITHOUT_DATABASE_FOR: Duration = Duration::from_secs(3_600);
/// Keys that are remembered, those that nobody has included.
const REMEMBERED_MAX: u64 = 10_000;

/// Keys that were looked up lately.
pub(crate) struct ApiKeys {
    known: Cache<TokenHash, Option<ApiKeyRow>>,
    /// Those that were good when the database last said so.
    good: Cache<TokenHash, ApiKeyRow>,
    /// Those that this node has revoked: a look-up that began before may find them good.
    revoked: Cache<TokenHash, ()>,
}

impl ApiKeys {
    pub(crate) fn new() -> Self {
        Self {
            known: Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .time_to_live(REMEMBERED_FOR)
                .build(),
            good: Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .time_to_live(GOOD_WITHOUT_DATABASE_FOR)
                .build(),
            revoked: Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .time_to_live(REVOKED_FOR)
                .build(),
        }
    }

    /// Refuses a key from now on, which was revoked.
    pub(crate) fn refuse(&self, hash: TokenHash) {
        self.revoked.insert(hash, ());
        self.known.invalidate(&hash);
        self.good.invalidate(&hash);
    }

    /// What is known of a key without a look-up: `Some(None)` of one that nobody has, or that was revoked.
    fn remembered(&self, hash: &TokenHash) -> Option<Option<ApiKeyRow>> {
        if self.revoked.contains_key(hash) {
            return Some(None);
        }
        self.known.get(hash)
    }

    /// Remembers what a look-up has found, unless the key was revoked while it ran; what is known of it then.
    fn remember(&self, hash: TokenHash, found: Option<ApiKeyRow>) -> Option<ApiKeyRow> {
        self.known.insert(hash, found.clone());
        if self.revoked.contains_key(&hash) {
            return None;
        }
        match &found {
            Some(row) => self.good.insert(hash, row.clone()),
            None => self.good.invalidate(&hash),
        }
        found
    }

    /// A key that was good when the database last said so, for while it cannot be asked. It is remembered as
    /// one that was looked up, so that not every call waits for the database.
    fn without_database(&self, hash: TokenHash) -> Option<ApiKeyRow> {
        let row = self.good.get(&hash)?;
        if self.revoked.contains_key(&hash) {
            return None;
        }
        self.known.insert(hash, Some(row.clone()));
        Some(row)
    }

    /// Whom the key in the value of an `Authorization` header stands for; `None` where that is no key.
    /// `address` is who sends it.
    pub(crate) async fn caller(
        state: &IngressState,
        header: &HeaderValue,
        address: Key,
    ) -> Option<Result<Caller, ApiError>> {
        let text = bearer(header)?;
        if !ApiKeySecret::is_meant(text) {
            return None;
        }
        let Some(secret) = ApiKeySecret::parse(text) else {
            return Some(Err(refused()));
        };
        Some(state.api_keys.look_up(state, &secret, address).await)
    }

    async fn look_up(
        &self,
        state: &IngressState,
        secret: &ApiKeySecret,
        address: Key,
    ) -> Result<Caller, ApiError> {
        let hash = secret.hash();
        let found = match self.remembered(&hash) {
            Some(known) => known,
            None => {
                let limited = state.limits.check(Class::Lookup, address);
                limited.map_err(|(error, _passed)| error)?;
                let found = match state.installation.api_key(hash).await {
                    Err(error @ StoreError::Unreachable(_)) => {
                        let key = self.without_database(hash).ok_or(error)?;
                        return caller(key, state.clock.now_ms());
                    }
                    asked => asked?,
                };
                if let Some(key) = &found {
                    let now_ms = state.clock.now_ms();
                    // What can be read is answered also where nothing can be written.
                    let noted = state.installation.note_api_key_used(key.key_id, now_ms);
                    if let Err(error) = noted.await {
                        tracing::warn!(
                            key = %key.key_id, %error,
                            "it is not noted when an API key was last used"
                        );
                    }
                }
                self.remember(hash, found)
            }
        };
        caller(found.ok_or_else(refused)?, state.clock.now_ms())
    }
}

/// Whom a key stands for.
fn caller(key: ApiKeyRow, now_ms: u64) -> Result<Caller, ApiError> {
    if !key.is_live(now_ms) {
        return Err(refused());
    }
    let scopes = ApiKeyScopes::parse(key.scopes.split(' ')).map_err(ApiError::internal)?;
    let identity = Identity {
        user: UserId(key.key_id),
        role: scopes.role(),
        tenant: TenantId(key.tenant_id),
        member: None,
        session: None,
        email_verified: false,
        guest: None,
        expires_at_seconds: key.expires_at_ms.map_or(u64::MAX, |ms| ms / 1_000),
    };
    Ok(match scopes {
        ApiKeyScopes::Payments => Caller::from(identity),
        ApiKeyScopes::Organizer(actions) => Caller::from(identity).with_actions(actions),
    })
}

/// The same for one that nobody has, that has expired and that was revoked.
fn refused() -> ApiError {
    ApiError::new(
        Code::Unauthorized,
        "This API key is not valid: it was revoked, has expired, or is of another installation.",
    )
}

fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_key_that_was_revoked_while_it_was_looked_up_is_not_remembered_as_good() {
        let keys = ApiKeys::new();
        let row = ApiKeyRow {
            key_id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            name: "import".to_owned(),
            key_hash: [1; 32],
            scopes: "read_sales".to_owned(),
            created_by: None,
            created_at_ms: 1,
            expires_at_ms: None,
            last_used_at_ms: None,
            revoked_at_ms: None,
        };
        assert_eq!(keys.remembered(&[1; 32]), None);
        assert_eq!(keys.remember([1; 32], Some(row.clone())), Some(row.clone()));
        assert_eq!(keys.remembered(&[1; 32]), Some(Some(row.clone())));
        assert_eq!(keys.without_database([1; 32]), Some(row.clone()));
        keys.refuse([1; 32]);
        assert_eq!(keys.remembered(&[1; 32]), Some(None));
        // The answer to a look-up that had begun before.
        assert_eq!(keys.remember([1; 32], Some(row)), None);
        assert_eq!(keys.remembered(&[1; 32]), Some(None));
        assert_eq!(keys.without_database([1; 32]), None);
    }
}
