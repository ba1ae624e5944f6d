//! A text that names a person.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// A text that names a person or leads to one. Neither `Debug` nor an error message shows it, and it
/// has no `Display` and no `Serialize`: an answer to the person itself says [`Private::expose`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Private(String);

impl Private {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text itself, for good.
    pub fn into_exposed(self) -> String {
        self.0
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private(hidden)")
    }
}

impl<'de> Deserialize<'de> for Private {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_text_nor_what_contains_it_shows_it() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only printed")]
        struct Person {
            email: Option<Private>,
        }
        let person = Person {
            email: Some(Private::new("nobody@example.test")),
        };
        let shown = format!("{person:?} {person:#?}");
        assert!(!shown.contains("example"), "{shown}");
    }
}
