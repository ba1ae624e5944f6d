//! Prefixes for sections of a hall that was imported, where two of them have rows of one name.

use std::collections::HashSet;

use crate::format::{Document, Section};
use crate::limits::ROW_LABEL_MAX_CHARS;
use crate::text::{composed, is_row_label};

/// Gives a prefix to every section that has none and a row with the label of an earlier section's.
/// Where none fits it is left as it is, which the check then says. Returns which got one.
pub(crate) fn give_prefixes(document: &mut Document) -> Vec<usize> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut given = Vec::new();
    for (number, section) in document.sections.iter_mut().enumerate() {
        if section.prefix.is_empty() && labels(section, "").any(|label| taken.contains(&label)) {
            let fits = |prefix: &String| {
                labels(section, prefix).all(|label| {
                    is_row_label(&label, ROW_LABEL_MAX_CHARS) && !taken.contains(&label)
                })
            };
            if let Some(prefix) = candidates(number, &section.name).into_iter().find(fits) {
                section.prefix = prefix;
                given.push(number);
            }
        }
        taken.extend(labels(section, &section.prefix));
    }
    given
}

fn labels(section: &Section, prefix: &str) -> impl Iterator<Item = String> {
    let rows = section.rows.iter().map(|row| &row.name);
    let tables = section.tables.iter().map(|table| &table.name);
    rows.chain(tables).map(move |name| {
        if prefix.is_empty() {
            composed(name).into_owned()
        } else {
            composed(&format!("{prefix} {name}")).into_owned()
        }
    })
}

/// The section's name, its first word, its initials, its number: whatever fits first.
fn candidates(number: usize, name: &str) -> Vec<String> {
    let words = words(name);
    let initials = words.iter().filter_map(|word| word.chars().next());
    vec![
        words.join(" "),
        words.first().cloned().unwrap_or_default(),
        initials.flat_map(char::to_uppercase).collect(),
        format!("S{}", number + 1),
    ]
}

/// A text's runs of letters and digits.
pub(crate) fn words(text: &str) -> Vec<String> {
    let is_inside =
        |char: char| char.is_alphanumeric() || unicode_normalization::char::is_combining_mark(char);
    text.split(|char| !is_inside(char))
        .map(|word| word.trim_start_matches(unicode_normalization::char::is_combining_mark))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Row;

    #[test]
    fn a_clash_is_told_apart() {
        let section = |name: &str, rows: &[&str]| Section {
            name: name.to_owned(),
            rows: rows
                .iter()
                .map(|name| Row {
                    name: (*name).to_owned(),
                    ..Row::default()
                })
                .collect(),
            ..Section::default()
        };
        let mut document = Document {
            sections: vec![
                section("Stalls", &["A", "B"]),
                section("Balcony", &["A"]),
                section("Balcony of the upper circle", &["A"]),
                section("Balcony of the king", &["A"]),
                section("Boxes", &["C"]),
                section("(!)", &["A"]),
            ],
            ..Document::default()
        };
        assert_eq!(give_prefixes(&mut document), [1, 2, 3, 5]);
        let prefixes: Vec<&str> = document
            .sections
            .iter()
            .map(|section| section.prefix.as_str())
            .collect();
        assert_eq!(prefixes, ["", "Balcony", "BOTUC", "BOTK", "", "S6"]);
    }
}
