//! HTTP clients of tests. reqwest comes without cryptography: the builder of a client chooses it.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A client builder that trusts the authorities in the file, or none.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where clients of tests are created for everything else"
)]
pub(crate) fn builder(ca_file: Option<&Path>) -> reqwest::ClientBuilder {
    let mut roots = RootCertStore::empty();
    if let Some(file) = ca_file {
        let text = std::fs::read(file).unwrap();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            roots.add(certificate.unwrap()).unwrap();
        }
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls)
}
