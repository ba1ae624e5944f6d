//! Passwords: which are refused, how they are hashed, and on which threads.

mod hash;
mod list;
mod rules;
mod threads;

pub use rules::{PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS, Weakness, weakness};
pub use threads::{PasswordError, PasswordThreads};

use onsale_private::Private;
use onsale_store::account::PasswordHash;

/// The hash of a new password, on this very thread: for the command line.
///
/// # Errors
/// When there are no random bytes.
pub(crate) fn hash_here(password: &Private, cost: u32) -> Result<PasswordHash, PasswordError> {
    Ok(hash::hash(password, cost)?)
}
