//! Section `database`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use onsale_settings::{ConfigProblem, NamedFile, Secret, SecretFileError, check_range};
use onsale_tls::ClientFiles;
use serde::{Deserialize, Serialize};

/// Fewest connections: a transaction and what is read beside it.
const CONNECTIONS_MIN: u32 = 2;
/// Most connections.
const CONNECTIONS_MAX: u32 = 256;
const URL_FILE: &str = "database.url_file";
const URL_EXPECTED: &str = "sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/NAME";
/// Parameters of a URL that say the same as a setting.
const MODE_PARAMETERS: [&str; 2] = ["sslmode", "ssl-mode"];

/// How connections to PostgreSQL are protected, as its clients name it (`sslmode`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS where the server offers it. Nothing is verified.
    Prefer,
    /// TLS or nothing. Whose certificate it is is verified where authorities are named.
    Require,
    /// As `require`, and the certificate is one of a trusted authority.
    VerifyCa,
    /// As `verify-ca`, and it is for the host of the URL.
    VerifyFull,
}

impl TlsMode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// The relational store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/NAME`; SQLite in the data folder if
    /// it is not set.
    pub url: Option<Secret>,
    /// File that holds the URL.
    pub url_file: Option<PathBuf>,
    /// How connections to PostgreSQL are protected. Unset: as `sslmode` of the URL says, else
    /// `verify-full` with `tls_ca_file` and `prefer` without.
    pub tls_mode: Option<TlsMode>,
    /// PEM file with the authorities that sign the server's certificate.
    pub tls_ca_file: Option<PathBuf>,
    /// PEM file with this client's certificate. Set together with the key.
    pub tls_certificate_file: Option<PathBuf>,
    /// PEM file with the private key of that certificate.
    pub tls_key_file: Option<PathBuf>,
    /// Most connections.
    pub connections_max: u32,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            tls_mode: None,
            tls_ca_file: None,
            tls_certificate_file: None,
            tls_key_file: None,
            connections_max: 8,
        }
    }
}

/// Why there is no URL to connect by.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// The file that holds the URL cannot be read.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// The URL and a setting say how the connection is protected.
    #[error("database.tls_mode: the URL of the database has {0}, too: expected one of the two")]
    ModeTwice(&'static str),
    /// SQLite has no connections that could be protected.
    #[error("{0}: the database is SQLite, a file of this machine: expected no value")]
    NotOfSqlite(&'static str),
}

impl DatabaseConfig {
    /// The URL from the configuration or from its file, with what the other settings say of TLS as its
    /// parameters; `None` if neither is set.
    ///
    /// # Errors
    /// When the file cannot be read, or the settings contradict the URL.
    pub fn configured_url(&self) -> Result<Option<Secret>, UrlError> {
        let url = Secret::configured(self.url.as_ref(), URL_FILE, self.url_file.as_deref())?;
        url.map(|url| self.with_tls(url)).transpose()
    }

    /// The files that its settings name.
    pub fn files(&self) -> Vec<NamedFile> {
        let url = |path: &PathBuf| NamedFile::url(URL_FILE, path, URL_EXPECTED, is_url);
        let mut files: Vec<NamedFile> = self.url_file.iter().map(url).collect();
        files.extend(self.tls_files().named("database"));
        files
    }

    /// The files that are named for TLS.
    pub fn tls_files(&self) -> ClientFiles {
        ClientFiles {
            ca_file: self.tls_ca_file.clone(),
            certificate_file: self.tls_certificate_file.clone(),
            key_file: self.tls_key_file.clone(),
        }
    }

    fn with_tls(&self, url: Secret) -> Result<Secret, UrlError> {
        let set = [
            ("database.tls_mode", self.tls_mode.is_some()),
            ("database.tls_ca_file", self.tls_ca_file.is_some()),
            (
                "database.tls_certificate_file",
                self.tls_certificate_file.is_some(),
            ),
            ("database.tls_key_file", self.tls_key_file.is_some()),
        ];
        let Some((first, _)) = set.into_iter().find(|(_, is_set)| *is_set) else {
            return Ok(url);
        };
        if url.expose().starts_with("sqlite:") {
            return Err(UrlError::NotOfSqlite(first));
        }
        let of_url = mode_parameter(url.expose());
        let mode = match (self.tls_mode, of_url) {
            (Some(_), Some(parameter)) => return Err(UrlError::ModeTwice(parameter)),
            (Some(mode), None) => Some(mode),
            (None, None) if self.tls_ca_file.is_some() => Some(TlsMode::VerifyFull),
            (None, _) => None,
        };
        let mut whole = url.expose().to_owned();
        let mut separator = if whole.contains('?') { '&' } else { '?' };
        let mut add = |parameter: &str, value: &str| {
            whole.push(separator);
            separator = '&';
            whole.push_str(parameter);
            whole.push('=');
            whole.push_str(value);
        };
        if let Some(mode) = mode {
            add("sslmode", mode.as_str());
        }
        for (parameter, file) in [
            ("sslrootcert", &self.tls_ca_file),
            ("sslcert", &self.tls_certificate_file),
            ("sslkey", &self.tls_key_file),
        ] {
            if let Some(file) = file {
                add(parameter, &encoded(file));
            }
        }
        Ok(Secret::new(whole))
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
        let file = self.url_file.as_deref();
        Secret::check_once(problems, ("database", "url"), self.url.as_ref(), file);
        self.tls_files().check("database", problems);
        let in_vain = match self.tls_mode {
            Some(TlsMode::Disable | TlsMode::Prefer) if self.tls_ca_file.is_some() => {
                Some("database.tls_ca_file")
            }
            Some(TlsMode::Disable) if self.tls_files().is_any() => {
                Some("database.tls_certificate_file")
            }
            _ => None,
        };
        if let Some(file) = in_vain {
            let mode = self.tls_mode.map_or("", TlsMode::as_str);
            problems.push(ConfigProblem::new(
                "database.tls_mode",
                format!("{mode:?}"),
                format!("\"verify-full\", as {file} is set (or \"verify-ca\", \"require\")"),
            ));
        }
        if let Some(url) = &self.url
            && !is_url(url.expose())
        {
            problems.push(ConfigProblem::new("database.url", "(hidden)", URL_EXPECTED));
        }
    }
}

/// Whether it begins as a URL of a database does.
fn is_url(text: &str) -> bool {
    let known = ["sqlite://", "postgres://", "postgresql://"];
    known.iter().any(|scheme| text.starts_with(scheme))
}

/// The parameter of a URL that says how the connection is protected.
fn mode_parameter(url: &str) -> Option<&'static str> {
    let (_, parameters) = url.split_once('?')?;
    let mut names = parameters
        .split('&')
        .map(|parameter| parameter.split('=').next().unwrap_or_default());
    names.find_map(|name| MODE_PARAMETERS.into_iter().find(|known| *known == name))
}

/// A path as the value of a URL's parameter.
fn encoded(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                text.push(char::from(*byte));
            }
            byte => {
                // Writing into a text cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(config: &DatabaseConfig) -> Result<String, String> {
        match config.configured_url() {
            Ok(url) => Ok(url.unwrap().expose().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn settings_of_tls_are_parameters_of_the_url() {
        let plain = DatabaseConfig {
            url: Some(Secret::new("postgres://u:p@db/x")),
            ..DatabaseConfig::default()
        };
        assert_eq!(url(&plain).unwrap(), "postgres://u:p@db/x");
        let with_ca = DatabaseConfig {
            tls_ca_file: Some("/etc/my ca.pem".into()),
            ..plain.clone()
        };
        assert_eq!(
            url(&with_ca).unwrap(),
            "postgres://u:p@db/x?sslmode=verify-full&sslrootcert=/etc/my%20ca.pem"
        );
        let required = DatabaseConfig {
            url: Some(Secret::new("postgres://db/x?application_name=a")),
            tls_mode: Some(TlsMode::Require),
            ..plain.clone()
        };
        assert_eq!(
            url(&required).unwrap(),
            "postgres://db/x?application_name=a&sslmode=require"
        );
        let twice = DatabaseConfig {
            url: Some(Secret::new("postgres://u:p@db/x?sslmode=disable")),
            ..required.clone()
        };
        let error = url(&twice).unwrap_err();
        assert!(
            error.contains("database.tls_mode") && error.contains("sslmode"),
            "{error}"
        );
        let of_sqlite = DatabaseConfig {
            url: Some(Secret::new("sqlite:///x.sqlite")),
            ..required
        };
        let error = url(&of_sqlite).unwrap_err();
        assert!(error.contains("SQLite"), "{error}");
    }

    #[test]
    fn settings_that_contradict_one_another_are_named() {
        let named = |config: &DatabaseConfig| {
            let mut problems = Vec::new();
            config.check(&mut problems);
            problems
                .into_iter()
                .map(|problem| problem.key)
                .collect::<Vec<_>>()
        };
        let right = DatabaseConfig {
            tls_mode: Some(TlsMode::VerifyFull),
            tls_ca_file: Some("ca.pem".into()),
            ..DatabaseConfig::default()
        };
        assert_eq!(named(&right), [""; 0]);
        let prefers = DatabaseConfig {
            tls_mode: Some(TlsMode::Prefer),
            ..right.clone()
        };
        assert_eq!(named(&prefers), ["database.tls_mode"]);
        let disabled = DatabaseConfig {
            tls_mode: Some(TlsMode::Disable),
            tls_ca_file: None,
            tls_certificate_file: Some("client.pem".into()),
            tls_key_file: Some("client.key".into()),
            ..right.clone()
        };
        assert_eq!(named(&disabled), ["database.tls_mode"]);
        let half = DatabaseConfig {
            tls_certificate_file: Some("client.pem".into()),
            ..right
        };
        assert_eq!(named(&half), ["database.tls_key_file"]);
    }
}
