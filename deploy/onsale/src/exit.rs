//! Exit codes: 0 fine, 1 the check found something, 2 wrong use, 3 could not reach.

use std::process::ExitCode;

use onsale_log::LogError;
use onsale_log::kafka::KafkaError;

/// Why a verb did not end with 0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The check found something, or the work failed. Exit 1.
    #[error("{}", with_causes(.0))]
    Found(anyhow::Error),
    /// Wrong use or configuration. Exit 2.
    #[error("{}", with_causes(.0))]
    Use(anyhow::Error),
    /// Something could not be reached. Exit 3.
    #[error("{}", with_causes(.0))]
    Reach(anyhow::Error),
}

/// An error and what it comes from, in one line. Many libraries repeat the cause in their own text:
/// what was said is not said again.
fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

impl Failure {
    /// The exit code of the process.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Found(_) => 1,
            Self::Use(_) => 2,
            Self::Reach(_) => 3,
        })
    }
}

impl Failure {
    /// The error without its meaning for the process.
    pub(crate) fn into_error(self) -> anyhow::Error {
        match self {
            Self::Found(error) | Self::Use(error) | Self::Reach(error) => error,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Found(error)
    }
}

/// Says which exit code an error means.
pub(crate) trait OrFail<T> {
    /// Wrong use: exit 2.
    fn or_use(self) -> Result<T, Failure>;
    /// Could not reach: exit 3.
    fn or_reach(self) -> Result<T, Failure>;
    /// Found something or failed: exit 1.
    fn or_found(self) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrFail<T> for Result<T, E> {
    fn or_use(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Use(error.into()))
    }

    fn or_reach(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Reach(error.into()))
    }

    fn or_found(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Found(error.into()))
    }
}

/// Errors of Kafka, classified by what can be done about them.
pub(crate) fn kafka_failure(error: KafkaError) -> Failure {
    match error {
        KafkaError::Settings(_) | KafkaError::FakedClock { .. } => Failure::Use(error.into()),
        KafkaError::Broker { .. } => Failure::Reach(error.into()),
        _ => Failure::Found(error.into()),
    }
}

/// A log that cannot be opened for reading: damage is something found, the rest cannot be reached.
pub(crate) fn log_failure(error: LogError) -> Failure {
    match error {
        LogError::Kafka(error) if matches!(*error, KafkaError::FakedClock { .. }) => {
            Failure::Use(error.into())
        }
        damaged @ LogError::Damaged { .. } => Failure::Found(damaged.into()),
        other => Failure::Reach(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow!("no route").context("database: no route");
        let failure = Err::<(), _>(error).context("cannot open it").or_reach();
        let text = failure.unwrap_err().to_string();
        assert_eq!(text, "cannot open it: database: no route");
        let error = anyhow!("no route").context("cannot open it");
        assert_eq!(Failure::Use(error).to_string(), "cannot open it: no route");
    }
}
