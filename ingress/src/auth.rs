//! Who is asking.

mod authority;
mod caller;

pub(crate) use authority::{Authority, OnBehalf};
pub(crate) use caller::Caller;
pub(crate) use onsale_auth::Role;
