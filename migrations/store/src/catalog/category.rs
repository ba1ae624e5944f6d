//! Categories of events.

use std::collections::HashMap;

use uuid::Uuid;

/// A category. What organizers write for it in an event is one of its names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CategoryRow {
    /// Its id.
    pub category_id: Uuid,
    /// Its name in addresses, of which there is one.
    pub slug: String,
    /// Its name, which events of it have.
    pub name: String,
    /// What else is taken for it, as its name in other languages.
    pub aliases: Vec<String>,
    /// In which order categories are listed, then by name.
    pub place: u16,
    /// When it was created.
    pub created_at_ms: u64,
}

/// All that is taken for categories, and for which.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CategoryNames {
    /// The names of categories by what is taken for them, in small letters.
    pub(crate) by_folded: HashMap<String, String>,
}

impl CategoryRow {
    /// All that is taken for it, its name in addresses included.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        [&self.name, &self.slug].into_iter().chain(&self.aliases)
    }
}
