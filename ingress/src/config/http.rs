//! Section `http`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use onsale_settings::{ConfigProblem, NamedFile, check_range, has_usable_port};
use onsale_tls::ClientFiles;
use serde::{Deserialize, Serialize};

/// Connections, bodies, deadlines.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where browsers reach this installation, as `https://tickets.example`: links in mails lead there, and
    /// providers send people who sign in back to it. Unset: `http://localhost:8080`.
    pub public_url: Option<String>,
    /// PEM file with the server's certificate and those between it and the root. Set together with
    /// the key: connections are then TLS 1.3, and nothing else. Both unset: connections are plain.
    pub tls_certificate_file: Option<PathBuf>,
    /// PEM file with the private key of that certificate.
    pub tls_key_file: Option<PathBuf>,
    /// PEM file with the authorities that are trusted, and no others, where nodes and operators ask
    /// a server by https. Unset: those that the system trusts. The server itself asks nobody for a
    /// certificate.
    pub tls_ca_file: Option<PathBuf>,
    /// Where metrics and the calls between nodes are answered, apart from what is public. Unset: on
    /// loopback, at the port after that of `listen`.
    pub operations_listen: Option<SocketAddr>,
    /// Connections that may be open at once. For further ones those are closed that have asked for
    /// nothing yet, then those that ask for nothing now, the ones that were idle for longest first; where
    /// none is idle, new ones wait in the system's backlog. Where the limit of open files allows fewer,
    /// it is fewer.
    pub connections_max: usize,
    /// Connections that may be open at once from one address (IPv6: one /56); further ones are
    /// closed. Does not count with `trusted_proxies`.
    pub connections_per_address_max: usize,
    /// Largest body of an ordinary request, in bytes.
    pub body_max_bytes: usize,
    /// Largest body that may hold a seating layout or a list of seats to block, in bytes.
    pub layout_body_max_bytes: usize,
    /// Bytes that bodies above `body_max_bytes` may have together while they are read and worked
    /// on; further ones wait. What is made of one takes several times as much for a moment.
    pub large_bodies_max_bytes: usize,
    /// How long the head of a request may take, and the TLS handshake before it, in milliseconds.
    pub header_timeout_ms: u64,
    /// How long the body of a request may take, in milliseconds.
    pub body_timeout_ms: u64,
    /// How long a client may take nothing of what it asked for before its connection is closed, in
    /// milliseconds; of HTTP/2 the stream is reset where others of the connection go on. A stream with
    /// nothing to tell is not meant.
    pub write_timeout_ms: u64,
    /// What a client has to take at least while something waits for it, in bytes per second; one that
    /// takes less has `write_timeout_ms` for the difference. Systems tell in steps of about 16 KiB what
    /// was taken, so it cannot be held to less than that within `write_timeout_ms`. 0: anything at all is
    /// enough.
    pub write_rate_min_bytes_per_second: u64,
    /// Bytes of answers that may wait for the clients of one address (IPv6: one /56); above that it
    /// gets 429 where it asks for more. Behind `trusted_proxies` it is the address that they forward.
    pub unsent_per_address_max_bytes: usize,
    /// How long an outcome is waited for before the answer is 202, in milliseconds.
    pub reply_deadline_ms: u64,
    /// How long requests in flight may take to finish when the process stops, in milliseconds.
    pub drain_timeout_ms: u64,
    /// Readers of live availability that may be connected at once.
    pub stream_readers_max: usize,
    /// Readers of live availability that may be connected at once from one address (IPv6: one /56).
    pub stream_readers_per_address_max: usize,
    /// Readers of live availability that may be connected at once by one user's tokens.
    pub stream_readers_per_user_max: usize,
    /// Origins that browsers may call from, as `https://tickets.example`, or `*`. Empty: none.
    pub cors_origins: Vec<String>,
    /// How many proxies of our own stand in front and add to `X-Forwarded-For`. 0: the address of
    /// the connection is the client's.
    pub trusted_proxies: u8,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            public_url: None,
            tls_certificate_file: None,
            tls_key_file: None,
            tls_ca_file: None,
            operations_listen: None,
            connections_max: 65_536,
            connections_per_address_max: 2_000,
            body_max_bytes: 65_536,
            layout_body_max_bytes: 8 << 20,
            large_bodies_max_bytes: 16 << 20,
            header_timeout_ms: 10_000,
            body_timeout_ms: 15_000,
            write_timeout_ms: 20_000,
            write_rate_min_bytes_per_second: 1_024,
            unsent_per_address_max_bytes: 64 << 20,
            reply_deadline_ms: 2_000,
            drain_timeout_ms: 10_000,
            stream_readers_max: 50_000,
            stream_readers_per_address_max: 500,
            stream_readers_per_user_max: 20,
            cors_origins: Vec::new(),
            trusted_proxies: 0,
        }
    }
}

impl HttpConfig {
    /// See [`HttpConfig::reply_deadline_ms`].
    pub(crate) fn reply_deadline(&self) -> Duration {
        Duration::from_millis(self.reply_deadline_ms)
    }

    /// See [`HttpConfig::body_timeout_ms`].
    pub fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    /// Where the operations listener listens: see [`HttpConfig::operations_listen`]. Any free port
    /// where `listen` has one.
    pub fn operations_address(&self) -> SocketAddr {
        self.operations_listen.unwrap_or_else(|| {
            let port = match self.listen.port() {
                0 => 0,
                port => port.wrapping_add(1),
            };
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
        })
    }

    /// The files that its settings name.
    pub fn files(&self) -> Vec<NamedFile> {
        self.tls_files().named("http")
    }

    fn tls_files(&self) -> ClientFiles {
        ClientFiles {
            ca_file: self.tls_ca_file.clone(),
            certificate_file: self.tls_certificate_file.clone(),
            key_file: self.tls_key_file.clone(),
        }
    }

    /// See [`HttpConfig::write_timeout_ms`].
    pub(crate) fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }

    /// See [`HttpConfig::header_timeout_ms`].
    pub(crate) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    /// See [`HttpConfig::drain_timeout_ms`].
    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }

    pub(super) fn check(&self, problems: &mut Vec<ConfigProblem>) {
        self.check_sizes(problems);
        self.check_times(problems);
        self.check_readers(problems);
        self.check_listeners(problems);
        self.tls_files().check("http", problems);
        self.check_origins(problems);
        self.check_public_url(problems);
    }

    fn check_sizes(&self, problems: &mut Vec<ConfigProblem>) {
        check_range(
            problems,
            "http.connections_max",
            self.connections_max,
            1..=1_000_000,
        );
        check_range(
            problems,
            "http.body_max_bytes",
            self.body_max_bytes,
            1_024..=16 << 20,
        );
        check_range(
            problems,
            "http.layout_body_max_bytes",
            self.layout_body_max_bytes,
            1_024..=64 << 20,
        );
        check_range(
            problems,
            "http.large_bodies_max_bytes",
            self.large_bodies_max_bytes,
            self.layout_body_max_bytes.max(1_024)..=1 << 30,
        );
        check_range(
            problems,
            "http.write_rate_min_bytes_per_second",
            self.write_rate_min_bytes_per_second,
            0..=1 << 20,
        );
    }

    fn check_times(&self, problems: &mut Vec<ConfigProblem>) {
        check_range(
            problems,
            "http.header_timeout_ms",
            self.header_timeout_ms,
            100..=300_000,
        );
        check_range(
            problems,
            "http.body_timeout_ms",
            self.body_timeout_ms,
            100..=300_000,
        );
        check_range(
            problems,
            "http.write_timeout_ms",
            self.write_timeout_ms,
            100..=300_000,
        );
        check_range(
            problems,
            "http.reply_deadline_ms",
            self.reply_deadline_ms,
            10..=60_000,
        );
        check_range(
            problems,
            "http.drain_timeout_ms",
            self.drain_timeout_ms,
            0..=600_000,
        );
    }

    fn check_readers(&self, problems: &mut Vec<ConfigProblem>) {
        check_range(
            problems,
            "http.connections_per_address_max",
            self.connections_per_address_max,
            1..=1_000_000,
        );
        check_range(
            problems,
            "http.unsent_per_address_max_bytes",
            self.unsent_per_address_max_bytes,
            65_536..=1 << 40,
        );
        check_range(
            problems,
            "http.stream_readers_per_address_max",
            self.stream_readers_per_address_max,
            0..=1_000_000,
        );
        check_range(
            problems,
            "http.stream_readers_per_user_max",
            self.stream_readers_per_user_max,
            0..=1_000_000,
        );
        check_range(
            problems,
            "http.stream_readers_max",
            self.stream_readers_max,
            0..=1_000_000,
        );
    }

    fn check_listeners(&self, problems: &mut Vec<ConfigProblem>) {
        let operations = self.operations_address();
        let (ip, operations_ip) = (self.listen.ip(), operations.ip());
        let clashes = operations.port() == self.listen.port()
            && operations.port() != 0
            && (ip == operations_ip || ip.is_unspecified() || operations_ip.is_unspecified());
        if clashes || (self.operations_listen.is_none() && self.listen.port() == u16::MAX) {
            problems.push(ConfigProblem::new(
                "http.operations_listen",
                operations,
                format!("an address other than that of http.listen, {}", self.listen),
            ));
        }
    }

    fn check_public_url(&self, problems: &mut Vec<ConfigProblem>) {
        let Some(url) = &self.public_url else {
            return;
        };
        let parsed = url.parse::<http::Uri>().ok();
        let is_origin = parsed.is_some_and(|parsed| {
            matches!(parsed.scheme_str(), Some("https" | "http"))
                && parsed
                    .authority()
                    .is_some_and(|authority| has_usable_port(authority.as_str()))
                && parsed.host().is_some_and(|host| !host.is_empty())
                && parsed.path() == "/"
                && parsed.query().is_none()
        });
        // Someone may have written a password into it, so it is not repeated then.
        let has_user = url.contains('@');
        if !is_origin || has_user || url.contains('#') {
            let value = match has_user {
                true => "(hidden)".to_owned(),
                false => format!("{url:?}"),
            };
            problems.push(ConfigProblem::new(
                "http.public_url",
                value,
                "an address as https://tickets.example, without a path",
            ));
        }
    }

    fn check_origins(&self, problems: &mut Vec<ConfigProblem>) {
        for origin in &self.cors_origins {
            let plain = origin == "*"
                || (origin.parse::<http::HeaderValue>().is_ok()
                    && origin.split_once("://").is_some_and(|(scheme, host)| {
                        matches!(scheme, "http" | "https")
                            && !host.is_empty()
                            && !host.contains('/')
                            && has_usable_port(host)
                    }));
            if !plain {
                problems.push(ConfigProblem::new(
                    "http.cors_origins",
                    origin,
                    "origins as https://tickets.example without a path, or *",
                ));
            }
        }
    }
}
