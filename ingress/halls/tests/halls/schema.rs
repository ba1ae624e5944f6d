//! The JSON Schema says the same as the reader.

use onsale_halls::format::SCHEMA;
use onsale_halls::limits;
use serde_json::{Value, json};

use crate::{SMALL, houses};

/// Holds a value to a schema. It knows the keywords that ours uses and refuses others, so that none
/// is passed over.
fn validate(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{path}: {what}: {value}"));
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "required" => {}
            "$ref" => {
                let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                validate(root, root.pointer(pointer).unwrap(), value, path)?;
            }
            "type" => {
                let is_it = match rule.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    other => panic!("type {other}"),
                };
                if !is_it {
                    return wrong(&format!("no {rule}"));
                }
            }
            "const" if rule != value => return wrong("not that constant"),
            "enum" if !rule.as_array().unwrap().contains(value) => return wrong("none of them"),
            "const" | "enum" => {}
            "oneOf" => {
                let fitting = rule.as_array().unwrap().iter().filter(|one| {
                    has_required(one, value) && validate(root, one, value, path).is_ok()
                });
                if fitting.count() != 1 {
                    return wrong("not exactly one of the forms");
                }
            }
            "not" => {
                if has_required(rule, value) {
                    return wrong("a field too many");
                }
            }
            "additionalProperties" => {
                assert_eq!(rule, false);
                let known = schema["properties"].as_object().unwrap();
                if let Some(fields) = value.as_object() {
                    for field in fields.keys() {
                        if !known.contains_key(field) {
                            return Err(format!("{path}: unknown field {field}"));
                        }
                    }
                }
            }
            "properties" => {
                for (field, rule) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(field) {
                        validate(root, rule, value, &format!("{path}/{field}"))?;
                    }
                }
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    validate(root, rule, item, &format!("{path}/{number}"))?;
                }
            }
            "minItems" | "maxItems" | "minimum" | "maximum" | "minLength" | "maxLength" => {
                let measured = match (keyword.as_str(), value) {
                    ("minItems" | "maxItems", Value::Array(items)) => items.len().into(),
                    ("minLength" | "maxLength", Value::String(text)) => text.chars().count().into(),
                    ("minimum" | "maximum", Value::Number(number)) => Value::Number(number.clone()),
                    _ => continue,
                };
                let (measured, bound) = (measured.as_f64().unwrap(), rule.as_f64().unwrap());
                let is_fine = if keyword.starts_with("min") {
                    measured >= bound
                } else {
                    measured <= bound
                };
                if !is_fine {
                    return wrong(&format!("{keyword} {rule}"));
                }
            }
            "pattern" => {
                assert_eq!(rule, "^#[0-9A-Fa-f]{6}$");
                let digits = value.as_str().unwrap().strip_prefix('#').unwrap_or("");
                if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return wrong("pattern");
                }
            }
            other => panic!("keyword {other}"),
        }
    }
    if !has_required(schema, value) {
        return wrong("a field is missing");
    }
    Ok(())
}

fn has_required(schema: &Value, value: &Value) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required
        .into_iter()
        .flatten()
        .all(|field| value.get(field.as_str().unwrap()).is_some())
}

pub(crate) fn check(document: &Value) -> Result<(), String> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    validate(&schema, &schema, document, "")
}

#[test]
fn what_is_written_keeps_to_the_schema() {
    check(&serde_json::from_str(SMALL).unwrap()).unwrap();
    for hall in houses() {
        check(&serde_json::from_slice(&hall.canonical()).unwrap()).unwrap();
    }
}

#[test]
fn readme_shows_a_hall_that_is_one() {
    let readme = include_str!("../../README.md");
    let mut halls = 0;
    for block in readme.split("```json\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let value: Value = serde_json::from_str(block).unwrap();
        if value.get("format") == Some(&json!("onsale-hall/1")) {
            halls += 1;
            check(&value).unwrap();
            onsale_halls::Hall::from_json(block.as_bytes()).unwrap();
        }
    }
    assert_eq!(halls, 1);
}

#[test]
fn the_schema_refuses_what_is_no_hall() {
    let good: Value = serde_json::from_str(SMALL).unwrap();
    let row = "/sections/0/rows/0";
    for (pointer, value) in [
        ("/format", json!("onsale-hall/2")),
        ("/categories/0/color", json!("red")),
        ("/stage/shape", json!([[0, 0], [1, 1]])),
        ("/stage/focus", json!([0, 0.5])),
        (&format!("{row}/line/from"), json!([100_001, 0])),
        (&format!("{row}/line/seats"), json!(0)),
        (
            &format!("{row}/seats"),
            json!([{"label": "1", "at": [0, 0]}]),
        ),
        (&format!("{row}/special/0/flags"), json!(["vip"])),
        (&format!("{row}/special/0/seats"), json!([])),
        ("/sections/2/tables/0/shape", json!("oval")),
        ("/sections/2/standing/0/capacity", json!("many")),
    ] {
        let mut bad = good.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        bad.pointer_mut(parent).unwrap()[field] = value;
        assert!(check(&bad).is_err(), "{pointer}");
        let json = serde_json::to_vec(&bad).unwrap();
        assert!(onsale_halls::Hall::from_json(&json).is_err(), "{pointer}");
    }
}

#[test]
fn the_schema_has_the_limits_of_the_reader() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let row = "/$defs/row/properties";
    for (pointer, limit) in [
        ("/properties/sections/maxItems", limits::SECTIONS_MAX),
        ("/properties/categories/maxItems", limits::CATEGORIES_MAX),
        ("/properties/fixtures/maxItems", limits::AREAS_MAX),
        ("/properties/name/maxLength", limits::NAME_MAX_CHARS),
        (
            "/$defs/category/properties/id/maxLength",
            limits::CATEGORY_ID_MAX_CHARS,
        ),
        ("/$defs/outline/maxItems", limits::POLYGON_POINTS_MAX),
        (
            "/$defs/point/items/maximum",
            limits::COORDINATE_MAX_CM as usize,
        ),
        ("/$defs/section/properties/rows/maxItems", limits::ROWS_MAX),
        (
            "/$defs/section/properties/prefix/maxLength",
            limits::ROW_LABEL_MAX_CHARS,
        ),
        (
            &format!("{row}/name/maxLength"),
            limits::ROW_LABEL_MAX_CHARS,
        ),
        (
            &format!("{row}/seats/maxItems"),
            usize::from(limits::SEATS_PER_ROW_MAX),
        ),
        (
            "/$defs/line/properties/seats/maximum",
            usize::from(limits::SEATS_PER_ROW_MAX),
        ),
        (
            "/$defs/line/properties/gaps/maxItems",
            limits::GAPS_PER_ROW_MAX,
        ),
        (
            "/$defs/gap/properties/width/maximum",
            limits::GAP_MAX_CM as usize,
        ),
        (
            "/$defs/numbering/properties/from/maximum",
            limits::NUMBERING_FROM_MAX as usize,
        ),
        (
            "/$defs/numbering/properties/step/maximum",
            limits::NUMBERING_STEP_MAX as usize,
        ),
        (
            "/$defs/seat/properties/label/maxLength",
            limits::SEAT_LABEL_MAX_CHARS,
        ),
        (
            "/$defs/table/properties/chairs/maximum",
            usize::from(limits::CHAIRS_PER_TABLE_MAX),
        ),
        (
            "/$defs/table/properties/size/items/maximum",
            limits::TABLE_SIDE_MAX_CM as usize,
        ),
        (
            "/$defs/standing/properties/capacity/maximum",
            limits::GENERAL_CAPACITY_MAX as usize,
        ),
    ] {
        assert_eq!(schema.pointer(pointer), Some(&json!(limit)), "{pointer}");
    }
}
