//! Who is asking.

mod authority;
mod caller;
mod key;
mod operator;
mod token;

pub(crate) use authority::{Authority, OnBehalf};
pub(crate) use caller::{Caller, Role};
pub use key::KeyError;
pub(crate) use key::read_secret;
pub use operator::OperatorTokens;
pub(crate) use token::Authenticator;
