//! Where the requests go.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::error::LoadError;

/// A server: its address and its name in the `Host` header.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where to connect.
    pub address: SocketAddr,
    /// Value of the `Host` header.
    pub host: String,
}

impl Target {
    /// Parses a URL such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// When it is not such a URL or its host has no address. TLS is refused: it would measure the
    /// proxy in front of the server.
    pub fn parse(url: &str) -> Result<Self, LoadError> {
        let wrong = |expected: &str| LoadError::Setting {
            name: "target",
            value: url.to_owned(),
            expected: expected.to_owned(),
        };
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| wrong("a URL such as http://127.0.0.1:8080 (plain HTTP, no TLS)"))?;
        let host = rest.trim_end_matches('/');
        if host.is_empty() || host.contains('/') {
            return Err(wrong("host and port only, such as http://127.0.0.1:8080"));
        }
        let with_port = if host.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        }) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let address = with_port
            .to_socket_addrs()
            .ok()
            .and_then(|mut addresses| addresses.next())
            .ok_or_else(|| wrong("a host that has an address"))?;
        Ok(Self {
            address,
            host: host.to_owned(),
        })
    }
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
        for wrong in [
            "https://127.0.0.1",
            "127.0.0.1:80",
            "http://",
            "http://127.0.0.1:1/api",
            "http://127.0.0.1:99999",
        ] {
            assert!(Target::parse(wrong).unwrap_err().is_setting(), "{wrong}");
        }
    }
}
