//! An amount that the buyer saw, as a client names it.

use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::openapi::{Ref, Schema};

use crate::error::ApiError;
use crate::values::Money;

/// Money, or minor units of the currency that the places are sold in.
pub(in crate::routes) enum SeenAmount {
    Minor(i64),
    Money(Money),
}

impl SeenAmount {
    /// Its minor units.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` naming `field` where it is of another currency than the places.
    fn minor(self, field: &str, currency: &str) -> Result<i64, ApiError> {
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
    fn echo(&self) -> Value {
        match self {
            Self::Minor(amount) => (*amount).into(),
            Self::Money(money) => money.amount.into(),
        }
    }
}

/// What the buyer saw.
pub(in crate::routes) struct Seen {
    /// Of places that cost the same.
    pub(in crate::routes) unit_price: Option<SeenAmount>,
    /// Of an order, with its fees.
    pub(in crate::routes) expected_total: Option<SeenAmount>,
}

/// What a price is compared with, in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::routes) enum Expected {
    /// Each place costs this before bundles and codes.
    Unit(Option<i64>),
    /// All of it costs this.
    Total(Option<i64>),
}

impl Seen {
    /// What is expected of an order, or of places of one zone as clients always asked for them.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` where an amount is of another currency than the places, and for a unit price of an order.
    pub(in crate::routes) fn expected(
        self,
        is_order: bool,
        currency: &str,
    ) -> Result<Expected, ApiError> {
        let minor = |seen: Option<SeenAmount>, field: &str| {
            seen.map(|seen| seen.minor(field, currency)).transpose()
        };
        if !is_order {
            return minor(self.unit_price, "unit_price").map(Expected::Unit);
        }
        if let Some(seen) = &self.unit_price {
            return Err(ApiError::wrong(
                "unit_price",
                seen.echo(),
                "cannot be given with items, ticket_type, code or expected_total: places of an order may \
                 have several prices",
                "expected_total instead",
            ));
        }
        minor(self.expected_total, "expected_total").map(Expected::Total)
    }
}

/// What `unit_price` looks like in the document.
pub(in crate::routes) fn unit_price_schema() -> Schema {
    schema("The price that the buyer saw: money, or minor units; refused when it is another now.")
}

/// What `expected_total` looks like in the document.
pub(in crate::routes) fn expected_total_schema() -> Schema {
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
