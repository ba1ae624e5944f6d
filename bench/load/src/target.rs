//! Where the requests go.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

use onsale_tls::Fault;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::channel::Tls;
use crate::error::LoadError;

/// What is spoken over TLS: one request at a time on each connection.
const ALPN: &[u8] = b"http/1.1";

/// A server: its address and its name in the `Host` header.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where to connect.
    pub address: SocketAddr,
    /// Value of the `Host` header.
    pub host: String,
    /// How, where it is asked by TLS.
    pub(crate) tls: Option<Tls>,
}

impl Target {
    /// Parses a URL such as `http://127.0.0.1:8080`. By `https://` the authorities are trusted that the
    /// system trusts.
    ///
    /// # Errors
    /// When it is not such a URL or its host has no address.
    pub fn parse(url: &str) -> Result<Self, LoadError> {
        Self::parse_trusting(url, None)
    }

    /// As [`Target::parse`], where the authorities in this file are trusted by `https://`, and no others.
    /// A server whose certificate nobody vouches for is not asked: what would be measured could be
    /// anyone's.
    ///
    /// # Errors
    /// As [`Target::parse`], and when the file is not what it should be.
    pub fn parse_trusting(url: &str, ca_file: Option<&Path>) -> Result<Self, LoadError> {
        let wrong = |expected: &str| LoadError::Setting {
            name: "target",
            value: url.to_owned(),
            expected: expected.to_owned(),
        };
        let (is_tls, rest) = url
            .strip_prefix("http://")
            .map(|rest| (false, rest))
            .or_else(|| url.strip_prefix("https://").map(|rest| (true, rest)))
            .ok_or_else(|| {
                wrong("a URL such as http://127.0.0.1:8080 or https://tickets.example")
            })?;
        let host = rest.trim_end_matches('/');
        if host.is_empty() || host.contains('/') {
            return Err(wrong("host and port only, such as http://127.0.0.1:8080"));
        }
        let port = if is_tls { 443 } else { 80 };
        let with_port = if host.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        }) {
            host.to_owned()
        } else {
            format!("{host}:{port}")
        };
        let address = with_port
            .to_socket_addrs()
            .ok()
            .and_then(|mut addresses| addresses.next())
            .ok_or_else(|| wrong("a host that has an address"))?;
        let tls = match is_tls {
            true => Some(tls(name_of(&with_port), ca_file).map_err(|expected| wrong(&expected))?),
            false => None,
        };
        Ok(Self {
            address,
            host: host.to_owned(),
            tls,
        })
    }

    /// Why it was not reached.
    pub(crate) fn unreached(&self, cause: io::Error) -> LoadError {
        let target = self.host.clone();
        let (Some(tls), Some(fault)) = (onsale_tls::find(&cause), Fault::of(&cause)) else {
            return LoadError::Reach { target, cause };
        };
        LoadError::Tls {
            target,
            what: tls.to_string(),
            remedy: remedy(fault),
        }
    }
}

fn remedy(fault: Fault) -> &'static str {
    match fault {
        Fault::UnknownAuthority | Fault::BadCertificate => {
            "name the authority that signed the server's certificate by --ca FILE, ONSALE_CA or \
             http.tls_ca_file"
        }
        Fault::OtherName => "ask the server by a name that is in its certificate",
        Fault::NotValidNow => "renew the server's certificate, or set the clock",
        Fault::NotTls => "the server does not speak TLS: ask it by http://",
        Fault::ClientRefused => "certificates of clients are not offered: ask the server itself",
        Fault::NothingInCommon | Fault::Other => "let the server offer TLS 1.2 or 1.3",
    }
}

/// The name in a certificate of a host with its port.
fn name_of(host_and_port: &str) -> &str {
    let host = host_and_port
        .rsplit_once(':')
        .map_or(host_and_port, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn tls(name: &str, ca_file: Option<&Path>) -> Result<Tls, String> {
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_not_one| "a host that a certificate can be for".to_owned())?;
    let mut config = onsale_tls::client_config(ca_file)
        .map_err(|error| format!("authorities in PEM: {error}"))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Tls {
        config: Arc::new(config),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let target = Target::parse("http://127.0.0.1:8080/").unwrap();
        assert_eq!(target.address.to_string(), "127.0.0.1:8080");
        assert_eq!(target.host, "127.0.0.1:8080");
        assert_eq!(Target::parse("http://[::1]").unwrap().address.port(), 80);
        let secure = Target::parse("https://127.0.0.1").unwrap();
        assert_eq!(secure.address.port(), 443);
        assert!(secure.tls.is_some());
        let nowhere = Target::parse_trusting("https://127.0.0.1", Some(Path::new("nowhere.pem")));
        assert!(nowhere.unwrap_err().to_string().contains("nowhere.pem"));
        for wrong in [
            "ftp://127.0.0.1",
            "https://127.0.0.1/api",
            "127.0.0.1:80",
            "http://",
            "http://127.0.0.1:1/api",
            "http://127.0.0.1:99999",
        ] {
            assert!(Target::parse(wrong).unwrap_err().is_setting(), "{wrong}");
        }
    }
}
