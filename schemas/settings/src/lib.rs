//! What sections of the configuration are made of. Each crate owns the section that it uses, with
//! its defaults, its check and the files that it names; the binary puts them together and reads file,
//! environment and flags.

mod file;
mod port;
mod problem;
mod secret;

/// Where browsers reach a server that is not told its address: on this machine, where it listens by default.
pub const LOCAL_URL: &str = "http://localhost:8080";

pub use file::{NamedFile, read_named, secret_text};
pub use port::{has_usable_port, has_web_address};
pub use problem::{ConfigProblem, check_range};
pub use secret::{Secret, SecretFileError};
