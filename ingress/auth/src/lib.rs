//! Access tokens: what they claim, what roles there are, and the keys that they are signed and
//! verified with.
//!
//! Entry points: [`AuthConfig`], the section `auth` of the configuration; [`Authenticator`] and
//! [`Minter`]. This crate reads no clock; callers say what time it is.

mod claims;
mod config;
mod error;
mod identity;
mod key;
mod mint;
mod operator;
mod role;
mod token;

pub use config::{AuthConfig, NamedKey, check_secret};
pub use error::TokenError;
pub use identity::Identity;
pub use key::{KeyError, secret};
pub use mint::{Grant, MintError, Minter, SigningSecret};
pub use operator::OperatorTokens;
pub use role::{Role, UnknownRole};
pub use token::Authenticator;
