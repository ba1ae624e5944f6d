//! Named limits of a hall, each with its unit last. What the seat machine can hold is in
//! [`onsale_schemas::limits`]; these keep a description within it and small enough to look at.

pub use onsale_schemas::limits::{
    GENERAL_CAPACITY_MAX, ROWS_PER_ZONE_MAX, SEATS_PER_ROW_MAX, SEATS_PER_SHOW_MAX,
    ZONES_PER_SHOW_MAX,
};

/// Longest description that is read, in bytes, whatever its format.
pub const INPUT_MAX_BYTES: usize = 16 << 20;
/// JSON objects in such a description: one for each seat that is described by itself, two in a plan of
/// pretix, and more than enough for what is around them. With [`INPUT_MAX_BYTES`] it bounds what
/// reading takes to about ten times the bytes.
pub const OBJECTS_MAX: usize = 600_000;
/// Faults that are listed; the others are counted.
pub const FAULTS_MAX: usize = 100;
/// Remarks of an import that are listed; the others are counted.
pub const NOTES_MAX: usize = 100;
/// Sections of a hall.
pub const SECTIONS_MAX: usize = 256;
/// Rows and tables of a hall.
pub const ROWS_MAX: usize = 16_384;
/// Seat categories of a hall.
pub const CATEGORIES_MAX: usize = 64;
/// Standing areas and fixtures of a hall together.
pub const AREAS_MAX: usize = 256;
/// Corners of one outline.
pub const POLYGON_POINTS_MAX: usize = 128;
/// Farthest coordinate from the origin in either direction, in centimetres (1 km).
pub const COORDINATE_MAX_CM: i32 = 100_000;
/// Aisles within one row.
pub const GAPS_PER_ROW_MAX: usize = 64;
/// Widest aisle within a row, in centimetres.
pub const GAP_MAX_CM: u32 = 5_000;
/// Smallest distance of neighbours in a row that is laid out along a line, in centimetres.
pub const SEAT_PITCH_MIN_CM: f64 = 20.0;
/// Chairs at one table.
pub const CHAIRS_PER_TABLE_MAX: u16 = 64;
/// Longest side of a table, in centimetres.
pub const TABLE_SIDE_MAX_CM: u32 = 5_000;
/// Longest name of a hall, section, category, area or price zone, in characters.
pub const NAME_MAX_CHARS: usize = 100;
/// Longest id of a category, in characters.
pub const CATEGORY_ID_MAX_CHARS: usize = 32;
/// Longest name of a row with the prefix of its section, in characters. A show takes no longer one.
pub const ROW_LABEL_MAX_CHARS: usize = 16;
/// Longest label of a seat within its row, in characters. A show takes no longer one.
pub const SEAT_LABEL_MAX_CHARS: usize = 8;
/// First number of a row's numbering.
pub const NUMBERING_FROM_MAX: u32 = 99_999;
/// Step of a row's numbering.
pub const NUMBERING_STEP_MAX: u32 = 100;
