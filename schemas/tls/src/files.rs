//! Certificates and keys in files.

use std::io;
use std::path::{Path, PathBuf};

use onsale_settings::{ConfigProblem, read_named};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, RootCertStore};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFileError {
    /// It cannot be read.
    #[error("cannot read {what} in {file}: {cause}")]
    Read {
        /// What it should hold.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It does not hold what it should.
    #[error("{file} holds no {what} in PEM: {cause}")]
    Pem {
        /// What it should hold.
        what: &'static str,
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
    /// The parts do not fit together.
    #[error("TLS cannot be set up: {0}")]
    SetUp(rustls::Error),
}

/// What a client trusts, and what it shows of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClientFiles {
    /// Authorities whose certificates are accepted.
    pub ca_file: Option<PathBuf>,
    /// The client's own certificate, with those between it and the root.
    pub certificate_file: Option<PathBuf>,
    /// The private key of that certificate.
    pub key_file: Option<PathBuf>,
}

impl ClientFiles {
    /// Whether any is named.
    pub fn is_any(&self) -> bool {
        self.ca_file.is_some() || self.certificate_file.is_some() || self.key_file.is_some()
    }

    /// Adds a problem where one of certificate and key is named without the other. The settings are
    /// `tls_certificate_file` and `tls_key_file` of this section.
    pub fn check(&self, section: &str, problems: &mut Vec<ConfigProblem>) {
        let (missing, set) = match (&self.certificate_file, &self.key_file) {
            (Some(_), None) => ("tls_key_file", "tls_certificate_file"),
            (None, Some(_)) => ("tls_certificate_file", "tls_key_file"),
            (Some(_), Some(_)) | (None, None) => return,
        };
        problems.push(ConfigProblem::new(
            format!("{section}.{missing}"),
            "(not set)",
            format!("a PEM file, as {section}.{set} is set"),
        ));
    }

    /// Reads every file that is named, and tries certificate and key together.
    ///
    /// # Errors
    /// The first that is not what it should be.
    pub fn try_them(&self) -> Result<(), TlsFileError> {
        if let Some(file) = &self.ca_file {
            authorities(file)?;
        }
        self.identity().map(drop)
    }

    /// The client's certificates and their key.
    ///
    /// # Errors
    /// When a file is not what it should be, or the two do not fit together.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, TlsFileError> {
        let (Some(certificate_file), Some(key_file)) = (&self.certificate_file, &self.key_file)
        else {
            return Ok(None);
        };
        let chain = certificates(certificate_file)?;
        let key = private_key(key_file)?;
        let pair = |cause| TlsFileError::Pair {
            certificate_file: certificate_file.clone(),
            key_file: key_file.clone(),
            cause,
        };
        let provider = rustls::crypto::ring::default_provider();
        rustls::sign::CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider)
            .map_err(pair)?;
        Ok(Some((chain, key)))
    }
}

/// A certificate with those between it and the root, and its key.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

const AUTHORITIES: &str = "the authorities' certificates";
const CERTIFICATE: &str = "certificate";
const KEY: &str = "private key";

/// The authorities in a file.
pub(crate) fn authorities(file: &Path) -> Result<RootCertStore, TlsFileError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(file, AUTHORITIES)? {
        roots
            .add(certificate)
            .map_err(|cause| TlsFileError::Authority {
                file: file.to_owned(),
                cause,
            })?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    read_certificates(file, CERTIFICATE)
}

fn read_certificates(
    file: &Path,
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let wrong = |cause| TlsFileError::Pem {
        what: CERTIFICATE,
        file: file.to_owned(),
        cause,
    };
    let certificates = CertificateDer::pem_slice_iter(&read(file, what)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    if certificates.is_empty() {
        return Err(wrong(pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    PrivateKeyDer::from_pem_slice(&read(file, KEY)?).map_err(|cause| TlsFileError::Pem {
        what: KEY,
        file: file.to_owned(),
        cause,
    })
}

fn read(file: &Path, what: &'static str) -> Result<Vec<u8>, TlsFileError> {
    read_named(file).map_err(|cause| TlsFileError::Read {
        what,
        file: file.to_owned(),
        cause,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_what_they_should_be_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            Some(file)
        };
        let one = rcgen::generate_simple_self_signed(["one.test".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["other.test".to_owned()]).unwrap();
        let certificate = write("one.pem", &one.cert.pem());
        let key = write("one.key", &one.signing_key.serialize_pem());
        let other_key = write("other.key", &other.signing_key.serialize_pem());
        let empty = write("empty.pem", "nothing");
        let files = |ca_file: &Option<PathBuf>,
                     certificate_file: &Option<PathBuf>,
                     key_file: &Option<PathBuf>| ClientFiles {
            ca_file: ca_file.clone(),
            certificate_file: certificate_file.clone(),
            key_file: key_file.clone(),
        };
        files(&certificate, &certificate, &key).try_them().unwrap();
        let gone = Some(folder.path().join("gone.pem"));
        for (files, said) in [
            (files(&gone, &None, &None), "gone.pem"),
            (files(&empty, &None, &None), "holds no certificate"),
            (files(&None, &certificate, &empty), "holds no private key"),
            (files(&None, &certificate, &other_key), "other.key"),
        ] {
            let error = files.try_them().unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let mut problems = Vec::new();
        files(&None, &certificate, &None).check("redis", &mut problems);
        assert_eq!(problems[0].key, "redis.tls_key_file");
    }
}
