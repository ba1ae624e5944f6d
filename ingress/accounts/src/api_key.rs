//! What keys of programs may do that act for a tenant.

use onsale_auth::Role;

use crate::error::AccountError;
use crate::permissions::{Action, Actions};

/// Longest name of a key, in characters.
pub const API_KEY_NAME_MAX_CHARS: usize = 100;
/// The scope of a payment service.
const PAYMENTS: &str = "payments";
/// The names of all scopes: that of a payment service, and actions for programs.
pub const API_KEY_SCOPES: &[&str] = &[
    PAYMENTS,
    "manage_events",
    "manage_sales",
    "read_sales",
    "read_bookings",
    "serve_buyers",
    "read_payments",
    "approve_refunds",
    "check_in",
    "read_audit",
];

/// What a key may do: actions of an organizer, or what a payment service does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApiKeyScopes {
    /// These, for all of the tenant.
    Organizer(Actions),
    /// Confirm, extend and cancel bookings of the tenant.
    Payments,
}

impl ApiKeyScopes {
    /// The scopes of these names.
    ///
    /// # Errors
    /// [`AccountError::InvalidValue`] with the first that is none, or does not go with those before it.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, AccountError> {
        let invalid = |name: &str| AccountError::InvalidValue {
            field: "scopes",
            value: name.to_owned(),
            expected: "payments alone, or some of manage_events, manage_sales, read_sales, \
                       read_bookings, serve_buyers, read_payments, approve_refunds, check_in, \
                       read_audit",
        };
        let mut names = names.into_iter().peekable();
        if names.peek() == Some(&PAYMENTS) {
            names.next();
            return match names.next() {
                None => Ok(Self::Payments),
                Some(other) => Err(invalid(other)),
            };
        }
        let mut actions = Actions::default();
        for name in names {
            let action = Action::parse(name).filter(|action| action.is_for_programs());
            actions = actions.with(action.ok_or_else(|| invalid(name))?);
        }
        if actions == Actions::default() {
            return Err(invalid(""));
        }
        Ok(Self::Organizer(actions))
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Self::Payments => vec![PAYMENTS],
            Self::Organizer(actions) => Action::ALL
                .into_iter()
                .filter(|action| actions.contains(*action))
                .map(Action::as_str)
                .collect(),
        }
    }

    /// The role of a caller who has them.
    pub fn role(self) -> Role {
        match self {
            Self::Payments => Role::Service,
            Self::Organizer(_) => Role::Organizer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_actions_for_programs_or_payments() {
        let scopes = ApiKeyScopes::parse(["read_sales", "check_in"]).unwrap();
        assert_eq!(scopes.names(), ["read_sales", "check_in"]);
        assert_eq!(scopes.role(), Role::Organizer);
        let payments = ApiKeyScopes::parse(["payments"]).unwrap();
        assert_eq!(
            (payments.role(), payments.names()),
            (Role::Service, vec!["payments"])
        );
        for (wrong, named) in [
            (&[][..], ""),
            (&["everything"][..], "everything"),
            (&["check_in", "manage_members"][..], "manage_members"),
            (&["payments", "read_sales"][..], "read_sales"),
            (&["read_sales", "payments"][..], "payments"),
        ] {
            match ApiKeyScopes::parse(wrong.iter().copied()) {
                Err(AccountError::InvalidValue { field, value, .. }) => {
                    assert_eq!((field, value.as_str()), ("scopes", named), "{wrong:?}");
                }
                other => panic!("{wrong:?}: {other:?}"),
            }
        }
        let of_programs = Action::ALL
            .into_iter()
            .filter(|action| action.is_for_programs());
        let names: Vec<_> = of_programs.map(Action::as_str).collect();
        assert_eq!(API_KEY_SCOPES[1..], names);
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(action));
            assert!(!Actions::default().contains(action));
            assert!(Actions::default().with(action).contains(action));
        }
    }
}
