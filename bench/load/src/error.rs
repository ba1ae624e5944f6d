//! Why a run could not begin or end.

use std::io;
use std::path::PathBuf;

/// Why a run could not begin or end. Answers that the server gave under load are not errors: they
/// are counted.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A setting that cannot be used.
    #[error("{name} is {value:?}: expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// The server cannot be reached.
    #[error("cannot reach {target}: {cause}; is the server running?")]
    Reach {
        /// Host and port.
        target: String,
        /// Why.
        cause: io::Error,
    },
    /// TLS to the server failed.
    #[error("cannot reach {target} by TLS: {what}; {remedy}")]
    Tls {
        /// Host and port.
        target: String,
        /// What failed.
        what: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The server refused a call that prepares the run.
    #[error("{call} was answered with {status}: {body}")]
    Prepare {
        /// Method and path.
        call: String,
        /// Status of the answer.
        status: u16,
        /// Its body, shortened.
        body: String,
    },
    /// An unexpected answer.
    #[error("{call}: {what}")]
    Answer {
        /// Method and path, or the address.
        call: String,
        /// What is wrong with it.
        what: String,
    },
    /// A token could not be signed.
    #[error("cannot mint a token: {0}")]
    Mint(jsonwebtoken::errors::Error),
    /// The history could not be written.
    #[error("cannot write the history {}: {cause}", path.display())]
    History {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The system refused something that every run needs.
    #[error("{what}: {cause}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// Why.
        cause: io::Error,
    },
    /// A thread of the generator ended early. A bug.
    #[error("a thread of the load generator ended early")]
    Thread,
}

impl LoadError {
    /// Whether the server could not be reached at all, as opposed to wrong use or a refusal.
    #[must_use]
    pub fn is_reach(&self) -> bool {
        matches!(self, Self::Reach { .. } | Self::Tls { .. })
    }

    /// Whether a setting is wrong.
    #[must_use]
    pub fn is_setting(&self) -> bool {
        matches!(self, Self::Setting { .. })
    }

    pub(crate) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::System { what, cause }
    }
}
