//! Values as they stand in JSON: instants and money.

use std::borrow::Cow;
use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use onsale_schemas::command::Currency;
use onsale_schemas::currencies;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{PartialSchema, ToSchema};

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// Last millisecond of the year 9999: what RFC 3339 can still write.
const INSTANT_MAX_MS: u64 = 253_402_300_799_999;

/// What every instant looks like in the document.
pub(crate) const INSTANT_PATTERN: &str = "^(19[7-9][0-9]|[2-9][0-9]{3})-";

/// An instant: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Instant(pub u64);

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not a timestamp of jiff's: those end a day before the last instant there is.
        let ms = i64::try_from(self.0.min(INSTANT_MAX_MS)).unwrap_or(i64::MAX);
        match EPOCH.checked_add(SignedDuration::from_millis(ms)) {
            Ok(date_time) => write!(f, "{date_time:.3}Z"),
            Err(_) => f.write_str("9999-12-31T23:59:59.999Z"),
        }
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InstantVisitor;
        impl Visitor<'_> for InstantVisitor {
            type Value = Instant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an instant as RFC 3339, such as 2026-12-31T19:30:00Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Instant, E> {
                parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(InstantVisitor)
    }
}

/// RFC 3339 as it is written: a date, a time and an offset, and nothing behind it.
pub(crate) fn parse(text: &str) -> Option<Instant> {
    const DATE_TIME_CHARS: usize = "2026-12-31T19:30:00".len();
    const DAY_MS: i128 = 86_400_000;
    let (date_time, rest) = text.split_at_checked(DATE_TIME_CHARS)?;
    let bytes = date_time.as_bytes();
    let in_form = date_time
        .bytes()
        .enumerate()
        .all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            10 => matches!(byte, b'T' | b't' | b' '),
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
    if !in_form {
        return None;
    }
    let two = |at: usize| (bytes[at] - b'0') * 10 + (bytes[at + 1] - b'0');
    let number = |at: usize| i8::try_from(two(at)).ok();
    let year = i16::from(two(0)) * 100 + i16::from(two(2));
    let is_leap = number(17)? == 60;
    let second = if is_leap { 59 } else { number(17)? };
    let date = jiff::civil::Date::new(year, number(5)?, number(8)?).ok()?;
    let time = jiff::civil::Time::new(number(11)?, number(14)?, second, 0).ok()?;
    let (fraction_ms, offset) = fraction_ms(rest)?;
    let since_epoch = date.to_datetime(time).duration_since(EPOCH).as_millis();
    let mut whole_ms = since_epoch - i128::from(offset_minutes(offset)?) * 60_000;
    if is_leap {
        // As clocks of systems count: the first second of the next day. There is no other.
        whole_ms += 1_000;
        if whole_ms % DAY_MS != 0 {
            return None;
        }
    }
    u64::try_from(whole_ms + fraction_ms)
        .ok()
        .filter(|ms| *ms <= INSTANT_MAX_MS)
        .map(Instant)
}

/// Whole milliseconds of a fraction of a second, where there is one, and what stands behind it.
fn fraction_ms(rest: &str) -> Option<(i128, &str)> {
    let Some(fraction) = rest.strip_prefix('.') else {
        return Some((0, rest));
    };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let (digits, rest) = fraction.split_at_checked(digits)?;
    let ms = digits
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(3)
        .fold(0, |ms, digit| ms * 10 + i128::from(digit - b'0'));
    Some((ms, rest))
}

/// Minutes that `Z` or `+07:00` is ahead of UTC: less than a day.
fn offset_minutes(text: &str) -> Option<i32> {
    let (sign, digits) = match *text.as_bytes() {
        [b'Z' | b'z'] => return Some(0),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => (sign, [h0, h1, m0, m1]),
        _ => return None,
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let [h0, h1, m0, m1] = digits.map(|digit| i32::from(digit - b'0'));
    let (hours, minutes) = (h0 * 10 + h1, m0 * 10 + m1);
    let ahead = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
    Some(if sign == b'-' { -ahead } else { ahead })
}

impl PartialSchema for Instant {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .pattern(Some(INSTANT_PATTERN))
            .description(Some("RFC 3339, UTC, from 1970 on"))
            .into()
    }
}

impl ToSchema for Instant {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Instant")
    }
}

/// A file, for the document alone.
pub(crate) enum FileBody {}

impl PartialSchema for FileBody {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .into()
    }
}

impl ToSchema for FileBody {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("File")
    }
}

/// An amount of money.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Money {
    /// In minor units of the currency.
    #[schema(example = 250_000)]
    pub(crate) amount: i64,
    /// ISO 4217 code of a currency in use; shows from before this was asked may have another.
    #[schema(example = "THB")]
    pub(crate) currency: Cow<'static, str>,
}

/// As people read it: `2,500.00 THB`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&currencies::shown(self.amount, &self.currency))
    }
}

impl Money {
    /// `amount` minor units of `currency`.
    pub(crate) fn new(amount: i64, currency: &str) -> Self {
        Self {
            amount,
            currency: Cow::Owned(currency.to_owned()),
        }
    }

    /// `unit` times `quantity`, stopping at the largest number there is.
    pub(crate) fn total(unit: i64, quantity: u32, currency: Currency) -> Self {
        Self::new(unit.saturating_mul(i64::from(quantity)), currency.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_said_with_the_digits_of_its_currency_and_never_overflows() {
        for (amount, currency, said) in [
            (250_000, "THB", "2,500.00 THB"),
            (5, "KWD", "0.005 KWD"),
            (1_000, "JPY", "1,000 JPY"),
            (301_000_000_000_000, "USD", "3,010,000,000,000.00 USD"),
        ] {
            assert_eq!(Money::new(amount, currency).to_string(), said);
        }
        let jpy: Currency = "JPY".parse().unwrap();
        let highest = Money::total(1_000_000_000_000, 100, jpy);
        assert_eq!(highest.amount, 100_000_000_000_000);
        assert_eq!(Money::total(i64::MAX, 2, jpy).amount, i64::MAX);
    }

    #[test]
    fn instants_are_written_in_utc_with_milliseconds() {
        assert_eq!(Instant(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            Instant(1_700_000_000_123).to_string(),
            "2023-11-14T22:13:20.123Z"
        );
        assert_eq!(Instant(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn instants_are_read_with_any_offset_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Instant>(text).ok();
        assert_eq!(
            read("\"2023-11-15T05:13:20.123+07:00\""),
            Some(Instant(1_700_000_000_123))
        );
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2023-11-14t22:13:20.1239z", 1_700_000_000_123),
            ("2023-11-14 22:13:20.1Z", 1_700_000_000_100),
            ("2023-11-14T22:13:20-00:00", 1_700_000_000_000),
            ("2023-11-13T22:14:20-23:59", 1_700_000_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("2017-01-01T00:59:60.9+01:00", 1_483_228_800_900),
            ("9999-12-31T23:59:59.999Z", INSTANT_MAX_MS),
            ("9999-12-31T00:00:00Z", INSTANT_MAX_MS - 86_399_999),
        ] {
            assert_eq!(read(&format!("\"{text}\"")), Some(Instant(ms)), "{text}");
        }
        assert_eq!(
            Instant(INSTANT_MAX_MS - 86_399_999).to_string(),
            "9999-12-31T00:00:00.000Z"
        );
        for bad in [
            "\"2023-11-14T22:13:20+25:59\"",
            "\"2023-11-14T22:13:20+24:00\"",
            "\"2023-11-14T22:13:20+09:60\"",
            "\"2023-11-14T22:13:60Z\"",
            "\"2016-12-31T23:59:61Z\"",
            "\"2023-11-14T22:13:20+09:00[!Europe/Berlin]\"",
            "\"2023-11-14T22:13:20+09:00[Europe/Berlin]\"",
            "\"2023-11-14T22:13:20Z[UTC]\"",
            "\"2023-11-14T22:13:20+0900\"",
            "\"2023-11-14T22:13:20+09\"",
            "\"2023-11-14T22:13:20.Z\"",
            "\"2023-11-14T22:13Z\"",
            "\"20231114T221320Z\"",
            "\"2023-02-29T00:00:00Z\"",
            "\"2023-13-01T00:00:00Z\"",
            "\"2023-11-14T24:00:00Z\"",
            "\"2023-11-14T22:13:61Z\"",
            "\"+002023-11-14T22:13:20Z\"",
            "\"9999-12-31T23:59:59-01:00\"",
            "\"2023-11-1١T22:13:20Z\"",
            "1700000000",
            "\"tomorrow\"",
            "\"2023-11-14\"",
            "\"2023-11-14T22:13:20\"",
            "\"1969-12-31T23:59:59Z\"",
            "null",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
