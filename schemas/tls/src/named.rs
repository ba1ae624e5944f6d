//! The files for TLS that settings name, for whoever looks whether they are what they should be.

use std::path::{Path, PathBuf};

use onsale_settings::{NamedFile, read_named};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

use crate::files::ClientFiles;

/// The file of authorities that the setting `key` names.
pub fn authorities_file(key: &str, path: &Path) -> NamedFile {
    let expected = "the certificates of authorities in PEM";
    NamedFile::public(key, path, expected, |bytes| {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(bytes)? {
            roots.add(certificate).map_err(|error| {
                format!("a certificate in it cannot be an authority's: {error}")
            })?;
        }
        Ok(())
    })
}

/// The files of a certificate and of its private key, by the settings that name them. Where there is a key and a
/// certificate that can be read, it is seen whether the two fit together.
pub fn identity_files(
    (certificate_key, certificate): (&str, Option<&Path>),
    (key_key, key): (&str, Option<&Path>),
) -> Vec<NamedFile> {
    let mut files = Vec::new();
    if let Some(path) = certificate {
        let expected = "a certificate in PEM, with those between it and the root";
        files.push(NamedFile::public(
            certificate_key,
            path,
            expected,
            |bytes| certificates(bytes).map(drop),
        ));
    }
    if let Some(path) = key {
        let certificate: Option<PathBuf> = certificate.map(Path::to_owned);
        let expected = format!("the private key in PEM of the certificate of {certificate_key}");
        files.push(NamedFile::secret(key_key, path, expected, move |bytes| {
            let key = PrivateKeyDer::from_pem_slice(bytes)
                .map_err(|_| "it holds no private key in PEM".to_owned())?;
            // What is wrong with the certificate is said of that.
            let chain = certificate
                .as_deref()
                .and_then(|file| read_named(file).ok());
            match chain.and_then(|bytes| certificates(&bytes).ok()) {
                Some(chain) => CertifiedKey::from_der(chain, key, &ring::default_provider())
                    .map(drop)
                    .map_err(|error| format!("it does not fit the certificate: {error}")),
                None => Ok(()),
            }
        }));
    }
    files
}

impl ClientFiles {
    /// All that are named. The settings are `tls_ca_file`, `tls_certificate_file` and `tls_key_file` of this
    /// section.
    pub fn named(&self, section: &str) -> Vec<NamedFile> {
        let ca = self.ca_file.iter();
        let ca_key = format!("{section}.tls_ca_file");
        let mut files: Vec<NamedFile> = ca.map(|path| authorities_file(&ca_key, path)).collect();
        files.extend(identity_files(
            (
                &format!("{section}.tls_certificate_file"),
                self.certificate_file.as_deref(),
            ),
            (&format!("{section}.tls_key_file"), self.key_file.as_deref()),
        ));
        files
    }
}

fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err("it holds no certificate in PEM".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_named_by_its_setting_and_what_is_wrong_with_it() {
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
        let text = write("text.pem", "nothing");
        let problems = |ca: &Option<PathBuf>, chain: &Option<PathBuf>, key: &Option<PathBuf>| {
            let files = ClientFiles {
                ca_file: ca.clone(),
                certificate_file: chain.clone(),
                key_file: key.clone(),
            };
            let found = files.named("redis").into_iter();
            let found = found.filter_map(|file| file.problem());
            found.map(|problem| problem.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(problems(&certificate, &certificate, &key), [""; 0]);
        for (found, said) in [
            (
                problems(&text, &None, &None),
                ["redis.tls_ca_file", "no certificate"],
            ),
            (
                problems(&None, &text, &key),
                ["redis.tls_certificate_file", "no certificate"],
            ),
            (
                problems(&None, &certificate, &text),
                ["redis.tls_key_file", "no private key"],
            ),
            (
                problems(&None, &certificate, &other_key),
                ["redis.tls_key_file", "does not fit"],
            ),
        ] {
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(said.iter().all(|said| found[0].contains(said)), "{found:?}");
        }
    }
}
