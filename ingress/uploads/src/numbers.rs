//! The numbers in the attributes and style sheets of a vector image, looked at before anything is computed from
//! them: an arc becomes as many pieces as its radius wants, which is more than fits into memory for a radius
//! that fits into a line. What numbers are is taken broadly, so that none is overlooked.

/// Largest number, whichever its sign.
const SIZE_MAX: f64 = 1e6;
/// Largest number that is relative to something else (`%`, `em`, `ex`), which may be relative, too.
const RELATIVE_MAX: f64 = 1_000.0;
/// Longest piece of a number that is said back, in bytes.
const SAID_MAX_BYTES: usize = 24;
/// What would be right.
pub(crate) const EXPECTED: &str = "expected numbers of at most 1000000, of at most 1000 before %, em and ex, and \
                                   em and ex in the outermost element and in style sheets alone";

/// Where a text stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Within {
    /// In an attribute of the outermost element.
    Root,
    /// In an attribute of another one. What is relative to the size of letters is not taken there: that size
    /// may be relative itself, level by level.
    Element,
    /// In a style sheet, or in the attribute `style`: digits that belong to names are no numbers there.
    Style,
}

/// The first number of a text that is not taken.
pub(crate) fn wrong_one(text: &str, within: Within) -> Option<String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(first) = bytes.get(at) {
        let rest = &bytes[at..];
        // Colours and references begin with `#`.
        if *first == b'#' || (within == Within::Style && begins_name(*first)) {
            at += 1 + name_length(&rest[1..]);
            continue;
        }
        let length = number_length(rest);
        if length == 0 {
            at += 1;
            continue;
        }
        let number = &text[at..at + length];
        let (unit, most) = unit(&rest[length..], within);
        let is_taken = number.parse().is_ok_and(|size: f64| size <= most);
        if !is_taken {
            let said = &number[..length.min(SAID_MAX_BYTES)];
            let cut = if said.len() < length { "…" } else { "" };
            return Some(format!("{said}{cut}{unit}"));
        }
        at += length;
    }
    None
}

/// The unit that stands behind a number, where it makes a difference, and the largest number with it.
fn unit(behind: &[u8], within: Within) -> (&'static str, f64) {
    let of_letters = if within == Within::Element {
        0.0
    } else {
        RELATIVE_MAX
    };
    match behind {
        [b'%', ..] => ("%", RELATIVE_MAX),
        [b'e' | b'E', b'm' | b'M', ..] => ("em", of_letters),
        [b'e' | b'E', b'x' | b'X', ..] => ("ex", of_letters),
        _ => ("", SIZE_MAX),
    }
}

/// How many bytes a number takes that begins here, without its sign; 0 where none does.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| {
        let digits = text[from..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.count()
    };
    let whole = digits(0);
    let mut length = whole;
    if text.get(length) == Some(&b'.') {
        let fraction = digits(length + 1);
        if whole + fraction == 0 {
            return 0;
        }
        length += 1 + fraction;
    }
    if length == 0 {
        return 0;
    }
    if matches!(text.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn name_length(text: &[u8]) -> usize {
    let belongs = |byte: &&u8| begins_name(**byte) || byte.is_ascii_digit() || **byte == b'-';
    text.iter().take_while(belongs).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_bounds_wherever_they_stand() {
        use Within::{Element, Root, Style};
        for (text, within, wrong) in [
            ("", Element, None),
            ("M0 0L1000000-1e6.5.5", Element, None),
            ("M0 0A1e70 1e70 0 1 1 1e70 1e70", Element, Some("1e70")),
            ("M0-1000001", Element, Some("1000001")),
            ("M.1e8", Element, Some(".1e8")),
            ("M0.1E+8", Element, Some("0.1E+8")),
            ("M1e-9", Element, None),
            ("scale(1e9)", Element, Some("1e9")),
            ("translate(0,-2000000)", Element, Some("2000000")),
            ("M1.e9", Element, Some("1.e9")),
            ("M1é9999999", Element, Some("9999999")),
            ("#99999999", Element, None),
            ("url(#SVGID_00000123456789_) 1e9", Element, Some("1e9")),
            ("1000%", Element, None),
            ("1001%", Element, Some("1001%")),
            ("1em", Element, Some("1em")),
            ("2Ex", Element, Some("2ex")),
            ("0em", Element, None),
            ("1em", Root, None),
            ("1e3em", Root, None),
            ("1001em", Root, Some("1001em")),
            (".cls-12345678{fill:#12345678}", Style, None),
            ("path9999999{stroke-width:1e9}", Style, Some("1e9")),
            ("transform:scale( -1e9)", Style, Some("1e9")),
            ("transform:scale(1,1e9)", Style, Some("1e9")),
            ("font-size:1.5em;line-height:125%", Style, None),
            ("font-size:100000%", Style, Some("100000%")),
            (".", Element, None),
            ("...", Element, None),
            ("-e+", Element, None),
        ] {
            assert_eq!(wrong_one(text, within).as_deref(), wrong, "{text}");
        }
        let long = "9".repeat(1 << 20);
        let said = wrong_one(&long, Element).unwrap();
        assert_eq!(said, format!("{}…", "9".repeat(SAID_MAX_BYTES)));
    }
}
