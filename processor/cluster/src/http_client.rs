//! The one place that creates HTTP clients: what they trust, and what to do when a call fails.

use std::path::Path;

use onsale_tls::{Fault, TlsFileError};

/// Why no client can be created.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The file with the authorities is not what it should be.
    #[error(transparent)]
    File(#[from] TlsFileError),
    /// The client cannot be created.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// A client for `http` and `https`. It trusts the authorities in the file and no others; without a
/// file those that the system trusts.
///
/// # Errors
/// When the file is not what it should be.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where clients are created for everything else"
)]
pub fn build(ca_file: Option<&Path>) -> Result<reqwest::Client, HttpClientError> {
    // Configured here, so that nothing depends on what was installed for the process.
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(onsale_tls::client_config(ca_file)?)
        .build()?)
}

/// What went wrong with a call to `url` and what to do about it.
pub fn explain(error: &reqwest::Error, url: &str) -> String {
    match Fault::of(error) {
        Some(Fault::OtherName) => format!(
            "the certificate of {url} is for another name: ask the server by a name that is in it"
        ),
        Some(Fault::NotValidNow) => {
            format!("the certificate of {url} is not valid now: renew it, or set the clock")
        }
        Some(Fault::UnknownAuthority | Fault::BadCertificate) => format!(
            "no authority that is trusted here has signed the certificate of {url}: name the authority by \
             --ca FILE, ONSALE_CA or http.tls_ca_file"
        ),
        Some(Fault::NotTls) => {
            format!("{url} does not speak TLS: ask it by http://")
        }
        _ if error.is_builder() => {
            let host = url.rsplit("://").next().unwrap_or(url);
            format!("{url:?} is not the URL of a server: expected http://{host}")
        }
        _ if error.is_connect() => format!("cannot reach {url}: is the server running?"),
        _ if !error.is_timeout() && url.starts_with("http://") => {
            format!("{url} does not answer as HTTP: if it speaks TLS, ask it by https://")
        }
        _ => format!("cannot reach {url}"),
    }
}

/// True where nothing listens, as opposed to a server whose answer is no use.
pub fn is_not_listening(error: &reqwest::Error) -> bool {
    error.is_connect() && onsale_tls::find(error).is_none()
}
