//! A hall as a table.

use std::fmt::Write;

use super::{Column, is_risky};
use crate::hall::Hall;

/// The seats of a hall as UTF-8 text with a byte order mark, by which spreadsheets know that it is
/// that, with commas and CRLF (RFC 4180). No cell is a formula: what might be taken for one has an
/// apostrophe before it, which [`super::import`] takes away.
#[must_use]
pub fn export(hall: &Hall) -> Vec<u8> {
    let document = hall.document();
    let plan = hall.plan();
    let mut text = String::from('\u{feff}');
    for (number, column) in Column::ALL.into_iter().enumerate() {
        text.push_str(if number == 0 { "" } else { "," });
        text.push_str(column.name());
    }
    text.push_str("\r\n");
    for row in &plan.rows {
        let Some(section) = document.sections.get(usize::from(row.section)) else {
            continue;
        };
        let number = row.number as usize;
        let name = if row.is_table {
            section.tables.get(number).map(|table| &table.name)
        } else {
            section.rows.get(number).map(|row| &row.name)
        };
        for seat in &plan.seats[row.seats()] {
            let category = &document.categories[usize::from(seat.category)].id;
            let flags: Vec<&str> = seat.flags.iter().map(crate::format::Flag::name).collect();
            let cells: [&str; 4] = [
                &section.name,
                &section.prefix,
                name.map_or("", String::as_str),
                &seat.label,
            ];
            for cell in cells {
                write_cell(&mut text, cell);
                text.push(',');
            }
            // Writing to a string does not fail.
            let _ = write!(text, "{},{},", seat.at[0], seat.at[1]);
            write_cell(&mut text, category);
            let _ = write!(text, ",{},{}\r\n", flags.join(" "), seat.rank);
        }
    }
    text.into_bytes()
}

fn write_cell(text: &mut String, cell: &str) {
    let guard = if is_risky(cell) { "'" } else { "" };
    if cell.contains([',', ';', '\t', '"', '\r', '\n']) {
        text.push('"');
        text.push_str(guard);
        for char in cell.chars() {
            text.push_str(if char == '"' { "\"" } else { "" });
            text.push(char);
        }
        text.push('"');
    } else {
        text.push_str(guard);
        text.push_str(cell);
    }
}
