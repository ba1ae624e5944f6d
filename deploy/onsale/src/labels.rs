//! What seats are called.

use onsale_store::catalog::{RowSeats, ShowRow, ZoneAdmission};

/// The label of every seat of a show, in order of its index.
pub(crate) fn of_show(show: &ShowRow) -> Vec<String> {
    let mut labels = Vec::new();
    for zone in &show.zones {
        let ZoneAdmission::Seated { rows } = &zone.admission else {
            continue;
        };
        for row in rows {
            match &row.seats {
                RowSeats::Count(count) => {
                    labels.extend((1..=*count).map(|seat| format!("{}-{seat}", row.name)));
                }
                RowSeats::Labels(names) => {
                    labels.extend(names.iter().map(|name| format!("{}-{name}", row.name)));
                }
            }
        }
    }
    labels
}
