//! Terms of codes as JSON, for the database. Fields are added, never renamed.

use onsale_schemas::ZoneIndex;
use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::command::Currency;
use onsale_schemas::offer::Scope;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::StoreError;

#[derive(Serialize, Deserialize)]
struct Stored {
    /// Part of the price that is taken off, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    off_bp: Option<u16>,
    /// Minor units that are taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<StoredAmount>,
    presale: bool,
    opens: bool,
    uses_max: u32,
    uses_per_user_max: u16,
    places_max: u8,
    from_ms: u64,
    until_ms: u64,
    zones: Vec<ZoneIndex>,
    types: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredAmount {
    minor: i64,
    currency: String,
}

impl From<&CodeTerms> for Stored {
    fn from(terms: &CodeTerms) -> Self {
        let (off_bp, amount) = match &terms.discount {
            None => (None, None),
            Some(Discount::OffBp(off_bp)) => (Some(*off_bp), None),
            Some(Discount::Amount(minor, currency)) => (
                None,
                Some(StoredAmount {
                    minor: *minor,
                    currency: currency.as_str().to_owned(),
                }),
            ),
        };
        Self {
            off_bp,
            amount,
            presale: terms.presale,
            opens: terms.opens,
            uses_max: terms.uses_max,
            uses_per_user_max: terms.uses_per_user_max,
            places_max: terms.places_max,
            from_ms: terms.from_ms,
            until_ms: terms.until_ms,
            zones: terms.scope.zones.clone(),
            types: terms.scope.types,
        }
    }
}

impl TryFrom<Stored> for CodeTerms {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let discount = match (stored.off_bp, stored.amount) {
            (None, None) => None,
            (Some(off_bp), None) => Some(Discount::OffBp(off_bp)),
            (None, Some(amount)) => {
                let currency = amount.currency.parse::<Currency>();
                let currency = currency.map_err(|_error| "the currency is none")?;
                Some(Discount::Amount(amount.minor, currency))
            }
            (Some(_), Some(_)) => return Err("there are two discounts"),
        };
        Ok(Self {
            discount,
            presale: stored.presale,
            opens: stored.opens,
            uses_max: stored.uses_max,
            uses_per_user_max: stored.uses_per_user_max,
            places_max: stored.places_max,
            from_ms: stored.from_ms,
            until_ms: stored.until_ms,
            scope: Scope {
                zones: stored.zones,
                types: stored.types,
            },
        })
    }
}

/// The terms as text.
pub(crate) fn write(terms: &CodeTerms) -> Result<String, StoreError> {
    serde_json::to_string(&Stored::from(terms))
        .map_err(|error| StoreError::Invalid(format!("terms: {error}")))
}

/// The terms that a text holds.
pub(crate) fn read(text: &str) -> Result<CodeTerms, StoreError> {
    let corrupt =
        |why: &dyn std::fmt::Display| StoreError::Corrupt(format!("code_groups.terms: {why}"));
    let stored: Stored = serde_json::from_str(text).map_err(|error| corrupt(&error))?;
    CodeTerms::try_from(stored).map_err(|why| corrupt(&why))
}

/// For fields that hold terms.
pub(super) fn serialize<S: Serializer>(
    terms: &CodeTerms,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Stored::from(terms).serialize(serializer)
}

/// See [`serialize`].
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<CodeTerms, D::Error> {
    let stored = Stored::deserialize(deserializer)?;
    CodeTerms::try_from(stored).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(discount: Option<Discount>) -> CodeTerms {
        CodeTerms {
            discount,
            presale: true,
            opens: false,
            uses_max: u32::MAX,
            uses_per_user_max: 2,
            places_max: u8::MAX,
            from_ms: 0,
            until_ms: u64::MAX,
            scope: Scope {
                zones: vec![0, 7],
                types: u64::MAX,
            },
        }
    }

    #[test]
    fn terms_come_back_as_they_were() {
        for discount in [
            None,
            Some(Discount::OffBp(10_000)),
            Some(Discount::Amount(1_000_000_000_000, Currency(*b"THB"))),
        ] {
            let terms = terms(discount);
            assert_eq!(read(&write(&terms).unwrap()).unwrap(), terms);
        }
    }

    /// Databases hold this text.
    #[test]
    fn the_text_stays_what_it_is() {
        let text = r#"{"amount":{"minor":500,"currency":"THB"},"presale":true,"opens":false,"uses_max":4294967295,"uses_per_user_max":2,"places_max":255,"from_ms":0,"until_ms":18446744073709551615,"zones":[0,7],"types":18446744073709551615}"#;
        let amount = terms(Some(Discount::Amount(500, Currency(*b"THB"))));
        assert_eq!(write(&amount).unwrap(), text);
    }

    #[test]
    fn what_was_changed_by_hand_is_named() {
        for text in [
            "{}",
            "[]",
            r#"{"off_bp":1,"amount":{"minor":1,"currency":"THB"},"presale":false,"opens":false,"uses_max":0,"uses_per_user_max":0,"places_max":0,"from_ms":0,"until_ms":1,"zones":[],"types":0}"#,
            r#"{"amount":{"minor":1,"currency":"bath"},"presale":false,"opens":false,"uses_max":0,"uses_per_user_max":0,"places_max":0,"from_ms":0,"until_ms":1,"zones":[],"types":0}"#,
        ] {
            let error = read(text).unwrap_err();
            assert!(
                matches!(&error, StoreError::Corrupt(text) if text.contains("code_groups.terms")),
                "{text}: {error}"
            );
        }
    }
}
