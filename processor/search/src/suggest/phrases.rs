//! The texts that may be suggested.

use std::collections::HashMap;

use crate::document::Document;
use crate::entries::{Entries, NAME};
use crate::limits::{FIELD_CHARS_MAX, PERFORMERS_MAX};
use crate::query::{Suggestion, SuggestionKind};
use crate::terms::{SLOTS_MAX, Slot};
use crate::text::fold;

/// Characters of a text that is suggested. Longer ones are found, but are nothing to complete.
const PHRASE_CHARS_MAX: usize = 200;
/// What is gained by each doubling of the events that have it.
const DOUBLING: f32 = 0.05;

struct Phrase {
    /// As the first event spelt it that has it.
    text: Box<str>,
    kind: SuggestionKind,
    /// How many events have it; 0: the slot is free.
    events: u32,
}

/// Each text once, with the number of its events.
#[derive(Default)]
pub(crate) struct Phrases {
    pub(crate) entries: Entries,
    phrases: Vec<Phrase>,
    slots: HashMap<(SuggestionKind, Box<str>), Slot>,
    free: Vec<Slot>,
}

impl Phrases {
    /// How many different ones.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Notes those of a document; returns their slots.
    pub(crate) fn add(&mut self, document: &Document) -> Box<[Slot]> {
        let performers = document.performers.iter().take(PERFORMERS_MAX);
        std::iter::once((SuggestionKind::Event, &document.name))
            .chain(performers.map(|text| (SuggestionKind::Performer, text)))
            .chain(
                document
                    .venue
                    .iter()
                    .map(|text| (SuggestionKind::Venue, text)),
            )
            .chain(
                document
                    .city
                    .iter()
                    .map(|text| (SuggestionKind::City, text)),
            )
            .filter_map(|(kind, text)| self.add_one(kind, text))
            .collect()
    }

    /// Notes that an event less has these.
    pub(crate) fn remove(&mut self, slots: &[Slot]) {
        for slot in slots {
            let Some(phrase) = self.phrases.get_mut(*slot as usize) else {
                continue;
            };
            phrase.events -= 1;
            if phrase.events == 0 {
                let text = std::mem::take(&mut phrase.text);
                let key = (phrase.kind, fold(&text, FIELD_CHARS_MAX).into_boxed_str());
                self.slots.remove(&key);
                self.entries.clear(*slot);
                self.free.push(*slot);
            }
        }
    }

    /// How much a text is worth suggesting, as a factor.
    pub(crate) fn worth(&self, slot: Slot) -> f32 {
        let events = self.phrases.get(slot as usize).map_or(0, |one| one.events);
        let doublings = u32::BITS - events.leading_zeros();
        1.0 + DOUBLING * f32::from(u8::try_from(doublings).unwrap_or(0))
    }

    pub(crate) fn suggestion(&self, slot: Slot) -> Option<Suggestion> {
        let phrase = self.phrases.get(slot as usize)?;
        Some(Suggestion {
            text: phrase.text.to_string(),
            kind: phrase.kind,
            events: phrase.events as usize,
        })
    }

    /// Bytes on the heap, nearly.
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts: usize = self.phrases.iter().map(|phrase| phrase.text.len()).sum();
        let key = size_of::<((SuggestionKind, Box<str>), Slot)>() + 1;
        2 * texts
            + self.phrases.capacity() * size_of::<Phrase>()
            + self.slots.capacity() * key * 8 / 7
            + self.entries.heap_bytes()
    }

    /// Gives back what growing has set aside.
    pub(crate) fn shrink(&mut self) {
        self.entries.shrink();
        self.phrases.shrink_to_fit();
        self.slots.shrink_to_fit();
    }

    fn add_one(&mut self, kind: SuggestionKind, text: &str) -> Option<Slot> {
        let text = text.trim();
        if text.chars().nth(PHRASE_CHARS_MAX).is_some() {
            return None;
        }
        let key = fold(text, FIELD_CHARS_MAX).into_boxed_str();
        if key.is_empty() {
            return None;
        }
        let key = (kind, key);
        if let Some(&slot) = self.slots.get(&key) {
            if let Some(phrase) = self.phrases.get_mut(slot as usize) {
                phrase.events += 1;
            }
            return Some(slot);
        }
        let phrase = Phrase {
            text: text.into(),
            kind,
            events: 1,
        };
        let slot = if let Some(slot) = self.free.pop() {
            *self.phrases.get_mut(slot as usize)? = phrase;
            slot
        } else if self.phrases.len() < SLOTS_MAX {
            self.phrases.push(phrase);
            Slot::try_from(self.phrases.len() - 1).ok()?
        } else {
            return None;
        };
        self.entries.put(slot, std::iter::once((NAME, text)));
        self.slots.insert(key, slot);
        Some(slot)
    }
}
