//! How well an entry fits.

use super::clauses::{Clause, Kind};
use super::scratch::Scratch;
use crate::entries::{CATEGORY, CITY, DESCRIPTION, Entries, NAME, PERFORMER, VENUE};
use crate::terms::Slot;

/// What a word is worth where it stands, the best first.
const FIELDS: [(u8, f32); 6] = [
    (NAME, 10.0),
    (PERFORMER, 9.0),
    (VENUE, 6.0),
    (CITY, 6.0),
    (CATEGORY, 5.0),
    (DESCRIPTION, 1.0),
];

/// By the bits of the fields.
const WORTH: [f32; 64] = {
    let mut all = [0.0; 64];
    let mut bits = 0;
    while bits < all.len() {
        let mut field = FIELDS.len();
        while field > 0 {
            field -= 1;
            if bits & FIELDS[field].0 as usize != 0 {
                all[bits] = FIELDS[field].1;
            }
        }
        bits += 1;
    }
    all
};

/// What is gained by a name that consists of what was typed, all of it.
const WHOLE_NAME: f32 = 0.35;
/// What is gained by words that follow each other in the name as they were typed, if all do.
const IN_ORDER: f32 = 0.2;
/// What is gained by a name that begins as what was typed.
const BEGINNING: f32 = 0.1;

/// What a word is worth that stands in these fields.
pub(super) fn of_fields(fields: u8) -> f32 {
    WORTH.get(usize::from(fields)).copied().unwrap_or(0.0)
}

/// Notes which terms stand for which word of the text.
pub(super) fn note_clauses(clauses: &[Clause], scratch: &mut Scratch) {
    for clause in clauses {
        if clause.kind == Kind::Words {
            for word in &clause.words {
                scratch.set_place(word.term, clause.place);
            }
        }
    }
}

/// Undoes [`note_clauses`].
pub(super) fn forget_clauses(clauses: &[Clause], scratch: &mut Scratch) {
    for word in clauses.iter().flat_map(|clause| &clause.words) {
        scratch.set_place(word.term, 0);
    }
}

/// The score of an entry: the sum over its words, raised by how far it is what was typed and no more.
pub(super) fn of(entries: &Entries, slot: Slot, scratch: &Scratch) -> f32 {
    let cell = scratch.cell(slot);
    if !cell.is_in_name {
        return cell.score;
    }
    let name = entries.name_terms(slot);
    let mut fitting = 0_u16;
    let mut in_order = 0_u16;
    let mut before = 0;
    for term in name {
        let place = scratch.place(*term);
        if place > 0 {
            fitting += 1;
            in_order += u16::from(before > 0 && place == before + 1);
        }
        before = place;
    }
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX).max(1);
    let mut gain = WHOLE_NAME * f32::from(fitting) / f32::from(length);
    if cell.count > 1 {
        gain += IN_ORDER * f32::from(in_order) / f32::from(cell.count - 1);
    }
    if name.first().is_some_and(|term| scratch.place(*term) == 1) {
        gain += BEGINNING;
    }
    cell.score * (1.0 + gain)
}
