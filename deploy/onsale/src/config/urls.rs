//! URLs of the configuration: what of them is shown, and where they lead.

use super::HIDDEN;

/// A URL as errors show it.
pub(crate) fn shown_url(url: &str) -> String {
    if has_password(url) {
        HIDDEN.to_owned()
    } else {
        format!("{url:?}")
    }
}

/// Whether a URL names a user, with a password or without.
pub(crate) fn has_password(url: &str) -> bool {
    authority_of(url).contains('@')
}

/// The host of a URL.
pub(crate) fn host_of(url: &str) -> &str {
    let authority = authority_of(url);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn authority_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    // A password may have any of these in it, so the last sign before the host counts.
    let from = rest.rfind('@').unwrap_or(0);
    let end = rest[from..]
        .find(['/', '?', '#'])
        .map_or(rest.len(), |end| from + end);
    &rest[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_behind_passwords() {
        for (url, host, hidden) in [
            ("http://h:1/x", "h", false),
            ("https://u:p@h/x?y=z", "h", true),
            ("redis://:p/a?s#s@h:6379/0", "h", true),
            ("rediss://[::1]:6379", "::1", false),
            ("u:p@h:4317", "h", true),
        ] {
            assert_eq!((host_of(url), has_password(url)), (host, hidden), "{url}");
        }
    }
}
