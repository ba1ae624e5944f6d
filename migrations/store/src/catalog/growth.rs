//! What becomes of a show's places after it was opened.
//!
//! Indexes of seats never move and are never used again. The rows that a show is opened with have the
//! indexes from 0 on, zone after zone. Rows that are added later follow all seats that the show has
//! then, whatever zone they are of, so that a zone is several runs of indexes.

use onsale_schemas::{Offset, SeatIndex, ZoneIndex};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ChartRow, ShowRow, ZoneAdmission, ZoneRow};

/// What became of a zone's places after its show was opened. Stored as JSON.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Growth {
    /// Where rows that were added have their seats, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// Indexes of the seats that were taken away for good, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<SeatIndex>,
    /// The record of the log that changed the zone's places last. What it and those before it did
    /// is in the row, nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Offset>,
}

/// Rows that were added together: from this one on up to the next run, or the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The place of the first of these rows in the zone, counted from 0.
    pub row: u32,
    /// The index of its first seat.
    pub first: SeatIndex,
}

impl Growth {
    /// True when the zone's places are those that the show was opened with.
    pub fn is_none(&self) -> bool {
        self == &Self::default()
    }

    /// Whether a seat was taken away.
    pub fn is_gone(&self, seat: SeatIndex) -> bool {
        self.gone.binary_search(&seat).is_ok()
    }

    /// Notes that seats are gone.
    pub fn take(&mut self, seats: impl IntoIterator<Item = SeatIndex>) {
        self.gone.extend(seats);
        self.gone.sort_unstable();
        self.gone.dedup();
    }
}

/// What is added to a show, with the names that people read, until the log has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "adds", rename_all = "lowercase", deny_unknown_fields)]
pub enum Addition {
    /// Rows of a seated zone.
    Rows {
        /// The rows.
        rows: Vec<ChartRow>,
    },
    /// A zone.
    Zone {
        /// Its id for clients.
        zone_id: Uuid,
        /// Its name.
        name: String,
        /// Price of one ticket in minor units.
        unit_price: i64,
        /// ISO 4217 code.
        currency: String,
        /// Its places.
        places: ZoneAdmission,
    },
}

impl Addition {
    /// The zone as a row, when it is one and the log gave it this index and first seat with the
    /// record at `offset`.
    pub fn zone(&self, index: ZoneIndex, first: SeatIndex, offset: Offset) -> Option<ZoneRow> {
        let Self::Zone {
            zone_id,
            name,
            unit_price,
            currency,
            places,
        } = self
        else {
            return None;
        };
        let runs = match places {
            ZoneAdmission::Seated { .. } => vec![Run { row: 0, first }],
            ZoneAdmission::General { .. } => Vec::new(),
        };
        Some(ZoneRow {
            zone_id: *zone_id,
            index,
            name: name.clone(),
            unit_price: *unit_price,
            currency: currency.clone(),
            admission: places.clone(),
            growth: Growth {
                runs,
                gone: Vec::new(),
                changed_at: Some(offset),
            },
        })
    }
}

impl ZoneRow {
    /// Adds the rows whose first seat the log gave the index `first` with the record at `offset`.
    /// False when the zone is of general admission.
    pub fn add_rows(&mut self, added: &[ChartRow], first: SeatIndex, offset: Offset) -> bool {
        let ZoneAdmission::Seated { rows } = &mut self.admission else {
            return false;
        };
        let row = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        rows.extend_from_slice(added);
        self.growth.runs.push(Run { row, first });
        self.growth.changed_at = Some(offset);
        true
    }

    /// Places of the zone; what was taken away is not counted.
    pub fn places(&self) -> u32 {
        match &self.admission {
            ZoneAdmission::General { capacity } => *capacity,
            seated @ ZoneAdmission::Seated { .. } => {
                let gone = u32::try_from(self.growth.gone.len()).unwrap_or(u32::MAX);
                seated.seat_count().saturating_sub(gone)
            }
        }
    }
}

/// Which indexes the seats of a show have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SeatIndexes {
    /// For each zone, the index of the first seat of each of its rows.
    rows: Vec<Vec<SeatIndex>>,
    /// Indexes that follow each other in one zone: first, one after the last, place of the zone in
    /// the list. Ascending.
    ranges: Vec<(SeatIndex, SeatIndex, usize)>,
}

impl SeatIndexes {
    /// Those of these zones, which are all zones of a show in order.
    pub fn of(zones: &[ZoneRow]) -> Self {
        let mut indexes = Self::default();
        // Where the next row of those that the show was opened with begins.
        let mut opened: SeatIndex = 0;
        for (place, zone) in zones.iter().enumerate() {
            let mut firsts = Vec::new();
            if let ZoneAdmission::Seated { rows } = &zone.admission {
                let mut runs = zone.growth.runs.iter().peekable();
                let mut added: Option<SeatIndex> = None;
                firsts.reserve_exact(rows.len());
                for (number, row) in (0u32..).zip(rows) {
                    if let Some(run) = runs.next_if(|run| run.row <= number) {
                        added = Some(run.first);
                    }
                    let next = added.as_mut().unwrap_or(&mut opened);
                    let first = *next;
                    *next = first.saturating_add(u32::from(row.seats.count()));
                    firsts.push(first);
                    indexes.extend(first, *next, place);
                }
            }
            indexes.rows.push(firsts);
        }
        indexes.ranges.sort_unstable();
        indexes
    }

    fn extend(&mut self, first: SeatIndex, end: SeatIndex, zone: usize) {
        match self.ranges.last_mut() {
            Some((_, last, of)) if *of == zone && *last == first => *last = end,
            _ => self.ranges.push((first, end, zone)),
        }
    }

    /// The index of the first seat of each row of a zone, by its place in the list.
    pub fn rows(&self, zone: usize) -> &[SeatIndex] {
        self.rows.get(zone).map_or(&[], Vec::as_slice)
    }

    /// The place of the zone of a seat in the list; seats that were taken away have one, too.
    pub fn zone(&self, seat: SeatIndex) -> Option<usize> {
        let after = self.ranges.partition_point(|(first, _, _)| *first <= seat);
        let (_, end, zone) = self.ranges.get(after.checked_sub(1)?)?;
        (seat < *end).then_some(*zone)
    }

    /// The index that the next seat gets that is added.
    pub fn end(&self) -> SeatIndex {
        self.ranges
            .iter()
            .map(|(_, end, _)| *end)
            .max()
            .unwrap_or(0)
    }
}

impl ShowRow {
    /// The record of the log that changed the places of the show last, after it was opened.
    pub fn grown_at(&self) -> Option<Offset> {
        let zones = self.zones.iter();
        zones.filter_map(|zone| zone.growth.changed_at).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::RowSeats;

    fn rows(counts: &[u16]) -> Vec<ChartRow> {
        let row = |(at, seats): (usize, &u16)| ChartRow {
            name: format!("R{at}"),
            seats: RowSeats::Count(*seats),
            plan: onsale_schemas::seating::RowPlan::default(),
        };
        counts.iter().enumerate().map(row).collect()
    }

    fn zone(index: ZoneIndex, admission: ZoneAdmission) -> ZoneRow {
        ZoneRow {
            zone_id: Uuid::from_u128(u128::from(index)),
            index,
            name: format!("Zone {index}"),
            unit_price: 1,
            currency: "THB".to_owned(),
            admission,
            growth: Growth::default(),
        }
    }

    #[test]
    fn seats_of_added_rows_lie_behind_all_others() {
        let seated = |counts| ZoneAdmission::Seated { rows: rows(counts) };
        let mut zones = vec![
            zone(0, seated(&[3, 2])),
            zone(1, ZoneAdmission::General { capacity: 9 }),
            zone(2, seated(&[4])),
        ];
        assert_eq!(SeatIndexes::of(&zones).end(), 9);
        assert!(zones[0].add_rows(&rows(&[2]), 9, 50));
        assert!(!zones[1].add_rows(&rows(&[2]), 11, 51));
        let new = Addition::Zone {
            zone_id: Uuid::from_u128(3),
            name: "New".to_owned(),
            unit_price: 1,
            currency: "THB".to_owned(),
            places: seated(&[1, 1]),
        };
        zones.push(new.zone(3, 11, 52).unwrap());
        assert!(zones[0].add_rows(&rows(&[1, 2]), 13, 53));
        zones[0].growth.take([14, 0, 14]);
        let indexes = SeatIndexes::of(&zones);
        assert_eq!(indexes.rows(0), [0, 3, 9, 13, 14]);
        assert_eq!(indexes.rows(1), [] as [u32; 0]);
        assert_eq!(indexes.rows(2), [5]);
        assert_eq!(indexes.rows(3), [11, 12]);
        let of_seats: Vec<Option<usize>> = (0..17).map(|seat| indexes.zone(seat)).collect();
        let expected = [vec![0; 5], vec![2; 4], vec![0; 2], vec![3; 2], vec![0; 3]].concat();
        let expected: Vec<Option<usize>> = expected.into_iter().map(Some).chain([None]).collect();
        assert_eq!(of_seats, expected);
        assert_eq!(indexes.end(), 16);
        assert_eq!((zones[0].places(), zones[1].places()), (8, 9));
        assert!(zones[0].growth.is_gone(0) && !zones[0].growth.is_gone(1));
        assert_eq!(zones[0].growth.changed_at, Some(53));
    }

    #[test]
    fn what_did_not_grow_is_stored_as_before() {
        let text = serde_json::to_string(&Growth::default()).unwrap();
        assert_eq!(text, "{}");
        let zone = zone(0, ZoneAdmission::General { capacity: 1 });
        let text = serde_json::to_string(&zone).unwrap();
        assert!(!text.contains("growth"), "{text}");
        assert_eq!(serde_json::from_str::<ZoneRow>(&text).unwrap(), zone);
    }
}
