//! Keys of programs.

use uuid::Uuid;

use super::TokenHash;

/// A key of a program that acts for a tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKeyRow {
    /// Its id, which stands where an account's would.
    pub key_id: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// What people call it.
    pub name: String,
    /// The hash of the key.
    pub key_hash: TokenHash,
    /// Names of what it may do, with a space between two.
    pub scopes: String,
    /// The account that created it.
    pub created_by: Option<Uuid>,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it expires, in milliseconds since 1970; `None`: never.
    pub expires_at_ms: Option<u64>,
    /// When it was last used, to the minute, in milliseconds since 1970.
    pub last_used_at_ms: Option<u64>,
    /// When it was revoked, in milliseconds since 1970.
    pub revoked_at_ms: Option<u64>,
}

impl ApiKeyRow {
    /// Whether it is good.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.revoked_at_ms.is_none() && self.expires_at_ms.is_none_or(|end| now_ms < end)
    }
}
