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
    /// is in the row, except for what the row lacks, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Offset>,
    /// What the log has added and the catalog has no names for. What the show lacks of a zone that is missing
    /// itself stands in its first zone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Lack>,
}

/// Places of the log that are not in the catalog until something brings their names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lack {
    /// The zone that they are of.
    pub zone: ZoneIndex,
    /// The first seat of the rows; `None` where the whole zone is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<SeatIndex>,
    /// The last record that is about them.
    pub at: Offset,
}

impl Lack {
    /// Whether these zones have by now what was missing.
    pub fn is_brought_by(&self, zones: &[ZoneRow]) -> bool {
        let mut zones = zones.iter();
        let zone = zones.find(|zone| zone.index == self.zone);
        zone.is_some_and(|zone| match self.first {
            Some(first) => zone.growth.has_run(first),
            None => zone.growth.changed_at >= Some(self.at),
        })
    }
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

    /// Whether the rows are there that were added with this first seat.
    pub fn has_run(&self, first: SeatIndex) -> bool {
        self.runs.iter().any(|run| run.first == first)
    }

    /// Whether it is noted that the names of the rows are missing that a zone got with this first seat.
    pub fn lacks_run(&self, zone: ZoneIndex, first: SeatIndex) -> bool {
        let mut lacks = self.lacks.iter();
        lacks.any(|lack| (lack.zone, lack.first) == (zone, Some(first)))
    }

    /// Notes that something is missing. Of a missing zone the last record counts.
    pub fn note_lack(&mut self, lack: Lack) {
        let mut lacks = self.lacks.iter_mut();
        match lacks.find(|known| (known.zone, known.first) == (lack.zone, lack.first)) {
            Some(known) => known.at = known.at.max(lack.at),
            None => self.lacks.push(lack),
        }
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
                lacks: Vec::new(),
            },
        })
    }
}

impl ZoneRow {
    /// Adds the rows whose first seat the log gave the index `first` with the record at `offset`, where it does
    /// not have them. Rows are in the order of the log, whenever their names come. False when the zone is
    /// of general admission.
    pub fn add_rows(&mut self, added: &[ChartRow], first: SeatIndex, offset: Offset) -> bool {
        let ZoneAdmission::Seated { rows } = &mut self.admission else {
            return false;
        };
        let growth = &mut self.growth;
        if !growth.has_run(first) {
            let count = u32::try_from(added.len()).unwrap_or(u32::MAX);
            let place = growth.runs.partition_point(|run| run.first < first);
            let end = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            let row = growth.runs.get(place).map_or(end, |run| run.row);
            for run in growth.runs.iter_mut().skip(place) {
                run.row = run.row.saturating_add(count);
            }
            growth.runs.insert(place, Run { row, first });
            let at = usize::try_from(row).unwrap_or(usize::MAX).min(rows.len());
            drop(rows.splice(at..at, added.iter().cloned()));
        }
        growth.changed_at = growth.changed_at.max(Some(offset));
        growth.lacks.retain(|lack| lack.first != Some(first));
        true
    }

    /// The zone with all that this row or another one of it has, in whatever order the two came. Places of
    /// general admission are those of the one that was changed last.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        if let (ZoneAdmission::Seated { .. }, ZoneAdmission::Seated { rows }) =
            (&self.admission, &other.admission)
        {
            let runs = &other.growth.runs;
            let ends = runs.iter().skip(1).map(|run| run.row);
            let end = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            for (run, end) in runs.iter().zip(ends.chain([end])) {
                let range = usize::try_from(run.row).ok().zip(usize::try_from(end).ok());
                if let Some(of_run) = range.and_then(|(from, to)| rows.get(from..to)) {
                    // The record of it is not known: that of the row counts.
                    joined.add_rows(of_run, run.first, 0);
                }
            }
            joined.growth.take(other.growth.gone.iter().copied());
        } else if let (
            ZoneAdmission::General { capacity },
            ZoneAdmission::General { capacity: of_other },
        ) = (&mut joined.admission, &other.admission)
            && self.growth.changed_at < other.growth.changed_at
        {
            *capacity = *of_other;
        }
        joined.growth.changed_at = self.growth.changed_at.max(other.growth.changed_at);
        for lack in &other.growth.lacks {
            joined.growth.note_lack(*lack);
        }
        let mut lacks = std::mem::take(&mut joined.growth.lacks);
        // Of other zones it is not known here.
        let there = std::slice::from_ref(&joined);
        lacks.retain(|lack| lack.zone != joined.index || !lack.is_brought_by(there));
        joined.growth.lacks = lacks;
        joined
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
    /// Whether the log has added places that are not in the row.
    pub fn is_lacking(&self) -> bool {
        self.zones.iter().any(|zone| !zone.growth.lacks.is_empty())
    }

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
    fn names_come_in_any_order_and_none_is_lost() {
        let opened = zone(
            0,
            ZoneAdmission::Seated {
                rows: rows(&[3, 2]),
            },
        );
        let mut whole = opened.clone();
        for (counts, first, offset) in [(&[2][..], 5, 50), (&[1, 3][..], 7, 52), (&[4][..], 11, 54)]
        {
            assert!(whole.add_rows(&rows(counts), first, offset));
        }
        whole.growth.take([0, 6, 12]);
        // The middle one came without its names, and seats of all were taken after that.
        let mut row = opened.clone();
        assert!(row.add_rows(&rows(&[4]), 11, 54));
        let lack = Lack {
            zone: 0,
            first: Some(7),
            at: 52,
        };
        row.growth.note_lack(lack);
        row.growth.note_lack(lack);
        assert!(row.add_rows(&rows(&[2]), 5, 50));
        row.growth.take([12, 6]);
        assert_eq!(row.growth.changed_at, Some(54));
        assert_eq!(row.growth.lacks, [lack]);
        // A document of the time before the last record, and one of before all of them.
        let mut document = opened.clone();
        assert!(document.add_rows(&rows(&[2]), 5, 50));
        assert!(document.add_rows(&rows(&[1, 3]), 7, 52));
        document.growth.take([0]);
        for (one, other) in [(&row, &document), (&document, &row), (&whole, &row)] {
            assert_eq!(one.joined(other), whole);
        }
        assert_eq!(whole.joined(&opened), whole);
        assert_eq!(row.joined(&opened), row, "it lacks what it lacked");
        let again = whole.add_rows(&rows(&[9]), 7, 52);
        assert!(again && whole.joined(&row) == row.joined(&whole));
        assert_eq!(SeatIndexes::of(&[whole]).rows(0), [0, 3, 5, 7, 8, 11]);
    }

    #[test]
    fn a_zone_that_is_missing_is_lacking_until_it_is_as_new() {
        let general = |changed_at| {
            let mut zone = zone(2, ZoneAdmission::General { capacity: 9 });
            zone.growth.changed_at = changed_at;
            zone
        };
        let lack = Lack {
            zone: 2,
            first: None,
            at: 60,
        };
        for (zones, expected) in [
            (vec![], false),
            (vec![general(None)], false),
            (vec![general(Some(59))], false),
            (vec![general(Some(60))], true),
        ] {
            assert_eq!(lack.is_brought_by(&zones), expected, "{zones:?}");
        }
        let mut of_two = general(Some(61));
        of_two.admission = ZoneAdmission::General { capacity: 4 };
        assert_eq!(general(Some(60)).joined(&of_two), of_two);
        assert_eq!(of_two.joined(&general(Some(60))), of_two);
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
