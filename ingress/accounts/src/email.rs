//! E-mail addresses.

use onsale_private::Private;
use unicode_normalization::UnicodeNormalization;

/// Longest address, in bytes (RFC 5321, 4.5.3.1.3, without its brackets).
pub const EMAIL_MAX_BYTES: usize = 254;
/// Longest part before the `@`, in bytes.
const LOCAL_MAX_BYTES: usize = 64;
/// Longest label of a domain, in bytes.
const LABEL_MAX_BYTES: usize = 63;

/// An address that mail could be sent to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Email {
    /// As the person wrote it, in Unicode's form KC: mail goes to the very address that is compared, or a
    /// form that only looks different would occupy another person's address.
    written: Private,
    /// As it is compared: two that differ in case are the same mailbox nearly everywhere, and an account
    /// for each would be a way to pose as another person.
    folded: Private,
}

impl Email {
    /// Reads an address; `None` for what is none. Whether mail arrives is shown by mail alone, so this
    /// refuses only what cannot be one.
    pub fn parse(text: &Private) -> Option<Self> {
        let written: String = text.expose().trim().nfkc().collect();
        if written.len() > EMAIL_MAX_BYTES {
            return None;
        }
        let (local, domain) = written.rsplit_once('@')?;
        if !is_local(local) || !is_domain(domain) {
            return None;
        }
        let folded = written.to_lowercase();
        Some(Self {
            written: Private::new(written),
            folded: Private::new(folded),
        })
    }

    /// As the person wrote it, in Unicode's form KC: where mail goes.
    pub fn written(&self) -> &Private {
        &self.written
    }

    /// As it is compared.
    pub fn folded(&self) -> &Private {
        &self.folded
    }

    /// The part before the `@`, as it is compared.
    pub(crate) fn local(&self) -> &str {
        let folded = self.folded.expose();
        folded.rsplit_once('@').map_or(folded, |(local, _)| local)
    }
}

fn is_local(local: &str) -> bool {
    let is_fine = |c: char| !is_invisible(c) && !r#"<>()[],;:\"@"#.contains(c);
    (1..=LOCAL_MAX_BYTES).contains(&local.len())
        && local.chars().all(is_fine)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_MAX_BYTES).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|c| c == '-' || (c.is_alphanumeric() && !is_invisible(c)))
    };
    domain.contains('.') && domain.split('.').all(is_label)
}

/// What is drawn as nothing, or directs what stands beside it: an address with one looks like another,
/// and a name of nothing else is none.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Email> {
        Email::parse(&Private::new(text))
    }

    #[test]
    fn addresses_that_differ_in_case_are_one() {
        let one = parse(" Nobody@Example.Test ").unwrap();
        let other = parse("nobody@example.test").unwrap();
        assert_eq!(one.written().expose(), "Nobody@Example.Test");
        assert_eq!(one.folded(), other.folded());
        assert_eq!(one.local(), "nobody");
    }

    #[test]
    fn mail_goes_to_the_address_that_is_compared() {
        let plain = parse("victim@corp.example").unwrap();
        for other in [
            "\u{ff56}ictim@corp.example",
            "victim\u{ff20}corp.example",
            "victim@corp\u{ff0e}example",
            "victim@\u{24d2}orp.example",
        ] {
            assert_eq!(parse(other).unwrap(), plain, "{other}");
        }
        for hidden in [
            "vic\u{200b}tim@corp.example",
            "victim@co\u{ad}rp.example",
            "\u{2066}victim@corp.example",
            "victim@corp\u{3164}.example",
            "\u{b4}victim@corp.example",
            "victim\u{ff0c}x@corp.example",
            "a\u{ff20}b@corp.example",
        ] {
            assert!(parse(hidden).is_none(), "{hidden:?}");
        }
    }

    #[test]
    fn what_cannot_be_an_address_is_none() {
        for right in [
            "a@b.co",
            "first.last+tag@sub.example.test",
            "jürgen@bücher.example",
        ] {
            assert!(parse(right).is_some(), "{right}");
        }
        let long = format!("{}@example.test", "x".repeat(65));
        for wrong in [
            "",
            "@",
            "a@",
            "@b.co",
            "a@b",
            "a b@c.de",
            "a@-b.co",
            "a@b..co",
            ".a@b.co",
            "a..b@c.de",
            "a@b.co\r\nBcc: x@y.z",
            "a<b@c.de",
            "a@b_c.de",
            &long,
        ] {
            assert!(parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
