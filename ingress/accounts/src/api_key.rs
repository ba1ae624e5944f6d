//! Keys of programs that act for a tenant.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_auth::Role;
use onsale_store::account::TokenHash;

use crate::error::AccountError;
use crate::permissions::{Action, Actions};

/// Longest name of a key, in characters.
pub const API_KEY_NAME_MAX_CHARS: usize = 100;
/// What every key begins with, by which leaked ones are found.
const PREFIX: &str = "osk_live_";
const KEY_BYTES: usize = 32;
const PURPOSE: &str = "onsale 2026 API key";
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

/// A key. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeySecret([u8; KEY_BYTES]);

impl ApiKeySecret {
    /// A new one, at random.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Whether a bearer token is meant to be a key.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Reads one; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// As it is shown once.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// As it is kept.
    pub fn hash(&self) -> TokenHash {
        blake3::derive_key(PURPOSE, &self.0)
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret(hidden)")
    }
}

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
    /// [`AccountError::Invalid`].
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, AccountError> {
        let invalid = || AccountError::Invalid {
            field: "scopes",
            expected: "payments alone, or some of manage_events, manage_sales, read_sales, \
                       read_bookings, serve_buyers, read_payments, approve_refunds, check_in, \
                       read_audit",
        };
        let mut names = names.into_iter().peekable();
        if names.peek() == Some(&PAYMENTS) {
            names.next();
            return match names.next() {
                None => Ok(Self::Payments),
                Some(_) => Err(invalid()),
            };
        }
        let mut actions = Actions::default();
        for name in names {
            let action = Action::parse(name).filter(|action| action.is_for_programs());
            actions = actions.with(action.ok_or_else(invalid)?);
        }
        if actions == Actions::default() {
            return Err(invalid());
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
    fn a_key_is_read_as_it_was_written() {
        let key = ApiKeySecret::random();
        let text = key.expose();
        assert!(ApiKeySecret::is_meant(&text));
        assert_eq!(ApiKeySecret::parse(&text), Some(key.clone()));
        for wrong in ["", "osk_live_", &text[1..], &text[..30], "osk_live_!"] {
            assert_eq!(ApiKeySecret::parse(wrong), None, "{wrong}");
        }
        assert!(!format!("{key:?}").contains(&text[12..24]));
    }

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
        for wrong in [
            &[][..],
            &["everything"],
            &["manage_members"],
            &["payments", "read_sales"],
            &["read_sales", "payments"],
        ] {
            let parsed = ApiKeyScopes::parse(wrong.iter().copied());
            assert!(parsed.is_err(), "{wrong:?}");
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
