//! Access tokens: what they claim, what roles there are, and the keys that they are signed and
//! verified with.
//!
//! Entry points: [`AuthConfig`], the section `auth` of the configuration, and [`Authenticator`]. This
//! crate reads no clock; callers say what time it is.

mod config;
mod error;
mod identity;
mod key;
mod operator;
mod role;
mod token;

pub use config::{AuthConfig, NamedKey};
pub use error::TokenError;
pub use identity::Identity;
pub use key::{KeyError, read_secret};
pub use operator::OperatorTokens;
pub use role::Role;
pub use token::Authenticator;
