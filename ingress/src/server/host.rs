//! What may stand as the host that a request is for (RFC 9110, 7.2; RFC 3986, 3.2.2).

use std::net::Ipv6Addr;

/// Whether this is a host, with a port or without one, and nothing else: no name of a user in front,
/// no path behind. What stands here ends up in links and in logs of proxies, which may read more into
/// it.
pub(super) fn is_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    let (is_named, port) = match text.strip_prefix('[') {
        Some(literal) => {
            let Some((address, behind)) = literal.split_once(']') else {
                return false;
            };
            let port = match behind.strip_prefix(':') {
                Some(port) => Some(port),
                None if behind.is_empty() => None,
                None => return false,
            };
            (address.parse::<Ipv6Addr>().is_ok(), port)
        }
        None => match text.split_once(':') {
            Some((name, port)) => (is_name(name), Some(port)),
            None => (is_name(text), None),
        },
    };
    is_named && port.is_none_or(is_port)
}

/// A port may be left out behind its colon.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || (text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok())
}

fn is_name(name: &str) -> bool {
    let mut rest = name.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = match byte {
            b'%' => match behind.split_at_checked(2) {
                Some((digits, behind)) if digits.iter().all(u8::is_ascii_hexdigit) => behind,
                _ => return false,
            },
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+'
            | b',' | b';' | b'=' => behind,
            other if other.is_ascii_alphanumeric() => behind,
            _ => return false,
        };
    }
    !name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port_at_most() {
        for host in [
            "x",
            "tickets.example",
            "tickets.example:8080",
            "tickets.example:",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:65535",
            "xn--9ca.example",
            "a_b-c.example.",
            "a%20b",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            " ",
            ":80",
            "x/y@z",
            "x/y",
            "user@x",
            "user:pass@x",
            "x?y",
            "x#y",
            "x\\y",
            "x y",
            "x:y",
            "x:65536",
            "x:+1",
            "x:1:2",
            "[::1",
            "::1",
            "[x]",
            "[::1]x",
            "a%2",
            "a%zz",
            "<x>",
            "x\"y",
            "x,y z",
            "é.example",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
        assert!(!is_host(b"x\xff"));
    }
}
