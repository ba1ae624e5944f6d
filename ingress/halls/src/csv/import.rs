//! A hall from a table.

use std::collections::HashMap;

use super::{Column, is_risky};
use crate::fault::{Faults, Findings, Spot};
use crate::format::{Category, Document, Flag, Format, Point, Row, Seat, Section};
use crate::hall::HallError;
use crate::limits::{
    CATEGORIES_MAX, CATEGORY_ID_MAX_CHARS, COORDINATE_MAX_CM, INPUT_MAX_BYTES, NAME_MAX_CHARS,
    ROW_LABEL_MAX_CHARS, ROWS_MAX, SEAT_LABEL_MAX_CHARS, SEATS_PER_SHOW_MAX, SECTIONS_MAX,
};
use crate::plan::Flags;
use crate::prefixes::give_prefixes;
use crate::text::{composed, cut, is_name, is_row_label, is_seat_label};

/// Between the centres of neighbours, and of rows, where a table has no coordinates.
const PITCH_CM: [i32; 2] = [55, 100];
/// Between two sections where a table has no coordinates.
const AISLE_CM: i32 = 200;

/// Reads a table: UTF-8 with or without a byte order mark; comma, semicolon or tab between the cells,
/// whichever the first line has; any end of line; quoted as RFC 4180 says. The result is not checked
/// as a whole: [`crate::Hall::new`] does that.
///
/// # Errors
/// With all faults up to a bound; each names line and column.
pub fn import(table: &[u8], name: &str) -> Result<Document, HallError> {
    if table.len() > INPUT_MAX_BYTES {
        return Err(HallError::TooLarge { bytes: table.len() });
    }
    let text = std::str::from_utf8(table).map_err(|error| {
        let before = &table[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
        Findings::one(
            Spot::Line(line, ""),
            "not UTF-8: save the table as \"CSV UTF-8\"".to_owned(),
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let mut record = ::csv::StringRecord::new();
    if !read(&mut reader, &mut record)? {
        return Err(no_seats().into());
    }
    let header = Header::new(&record)?;
    let mut import = Import::new(name, header);
    while read(&mut reader, &mut record)? {
        let line = record.position().map_or(0, ::csv::Position::line);
        import.seats += 1;
        if import.seats > SEATS_PER_SHOW_MAX {
            let message = format!("more than {SEATS_PER_SHOW_MAX} seats: a hall has no more");
            return Err(Findings::one(Spot::Line(line, ""), message).into());
        }
        import.line(line, &record);
    }
    if import.seats == 0 {
        return Err(no_seats().into());
    }
    Ok(import.finish()?)
}

fn no_seats() -> Faults {
    Findings::one(
        Spot::Line(1, ""),
        "no seats: a line with the names of the columns, then one for each seat".to_owned(),
    )
}

fn read(
    reader: &mut ::csv::Reader<&[u8]>,
    record: &mut ::csv::StringRecord,
) -> Result<bool, Faults> {
    reader.read_record(record).map_err(|error| {
        let line = error.position().map_or(1, ::csv::Position::line);
        Findings::one(Spot::Line(line, ""), error.to_string())
    })
}

/// What most often stands between the cells of the first line.
fn delimiter(text: &str) -> u8 {
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let mut is_quoted = false;
    let mut counts = [(b',', 0u32), (b';', 0), (b'\t', 0)];
    for byte in first.bytes() {
        if byte == b'"' {
            is_quoted = !is_quoted;
        }
        for (delimiter, count) in &mut counts {
            *count += u32::from(!is_quoted && byte == *delimiter);
        }
    }
    // Of equal ones the first.
    let [comma, semicolon, tab] = counts.map(|(_, count)| count);
    match () {
        () if comma >= semicolon && comma >= tab => b',',
        () if semicolon >= tab => b';',
        () => b'\t',
    }
}

/// Which cell is what.
struct Header {
    columns: usize,
    place_of: [Option<usize>; Column::ALL.len()],
}

impl Header {
    fn new(record: &::csv::StringRecord) -> Result<Self, Faults> {
        let line = record.position().map_or(1, ::csv::Position::line);
        let mut findings = Findings::default();
        let mut place_of = [None; Column::ALL.len()];
        for (place, cell) in record.iter().enumerate() {
            let name = cell.trim().to_lowercase();
            let column = Column::ALL.iter().position(|column| column.name() == name);
            let spot = Spot::Line(line, "");
            match column {
                None => findings.add(spot, || {
                    let names = Column::ALL.map(Column::name).join(", ");
                    format!("unknown column {:?}: the columns are {names}", cut(cell))
                }),
                Some(column) if place_of[column].is_some() => {
                    findings.add(spot, || format!("two columns {name}"));
                }
                Some(column) => place_of[column] = Some(place),
            }
        }
        let header = Self {
            columns: record.len(),
            place_of,
        };
        let required = [Column::Section, Column::Row, Column::Seat, Column::Category];
        for column in required {
            findings.require(header.has(column), Spot::Line(line, ""), || {
                format!("no column {}", column.name())
            });
        }
        let both = header.has(Column::X) == header.has(Column::Y);
        findings.require(both, Spot::Line(line, ""), || {
            "one of the columns x and y: both, or neither".to_owned()
        });
        findings.finish().map(|()| header)
    }

    fn has(&self, column: Column) -> bool {
        self.place_of[column as usize].is_some()
    }

    /// The cell without space around it and without the mark that it is no formula.
    fn cell<'a>(&self, record: &'a ::csv::StringRecord, column: Column) -> &'a str {
        let cell = self.place_of[column as usize]
            .and_then(|place| record.get(place))
            .unwrap_or_default()
            .trim();
        match cell.strip_prefix('\'') {
            Some(bare) if is_risky(bare) => bare,
            _ => cell,
        }
    }
}

/// A hall in the making.
struct Import {
    header: Header,
    findings: Findings,
    document: Document,
    seats: u32,
    section_of: HashMap<String, usize>,
    row_of: HashMap<(usize, String), usize>,
    categories: HashMap<String, ()>,
    /// The line that has a seat: by section, row and label, and by its place.
    line_of: HashMap<(usize, usize, String), u64>,
    line_at: HashMap<Point, u64>,
    rows: usize,
}

impl Import {
    fn new(name: &str, header: Header) -> Self {
        Self {
            header,
            findings: Findings::default(),
            document: Document {
                format: Format::V1,
                name: name.to_owned(),
                ..Document::default()
            },
            seats: 0,
            section_of: HashMap::new(),
            row_of: HashMap::new(),
            categories: HashMap::new(),
            line_of: HashMap::new(),
            line_at: HashMap::new(),
            rows: 0,
        }
    }

    fn line(&mut self, line: u64, record: &::csv::StringRecord) {
        let (there_are, columns) = (record.len(), self.header.columns);
        if there_are != columns {
            self.findings.add(Spot::Line(line, ""), || {
                format!("{there_are} cells: {columns}, as in the first line")
            });
            return;
        }
        let texts = [
            (
                Column::Section,
                NAME_MAX_CHARS,
                is_name as fn(&str, usize) -> bool,
            ),
            (Column::Row, ROW_LABEL_MAX_CHARS, is_row_label),
            (Column::Seat, SEAT_LABEL_MAX_CHARS, is_seat_label),
            (Column::Category, CATEGORY_ID_MAX_CHARS, is_name),
        ];
        let mut is_fine = true;
        for (column, max_chars, is_right) in texts {
            let cell = self.header.cell(record, column);
            if !is_right(cell, max_chars) {
                is_fine = false;
                self.findings.add(Spot::Line(line, column.name()), || {
                    let what = match column {
                        Column::Seat => "letters and digits",
                        Column::Row => "letters, digits and single spaces between them",
                        _ => "characters, among them a letter or digit",
                    };
                    format!("{:?}: 1 to {max_chars} {what}", cut(cell))
                });
            }
        }
        let at = self.place(line, record);
        let rank = self.rank(line, record);
        let flags = self.flags(line, record);
        if !is_fine {
            return;
        }
        let Some((section, row)) = self.row(line, record) else {
            return;
        };
        let label = self.header.cell(record, Column::Seat);
        let key = (section, row, composed(label).into_owned());
        if let Some(other) = self.line_of.insert(key, line) {
            self.findings.add(Spot::Line(line, "seat"), || {
                format!("{label}: the same seat of the same row is in line {other}")
            });
        }
        if let Some(at) = at
            && let Some(other) = self.line_at.insert(at, line)
        {
            self.findings.add(Spot::Line(line, "x"), || {
                format!(
                    "[{}, {}]: the seat of line {other} stands there",
                    at[0], at[1]
                )
            });
        }
        let category = self.category(line, record);
        self.document.sections[section].rows[row].seats.push(Seat {
            label: label.to_owned(),
            at: at.unwrap_or_default(),
            category: Some(category),
            rank,
            flags,
        });
    }

    fn category(&mut self, line: u64, record: &::csv::StringRecord) -> String {
        let id = self.header.cell(record, Column::Category).to_owned();
        if self.categories.contains_key(&id) {
            return id;
        }
        if self.categories.len() < CATEGORIES_MAX {
            self.categories.insert(id.clone(), ());
            self.document.categories.push(Category {
                id: id.clone(),
                name: id.clone(),
                color: None,
            });
        } else {
            self.findings.add(Spot::Line(line, "category"), || {
                format!("{id}: more than {CATEGORIES_MAX} categories")
            });
        }
        id
    }

    /// The row of a line, which may be the first of it.
    fn row(&mut self, line: u64, record: &::csv::StringRecord) -> Option<(usize, usize)> {
        let prefix = self.header.cell(record, Column::Prefix);
        let name = self.header.cell(record, Column::Section);
        let sections = &mut self.document.sections;
        let section = match self.section_of.get(composed(name).as_ref()) {
            Some(&section) => {
                let known = &sections[section].prefix;
                self.findings
                    .require(known == prefix, Spot::Line(line, "prefix"), || {
                        format!("{:?}: the section began with {known:?}", cut(prefix))
                    });
                section
            }
            None if sections.len() == SECTIONS_MAX => {
                self.findings.add(Spot::Line(line, "section"), || {
                    format!("{}: more than {SECTIONS_MAX} sections", cut(name))
                });
                return None;
            }
            None => {
                let is_prefix = prefix.is_empty() || is_row_label(prefix, ROW_LABEL_MAX_CHARS);
                self.findings
                    .require(is_prefix, Spot::Line(line, "prefix"), || {
                        format!(
                            "{:?}: at most {ROW_LABEL_MAX_CHARS} letters, digits and single \
                             spaces between them",
                            cut(prefix)
                        )
                    });
                let section = sections.len();
                self.section_of.insert(composed(name).into_owned(), section);
                sections.push(Section {
                    name: name.to_owned(),
                    prefix: prefix.to_owned(),
                    ..Section::default()
                });
                section
            }
        };
        let name = self.header.cell(record, Column::Row);
        let rows = &mut sections[section].rows;
        let key = (section, composed(name).into_owned());
        if let Some(&row) = self.row_of.get(&key) {
            return Some((section, row));
        }
        if self.rows == ROWS_MAX {
            self.findings.add(Spot::Line(line, "row"), || {
                format!("{}: more than {ROWS_MAX} rows", cut(name))
            });
            return None;
        }
        self.rows += 1;
        self.row_of.insert(key, rows.len());
        rows.push(Row {
            name: name.to_owned(),
            ..Row::default()
        });
        Some((section, rows.len() - 1))
    }

    fn place(&mut self, line: u64, record: &::csv::StringRecord) -> Option<Point> {
        if !self.header.has(Column::X) {
            return None;
        }
        let coordinate = |column: Column, findings: &mut Findings| {
            let cell = self.header.cell(record, column);
            let coordinate = cell
                .parse::<i32>()
                .ok()
                .filter(|coordinate| (-COORDINATE_MAX_CM..=COORDINATE_MAX_CM).contains(coordinate));
            if coordinate.is_none() {
                findings.add(Spot::Line(line, column.name()), || {
                    format!(
                        "{:?}: whole centimetres from -{COORDINATE_MAX_CM} to {COORDINATE_MAX_CM}",
                        cut(cell)
                    )
                });
            }
            coordinate
        };
        let x = coordinate(Column::X, &mut self.findings);
        let y = coordinate(Column::Y, &mut self.findings);
        Some([x?, y?])
    }

    fn rank(&mut self, line: u64, record: &::csv::StringRecord) -> Option<u16> {
        if !self.header.has(Column::Rank) {
            return None;
        }
        let cell = self.header.cell(record, Column::Rank);
        let rank = cell.parse().ok();
        if rank.is_none() {
            self.findings.add(Spot::Line(line, "rank"), || {
                format!("{:?}: 0 to {}, the best seat lowest", cut(cell), u16::MAX)
            });
        }
        rank
    }

    fn flags(&mut self, line: u64, record: &::csv::StringRecord) -> Vec<Flag> {
        let cell = self.header.cell(record, Column::Flags);
        let mut flags = Vec::new();
        for word in cell
            .split([' ', ',', ';', '|'])
            .filter(|word| !word.is_empty())
        {
            let name = word.to_lowercase().replace('-', "_");
            match Flags::ALL.into_iter().find(|flag| flag.name() == name) {
                Some(flag) if !flags.contains(&flag) => flags.push(flag),
                Some(_) => {}
                None => self.findings.add(Spot::Line(line, "flags"), || {
                    let names = Flags::ALL.map(Flag::name).join(", ");
                    format!("{:?}: one of {names}", cut(word))
                }),
            }
        }
        flags
    }

    fn finish(mut self) -> Result<Document, Faults> {
        self.findings.finish()?;
        if !self.header.has(Column::X) {
            place_evenly(&mut self.document);
        }
        if !self.header.has(Column::Prefix) {
            give_prefixes(&mut self.document);
        }
        Ok(self.document)
    }
}

/// Sections side by side, their rows one behind the other.
fn place_evenly(document: &mut Document) {
    let mut left = 0i32;
    for section in &mut document.sections {
        let mut widest = 0;
        for (row, y) in section
            .rows
            .iter_mut()
            .zip((0i32..).step_by(PITCH_CM[1].unsigned_abs() as usize))
        {
            let mut x = left;
            for seat in &mut row.seats {
                seat.at = [x, y];
                x = x.saturating_add(PITCH_CM[0]);
            }
            widest = widest.max(x - left);
        }
        left = left.saturating_add(widest).saturating_add(AISLE_CM);
    }
}
