//! The one place that creates HTTP clients: what they trust, and what to do when a call fails.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

/// Why no client can be created.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// A file cannot be read.
    #[error("cannot read the authorities' certificates in {file}: {cause}")]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{file} holds no certificate in PEM: {cause}")]
    Pem {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: pem::Error,
    },
    /// A certificate that nothing can be checked against.
    #[error("a certificate in {file} cannot be an authority's: {cause}")]
    Authority {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: rustls::Error,
    },
    /// The parts do not fit together.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
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
    // Named here, so that nothing depends on what was installed for the process.
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(HttpClientError::Tls)?;
    let tls = match ca_file {
        Some(file) => builder.with_root_certificates(authorities(file)?),
        None => match builder.clone().with_platform_verifier() {
            Ok(builder) => builder,
            // A machine without authorities: nothing that needs one is trusted.
            Err(error) => {
                tracing::debug!(%error, "the system has no authorities that could be read");
                builder.with_root_certificates(RootCertStore::empty())
            }
        },
    }
    .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .build()?)
}

fn authorities(file: &Path) -> Result<RootCertStore, HttpClientError> {
    let text = std::fs::read(file).map_err(|cause| HttpClientError::File {
        file: file.to_owned(),
        cause,
    })?;
    let not_pem = |cause| HttpClientError::Pem {
        file: file.to_owned(),
        cause,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        roots
            .add(certificate.map_err(not_pem)?)
            .map_err(|cause| HttpClientError::Authority {
                file: file.to_owned(),
                cause,
            })?;
    }
    if roots.is_empty() {
        return Err(not_pem(pem::Error::NoItemsFound));
    }
    Ok(roots)
}

/// What went wrong with a call to `url` and what to do about it.
pub fn explain(error: &reqwest::Error, url: &str) -> String {
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => format!(
            "the certificate of {url} is for another name: ask the server by a name that is in it"
        ),
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) => format!("the certificate of {url} is not valid now: renew it, or set the clock"),
        Some(rustls::Error::InvalidCertificate(_)) => format!(
            "no authority that is trusted here has signed the certificate of {url}: name the authority by \
             --ca FILE, ONSALE_CA or http.tls_ca_file"
        ),
        Some(rustls::Error::InvalidMessage(_)) => {
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
    error.is_connect() && tls_error(error).is_none()
}

/// The failure of TLS that a failed call comes from.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        next = match error.downcast_ref::<io::Error>().map(io::Error::get_ref) {
            // The source of such an error is not what it holds but the source of that.
            Some(Some(held)) => Some(held),
            _ => error.source(),
        };
    }
    None
}
