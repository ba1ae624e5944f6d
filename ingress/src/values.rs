//! Values as they stand in JSON: instants and money.

use std::borrow::Cow;
use std::fmt;

use onsale_schemas::command::Currency;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{PartialSchema, ToSchema};

/// Last millisecond of the year 9999: what RFC 3339 can still write.
const INSTANT_MAX_MS: u64 = 253_402_300_799_999;

/// What every instant looks like in the document.
pub(crate) const INSTANT_PATTERN: &str = "^(19[7-9][0-9]|[2-9][0-9]{3})-";

/// An instant: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Instant(pub u64);

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = i64::try_from(self.0.min(INSTANT_MAX_MS)).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(ms) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
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
                let timestamp: jiff::Timestamp = text
                    .parse()
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))?;
                u64::try_from(timestamp.as_millisecond())
                    .ok()
                    .filter(|ms| *ms <= INSTANT_MAX_MS)
                    .map(Instant)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(InstantVisitor)
    }
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

/// An amount of money.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// In minor units of the currency.
    #[schema(example = 250_000)]
    pub amount: i64,
    /// ISO 4217 code.
    #[schema(example = "THB")]
    pub currency: Cow<'static, str>,
}

impl Money {
    /// `amount` minor units of `currency`.
    pub fn new(amount: i64, currency: &str) -> Self {
        Self {
            amount,
            currency: Cow::Owned(currency.to_owned()),
        }
    }

    /// `unit` times `quantity`, stopping at the largest number there is.
    pub fn total(unit: i64, quantity: u32, currency: Currency) -> Self {
        Self::new(unit.saturating_mul(i64::from(quantity)), currency.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for bad in [
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
