//! Accounts and tenants as they are listed, a page at a time.
//!
//! A page begins behind a key of an index ([`ListedPlace`], a slug), so the last page costs what the first one does.

use onsale_private::LookupHash;
use onsale_schemas::MemberRole;
use uuid::Uuid;

use crate::account::{TenantRow, UserRole, UserRow};

/// Accounts of one page.
pub const LISTED_USERS_MAX: u32 = 100;
/// Tenants that are named of one account.
pub const LISTED_MEMBERSHIPS_MAX: u32 = 100;

/// Where an account stands in the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListedPlace {
    /// When the account was created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// Which of the accounts that were created at that moment.
    pub user_id: Uuid,
}

/// Which accounts are listed. Erased ones are not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UserFilter {
    /// Only with this role in the installation.
    pub role: Option<UserRole>,
    /// Only the one with this address.
    pub email: Option<LookupHash>,
    /// Only those behind this one, which are older.
    pub after: Option<ListedPlace>,
    /// At most this many; more than [`LISTED_USERS_MAX`] and one are not given.
    pub limit: u32,
}

/// An account as it is listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedUser {
    /// The account.
    pub user: UserRow,
    /// Whether it has a second factor that is in use.
    pub has_second_factor: bool,
    /// When the latest of its sessions that are kept was opened, in milliseconds since 1970.
    pub last_sign_in_at_ms: Option<u64>,
    /// The open tenants that it belongs to, by slug; at most [`LISTED_MEMBERSHIPS_MAX`].
    pub tenants: Vec<TenantOfUser>,
}

impl ListedUser {
    /// Where it stands in the list.
    pub fn place(&self) -> ListedPlace {
        ListedPlace {
            created_at_ms: self.user.created_at_ms,
            user_id: self.user.user_id,
        }
    }
}

/// A tenant that an account belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantOfUser {
    /// Its id.
    pub tenant_id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What the account is to it.
    pub role: MemberRole,
}

/// Which open tenants are listed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TenantFilter {
    /// Only those that this account belongs to.
    pub member: Option<Uuid>,
    /// Only those with this text in slug or name. Capital letters are the same as small ones, on both databases and in
    /// every alphabet; an accent makes another letter.
    pub search: Option<String>,
    /// Only those behind this slug.
    pub after: Option<String>,
    /// At most this many.
    pub limit: u32,
}

/// A tenant as it is listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedTenant {
    /// The tenant.
    pub tenant: TenantRow,
    /// What the account is to it whose tenants are listed; `None` in a list of all.
    pub role: Option<MemberRole>,
}
