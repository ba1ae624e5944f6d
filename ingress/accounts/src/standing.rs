//! What a session's token says of its person: role and tenant follow from the rows each time a token is
//! minted, and are kept nowhere else.

use onsale_auth::Role;
use onsale_schemas::{MemberRole, TenantId};
use onsale_store::account::{Membership, UserRole, UserRow};
use uuid::Uuid;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// What the token allows.
    pub role: Role,
    /// The tenant that it acts for; the nil one for nobody's.
    pub tenant: TenantId,
    /// What the person is to that tenant.
    pub member: Option<MemberRole>,
    /// What the person is called: `buyer`, `organizer` or `admin`.
    pub called: &'static str,
    /// Whether it is more, and has to set a second factor up first.
    pub needs_factor: bool,
}

impl Standing {
    /// Of a person in a session that acts for `membership`.
    ///
    /// An admin looks after the installation, so its tokens are an operator's, which reach every tenant;
    /// a token of the role `admin` manages one tenant, and operators mint those.
    pub fn of(user: &UserRow, membership: Option<&Membership>) -> Self {
        let nobodys = TenantId(Uuid::nil());
        match (user.role, membership) {
            (UserRole::Admin, _) => Self {
                role: Role::Operator,
                tenant: nobodys,
                member: None,
                called: "admin",
                needs_factor: false,
            },
            (UserRole::Buyer, Some(membership)) => Self {
                role: Role::Organizer,
                tenant: TenantId(membership.tenant_id),
                member: Some(membership.role),
                called: "organizer",
                needs_factor: false,
            },
            (UserRole::Buyer, None) => Self {
                role: Role::Buyer,
                tenant: nobodys,
                member: None,
                called: "buyer",
                needs_factor: false,
            },
        }
    }

    /// Whether it is that of an admin of the installation.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Operator
    }

    /// Of a person who is more, and has to set a second factor up before its tokens say so: it may do what
    /// everybody may, and that.
    #[must_use]
    pub fn without_rights(self) -> Self {
        Self {
            role: Role::Buyer,
            tenant: TenantId(Uuid::nil()),
            member: None,
            called: "buyer",
            needs_factor: true,
        }
    }
}
