//! Which connections leave this machine.

use std::net::IpAddr;

/// Whether a host of a URL is this machine: a loopback address, `localhost`, or none, as of a socket
/// in the file system.
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.is_empty()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for host in [
            "",
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "[::1]",
            "/run/pg",
        ] {
            assert!(is_this_machine(host), "{host:?}");
        }
        for host in [
            "db",
            "10.0.0.1",
            "0.0.0.0",
            "localhost.example.test",
            "[fe80::1]",
        ] {
            assert!(!is_this_machine(host), "{host:?}");
        }
    }
}
