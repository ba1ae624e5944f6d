//! Tenants, and who belongs to them.

use onsale_schemas::MemberRole;
use uuid::Uuid;

/// An organizer's house.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantRow {
    /// Its id.
    pub tenant_id: Uuid,
    /// Its name in addresses, which no other has.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// When it was opened, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it was closed, in milliseconds since 1970.
    pub closed_at_ms: Option<u64>,
}

/// That a person belongs to a tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The tenant.
    pub tenant_id: Uuid,
    /// The person.
    pub user_id: Uuid,
    /// What it does there.
    pub role: MemberRole,
    /// Since when, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// The result of changing or ending a membership.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MembershipChange {
    /// Done.
    Changed,
    /// The person is no member, cannot become one (its account is disabled, erased or missing), or the
    /// tenant is closed.
    NotThere,
    /// It is the only owner that can sign in, and a tenant always has one.
    LastOwner,
}

/// What of a tenant is to change: `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TenantChange {
    /// Its name in addresses.
    pub slug: Option<String>,
    /// Its name for people.
    pub name: Option<String>,
}
