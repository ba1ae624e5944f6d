//! Access tokens: what they claim, what roles there are, and the keys that they are signed and
//! verified with; and the tokens by which nodes of a cluster know one another.
//!
//! Entry points: [`AuthConfig`], the section `auth` of the configuration; [`Authenticator`] and
//! [`Minter`] for the tokens of users; [`PeerGate`] and [`PeerTokens`] for those of nodes. This crate
//! reads no clock; callers say what time it is.

mod claims;
mod compact;
mod config;
mod error;
mod identity;
mod jwks;
mod key;
mod mint;
mod peers;
mod role;
mod token;

pub use compact::check as check_compact;
pub use config::{AuthConfig, NamedKey, check_secret, secret_file};
pub use error::TokenError;
pub use identity::{Identity, Purchase};
pub use jwks::JwksError;
pub use key::{KeyError, secret};
pub use mint::{Grant, MintError, Minter, OfSession, SigningSecret};
pub use peers::{Admitted, PeerGate, PeerTokens};
pub use role::{Role, UnknownRole};
pub use token::Authenticator;
