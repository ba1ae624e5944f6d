//! Whom a verified token stands for.

use onsale_schemas::{TenantId, UserId};

use crate::role::Role;

/// Whom a verified token stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The account.
    pub user: UserId,
    /// What it may do.
    pub role: Role,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// End of the token, in seconds since 1970.
    pub expires_at_seconds: u64,
}
