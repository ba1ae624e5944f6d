//! TLS in front of HTTP.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use onsale_settings::read_named;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::config::HttpConfig;

/// Application protocols, the preferred one first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read the TLS file {file}: {cause}")]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file does not contain what it should.
    #[error("{file} holds no {expected}: {cause}")]
    Pem {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong.
        cause: pem::Error,
    },
    /// Certificate and key exist, but do not fit together.
    #[error("the certificate in {certificate_file} with the key in {key_file}: {cause}")]
    Pair {
        /// The file with the certificates.
        certificate_file: PathBuf,
        /// The file with the key.
        key_file: PathBuf,
        /// What is wrong.
        cause: rustls::Error,
    },
}

/// The server's side of handshakes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    handshake_timeout: Duration,
}

impl Tls {
    /// Certificate and key as configured; `None` when connections are plain.
    ///
    /// # Errors
    /// When a file is not what it should be.
    pub(crate) fn new(config: &HttpConfig) -> Result<Option<Self>, TlsError> {
        let (Some(certificate_file), Some(key_file)) =
            (&config.tls_certificate_file, &config.tls_key_file)
        else {
            return Ok(None);
        };
        let chain = certificates(certificate_file)?;
        let key = PrivateKeyDer::from_pem_slice(&read(key_file)?)
            .map_err(|cause| not_pem(key_file, "private key in PEM", cause))?;
        let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|cause| TlsError::Pair {
                certificate_file: certificate_file.clone(),
                key_file: key_file.clone(),
                cause,
            })?;
        server.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
        Ok(Some(Self {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            handshake_timeout: config.header_timeout(),
        }))
    }

    /// Performs the handshake with a client.
    ///
    /// # Errors
    /// When the client uses another protocol, disconnects, or takes too long.
    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        tokio::time::timeout(self.handshake_timeout, self.acceptor.accept(stream))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |cause| not_pem(file, "certificate in PEM", cause);
    let chain = CertificateDer::pem_slice_iter(&read(file)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    if chain.is_empty() {
        return Err(wrong(pem::Error::NoItemsFound));
    }
    Ok(chain)
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    read_named(file).map_err(|cause| TlsError::File {
        file: file.to_owned(),
        cause,
    })
}

fn not_pem(file: &Path, expected: &'static str, cause: pem::Error) -> TlsError {
    TlsError::Pem {
        file: file.to_owned(),
        expected,
        cause,
    }
}
