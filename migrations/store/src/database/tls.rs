//! How connections to PostgreSQL are protected, and what to do when that fails.

use std::path::PathBuf;

use onsale_tls::{ClientFiles, Fault};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::error::StoreError;

/// What the library says of a server that refuses TLS.
const NOT_OFFERED: &str = "server does not support TLS";
/// What to do about such a server.
const LET_IT_OFFER: &str =
    "let it offer TLS (ssl = on), or set database.tls_mode to \"prefer\" or \"disable\"";
/// What names the authorities, and this client's certificate.
const CA_FILE: &str = "database.tls_ca_file (sslrootcert)";
const OWN_FILES: &str = "database.tls_certificate_file and database.tls_key_file (sslcert, sslkey)";
/// Parameters of a URL that the library knows. It would write the values of others into the log, and
/// one that is misspelt may be a password.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// How a connection is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transport {
    /// True where it does not leave this machine.
    pub is_local: bool,
    /// True where it is encrypted.
    pub is_encrypted: bool,
    /// What is verified of the server's certificate.
    pub verified: Verified,
}

/// What is verified of a server's certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verified {
    /// Nothing: whoever stands between the two can read along.
    Nothing,
    /// That an authority signed it which is trusted here.
    Authority,
    /// That, and that it is for the host of the URL.
    Name,
}

/// The URL without parameters that the library does not know.
pub(super) fn with_known_parameters(url: &str) -> String {
    let Some((base, parameters)) = url.split_once('?') else {
        return url.to_owned();
    };
    let mut kept = Vec::new();
    for (place, parameter) in parameters.split('&').enumerate() {
        let name = parameter.split('=').next().unwrap_or_default();
        if PARAMETERS.contains(&name) || name.starts_with("options[") {
            kept.push(parameter);
        } else if !parameter.is_empty() {
            // Not even its name is shown: it may be the end of a password with a '?' or '&' in it.
            tracing::warn!(
                place = place + 1,
                "a parameter of database.url is not known, and passed by"
            );
        }
    }
    if kept.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", kept.join("&"))
    }
}

/// The options with the mode that PostgreSQL's own clients use, once every file that the URL names is
/// what it should be.
pub(super) fn checked(
    options: PgConnectOptions,
    url: &str,
) -> Result<PgConnectOptions, StoreError> {
    let files = ClientFiles {
        ca_file: file_of(url, &["sslrootcert", "ssl-root-cert", "ssl-ca"]),
        certificate_file: file_of(url, &["sslcert", "ssl-cert"]),
        key_file: file_of(url, &["sslkey", "ssl-key"]),
    };
    let in_vain = |mode, file| Err(StoreError::TlsInVain { mode, file });
    match options.get_ssl_mode() {
        PgSslMode::Disable if files.ca_file.is_some() => return in_vain("disable", CA_FILE),
        PgSslMode::Disable if files.is_any() => return in_vain("disable", OWN_FILES),
        PgSslMode::Prefer if files.ca_file.is_some() => return in_vain("prefer", CA_FILE),
        _ => {}
    }
    files.try_them().map_err(StoreError::Tls)?;
    match options.get_ssl_mode() {
        // The library has it as another name of "disable".
        PgSslMode::Allow => Err(StoreError::TlsMode("allow")),
        // It would verify nothing in spite of the file.
        PgSslMode::Require if files.ca_file.is_some() => Ok(options.ssl_mode(PgSslMode::VerifyCa)),
        _ => Ok(options),
    }
}

/// How connections with these options are protected; `is_encrypted` where the server says so.
pub(crate) fn transport(options: &PgConnectOptions, is_encrypted: bool) -> Transport {
    let verified = match options.get_ssl_mode() {
        PgSslMode::VerifyFull => Verified::Name,
        PgSslMode::VerifyCa => Verified::Authority,
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer | PgSslMode::Require => {
            Verified::Nothing
        }
    };
    Transport {
        is_local: options.get_socket().is_some() || onsale_tls::is_this_machine(options.get_host()),
        is_encrypted,
        verified,
    }
}

/// What failed of TLS and what to do about it; `None` where something else failed, or nothing more can be
/// said.
pub(super) fn explained(error: &sqlx::Error) -> Option<String> {
    let (what, fault) = match error {
        sqlx::Error::Tls(cause) if cause.to_string() == NOT_OFFERED => {
            (NOT_OFFERED.to_owned(), Fault::NotTls)
        }
        error => (onsale_tls::find(error)?.to_string(), Fault::of(error)?),
    };
    let remedy = fault.remedy("database", LET_IT_OFFER)?;
    Some(format!("{what}; {remedy}"))
}

/// The file that a parameter of these names is.
fn file_of(url: &str, names: &[&str]) -> Option<PathBuf> {
    let (_, parameters) = url.split_once('?')?;
    let mut all = parameters
        .split('&')
        .filter_map(|parameter| parameter.split_once('='));
    let (_, value) = all.find(|(name, _)| names.contains(name))?;
    Some(PathBuf::from(decoded(value)))
}

/// The text of a URL's parameter, as the library reads it.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, others @ ..] = rest {
        let code = match (first, others) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        if let (Some((high, low)), [_, _, behind @ ..]) = (code, others) {
            bytes.push((high << 4) | low);
            rest = behind;
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            rest = others;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
        checked(PgConnectOptions::from_str(url).unwrap(), url)
    }

    #[test]
    fn parameters_that_are_not_known_are_passed_by() {
        for (url, kept) in [
            ("postgres://h/x", "postgres://h/x"),
            (
                "postgres://h/x?sslmode=require&pasword=s3cret",
                "postgres://h/x?sslmode=require",
            ),
            ("postgres://h/x?connect_timeout=5", "postgres://h/x"),
            ("postgres://h/x?options[a]=b", "postgres://h/x?options[a]=b"),
        ] {
            assert_eq!(with_known_parameters(url), kept);
        }
    }

    #[test]
    fn authorities_are_never_named_in_vain() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("of us.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let named = file.display().to_string().replace(' ', "%20");
        let url = format!("postgres://h/x?sslmode=require&sslrootcert={named}");
        let error = options(&url).unwrap_err().to_string();
        assert!(
            error.contains("of us.pem") && error.contains("certificate"),
            "{error}"
        );
        let error = options("postgres://h/x?sslmode=allow")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("allow") && error.contains("verify-full"),
            "{error}"
        );
        // These verify nothing; without any, the library prefers.
        for (mode, shown) in [
            ("sslmode=disable&", "sslmode=disable"),
            ("sslmode=prefer&", "sslmode=prefer"),
            ("", "sslmode=prefer"),
        ] {
            for parameter in ["sslrootcert", "ssl-root-cert", "ssl-ca"] {
                let error = options(&format!("postgres://h/x?{mode}{parameter}={named}"));
                let error = error.unwrap_err().to_string();
                assert!(
                    error.contains(shown) && error.contains("database.tls_ca_file"),
                    "{error}"
                );
            }
        }
        // Nor is a certificate shown without TLS.
        let own = format!("sslcert={named}&sslkey={named}");
        let error = options(&format!("postgres://h/x?sslmode=disable&{own}"));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("database.tls_certificate_file"), "{error}");
    }

    #[test]
    fn settings_in_a_file_are_compared_with_its_url() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        for mode in ["disable", "prefer"] {
            std::fs::write(&file, format!("postgres://h/x?sslmode={mode}\n")).unwrap();
            let config = crate::DatabaseConfig {
                url_file: Some(file.clone()),
                tls_ca_file: Some("ca.pem".into()),
                ..crate::DatabaseConfig::default()
            };
            let url = config.configured_url().unwrap().unwrap();
            let error = options(url.expose()).unwrap_err();
            assert!(matches!(error, StoreError::TlsInVain { .. }), "{error}");
        }
    }

    #[test]
    fn what_is_verified_is_known() {
        for (mode, verified) in [
            ("disable", Verified::Nothing),
            ("prefer", Verified::Nothing),
            ("require", Verified::Nothing),
            ("verify-ca", Verified::Authority),
            ("verify-full", Verified::Name),
        ] {
            let url = format!("postgres://db.example.test/x?sslmode={mode}");
            let found = transport(&options(&url).unwrap(), true);
            assert_eq!(
                (found.is_local, found.verified),
                (false, verified),
                "{mode}"
            );
        }
        let here = options("postgres://127.0.0.1/x?sslmode=disable").unwrap();
        assert!(transport(&here, false).is_local);
    }
}
