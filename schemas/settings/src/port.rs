//! Ports of addresses that settings name.

/// Whether the port of an authority, as `tickets.example.test:8443` or `[::1]:8443`, is one: 1 to 65535. None is fine,
/// too.
pub fn has_usable_port(authority: &str) -> bool {
    // The colons of an IPv6 address stand in brackets.
    let behind_host = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((_, behind)) => behind,
            None => return false,
        },
        None => authority.find(':').map_or("", |at| &authority[at..]),
    };
    match behind_host.strip_prefix(':') {
        Some(port) => {
            port.bytes().all(|byte| byte.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        }
        None => behind_host.is_empty(),
    }
}

/// Whether a URL is one of `https` or `http` whose port, where it names one, is one.
pub fn has_web_address(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    // Behind a user's name and password.
    let place = authority.and_then(|authority| authority.rsplit('@').next());
    place.is_some_and(has_usable_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_web_has_a_port_or_none() {
        for (url, is_one) in [
            ("https://tickets.example.test", true),
            ("http://tickets.example.test:8080/shop?a=b:c", true),
            ("https://user:secret@tickets.example.test:443/", true),
            ("https://tickets.example.test:65536/shop", false),
            ("tickets.example.test", false),
            ("ftp://tickets.example.test", false),
        ] {
            assert_eq!(has_web_address(url), is_one, "{url}");
        }
    }

    #[test]
    fn a_port_is_between_1_and_65535() {
        for (authority, is_usable) in [
            ("tickets.example.test", true),
            ("tickets.example.test:1", true),
            ("tickets.example.test:65535", true),
            ("tickets.example.test:65536", false),
            ("tickets.example.test:99999", false),
            ("tickets.example.test:0", false),
            ("tickets.example.test:", false),
            ("tickets.example.test:+80", false),
            ("tickets.example.test:https", false),
            ("[::1]", true),
            ("[::1]:8443", true),
            ("[::1]:65536", false),
            ("[::1]8443", false),
            ("[::1", false),
        ] {
            assert_eq!(has_usable_port(authority), is_usable, "{authority}");
        }
    }
}
