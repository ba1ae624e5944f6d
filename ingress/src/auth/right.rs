//! Who may do something.

use onsale_accounts::Action;

use super::{Caller, Role};
use crate::error::ApiError;

/// Who may do something: callers of some roles, and of the organizers who are members of their tenant
/// those whose membership allows an action. Organizers whose token names no membership, as those that
/// operators mint, are held to their role alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Right {
    roles: &'static [Role],
    /// `None`: no member may, whatever the membership.
    action: Option<Action>,
    /// Whether an organizer's token has to name a membership.
    is_of_members_alone: bool,
    /// What callers of other roles read.
    detail: &'static str,
}

impl Right {
    /// Of these roles, and of no member of a tenant.
    pub(crate) const fn of_roles(roles: &'static [Role], detail: &'static str) -> Self {
        Self {
            roles,
            action: None,
            is_of_members_alone: false,
            detail,
        }
    }

    /// Of these roles, and of the members who may do `action`.
    pub(crate) const fn of_members(
        roles: &'static [Role],
        action: Action,
        detail: &'static str,
    ) -> Self {
        Self {
            roles,
            action: Some(action),
            is_of_members_alone: false,
            detail,
        }
    }

    /// As [`Right::of_members`], and not of organizers whose token names no membership: for what is the
    /// tenant's own, and not an event's.
    pub(crate) const fn of_members_alone(
        roles: &'static [Role],
        action: Action,
        detail: &'static str,
    ) -> Self {
        Self {
            is_of_members_alone: true,
            ..Self::of_members(roles, action, detail)
        }
    }
}

impl Caller {
    /// Refuses callers who do not have a right.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(crate) fn permit(&self, right: &Right) -> Result<(), ApiError> {
        if !right.roles.contains(&self.role) {
            return Err(ApiError::forbidden(right.detail));
        }
        if self.role != Role::Organizer {
            return Ok(());
        }
        if !self.is_of_team() {
            return if right.is_of_members_alone {
                Err(ApiError::forbidden(right.detail))
            } else {
                Ok(())
            };
        }
        let Some(action) = right.action else {
            return Err(ApiError::forbidden(right.detail));
        };
        if self.may_for_tenant(action) == Some(true) {
            return Ok(());
        }
        Err(ApiError::forbidden(match self.member {
            Some(member) => {
                let allowed: Vec<&str> =
                    action.allowed().iter().map(|role| role.as_str()).collect();
                format!(
                    "Your role in the tenant is {member}: this takes {}.",
                    allowed.join(" or ")
                )
            }
            None if action.is_for_programs() => {
                format!("This takes an API key with the scope {}.", action.as_str())
            }
            None => "API keys do not do this: it takes a member of the tenant.".to_owned(),
        }))
    }

    /// Refuses callers of any other role, and members of a tenant.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(crate) fn require(
        &self,
        roles: &'static [Role],
        detail: &'static str,
    ) -> Result<(), ApiError> {
        self.permit(&Right::of_roles(roles, detail))
    }
}

#[cfg(test)]
mod tests {
    use onsale_accounts::{Actions, may};
    use onsale_auth::Identity;
    use onsale_schemas::{MemberRole, TenantId, UserId};

    use super::*;

    fn caller(role: Role, member: Option<MemberRole>) -> Caller {
        Caller::from(Identity {
            user: UserId::from_bytes([1; 16]),
            role,
            tenant: TenantId::from_bytes([2; 16]),
            member,
            session: None,
            email_verified: false,
            guest: None,
            expires_at_seconds: 0,
        })
    }

    #[test]
    fn a_member_may_what_the_table_says_and_an_organizer_without_membership_what_the_role_says() {
        const ROLES: &[Role] = &[Role::Organizer, Role::Admin];
        for action in Action::ALL {
            let right = Right::of_members(ROLES, action, "No.");
            for member in MemberRole::ALL {
                let permitted = caller(Role::Organizer, Some(member)).permit(&right);
                assert_eq!(
                    permitted.is_ok(),
                    may(member, action),
                    "{member} {action:?}"
                );
            }
            assert!(caller(Role::Organizer, None).permit(&right).is_ok());
            assert!(caller(Role::Admin, None).permit(&right).is_ok());
            // A membership gives nothing to a token of another role.
            let buyer = caller(Role::Buyer, Some(MemberRole::Owner));
            assert!(buyer.permit(&right).is_err());
        }
        let alone = Right::of_members_alone(ROLES, Action::ManageTenant, "No.");
        assert!(caller(Role::Organizer, None).permit(&alone).is_err());
        let owner = caller(Role::Organizer, Some(MemberRole::Owner));
        assert!(owner.permit(&alone).is_ok());
        assert!(caller(Role::Admin, None).permit(&alone).is_ok());
        let program =
            caller(Role::Organizer, None).with_actions(Actions::default().with(Action::CheckIn));
        for action in Action::ALL {
            let permitted = program.permit(&Right::of_members(ROLES, action, "No."));
            assert_eq!(permitted.is_ok(), action == Action::CheckIn, "{action:?}");
        }
        let closed = Right::of_roles(ROLES, "No.");
        assert!(program.permit(&closed).is_err());
        let owner = caller(Role::Organizer, Some(MemberRole::Owner));
        assert!(owner.permit(&closed).is_err());
        assert!(caller(Role::Organizer, None).permit(&closed).is_ok());
    }

    #[test]
    fn a_refusal_names_the_roles_that_may() {
        let right = Right::of_members(&[Role::Organizer], Action::ManageEvents, "No.");
        let refused = caller(Role::Organizer, Some(MemberRole::BoxOffice)).permit(&right);
        assert_eq!(
            refused.unwrap_err().detail(),
            "Your role in the tenant is box_office: this takes owner or manager."
        );
    }
}
