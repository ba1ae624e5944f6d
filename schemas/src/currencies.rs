//! Currencies in use (ISO 4217, as of 2026) and the digits of their minor units. Funds, metals and test
//! codes are not money that anybody pays with.
//!
//! New prices are checked against this list. Logs and catalogs may hold other codes from before there
//! was one: those are read and sold as they stand.

/// Digits behind the point of a currency that is not in the list.
const MINOR_DIGITS_DEFAULT: u8 = 2;

/// Codes in their order, with the digits of the minor unit.
const CURRENCIES: &[(&str, u8)] = &[
    ("AED", 2),
    ("AFN", 2),
    ("ALL", 2),
    ("AMD", 2),
    ("AOA", 2),
    ("ARS", 2),
    ("AUD", 2),
    ("AWG", 2),
    ("AZN", 2),
    ("BAM", 2),
    ("BBD", 2),
    ("BDT", 2),
    ("BHD", 3),
    ("BIF", 0),
    ("BMD", 2),
    ("BND", 2),
    ("BOB", 2),
    ("BRL", 2),
    ("BSD", 2),
    ("BTN", 2),
    ("BWP", 2),
    ("BYN", 2),
    ("BZD", 2),
    ("CAD", 2),
    ("CDF", 2),
    ("CHF", 2),
    ("CLP", 0),
    ("CNY", 2),
    ("COP", 2),
    ("CRC", 2),
    ("CUP", 2),
    ("CVE", 2),
    ("CZK", 2),
    ("DJF", 0),
    ("DKK", 2),
    ("DOP", 2),
    ("DZD", 2),
    ("EGP", 2),
    ("ERN", 2),
    ("ETB", 2),
    ("EUR", 2),
    ("FJD", 2),
    ("FKP", 2),
    ("GBP", 2),
    ("GEL", 2),
    ("GHS", 2),
    ("GIP", 2),
    ("GMD", 2),
    ("GNF", 0),
    ("GTQ", 2),
    ("GYD", 2),
    ("HKD", 2),
    ("HNL", 2),
    ("HTG", 2),
    ("HUF", 2),
    ("IDR", 2),
    ("ILS", 2),
    ("INR", 2),
    ("IQD", 3),
    ("IRR", 2),
    ("ISK", 0),
    ("JMD", 2),
    ("JOD", 3),
    ("JPY", 0),
    ("KES", 2),
    ("KGS", 2),
    ("KHR", 2),
    ("KMF", 0),
    ("KPW", 2),
    ("KRW", 0),
    ("KWD", 3),
    ("KYD", 2),
    ("KZT", 2),
    ("LAK", 2),
    ("LBP", 2),
    ("LKR", 2),
    ("LRD", 2),
    ("LSL", 2),
    ("LYD", 3),
    ("MAD", 2),
    ("MDL", 2),
    ("MGA", 2),
    ("MKD", 2),
    ("MMK", 2),
    ("MNT", 2),
    ("MOP", 2),
    ("MRU", 2),
    ("MUR", 2),
    ("MVR", 2),
    ("MWK", 2),
    ("MXN", 2),
    ("MYR", 2),
    ("MZN", 2),
    ("NAD", 2),
    ("NGN", 2),
    ("NIO", 2),
    ("NOK", 2),
    ("NPR", 2),
    ("NZD", 2),
    ("OMR", 3),
    ("PAB", 2),
    ("PEN", 2),
    ("PGK", 2),
    ("PHP", 2),
    ("PKR", 2),
    ("PLN", 2),
    ("PYG", 0),
    ("QAR", 2),
    ("RON", 2),
    ("RSD", 2),
    ("RUB", 2),
    ("RWF", 0),
    ("SAR", 2),
    ("SBD", 2),
    ("SCR", 2),
    ("SDG", 2),
    ("SEK", 2),
    ("SGD", 2),
    ("SHP", 2),
    ("SLE", 2),
    ("SOS", 2),
    ("SRD", 2),
    ("SSP", 2),
    ("STN", 2),
    ("SVC", 2),
    ("SYP", 2),
    ("SZL", 2),
    ("THB", 2),
    ("TJS", 2),
    ("TMT", 2),
    ("TND", 3),
    ("TOP", 2),
    ("TRY", 2),
    ("TTD", 2),
    ("TWD", 2),
    ("TZS", 2),
    ("UAH", 2),
    ("UGX", 0),
    ("USD", 2),
    ("UYU", 2),
    ("UZS", 2),
    ("VED", 2),
    ("VES", 2),
    ("VND", 0),
    ("VUV", 0),
    ("WST", 2),
    ("XAF", 0),
    ("XCD", 2),
    ("XCG", 2),
    ("XOF", 0),
    ("XPF", 0),
    ("YER", 2),
    ("ZAR", 2),
    ("ZMW", 2),
    ("ZWG", 2),
];

/// The codes of all currencies in use, in their order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    CURRENCIES.iter().map(|(code, _)| *code)
}

/// Whether a code is that of a currency in use.
pub fn is_in_use(code: &str) -> bool {
    find(code).is_some()
}

/// How many digits of an amount in minor units stand behind the point.
pub fn minor_digits(code: &str) -> u8 {
    find(code).unwrap_or(MINOR_DIGITS_DEFAULT)
}

/// A sum as people read it: `320000` minor units of `THB` are `3,200.00 THB`.
pub fn shown(minor: i64, currency: &str) -> String {
    let digits = usize::from(minor_digits(currency));
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

fn find(code: &str) -> Option<u8> {
    let at = CURRENCIES.binary_search_by_key(&code, |(code, _)| code);
    CURRENCIES.get(at.ok()?).map(|(_, digits)| *digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Currency;

    #[test]
    fn the_list_is_in_order_and_of_codes() {
        assert!(CURRENCIES.is_sorted_by(|(one, _), (next, _)| one < next));
        for (code, digits) in CURRENCIES {
            assert!(code.parse::<Currency>().is_ok(), "{code}");
            assert!(is_in_use(code), "{code}");
            assert!(matches!(digits, 0 | 2 | 3), "{code}");
        }
        for none in ["", "AAA", "thb", "DEM", "XXX", "XAU", "ZZZ", "THBX"] {
            assert!(!is_in_use(none), "{none}");
        }
    }

    #[test]
    fn minor_units_have_the_digits_of_their_currency() {
        for (code, digits) in [("JPY", 0), ("XPF", 0), ("EUR", 2), ("KWD", 3), ("AAA", 2)] {
            assert_eq!(minor_digits(code), digits, "{code}");
        }
    }

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
