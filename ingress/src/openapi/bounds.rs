//! Lengths and ranges of request fields, from the constants that the handlers check.

use onsale_schemas::currencies;
use onsale_schemas::limits::{
    GENERAL_CAPACITY_MAX, HOLD_MAX_MS, HOLD_MIN_MS, NODE_NAME_MAX_BYTES,
    PAYMENT_REFERENCE_MAX_BYTES, ROWS_PER_ZONE_MAX, SEATS_PER_BLOCK_MAX, TICKETS_PER_BOOKING_MAX,
    ZONES_PER_SHOW_MAX,
};
use serde_json::Value;
use utoipa::Number;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, Object, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr, Schema};

use super::answers::operations;
use crate::idempotency::KEY_MAX_BYTES;
use crate::routes::{bookings, events, shows};
use crate::values::INSTANT_PATTERN;

/// A character that is drawn: neither white space nor one that only directs others.
macro_rules! drawn {
    () => {
        "[^\\s\\u0000-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\
         \\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\
         \\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff]"
    };
}
/// Characters that a name may have.
macro_rules! of_line {
    () => {
        "[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*"
    };
}
/// Characters that a text may have: line breaks and tabs too.
macro_rules! of_text {
    () => {
        "[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u202a-\\u202e\
         \\u2066-\\u2069]*"
    };
}

const LINE: &str = concat!("^", of_line!(), drawn!(), of_line!(), "$");
const TEXT: &str = concat!("^", of_text!(), drawn!(), of_text!(), "$");
/// What is looked for.
const SEARCH: &str = concat!("^", of_line!(), "$");
/// Visible ASCII.
const VISIBLE: &str = "^[!-~]+$";

enum Bound {
    /// A text for people of at most so many characters.
    Text(usize),
    /// A name of at most so many characters, in one line.
    Line(usize),
    /// A text of this form with at most so many characters.
    Form(&'static str, usize),
    /// A text of at most so many characters.
    Length(usize),
    /// A whole number.
    Range(u64, u64),
    /// At least one and at most so many items.
    Items(usize),
    /// A line of at most so many characters, which may be empty.
    AtMost(usize),
    /// RFC 3339.
    Instant,
    /// The code of a currency in use.
    Currency,
    /// One of these.
    OneOf(&'static [&'static str]),
}

use Bound::{Form, Items, Length, Line, Range, Text};

const FIELDS: &[(&str, &str, Bound)] = &[
    ("EventRequest", "name", Line(events::body::NAME_MAX_CHARS)),
    (
        "EventRequest",
        "description",
        Text(events::body::DESCRIPTION_MAX_CHARS),
    ),
    ("EventRequest", "venue", Line(events::body::PLACE_MAX_CHARS)),
    ("EventRequest", "city", Line(events::body::PLACE_MAX_CHARS)),
    (
        "EventRequest",
        "category",
        Line(events::body::CATEGORY_MAX_CHARS),
    ),
    (
        "EventRequest",
        "minimum_age",
        Range(0, events::body::MINIMUM_AGE_MAX_YEARS as u64),
    ),
    (
        "EventRequest",
        "max_tickets_per_user",
        Range(0, u16::MAX as u64),
    ),
    (
        "EventRequest",
        "status",
        Bound::OneOf(&["draft", "published", "cancelled"]),
    ),
    ("ShowRequest", "name", Line(shows::create::NAME_MAX_CHARS)),
    ("ShowRequest", "hold_seconds", HOLD_SECONDS),
    ("ShowRequest", "zones", Items(ZONES_PER_SHOW_MAX)),
    (
        "ZoneRequest",
        "name",
        Line(shows::layout::ZONE_NAME_MAX_CHARS),
    ),
    (
        "ZoneRequest",
        "capacity",
        Range(1, GENERAL_CAPACITY_MAX as u64),
    ),
    ("ZoneRequest", "rows", Items(ROWS_PER_ZONE_MAX)),
    (
        "RowRequest",
        "name",
        Length(shows::layout::ROW_NAME_MAX_CHARS),
    ),
    ("AmendRequest", "name", Line(shows::create::NAME_MAX_CHARS)),
    ("AmendRequest", "hold_seconds", HOLD_SECONDS),
    (
        "AmendRequest",
        "max_tickets_per_user",
        Range(0, u16::MAX as u64),
    ),
    (
        "ReserveRequest",
        "quantity",
        Range(1, TICKETS_PER_BOOKING_MAX as u64),
    ),
    (
        "ReserveRequest",
        "seats",
        Items(TICKETS_PER_BOOKING_MAX as usize),
    ),
    (
        "BlockRequest",
        "quantity",
        Range(1, GENERAL_CAPACITY_MAX as u64),
    ),
    ("BlockRequest", "seats", Items(SEATS_PER_BLOCK_MAX as usize)),
    (
        "ExtendRequest",
        "seconds",
        Range(1, (HOLD_MAX_MS / 1_000) as u64),
    ),
    (
        "ConfirmRequest",
        "payment_reference",
        Form(VISIBLE, PAYMENT_REFERENCE_MAX_BYTES),
    ),
    ("FailoverRequest", "to", Form(VISIBLE, NODE_NAME_MAX_BYTES)),
    ("FailoverRequest", "partition", Range(0, u16::MAX as u64)),
    ("SnapshotRequest", "partition", Range(0, u16::MAX as u64)),
    ("Money", "currency", Bound::Currency),
];
const HOLD_SECONDS: Bound = Range((HOLD_MIN_MS / 1_000) as u64, (HOLD_MAX_MS / 1_000) as u64);

/// Query parameters, by path.
const PARAMETERS: &[(&str, &str, Bound)] = &[
    (
        "/api/v1/bookings",
        "limit",
        Range(1, bookings::list::LIMIT_MAX as u64),
    ),
    (
        "/api/v1/bookings",
        "status",
        Bound::OneOf(&["reserved", "confirmed", "cancelled", "expired"]),
    ),
    (
        "/api/v1/events",
        "page",
        Range(1, events::list::PAGE_MAX as u64),
    ),
    (
        "/api/v1/events",
        "per_page",
        Range(1, events::list::PER_PAGE_MAX as u64),
    ),
    (
        "/api/v1/shows/{id}/availability",
        "format",
        Bound::OneOf(&["full", "compact"]),
    ),
    (
        "/api/v1/shows/{id}/availability/stream",
        "format",
        Bound::OneOf(&["full", "compact"]),
    ),
    (
        "/api/v1/events/{id}/shows",
        "page",
        Range(1, events::list::PAGE_MAX as u64),
    ),
    (
        "/api/v1/events/{id}/shows",
        "per_page",
        Range(1, events::list::PER_PAGE_MAX as u64),
    ),
    (EXPLANATION, "partition", Range(0, u16::MAX as u64)),
    // Offsets never come near; JSON readers that count in floating point round it up without
    // leaving what is taken.
    (EXPLANATION, "offset", Range(0, i64::MAX.unsigned_abs())),
];
const EXPLANATION: &str = "/api/v1/requests/{id}/explanation";
/// Filters may be empty: they filter nothing then.
const SEARCHES: [&str; 3] = ["search", "city", "category"];

/// Writes the bounds into the document. Returns the fields that it does not have.
pub(super) fn apply(document: &mut OpenApi) -> Vec<String> {
    let mut missing = Vec::new();
    let mut schemas = document
        .components
        .as_mut()
        .map(|components| &mut components.schemas);
    for (schema, field, bound) in FIELDS {
        let found = schemas
            .as_mut()
            .and_then(|schemas| schemas.get_mut(*schema))
            .and_then(|schema| match schema {
                RefOr::T(Schema::Object(object)) => object.properties.get_mut(*field),
                _ => None,
            });
        if !found.is_some_and(|found| bound.set(found)) {
            missing.push(format!("{schema}.{field}"));
        }
    }
    for (path, name, bound) in PARAMETERS {
        let mut found = false;
        for parameter in parameters(document).filter(|(of, _)| of == path) {
            if parameter.1.name == *name {
                found |= bound.set_parameter(parameter.1);
            }
        }
        if !found {
            missing.push(format!("{path}?{name}"));
        }
    }
    for (_, parameter) in parameters(document) {
        match parameter.parameter_in {
            ParameterIn::Header if parameter.name.eq_ignore_ascii_case("Idempotency-Key") => {
                Form(VISIBLE, KEY_MAX_BYTES).set_parameter(parameter);
            }
            ParameterIn::Query if SEARCHES.contains(&parameter.name.as_str()) => {
                Bound::AtMost(events::list::SEARCH_MAX_CHARS).set_parameter(parameter);
            }
            ParameterIn::Query if ["from", "until"].contains(&parameter.name.as_str()) => {
                Bound::Instant.set_parameter(parameter);
            }
            _ => {}
        }
    }
    missing
}

/// Every parameter with its path.
fn parameters(document: &mut OpenApi) -> impl Iterator<Item = (&str, &mut Parameter)> {
    document.paths.paths.iter_mut().flat_map(|(path, item)| {
        operations(item)
            .filter_map(|operation| operation.parameters.as_mut())
            .flatten()
            .map(|parameter| (path.as_str(), parameter))
    })
}

impl Bound {
    fn set_parameter(&self, parameter: &mut Parameter) -> bool {
        parameter
            .schema
            .as_mut()
            .is_some_and(|schema| self.set(schema))
    }

    /// True where the schema is of a kind that can have this bound.
    fn set(&self, schema: &mut RefOr<Schema>) -> bool {
        match (self, schema) {
            (Items(max), RefOr::T(Schema::Array(array))) => {
                array.min_items = Some(1);
                array.max_items = Some(*max);
            }
            (Items(_), _) => return false,
            (bound, RefOr::T(Schema::Object(object))) => bound.set_plain(object),
            _ => return false,
        }
        true
    }

    fn set_plain(&self, object: &mut Object) {
        let mut form = |pattern: Option<&str>, min, max| {
            object.pattern = pattern.map(str::to_owned);
            object.min_length = Some(min);
            object.max_length = Some(max);
        };
        match self {
            Text(max) => form(Some(TEXT), 1, *max),
            Line(max) => form(Some(LINE), 1, *max),
            Form(pattern, max) => form(Some(pattern), 1, *max),
            Length(max) => form(None, 1, *max),
            Self::AtMost(max) => form(Some(SEARCH), 0, *max),
            Range(min, max) => {
                object.minimum = Some(Number::from(*min));
                object.maximum = Some(Number::from(*max));
            }
            Self::OneOf(values) => {
                let nullable = matches!(&object.schema_type, SchemaType::Array(types) if types.contains(&Type::Null));
                let values = values.iter().map(|value| Value::from(*value));
                object.enum_values = Some(values.chain(nullable.then_some(Value::Null)).collect());
            }
            Self::Currency => {
                object.enum_values = Some(currencies::codes().map(Value::from).collect());
            }
            Self::Instant => {
                object.format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
                object.pattern = Some(INSTANT_PATTERN.to_owned());
            }
            Items(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_bound_is_of_a_field_that_there_is() {
        let (_, mut document) = crate::openapi::documented();
        assert_eq!(super::apply(&mut document), Vec::<String>::new());
    }
}
