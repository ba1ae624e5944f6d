//! Who is asking.

mod authority;
mod caller;
mod right;

pub(crate) use authority::{Authority, OnBehalf};
pub(crate) use caller::{ByCookie, Caller, GuestElsewhere};
pub(crate) use onsale_auth::Role;
pub(crate) use right::Right;
