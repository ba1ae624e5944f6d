//! That an account belongs to a tenant, as clients read it.

use onsale_store::listed::TenantOfUser;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A tenant that an account belongs to.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantMembership)]
pub(crate) struct MembershipBody {
    tenant_id: Uuid,
    name: String,
    /// Its name in addresses.
    slug: String,
    /// `owner`, `manager`, `finance`, `box_office` or `scanner`.
    role: &'static str,
}

impl From<TenantOfUser> for MembershipBody {
    fn from(tenant: TenantOfUser) -> Self {
        Self {
            tenant_id: tenant.tenant_id,
            name: tenant.name,
            slug: tenant.slug,
            role: tenant.role.as_str(),
        }
    }
}
