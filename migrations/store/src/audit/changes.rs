//! What a change did to the fields of a thing, for the detail of its entry.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Longest text of a value that an entry shows, in characters.
const VALUE_MAX_CHARS: usize = 100;
/// Fields of one entry that are shown with their values; more are only named. With their names and both
/// values they stay below the 4,096 bytes of a detail, however many bytes a character has.
const SHOWN_MAX_BYTES: usize = 2_400;
/// Fields that are named without values.
const NAMED_MAX: usize = 24;

/// Fields that differ, each with its value before and after.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes(Vec<(&'static str, Value)>);

impl Changes {
    /// True where nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A field with its values.
    pub fn field<T: PartialEq + Serialize>(&mut self, name: &'static str, before: &T, after: &T) {
        if before != after {
            let shown = json!({ "before": shown(before), "after": shown(after) });
            self.0.push((name, shown));
        }
    }

    /// A field that people fill in freely, or that says something of a person: entries are kept for
    /// ever, so they say only that it changed.
    pub fn private<T: PartialEq>(&mut self, name: &'static str, before: &T, after: &T) {
        if before != after {
            self.0.push((name, json!("changed, not shown")));
        }
    }

    /// As a value of an entry's detail, of a bounded size.
    pub fn to_value(&self) -> Value {
        let mut fields = Map::new();
        let (mut bytes, mut left_out) = (0, Vec::new());
        for (name, change) in &self.0 {
            bytes += name.len() + change.to_string().len();
            if bytes <= SHOWN_MAX_BYTES {
                fields.insert((*name).to_owned(), change.clone());
            } else {
                left_out.push(*name);
            }
        }
        if !left_out.is_empty() {
            left_out.truncate(NAMED_MAX);
            fields.insert("without_values".to_owned(), json!(left_out));
        }
        Value::Object(fields)
    }
}

/// A value as an entry shows it: long texts are cut.
fn shown(value: &impl Serialize) -> Value {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) if text.chars().count() > VALUE_MAX_CHARS => {
            let mut cut: String = text.chars().take(VALUE_MAX_CHARS).collect();
            cut.push('…');
            Value::String(cut)
        }
        Ok(value) => value,
        Err(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::DETAIL_MAX_BYTES;

    #[test]
    fn only_what_differs_is_named_and_what_is_private_not_shown() {
        let mut changes = Changes::default();
        changes.field("name", &"Winter", &"Winter");
        assert!(changes.is_empty());
        changes.field("name", &"Winter", &"Spring");
        changes.private("description", &Some("call 555"), &None);
        let expected = json!({
            "name": { "before": "Winter", "after": "Spring" },
            "description": "changed, not shown",
        });
        assert_eq!(changes.to_value(), expected);
    }

    #[test]
    fn however_much_changes_the_detail_has_room_for_it() {
        let mut changes = Changes::default();
        let (before, after) = ("\u{1}ฏ".repeat(5_000), "\u{1}ฎ".repeat(5_000));
        for name in ["name", "venue", "city", "category"].repeat(20) {
            changes.field(name, &before, &after);
        }
        let detail = json!({ "log_request_id": uuid::Uuid::nil(), "changes": changes.to_value() });
        assert!(detail.to_string().len() <= DETAIL_MAX_BYTES, "{detail}");
        let fields = changes.to_value();
        assert!(fields["name"]["after"].as_str().unwrap().ends_with('…'));
        assert!(!fields["without_values"].as_array().unwrap().is_empty());
    }
}
