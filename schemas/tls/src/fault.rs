//! What went wrong with TLS, as something that a person can mend.

use std::error::Error;
use std::io;
use std::sync::Arc;

use tokio_rustls::rustls::{self, AlertDescription, CertificateError};

/// What went wrong with a handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// No trusted authority has signed the server's certificate.
    UnknownAuthority,
    /// The certificate is for another name than the one that the server was asked by.
    OtherName,
    /// The certificate has expired, or is not valid yet.
    NotValidNow,
    /// The certificate is of no use for another reason.
    BadCertificate,
    /// What answers does not speak TLS.
    NotTls,
    /// The server refuses the client's certificate, or wants one.
    ClientRefused,
    /// The two have no version or cipher in common.
    NothingInCommon,
    /// Anything else.
    Other,
}

impl Fault {
    /// The fault that a failed call comes from; `None` where it was not TLS that failed.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        find(error).map(Self::of_tls)
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(certificate) => match certificate {
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => Self::OtherName,
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Self::NotValidNow,
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    Self::UnknownAuthority
                }
                _ => Self::BadCertificate,
            },
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::NoCertificate
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied,
            ) => Self::ClientRefused,
            rustls::Error::PeerIncompatible(_)
            | rustls::Error::AlertReceived(
                AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure,
            ) => Self::NothingInCommon,
            _ => Self::Other,
        }
    }

    /// What to do about it, where the settings are those of `section`: `database` or `redis`.
    /// `None` where nothing more can be said than the error says.
    pub fn remedy(self, section: &str, plain: &str) -> Option<String> {
        Some(match self {
            Self::UnknownAuthority => format!(
                "no authority that is trusted here has signed the server's certificate: name the \
                 authority in {section}.tls_ca_file"
            ),
            Self::OtherName => format!(
                "the server's certificate is for another name: use a name that is in it as the host of \
                 {section}.url"
            ),
            Self::NotValidNow => format!(
                "the certificate of the server of {section}.url is not valid now: renew it, or set the \
                 clock"
            ),
            Self::BadCertificate => format!(
                "the certificate of the server of {section}.url cannot be used: it needs one that an \
                 authority signed for a server"
            ),
            Self::NotTls => format!("the server of {section}.url does not speak TLS: {plain}"),
            Self::ClientRefused => format!(
                "the server wants a certificate of its clients: set {section}.tls_certificate_file and \
                 {section}.tls_key_file to one that it accepts"
            ),
            Self::NothingInCommon => format!(
                "the server of {section}.url and this program have no version of TLS in common: let it \
                 offer TLS 1.2 or 1.3"
            ),
            Self::Other => return None,
        })
    }
}

/// The failure of TLS that an error comes from.
pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        // Both hold an error without having it as their source.
        if let Some(shared) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
            next = Some(&**shared);
            continue;
        }
        next = match error.downcast_ref::<io::Error>().map(io::Error::get_ref) {
            Some(Some(held)) => Some(held),
            _ => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_is_found_wherever_it_is_held() {
        let expired = || rustls::Error::InvalidCertificate(CertificateError::Expired);
        let in_io = io::Error::new(io::ErrorKind::InvalidData, expired());
        assert_eq!(Fault::of(&in_io), Some(Fault::NotValidNow));
        let shared: Arc<dyn Error + Send + Sync> = Arc::new(in_io);
        assert_eq!(Fault::of(&shared), Some(Fault::NotValidNow));
        assert_eq!(Fault::of(&io::Error::other("another")), None);
        let remedy = Fault::UnknownAuthority.remedy("redis", "");
        assert!(remedy.unwrap().contains("redis.tls_ca_file"));
    }
}
