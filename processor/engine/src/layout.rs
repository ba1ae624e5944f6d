//! A show's layout as the machine uses it: which seats and rows a zone has.

use onsale_schemas::SeatIndex;
use onsale_schemas::command::{Admission, ZoneLayout};
use onsale_schemas::limits::{
    GENERAL_CAPACITY_MAX, ROWS_PER_ZONE_MAX, SEATS_PER_ROW_MAX, SEATS_PER_SHOW_MAX,
    ZONES_PER_SHOW_MAX,
};
use triomphe::Arc;

/// Rows whose summaries are summed up once more, see [`crate::seats`].
pub(crate) const ROWS_PER_GROUP: u32 = 16;

/// Where a seated zone lies within its show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SeatedZone {
    pub(crate) first_seat: SeatIndex,
    pub(crate) seats: u32,
    /// First row, counted over the show.
    pub(crate) first_row: u32,
    pub(crate) rows: u32,
    /// First group of rows; groups do not span zones.
    pub(crate) first_group: u32,
    /// Seats of every row when all rows are equally long, else 0: saves reading the layout.
    pub(crate) row_length: u32,
    /// True once rows were added to the zone or seats taken away from it: then the show's
    /// [`Hall`](crate::hall::Hall) knows more.
    pub(crate) is_amended: bool,
}

impl SeatedZone {
    #[inline]
    pub(crate) fn contains(&self, seat: SeatIndex) -> bool {
        seat.wrapping_sub(self.first_seat) < self.seats
    }

    pub(crate) fn groups(&self) -> u32 {
        self.rows.div_ceil(ROWS_PER_GROUP)
    }
}

/// How a zone gives out its places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ZoneKind {
    Seated(SeatedZone),
    General { capacity: u32 },
}

/// What rarely changes about the seats of a show; shared between a show and its snapshots.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// First seat of each row and, at the end, the number of seats.
    pub(crate) row_starts: Vec<SeatIndex>,
    /// Row of each seat, counted within its zone.
    pub(crate) row_of_seat: Vec<u16>,
    pub(crate) groups: u32,
}

impl Layout {
    pub(crate) fn seats(&self) -> u32 {
        self.row_starts.last().copied().unwrap_or(0)
    }

    pub(crate) fn rows(&self) -> u32 {
        u32::try_from(self.row_starts.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// First seat of a row and the seat after its last.
    #[inline]
    pub(crate) fn row(&self, row: u32) -> (SeatIndex, SeatIndex) {
        let row = row as usize;
        (self.row_starts[row], self.row_starts[row + 1])
    }

    /// The row of a seat, counted within the zone.
    #[inline]
    pub(crate) fn row_of(&self, zone: &SeatedZone, seat: SeatIndex) -> u32 {
        (seat - zone.first_seat)
            .checked_div(zone.row_length)
            .unwrap_or_else(|| u32::from(self.row_of_seat[seat as usize]))
    }

    /// First seat of a row of a zone and the seat after its last.
    #[inline]
    pub(crate) fn row_in(&self, zone: &SeatedZone, row: u32) -> (SeatIndex, SeatIndex) {
        if zone.row_length > 0 {
            let start = zone.first_seat + row * zone.row_length;
            (start, start + zone.row_length)
        } else {
            self.row(zone.first_row + row)
        }
    }

    /// Lengths of the rows of a zone.
    pub(crate) fn row_lengths(&self, zone: &SeatedZone) -> Vec<u16> {
        (zone.first_row..zone.first_row + zone.rows)
            .map(|row| {
                let (start, end) = self.row(row);
                u16::try_from(end - start).unwrap_or(u16::MAX)
            })
            .collect()
    }

    /// Adds rows behind all others, and says where they lie: a range of their own.
    pub(crate) fn add(&mut self, rows: &[u16]) -> SeatedZone {
        let mut range = SeatedZone {
            first_seat: self.seats(),
            seats: 0,
            first_row: self.rows(),
            rows: 0,
            first_group: self.groups,
            row_length: length_of_all(rows),
            is_amended: false,
        };
        for (number, &length) in (0u16..).zip(rows) {
            range.seats += u32::from(length);
            range.rows += 1;
            self.row_starts.push(range.first_seat + range.seats);
            let seats = self.row_of_seat.len() + usize::from(length);
            self.row_of_seat.resize(seats, number);
        }
        self.groups += range.groups();
        range
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.row_starts.capacity() * size_of::<SeatIndex>()
            + self.row_of_seat.capacity() * size_of::<u16>()
    }
}

/// The length of rows that are all equally long, else 0.
fn length_of_all(rows: &[u16]) -> u32 {
    rows.first().map_or(0, |&first| {
        let uniform = rows.iter().all(|&row| row == first);
        if uniform { u32::from(first) } else { 0 }
    })
}

/// True when the layout is within every limit of [`onsale_schemas::limits`].
pub(crate) fn is_valid(zones: &[ZoneLayout]) -> bool {
    is_within_limits(zones, 1)
}

/// As [`is_valid`], where a general zone has at least so many places.
pub(crate) fn is_within_limits(zones: &[ZoneLayout], capacity_min: u32) -> bool {
    if zones.is_empty() || zones.len() > ZONES_PER_SHOW_MAX {
        return false;
    }
    let mut seats = 0u32;
    for zone in zones {
        match &zone.admission {
            Admission::General { capacity } => {
                if !(capacity_min..=GENERAL_CAPACITY_MAX).contains(capacity) {
                    return false;
                }
            }
            Admission::Seated { rows } => {
                if rows.is_empty() || rows.len() > ROWS_PER_ZONE_MAX {
                    return false;
                }
                for &row in rows {
                    if !(1..=SEATS_PER_ROW_MAX).contains(&row) {
                        return false;
                    }
                    seats += u32::from(row);
                    if seats > SEATS_PER_SHOW_MAX {
                        return false;
                    }
                }
            }
        }
    }
    true
}

/// The layout of zones that [`is_valid`] accepts.
pub(crate) fn build(zones: &[ZoneLayout]) -> (Arc<Layout>, Vec<ZoneKind>) {
    let mut row_starts = Vec::new();
    let mut row_of_seat = Vec::new();
    let mut kinds = Vec::with_capacity(zones.len());
    let mut seat = 0u32;
    let mut row = 0u32;
    let mut group = 0u32;
    for zone in zones {
        kinds.push(match &zone.admission {
            &Admission::General { capacity } => ZoneKind::General { capacity },
            Admission::Seated { rows } => {
                let mut seated = SeatedZone {
                    first_seat: seat,
                    seats: 0,
                    first_row: row,
                    rows: 0,
                    first_group: group,
                    row_length: length_of_all(rows),
                    is_amended: false,
                };
                for (number, &length) in (0u16..).zip(rows) {
                    row_starts.push(seat);
                    row_of_seat.resize(row_of_seat.len() + usize::from(length), number);
                    seat += u32::from(length);
                    row += 1;
                }
                seated.seats = seat - seated.first_seat;
                seated.rows = row - seated.first_row;
                group += seated.groups();
                ZoneKind::Seated(seated)
            }
        });
    }
    row_starts.push(seat);
    row_starts.shrink_to_fit();
    row_of_seat.shrink_to_fit();
    let layout = Layout {
        row_starts,
        row_of_seat,
        groups: group,
    };
    (Arc::new(layout), kinds)
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::Currency;

    use super::*;

    fn zone(admission: Admission) -> ZoneLayout {
        ZoneLayout {
            unit_price: 1,
            currency: Currency(*b"THB"),
            admission,
        }
    }

    #[test]
    fn every_limit_is_kept() {
        let seated = |rows: Vec<u16>| zone(Admission::Seated { rows });
        let general = |capacity| zone(Admission::General { capacity });
        let cases: Vec<(bool, Vec<ZoneLayout>)> = vec![
            (false, vec![]),
            (true, vec![general(1); 256]),
            (false, vec![general(1); 257]),
            (false, vec![general(0)]),
            (true, vec![general(10_000_000)]),
            (false, vec![general(10_000_001)]),
            (false, vec![seated(vec![])]),
            (true, vec![seated(vec![1; 2_048])]),
            (false, vec![seated(vec![1; 2_049])]),
            (false, vec![seated(vec![3, 0, 3])]),
            (true, vec![seated(vec![1_024])]),
            (false, vec![seated(vec![1_025])]),
            (true, vec![seated(vec![1_000; 250])]),
            (false, vec![seated(vec![1_000; 250]), seated(vec![1])]),
        ];
        for (i, (valid, zones)) in cases.iter().enumerate() {
            assert_eq!(is_valid(zones), *valid, "case {i}");
        }
    }

    #[test]
    fn zones_follow_each_other() {
        let (layout, kinds) = build(&[
            zone(Admission::Seated { rows: vec![2, 3] }),
            zone(Admission::General { capacity: 9 }),
            zone(Admission::Seated { rows: vec![4; 17] }),
        ]);
        assert_eq!(layout.seats(), 5 + 68);
        assert_eq!(layout.rows(), 19);
        assert_eq!(layout.groups, 3);
        let ZoneKind::Seated(last) = kinds[2] else {
            panic!("seated");
        };
        assert_eq!(
            (last.first_seat, last.first_row, last.first_group),
            (5, 2, 1)
        );
        assert_eq!(layout.row(2), (5, 9));
        assert_eq!(layout.row_of_seat[..7], [0, 0, 1, 1, 1, 0, 0]);
        assert!(last.contains(5) && last.contains(72) && !last.contains(4) && !last.contains(73));
    }
}
