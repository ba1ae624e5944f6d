//! A record in words for people and as values for scripts.

use serde_json::{Map, Value, json};

/// What something is, and what belongs to it.
pub(super) struct Described {
    kind: &'static str,
    words: Vec<String>,
    values: Map<String, Value>,
}

impl Described {
    /// Something of this kind, such as `reserve` or `show_opened`.
    pub(super) fn new(kind: &'static str) -> Self {
        let mut values = Map::new();
        values.insert("kind".to_owned(), json!(kind));
        Self {
            kind,
            words: Vec::new(),
            values,
        }
    }

    /// A value with its name and text.
    pub(super) fn with(self, key: &'static str, value: impl std::fmt::Display) -> Self {
        let text = value.to_string();
        let words = format!("{} {text}", key.replace('_', " "));
        self.put(key, json!(text), words)
    }

    /// A number.
    pub(super) fn number(self, key: &'static str, value: impl Into<u64>) -> Self {
        let value = value.into();
        let words = format!("{} {value}", key.replace('_', " "));
        self.put(key, json!(value), words)
    }

    /// A value and what people read instead of it.
    pub(super) fn put(mut self, key: &'static str, value: Value, words: String) -> Self {
        self.values.insert(key.to_owned(), value);
        if !words.is_empty() {
            self.words.push(words);
        }
        self
    }

    /// For scripts.
    pub(super) fn json(&self) -> Value {
        Value::Object(self.values.clone())
    }
}

impl std::fmt::Display for Described {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind.replace('_', " "))?;
        if !self.words.is_empty() {
            write!(f, "  {}", self.words.join(", "))?;
        }
        Ok(())
    }
}
