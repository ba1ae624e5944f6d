//! TLS of the connections that this program opens: to databases, Redis, other nodes and servers.
//!
//! Files hold PEM. A file with authorities replaces those that the system trusts, wherever the library of
//! the connection allows that. What fails is a [`Fault`], so that every error can name the setting that
//! mends it. The cryptography is ring's, named at each place, so that nothing depends on what was
//! installed for the process.

mod client;
mod fault;
mod files;
mod host;
mod named;

pub use client::client_config;
pub use fault::{Fault, find};
pub use files::{ClientFiles, TlsFileError};
pub use host::is_this_machine;
pub use named::{authorities_file, identity_files};
pub use tokio_rustls::rustls;
