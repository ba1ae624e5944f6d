//! Whom a verified token stands for.

use onsale_schemas::{MemberRole, ShowId, TenantId, UserId};
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
    /// Whether the token says that the account's e-mail address is verified. It may have been since.
    pub email_verified: bool,
    /// What a guest's token is for; `None` for everyone else.
    pub guest: Option<Purchase>,
    /// End of the token, in seconds since 1970.
    pub expires_at_seconds: u64,
}

/// The one purchase that a guest's token is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purchase {
    /// The only show of which places are reserved with it; `None`: any one.
    pub show: Option<ShowId>,
}
