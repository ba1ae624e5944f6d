//! Who is asking.

mod caller;
mod key;
mod token;

pub(crate) use caller::{Caller, Role};
pub use key::KeyError;
pub(crate) use token::Authenticator;
