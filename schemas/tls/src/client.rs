//! The client's side of handshakes, for what speaks HTTP.

use std::path::Path;
use std::sync::Arc;

use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::files::{TlsFileError, authorities};

/// A client that trusts the authorities in the file and no others; without a file those that the
/// system trusts. It has no certificate of its own.
///
/// # Errors
/// When the file is not what it should be.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, TlsFileError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsFileError::SetUp)?;
    Ok(match ca_file {
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
    .with_no_client_auth())
}
