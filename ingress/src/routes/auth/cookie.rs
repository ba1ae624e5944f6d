//! The form of signing in that browsers have: tokens in cookies that no script sees. What these calls do is
//! what those without `cookie` in their path do; only pages of this server may call them.

pub(super) mod guest;
pub(super) mod login;
pub(super) mod logout;
pub(super) mod oauth_session;
pub(super) mod passkey;
pub(super) mod refresh;
pub(super) mod register;
pub(super) mod second_factor;
