//! Section `database`.

use std::path::PathBuf;

use onsale_settings::{ConfigProblem, Secret, check_range};
use serde::{Deserialize, Serialize};

/// Fewest connections: a transaction and what is read beside it.
const CONNECTIONS_MIN: u32 = 2;
/// Most connections.
const CONNECTIONS_MAX: u32 = 256;

/// The relational store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/NAME`; SQLite in the data folder if
    /// it is not set.
    pub url: Option<Secret>,
    /// File that holds the URL.
    pub url_file: Option<PathBuf>,
    /// Most connections.
    pub connections_max: u32,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            connections_max: 8,
        }
    }
}

/// The file that holds the URL cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("database.url_file {file}")]
pub struct UrlFileError {
    /// The file.
    pub file: PathBuf,
    /// What the system said.
    pub source: std::io::Error,
}

impl DatabaseConfig {
    /// The URL from the configuration or from its file; `None` if neither is set.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn configured_url(&self) -> Result<Option<Secret>, UrlFileError> {
        let Some(file) = &self.url_file else {
            return Ok(self.url.clone());
        };
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(Secret::new(text.trim()))),
            Err(source) => Err(UrlFileError {
                file: file.clone(),
                source,
            }),
        }
    }

    /// False where the database is certainly a file of this machine.
    pub fn may_be_shared(&self) -> bool {
        match &self.url {
            Some(url) => !url.expose().starts_with("sqlite:"),
            None => self.url_file.is_some(),
        }
    }

    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        check_range(
            problems,
            "database.connections_max",
            self.connections_max,
            CONNECTIONS_MIN..=CONNECTIONS_MAX,
        );
        if self.url.is_some() && self.url_file.is_some() {
            problems.push(ConfigProblem::new(
                "database",
                "url and url_file",
                "one of the two",
            ));
        }
        if let Some(url) = &self.url {
            let known = ["sqlite://", "postgres://", "postgresql://"];
            if !known.iter().any(|scheme| url.expose().starts_with(scheme)) {
                problems.push(ConfigProblem::new(
                    "database.url",
                    "(hidden)",
                    "sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/NAME",
                ));
            }
        }
    }
}
