//! The URL of the mail server: what is taken, and what would send links and passwords in the clear.

use std::net::IpAddr;

use crate::post::PostError;

/// The parameter that says how the connection is encrypted.
const TLS: &str = "tls=";
/// That it is not, which has to be written out.
const NO_TLS: &str = "tls=none";

/// A URL as the library takes it.
///
/// # Errors
/// [`PostError::Url`] for what is none, and [`PostError::Plain`] for one that says nothing of encryption
/// and leads to another machine.
pub(crate) fn for_library(url: &str) -> Result<String, PostError> {
    let (scheme, rest) = url.split_once("://").ok_or(PostError::Url)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let tls = query.split('&').find_map(|part| part.strip_prefix(TLS));
    match (scheme, tls) {
        ("smtps", Some("none")) => Err(PostError::Url),
        ("smtp", None) if !is_loopback(host(place)) => Err(PostError::Plain),
        ("smtp", Some("none")) => {
            let parts: Vec<&str> = query.split('&').filter(|part| *part != NO_TLS).collect();
            Ok(match parts.is_empty() {
                true => format!("{scheme}://{place}"),
                false => format!("{scheme}://{place}?{}", parts.join("&")),
            })
        }
        ("smtp" | "smtps", _) => Ok(url.to_owned()),
        _ => Err(PostError::Url),
    }
}

/// Host and port of a URL, as the library takes them: without a port it is the scheme's.
pub(crate) fn place(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let place = rest.split('?').next().unwrap_or_default();
    let of_scheme = match scheme {
        "smtps" => 465,
        _ if for_library(url).is_ok_and(|url| url.contains(TLS)) => 587,
        _ => 25,
    };
    let authority = host_and_port(place);
    // The colons of an address of version 6 stand in brackets.
    let behind = authority.rsplit(']').next().unwrap_or_default();
    let port = match behind.rsplit_once(':') {
        Some((_, port)) => port.parse().ok()?,
        None => of_scheme,
    };
    Some((host(place).to_owned(), port))
}

/// What stands behind user and password in a URL's authority and path.
fn host_and_port(place: &str) -> &str {
    let authority = place.split(['/', '#']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

/// The host of a URL's authority and path.
fn host(place: &str) -> &str {
    let host = host_and_port(place);
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether links of mails lead to the reader's own machine.
pub(crate) fn leads_to_loopback(link_base_url: &str) -> bool {
    let place = link_base_url.split_once("://").map(|(_, rest)| rest);
    is_loopback(host(place.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_go_in_the_clear_to_another_machine_has_to_be_written_out() {
        for same in [
            "smtps://user:word@mail.example.test:465",
            "smtp://mail.example.test:587?tls=required",
            "smtp://mail.example.test?tls=opportunistic",
            "smtp://localhost:2525",
            "smtp://127.0.0.1:2525/name",
            "smtp://[::1]:25",
        ] {
            assert_eq!(for_library(same).unwrap(), same);
        }
        let plain = for_library("smtp://user:word@mail.example.test:25/name?tls=none");
        assert_eq!(plain.unwrap(), "smtp://user:word@mail.example.test:25/name");
        for wrong in [
            "smtp://mail.example.test",
            "smtp://user:word@mail.example.test:587",
            "smtp://localhost@mail.example.test",
            "smtp://localhost.example.test/localhost",
            "smtp://mail.example.test?starttls=required",
        ] {
            let error = for_library(wrong).unwrap_err();
            assert!(matches!(error, PostError::Plain), "{wrong}: {error}");
            assert!(!error.to_string().contains("word@"), "{error}");
        }
        for wrong in ["", "mail.example.test", "imap://a", "smtps://a?tls=none"] {
            let error = for_library(wrong).unwrap_err();
            assert!(matches!(error, PostError::Url), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_port_is_the_schemes_where_none_is_given() {
        for (url, host, port) in [
            (
                "smtps://user:word@mail.example.test",
                "mail.example.test",
                465,
            ),
            ("smtps://mail.example.test:4650", "mail.example.test", 4650),
            (
                "smtp://mail.example.test?tls=required",
                "mail.example.test",
                587,
            ),
            ("smtp://mail.example.test?tls=none", "mail.example.test", 25),
            ("smtp://localhost/name", "localhost", 25),
            ("smtp://u:p@[::1]:2525", "::1", 2525),
            ("smtp://[::1]", "::1", 25),
        ] {
            assert_eq!(place(url), Some((host.to_owned(), port)), "{url}");
        }
        assert_eq!(place("smtp://h:99999"), None);
        assert_eq!(place("mail.example.test"), None);
    }

    #[test]
    fn links_to_this_machine_are_known() {
        assert!(leads_to_loopback("http://localhost:8080"));
        assert!(leads_to_loopback("http://127.0.0.1/tickets"));
        assert!(!leads_to_loopback("https://tickets.example.test"));
    }
}
