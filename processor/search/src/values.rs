//! Values that many events share: cities, venues, categories, tenants.

use std::collections::HashMap;

use crate::limits::FIELD_CHARS_MAX;
use crate::text::fold;

/// Number of a value.
pub(crate) type ValueId = u32;
/// No value.
pub(crate) const NO_VALUE: ValueId = ValueId::MAX;

struct Value {
    /// As the first event spelt it that has it.
    text: Box<str>,
    events: u32,
}

/// The values of one column, equal without regard to case and diacritics.
#[derive(Default)]
pub(crate) struct Values {
    ids: HashMap<Box<str>, ValueId>,
    values: Vec<Value>,
    free: Vec<ValueId>,
}

impl Values {
    /// Notes that one more event has the value.
    pub(crate) fn add(&mut self, text: &str) -> ValueId {
        let key = fold(text, FIELD_CHARS_MAX);
        if key.is_empty() {
            return NO_VALUE;
        }
        if let Some(&id) = self.ids.get(key.as_str()) {
            if let Some(value) = self.values.get_mut(id as usize) {
                value.events += 1;
            }
            return id;
        }
        let value = Value {
            text: text.trim().into(),
            events: 1,
        };
        let free = self.free.pop();
        let place = free.and_then(|id| self.values.get_mut(id as usize));
        let id = if let (Some(id), Some(place)) = (free, place) {
            *place = value;
            id
        } else {
            self.values.push(value);
            ValueId::try_from(self.values.len() - 1).unwrap_or(NO_VALUE)
        };
        self.ids.insert(key.into(), id);
        id
    }

    /// Notes that one event less has it.
    pub(crate) fn remove(&mut self, id: ValueId) {
        let Some(value) = self.values.get_mut(id as usize) else {
            return;
        };
        value.events -= 1;
        if value.events == 0 {
            let key = fold(&value.text, FIELD_CHARS_MAX);
            value.text = Box::default();
            self.ids.remove(key.as_str());
            self.free.push(id);
        }
    }

    /// The number of a value, if an event has it.
    pub(crate) fn get(&self, text: &str) -> Option<ValueId> {
        self.ids.get(fold(text, FIELD_CHARS_MAX).as_str()).copied()
    }

    pub(crate) fn text(&self, id: ValueId) -> &str {
        self.values.get(id as usize).map_or("", |value| &value.text)
    }

    /// One more than the largest number.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Bytes on the heap, nearly.
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts: usize = self.values.iter().map(|value| value.text.len()).sum();
        2 * texts
            + self.values.capacity() * size_of::<Value>()
            + self.ids.capacity() * (size_of::<(Box<str>, ValueId)>() + 1) * 8 / 7
    }
}
