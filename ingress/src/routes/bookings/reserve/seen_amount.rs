//! An amount that the buyer saw, as a client names it.

use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::openapi::{Ref, Schema};

use crate::error::ApiError;
use crate::values::Money;

/// Money, or minor units of the currency that the places are sold in.
pub(super) enum SeenAmount {
    Minor(i64),
    Money(Money),
}

impl SeenAmount {
    /// Its minor units.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` naming `field` where it is of another currency than the places.
    pub(super) fn minor(self, field: &str, currency: &str) -> Result<i64, ApiError> {
        match self {
            Self::Minor(amount) => Ok(amount),
            Self::Money(money) if money.currency == currency => Ok(money.amount),
            Self::Money(money) => Err(ApiError::invalid(
                &format!("{field}.currency"),
                money.currency,
                currency,
            )),
        }
    }

    /// What a client wrote, for an answer.
    pub(super) fn echo(&self) -> Value {
        match self {
            Self::Minor(amount) => (*amount).into(),
            Self::Money(money) => money.amount.into(),
        }
    }
}

/// What `unit_price` looks like in the document.
pub(super) fn unit_price_schema() -> Schema {
    schema("The price that the buyer saw: money, or minor units; refused when it is another now.")
}

/// What `expected_total` looks like in the document.
pub(super) fn expected_total_schema() -> Schema {
    schema(
        "The total that the buyer saw, with fees: money, or minor units; refused when it is another now.",
    )
}

fn schema(description: &str) -> Schema {
    OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .item(Ref::from_schema_name("Money"))
        .item(
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))),
        )
        .description(Some(description))
        .into()
}

impl<'de> Deserialize<'de> for SeenAmount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;
        impl<'de> serde::de::Visitor<'de> for AmountVisitor {
            type Value = SeenAmount;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("{\"amount\",\"currency\"} or a whole number of minor units")
            }

            fn visit_i64<E: serde::de::Error>(self, amount: i64) -> Result<SeenAmount, E> {
                Ok(SeenAmount::Minor(amount))
            }

            fn visit_u64<E: serde::de::Error>(self, amount: u64) -> Result<SeenAmount, E> {
                i64::try_from(amount)
                    .map(SeenAmount::Minor)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(amount), &self))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<SeenAmount, A::Error> {
                Money::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(SeenAmount::Money)
            }
        }
        deserializer.deserialize_any(AmountVisitor)
    }
}
