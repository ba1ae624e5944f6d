//! What sections of the configuration are made of. Each crate owns the section that it uses, with
//! its defaults and its check; the binary puts them together and reads file, environment and flags.

mod problem;
mod secret;

pub use problem::{ConfigProblem, check_range};
pub use secret::Secret;
