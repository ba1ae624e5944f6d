//! Writes the bounds that endpoints declare into the document.

use onsale_schemas::currencies;
use serde_json::Value;
use utoipa::Number;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::schema::{ArrayItems, KnownFormat, Object, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr, Schema};

use super::answers::operations;
use crate::bounds::{Bound, LINE, Of, SEARCH, TEXT};
use crate::rules::RuleBook;
use crate::values::INSTANT_PATTERN;

/// Of types that many endpoints share.
const SHARED: [(Of, Bound); 1] = [(Of::Field("Money", "currency"), Bound::Currency)];

/// Writes the bounds into the document. Returns what it does not have.
pub(super) fn apply(document: &mut OpenApi, rules: &RuleBook) -> Vec<String> {
    let mut missing = Vec::new();
    let of_endpoints = rules
        .iter()
        .flat_map(|(path, rules)| rules.bounds.iter().map(move |bound| (path, bound)));
    for (path, (of, bound)) in of_endpoints.chain(SHARED.iter().map(|bound| ("", bound))) {
        let found = match of {
            Of::Field(schema, field) => set_field(document, schema, field, bound),
            Of::Parameter(name) => set_parameter(document, path, name, bound),
        };
        if !found {
            missing.push(format!("{path}: {of:?}"));
        }
    }
    missing
}

fn set_field(document: &mut OpenApi, schema: &str, field: &str, bound: &Bound) -> bool {
    let schemas = document.components.as_mut().map(|all| &mut all.schemas);
    let found = schemas
        .and_then(|schemas| schemas.get_mut(schema))
        .and_then(|schema| match schema {
            RefOr::T(Schema::Object(object)) => object.properties.get_mut(field),
            _ => None,
        });
    found.is_some_and(|found| bound.set(found))
}

fn set_parameter(document: &mut OpenApi, path: &str, name: &str, bound: &Bound) -> bool {
    let Some(item) = document.paths.paths.get_mut(path) else {
        return false;
    };
    let mut found = false;
    for parameter in operations(item)
        .filter_map(|(_, operation)| operation.parameters.as_mut())
        .flatten()
        .filter(|of| of.parameter_in == ParameterIn::Query && of.name == name)
    {
        let schema = parameter.schema.as_mut();
        found |= schema.is_some_and(|schema| bound.set(schema));
    }
    found
}

impl Bound {
    /// True where the schema is of a kind that can have this bound.
    fn set(&self, schema: &mut RefOr<Schema>) -> bool {
        match (self, schema) {
            (Self::Items(max), RefOr::T(Schema::Array(array))) => {
                array.min_items = Some(1);
                array.max_items = Some(*max);
            }
            (Self::ItemsOf(values), RefOr::T(Schema::Array(array))) => {
                let ArrayItems::RefOrSchema(item) = &mut array.items else {
                    return false;
                };
                array.min_items = Some(1);
                return Self::OneOf(values).set(item);
            }
            (Self::Items(_) | Self::ItemsOf(_), _) => return false,
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
            Self::Text(max) => form(Some(TEXT), 1, *max),
            Self::Line(max) => form(Some(LINE), 1, *max),
            Self::Form(pattern, max) => form(Some(pattern), 1, *max),
            Self::Length(max) => form(None, 1, *max),
            Self::Between(min, max) => form(None, *min, *max),
            Self::AtMost(max) => form(Some(SEARCH), 0, *max),
            Self::Range(min, max) => {
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
            Self::Items(_) | Self::ItemsOf(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_bound_is_of_something_that_there_is() {
        let mut documented = crate::openapi::documented();
        let missing = super::apply(&mut documented.document, &documented.rules);
        assert_eq!(missing, Vec::<String>::new());
    }
}
