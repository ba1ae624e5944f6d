//! What seats are called.

use onsale_store::catalog::{RowSeats, SeatIndexes, ShowRow, ZoneAdmission};

/// The label of every seat of a show, in order of its index. Seats that were taken away keep theirs.
pub(crate) fn of_show(show: &ShowRow) -> Vec<String> {
    let indexes = SeatIndexes::of(&show.zones);
    let mut labelled: Vec<(u32, String)> = Vec::new();
    for (place, zone) in show.zones.iter().enumerate() {
        let ZoneAdmission::Seated { rows } = &zone.admission else {
            continue;
        };
        for (row, first) in rows.iter().zip(indexes.rows(place)) {
            let seats = *first..;
            match &row.seats {
                RowSeats::Count(count) => {
                    let labels = (1..=*count).map(|seat| format!("{}-{seat}", row.name));
                    labelled.extend(seats.zip(labels));
                }
                RowSeats::Labels(names) => {
                    let labels = names.iter().map(|name| format!("{}-{name}", row.name));
                    labelled.extend(seats.zip(labels));
                }
            }
        }
    }
    labelled.sort_unstable_by_key(|(seat, _)| *seat);
    labelled.into_iter().map(|(_, label)| label).collect()
}
