//! Addresses as the audit trail has them: enough for a person to know the own one again, too little to write to.

use onsale_private::Private;

/// Shortest text whose first character is shown, in characters: of shorter ones it would tell too much.
const SHOWN_FROM_CHARS: usize = 3;

/// An address with its first characters and its last label alone, as `n***@e***.test`.
pub(crate) fn masked(email: &Private) -> String {
    let Some((local, domain)) = email.expose().rsplit_once('@') else {
        return "***".to_owned();
    };
    let (name, last) = domain.rsplit_once('.').unwrap_or((domain, ""));
    format!("{}@{}.{last}", begin(local), begin(name))
}

fn begin(text: &str) -> String {
    let is_long = text.chars().count() >= SHOWN_FROM_CHARS;
    let first = text.chars().next().filter(|_| is_long);
    first.map_or_else(|| "***".to_owned(), |first| format!("{first}***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_again_and_not_told() {
        for (address, expected) in [
            ("nobody@example.test", "n***@e***.test"),
            ("no@mail.example.co.th", "***@m***.th"),
            ("\u{e1b}\u{e01}\u{e23}@ab.test", "\u{e1b}***@***.test"),
            ("nobody", "***"),
        ] {
            assert_eq!(masked(&Private::new(address)), expected);
        }
    }
}
