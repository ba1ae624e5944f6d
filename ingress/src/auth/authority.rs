//! What a caller on the staff side may touch.
//!
//! [`Caller::authority_over`] is the only place that creates an [`Authority`] over what belongs to
//! a tenant, and a command of the staff cannot be submitted without one: a new endpoint cannot
//! forget to compare tenants. Which show a booking is for comes from the outcomes seen so far, or
//! from the database. The machine compares once more for shows that were opened with a tenant, and
//! the record says who asked.

use onsale_schemas::{Staff, TenantId};
use onsale_store::catalog::TenantScope;

use super::{Caller, Right, Role};
use crate::error::ApiError;

/// The right of a caller to act on what belongs to one tenant, or to the installation.
/// [`Caller::authority_over`] and [`Caller::authority_over_installation`] are the only places that make
/// one, so whatever asks for an `Authority` cannot be reached without tenant or role having been
/// compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Authority {
    staff: Staff,
}

/// On whose behalf a command goes into the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnBehalf {
    /// A buyer's: the command names them, and the machine lets it touch only what is theirs.
    Buyer,
    /// Of the staff of a tenant.
    Staff(Authority),
}

impl Authority {
    /// Who acts, for the log: the machine compares the tenant once more.
    pub(crate) fn staff(&self) -> Staff {
        self.staff
    }
}

impl OnBehalf {
    /// Who acts on the staff side, for the log.
    pub(crate) fn staff(&self) -> Option<Staff> {
        match self {
            Self::Buyer => None,
            Self::Staff(authority) => Some(authority.staff()),
        }
    }
}

impl Caller {
    /// The tenants whose property the caller's role reaches: its own, or all for the roles of the
    /// installation. It says nothing about what the role may do there.
    pub(crate) fn scope(&self) -> TenantScope {
        match self.role {
            Role::Buyer | Role::Organizer | Role::Admin | Role::Service => {
                TenantScope::One(self.tenant.0)
            }
            Role::Operator | Role::Platform => TenantScope::All,
        }
    }

    /// The right to act on what is nobody's in particular, as the clocks, for operators.
    ///
    /// # Errors
    /// `FORBIDDEN` for other roles.
    pub(crate) fn authority_over_installation(
        &self,
        detail: &'static str,
    ) -> Result<Authority, ApiError> {
        self.require(&[Role::Operator], detail)?;
        Ok(Authority {
            staff: Staff {
                user: self.user,
                tenant: None,
            },
        })
    }

    /// The right to act for the staff of `tenant`, when the caller has `right` and reaches that tenant.
    ///
    /// # Errors
    /// `FORBIDDEN` for callers without the right; what `elsewhere` says for another tenant, which is mostly that
    /// there is no such thing.
    pub(crate) fn authority_over(
        &self,
        tenant: TenantId,
        right: &Right,
        elsewhere: impl FnOnce() -> ApiError,
    ) -> Result<Authority, ApiError> {
        self.permit(right)?;
        let own = match self.scope() {
            TenantScope::One(own) if own != tenant.0 => return Err(elsewhere()),
            TenantScope::One(own) => Some(TenantId(own)),
            TenantScope::All => None,
        };
        Ok(Authority {
            staff: Staff {
                user: self.user,
                tenant: own,
            },
        })
    }
}
