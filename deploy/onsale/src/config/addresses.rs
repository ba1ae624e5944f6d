//! Where this process is reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Config;

impl Config {
    /// Where other nodes and operators reach this process.
    pub(crate) fn advertise_url(&self) -> String {
        let url = self.node.advertise_url.clone();
        let url = url.unwrap_or_else(|| self.server_url());
        url.trim_end_matches('/').to_owned()
    }

    /// Where other nodes reach the operations listener of this process.
    pub(crate) fn operations_advertise_url(&self) -> String {
        let url = self.node.operations_advertise_url.clone();
        let url = url.unwrap_or_else(|| self.url_at(self.http.operations_address()));
        url.trim_end_matches('/').to_owned()
    }

    /// True where anybody who reaches this machine can talk to the server, and read what it and its
    /// clients say to one another.
    pub(crate) fn is_open_to_all(&self) -> bool {
        !self.http.listen.ip().is_loopback() && self.http.tls_certificate_file.is_none()
    }

    /// The server of this configuration, asked from its own machine.
    pub(crate) fn server_url(&self) -> String {
        self.url_at(self.http.listen)
    }

    /// A server of this configuration that listens there.
    pub(crate) fn url_at(&self, address: SocketAddr) -> String {
        format!("{}://{address}", self.scheme())
    }

    /// The same for browsers, which know this machine by its name: passkeys and callbacks of providers want
    /// no number.
    pub(crate) fn browser_url_at(&self, address: SocketAddr) -> String {
        let here: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        if address.ip().is_unspecified() || here.contains(&address.ip()) {
            self.local_url_at(address)
        } else {
            self.url_at(address)
        }
    }

    /// As [`Config::browser_url_at`], for browsers of this machine alone.
    pub(crate) fn local_url_at(&self, address: SocketAddr) -> String {
        format!("{}://localhost:{}", self.scheme(), address.port())
    }

    fn scheme(&self) -> &'static str {
        match self.http.tls_certificate_file {
            Some(_) => "https",
            None => "http",
        }
    }
}
