//! Sums of money as people read them.

use onsale_schemas::currencies;

/// `320000` minor units of `THB` as `3,200.00 THB`.
pub(crate) fn shown(minor: i64, currency: &str) -> String {
    let digits = usize::from(currencies::minor_digits(currency));
    let text = format!("{:0>width$}", minor.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = text.split_at(text.len() - digits);
    let sign = if minor < 0 { "-" } else { "" };
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if digits > 0 { "." } else { "" };
    format!("{sign}{grouped}{point}{fraction} {currency}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_the_digits_of_their_currency() {
        for (minor, currency, expected) in [
            (320_000, "THB", "3,200.00 THB"),
            (0, "THB", "0.00 THB"),
            (5, "EUR", "0.05 EUR"),
            (-100, "EUR", "-1.00 EUR"),
            (123_456_789, "USD", "1,234,567.89 USD"),
            (1_500, "JPY", "1,500 JPY"),
            (1_500, "XPF", "1,500 XPF"),
            (1_500, "KWD", "1.500 KWD"),
            (i64::MIN, "JPY", "-9,223,372,036,854,775,808 JPY"),
        ] {
            assert_eq!(shown(minor, currency), expected);
        }
    }
}
