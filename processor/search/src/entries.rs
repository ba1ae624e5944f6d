//! Texts by their terms and terms by their texts: what both events and suggestions lie in.

use crate::limits::{FIELD_CHARS_MAX, TERMS_PER_DOCUMENT_MAX};
use crate::terms::{Slot, TermId, Terms};
use crate::text::pieces;

/// A field of an entry, as a bit of its postings.
pub(crate) type Field = u8;
/// The name: the field whose order of words is known.
pub(crate) const NAME: Field = 1;
/// Who performs.
pub(crate) const PERFORMER: Field = 1 << 1;
/// Where.
pub(crate) const VENUE: Field = 1 << 2;
/// In which city.
pub(crate) const CITY: Field = 1 << 3;
/// Of which kind.
pub(crate) const CATEGORY: Field = 1 << 4;
/// What it is about: the only one without pairs, which would cost more than they find.
pub(crate) const DESCRIPTION: Field = 1 << 5;

/// The terms of an entry.
#[derive(Default)]
struct Forward {
    /// Those of the name in its order, then all others once.
    terms: Box<[TermId]>,
    /// How many are of the name.
    name_terms: u16,
}

/// Entries with their terms.
#[derive(Default)]
pub(crate) struct Entries {
    pub(crate) terms: Terms,
    /// By slot.
    forward: Vec<Forward>,
}

impl Entries {
    /// Slots, used or not.
    pub(crate) fn slots(&self) -> usize {
        self.forward.len()
    }

    /// The terms of the name of an entry, in order.
    pub(crate) fn name_terms(&self, slot: Slot) -> &[TermId] {
        self.forward.get(slot as usize).map_or(&[], |forward| {
            let end = usize::from(forward.name_terms);
            forward.terms.get(..end).unwrap_or_default()
        })
    }

    /// Fills a slot that has no terms.
    pub(crate) fn put<'a>(&mut self, slot: Slot, texts: impl Iterator<Item = (Field, &'a str)>) {
        let mut name = Vec::new();
        let mut all: Vec<(TermId, Field)> = Vec::new();
        for (field, text) in texts {
            for piece in pieces(text, FIELD_CHARS_MAX) {
                if all.len() >= TERMS_PER_DOCUMENT_MAX {
                    break;
                }
                piece.terms(|term| {
                    let id = self.terms.intern(term);
                    all.push((id, field));
                    if field == NAME && name.len() < TERMS_PER_DOCUMENT_MAX {
                        name.push(id);
                    }
                });
                if field != DESCRIPTION {
                    piece.pairs(|pair| all.push((self.terms.intern(pair), field)));
                }
            }
            if field == DESCRIPTION {
                // Most words of a long text come again and again.
                unite(&mut all);
            }
        }
        unite(&mut all);
        let mut forward = name.clone();
        let in_name: std::collections::HashSet<TermId> = name.iter().copied().collect();
        for (id, fields) in all {
            self.terms.add(id, slot, fields);
            if !in_name.contains(&id) {
                forward.push(id);
            }
        }
        let place = slot as usize;
        if self.forward.len() <= place {
            self.forward.resize_with(place + 1, Forward::default);
        }
        if let Some(place) = self.forward.get_mut(place) {
            *place = Forward {
                terms: forward.into_boxed_slice(),
                name_terms: u16::try_from(name.len()).unwrap_or(u16::MAX),
            };
        }
    }

    /// Empties a slot.
    pub(crate) fn clear(&mut self, slot: Slot) {
        let Some(place) = self.forward.get_mut(slot as usize) else {
            return;
        };
        for id in std::mem::take(place).terms {
            // A word that comes twice in the name is gone at the second.
            self.terms.remove(id, slot);
        }
    }

    /// Bytes on the heap, nearly.
    pub(crate) fn heap_bytes(&self) -> usize {
        let terms: usize = self.forward.iter().map(|one| one.terms.len()).sum();
        self.terms.heap_bytes()
            + self.forward.capacity() * size_of::<Forward>()
            + terms * size_of::<TermId>()
    }

    /// Gives back what growing has set aside.
    pub(crate) fn shrink(&mut self) {
        self.terms.shrink();
        self.forward.shrink_to_fit();
    }
}

/// Each term once, with all its fields.
fn unite(all: &mut Vec<(TermId, Field)>) {
    all.sort_unstable_by_key(|(id, _)| *id);
    all.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 |= next.1;
        }
        is_same
    });
}
