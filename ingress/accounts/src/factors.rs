//! Second factors: codes of authenticator apps, recovery codes and passkeys.

mod code;
mod passkeys;
mod recovery;
mod totp;

pub use code::CODE_MAX_BYTES;
pub(crate) use code::Code;
pub(crate) use passkeys::{Passkeys, credential_hash};
pub(crate) use recovery::{RECOVERY_CODES, RecoveryCode};
pub(crate) use totp::TotpSecret;
