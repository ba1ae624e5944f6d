//! Tenants and their members as clients read them.

use onsale_accounts::TeamMember;
use onsale_private::Private;
use onsale_schemas::MemberRole;
use onsale_store::account::TenantRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::ApiError;
use crate::values::Instant;

/// The names of the roles of members.
pub(super) const ROLES: &[&str] = &["owner", "manager", "finance", "box_office", "scanner"];

/// A tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(crate) struct TenantBody {
    tenant_id: Uuid,
    /// Its name in addresses.
    slug: String,
    name: String,
    created_at: Instant,
}

/// A member of a tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct MemberBody {
    user_id: Uuid,
    email: Option<String>,
    name: Option<String>,
    /// `owner`, `manager`, `finance`, `box_office` or `scanner`.
    role: &'static str,
    since: Instant,
    /// Whether something of it is `null` because what is kept of it does not open: it is damaged, or its key is not
    /// configured.
    unreadable: bool,
}

impl From<TenantRow> for TenantBody {
    fn from(tenant: TenantRow) -> Self {
        Self {
            tenant_id: tenant.tenant_id,
            slug: tenant.slug,
            name: tenant.name,
            created_at: Instant(tenant.created_at_ms),
        }
    }
}

impl From<TeamMember> for MemberBody {
    fn from(member: TeamMember) -> Self {
        Self {
            user_id: member.membership.user_id,
            email: member.email.map(Private::into_exposed),
            name: member.name.map(Private::into_exposed),
            role: member.membership.role.as_str(),
            since: Instant(member.membership.created_at_ms),
            unreadable: member.is_unreadable,
        }
    }
}

/// The role of a name.
pub(super) fn role(name: &str) -> Result<MemberRole, ApiError> {
    MemberRole::parse(name).ok_or_else(|| {
        let expected = "owner, manager, finance, box_office or scanner";
        ApiError::invalid("role", name, expected)
    })
}
