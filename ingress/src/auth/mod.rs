//! Who is asking.

mod admin;
mod caller;
mod key;
mod token;

pub use admin::AdminTokens;
pub(crate) use caller::{Caller, Role};
pub use key::KeyError;
pub(crate) use key::read_secret;
pub(crate) use token::Authenticator;
