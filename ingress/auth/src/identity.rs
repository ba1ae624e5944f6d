//! Whom a verified token stands for.

use onsale_schemas::{MemberRole, TenantId, UserId};
use uuid::Uuid;

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
    /// What it is to that tenant; `None` where the token does not say.
    pub member: Option<MemberRole>,
    /// The session that the token belongs to; `None` for one that was minted without a session.
    pub session: Option<Uuid>,
    /// End of the token, in seconds since 1970.
    pub expires_at_seconds: u64,
}
