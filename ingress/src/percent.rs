//! Percentages, exact: a text or a number of at most two decimals in, basis points inside.

use std::borrow::Cow;
use std::fmt;

use onsale_schemas::limits::BASIS_POINTS;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// What a percentage looks like as a text.
const PATTERN: &str = r"^(100(\.0{1,2})?|[1-9]?[0-9](\.[0-9]{1,2})?)$";
/// Basis points of a percent.
const OF_PERCENT: u16 = BASIS_POINTS / 100;

/// A percentage from 0 to 100. It is written as a text, such as `"12.5"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Percent(u16);

impl Percent {
    /// That many basis points, at most 10,000 of them.
    pub(crate) fn of_basis_points(bp: u16) -> Self {
        Self(bp.min(BASIS_POINTS))
    }

    /// As basis points: 0 to 10,000.
    pub(crate) fn basis_points(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.0 / OF_PERCENT, self.0 % OF_PERCENT);
        match (hundredths, hundredths % 10) {
            (0, _) => write!(f, "{whole}"),
            (_, 0) => write!(f, "{whole}.{}", hundredths / 10),
            _ => write!(f, "{whole}.{hundredths:02}"),
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PercentVisitor;
        impl Visitor<'_> for PercentVisitor {
            type Value = Percent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percentage from 0 to 100 with at most two decimals")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Percent, E> {
                parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Percent, E> {
                parse(&number.to_string())
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Percent, E> {
                Err(E::invalid_value(de::Unexpected::Signed(number), &self))
            }

            /// The shortest text that stands for the number is the one that was sent, without zeros at its end.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Percent, E> {
                parse(&number.to_string())
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
            }
        }
        deserializer.deserialize_any(PercentVisitor)
    }
}

/// `12.5`, and nothing that a point, a sign or a space too many makes of it.
fn parse(text: &str) -> Option<Percent> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let has_digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_padded = whole.len() > 1 && whole.starts_with('0');
    if !has_digits(whole, 3) || !has_digits(fraction, 2) || is_padded {
        return None;
    }
    let places = if fraction.len() == 1 { 10 } else { 1 };
    let hundredths = fraction.parse::<u32>().ok()? * places;
    let bp = whole.parse::<u32>().ok()? * u32::from(OF_PERCENT) + hundredths;
    let bp = u16::try_from(bp).ok()?;
    (bp <= BASIS_POINTS).then_some(Percent(bp))
}

impl PartialSchema for Percent {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(PATTERN));
        let number = ObjectBuilder::new()
            .schema_type(Type::Number)
            .minimum(Some(0))
            .maximum(Some(100));
        let schema: Schema = OneOfBuilder::new()
            .item(number)
            .item(text)
            .description(Some(
                "A percentage from 0 to 100 with at most two decimals. Answers have it as a text.",
            ))
            .into();
        RefOr::T(schema)
    }
}

impl ToSchema for Percent {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Percent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_exactly_and_written_as_short_as_they_are() {
        for (sent, bp, written) in [
            ("\"12.5\"", 1_250, "12.5"),
            ("12.5", 1_250, "12.5"),
            ("\"12.50\"", 1_250, "12.5"),
            ("7", 700, "7"),
            ("7.0", 700, "7"),
            ("0.01", 1, "0.01"),
            ("0.29", 29, "0.29"),
            ("1.1", 110, "1.1"),
            ("\"33.33\"", 3_333, "33.33"),
            ("99.99", 9_999, "99.99"),
            ("100", 10_000, "100"),
            ("\"100.00\"", 10_000, "100"),
            ("0", 0, "0"),
        ] {
            let percent: Percent = serde_json::from_str(sent).unwrap();
            assert_eq!(percent.basis_points(), bp, "{sent}");
            assert_eq!(percent.to_string(), written);
        }
        for bp in 0..=BASIS_POINTS {
            let percent = Percent::of_basis_points(bp);
            assert_eq!(parse(&percent.to_string()), Some(percent));
            // As a number of JSON, too.
            assert_eq!(
                serde_json::from_str::<Percent>(&percent.to_string()).unwrap(),
                percent
            );
        }
    }

    #[test]
    fn what_is_no_percentage_is_refused_in_its_own_words() {
        for bad in [
            "100.01", "101", "-1", "-0.5", "12.345", "1e9", "\"12,5\"", "\"12.\"", "\".5\"",
            "\" 5\"", "\"+5\"", "\"05\"", "\"5%\"", "\"1e1\"", "\"\"", "\"١\"", "null", "[5]",
            "true",
        ] {
            let error = serde_json::from_str::<Percent>(bad)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(", expected a percentage from 0 to 100 with at most two decimals"),
                "{bad}: {error}"
            );
        }
    }
}
