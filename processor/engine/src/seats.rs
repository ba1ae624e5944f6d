//! Seats of one show as bitsets, and per row a summary of its runs of free seats.
//!
//! Bit `seat % 64` of word `seat / 64`: rows are not aligned to words, so a seat's bit is found
//! without knowing its row. A seat is free, held, sold, or, with no bit set, blocked.
//!
//! A row's summary has bit `n` set when the row has a run of just `n` free seats (bit 63: of 63 or
//! more); groups of rows hold the union. So a few words answer "the first row with room for these",
//! however many rows before it are sold out. Summaries are renewed when the best seats are
//! requested and not when a seat changes hands: requests for named seats do not need them.

use onsale_schemas::SeatIndex;
use triomphe::Arc;

use crate::layout::{Layout, ROWS_PER_GROUP, SeatedZone};
use crate::pages::{own, prefetch};

/// What a seat is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Free,
    Held,
    Sold,
    Blocked,
}

/// One bit for every row of a group.
type StaleRows = u16;
const _: () = assert!(
    StaleRows::BITS == ROWS_PER_GROUP,
    "a bit for every row of a group"
);

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Word {
    free: u64,
    held: u64,
    sold: u64,
}

impl Word {
    #[inline]
    fn of_mut(&mut self, place: Place) -> Option<&mut u64> {
        match place {
            Place::Free => Some(&mut self.free),
            Place::Held => Some(&mut self.held),
            Place::Sold => Some(&mut self.sold),
            Place::Blocked => None,
        }
    }
}

/// See the module's documentation.
#[derive(Clone)]
pub(crate) struct SeatMap {
    words: Vec<Word>,
    row_runs: Vec<u64>,
    group_runs: Vec<u64>,
    /// Rows of each group whose summary is stale, as bits.
    stale_rows: Vec<StaleRows>,
    pub(crate) layout: Arc<Layout>,
}

/// Lengths of runs of free seats are distinguished up to here.
pub(crate) const RUN_BIT_MAX: u32 = 63;

/// All bits from `bit` on.
#[inline]
pub(crate) fn bits_from(bit: u32) -> u64 {
    u64::MAX.checked_shl(bit).unwrap_or(0)
}

impl SeatMap {
    /// All seats free.
    pub(crate) fn new(layout: Arc<Layout>, zones: impl Iterator<Item = SeatedZone>) -> Self {
        let seats = layout.seats();
        let mut words = vec![
            Word {
                free: u64::MAX,
                ..Word::default()
            };
            seats.div_ceil(64) as usize
        ];
        if let Some(last) = words.last_mut() {
            // Bits after the last seat stay clear.
            last.free = !bits_from((seats - 1) % 64 + 1);
        }
        let mut map = Self {
            words,
            row_runs: vec![0; layout.rows() as usize],
            group_runs: vec![0; layout.groups as usize],
            stale_rows: vec![0; layout.groups as usize],
            layout,
        };
        for zone in zones {
            map.refresh_zone(&zone);
        }
        map
    }

    /// What the seat is.
    #[inline]
    pub(crate) fn place(&self, seat: SeatIndex) -> Place {
        let word = &self.words[(seat / 64) as usize];
        let bit = 1 << (seat % 64);
        if word.free & bit != 0 {
            Place::Free
        } else if word.held & bit != 0 {
            Place::Held
        } else if word.sold & bit != 0 {
            Place::Sold
        } else {
            Place::Blocked
        }
    }

    #[inline]
    pub(crate) fn is_free(&self, seat: SeatIndex) -> bool {
        self.words[(seat / 64) as usize].free >> (seat % 64) & 1 == 1
    }

    /// Prefetches the word of a seat.
    #[inline]
    pub(crate) fn fetch(&self, seat: SeatIndex) {
        if let Some(word) = self.words.get((seat / 64) as usize) {
            prefetch(std::ptr::from_ref(word).cast());
        }
    }

    /// Changes seats of a zone from one state to another.
    #[inline(always)]
    pub(crate) fn turn(&mut self, zone: &SeatedZone, seats: &[SeatIndex], from: Place, to: Place) {
        // Adjacent seats share a row, which is looked up once.
        let mut row_seats = 0..0;
        for &seat in seats {
            let word = &mut self.words[(seat / 64) as usize];
            let bit = 1 << (seat % 64);
            if let Some(bits) = word.of_mut(from) {
                debug_assert!(*bits & bit != 0, "the seat is what the caller says");
                *bits &= !bit;
            }
            if let Some(bits) = word.of_mut(to) {
                *bits |= bit;
            }
            if (from == Place::Free || to == Place::Free) && !row_seats.contains(&seat) {
                let row = self.layout.row_of(zone, seat);
                let group = zone.first_group + row / ROWS_PER_GROUP;
                self.stale_rows[group as usize] |= 1 << (row % ROWS_PER_GROUP);
                let (start, end) = self.layout.row_in(zone, row);
                row_seats = start..end;
            }
        }
    }

    /// Adds rows behind all others, all of their seats free, and says where they lie.
    pub(crate) fn add(&mut self, rows: &[u16]) -> SeatedZone {
        let range = own(&mut self.layout).add(rows);
        let seats = self.layout.seats();
        self.words
            .resize(seats.div_ceil(64) as usize, Word::default());
        for seat in range.first_seat..seats {
            self.words[(seat / 64) as usize].free |= 1 << (seat % 64);
        }
        self.row_runs.resize(self.layout.rows() as usize, 0);
        self.group_runs.resize(self.layout.groups as usize, 0);
        self.stale_rows.resize(self.layout.groups as usize, 0);
        self.refresh_zone(&range);
        range
    }

    /// Whether a row of the show may have a run of that many free seats. The summaries have been
    /// renewed.
    pub(crate) fn may_have_run(&self, row: u32, seats: u32) -> bool {
        self.row_runs[row as usize] & bits_from(seats.min(RUN_BIT_MAX)) != 0
    }

    /// Frees everything that is held or sold (the show is cancelled).
    pub(crate) fn free_all(&mut self) {
        for word in &mut self.words {
            word.free |= word.held | word.sold;
            word.held = 0;
            word.sold = 0;
        }
    }

    /// Renews all summaries of a zone.
    fn refresh_zone(&mut self, zone: &SeatedZone) {
        self.mark_stale(zone);
        self.refresh(zone);
    }

    /// Marks all summaries of a zone as stale.
    pub(crate) fn mark_stale(&mut self, zone: &SeatedZone) {
        let first = zone.first_group as usize;
        for (group, stale) in (0..zone.groups()).zip(&mut self.stale_rows[first..]) {
            let rows = (zone.rows - group * ROWS_PER_GROUP).min(ROWS_PER_GROUP);
            *stale = StaleRows::MAX >> (ROWS_PER_GROUP - rows);
        }
    }

    /// Renews the summaries of a zone that are stale.
    #[inline]
    pub(crate) fn refresh(&mut self, zone: &SeatedZone) {
        for group in 0..zone.groups() {
            let slot = (zone.first_group + group) as usize;
            let mut stale = std::mem::take(&mut self.stale_rows[slot]);
            if stale == 0 {
                continue;
            }
            while stale != 0 {
                let row = group * ROWS_PER_GROUP + stale.trailing_zeros();
                let (start, end) = self.layout.row_in(zone, row);
                self.row_runs[(zone.first_row + row) as usize] = self.runs_of(start, end);
                stale &= stale - 1;
            }
            self.group_runs[slot] = self.runs_of_group(zone, group);
        }
    }

    fn runs_of_group(&self, zone: &SeatedZone, group: u32) -> u64 {
        let first = zone.first_row + group * ROWS_PER_GROUP;
        let last = (first + ROWS_PER_GROUP).min(zone.first_row + zone.rows);
        self.row_runs[first as usize..last as usize]
            .iter()
            .fold(0, |union, runs| union | runs)
    }

    fn runs_of(&self, start: SeatIndex, end: SeatIndex) -> u64 {
        let mut runs = 0u64;
        self.for_each_run(start, end, |first, after| {
            runs |= 1 << (after - first).min(RUN_BIT_MAX);
        });
        runs
    }

    /// Calls `found` with the first seat and the seat after the last of every run of free seats in
    /// `start..end`, ascending.
    #[inline]
    pub(crate) fn for_each_run(
        &self,
        start: SeatIndex,
        end: SeatIndex,
        mut found: impl FnMut(SeatIndex, SeatIndex),
    ) {
        if end - start <= 64 {
            let mut bits = self.up_to_64(start, end - start);
            let mut at = start;
            while bits != 0 {
                let gap = bits.trailing_zeros();
                bits >>= gap;
                at += gap;
                let run = bits.trailing_ones();
                found(at, at + run);
                bits = bits.checked_shr(run).unwrap_or(0);
                at += run;
            }
            return;
        }
        let mut at = self.next(start, end, true);
        while at < end {
            let after = self.next(at, end, false);
            found(at, after);
            at = self.next(after, end, true);
        }
    }

    /// Free bits of `length` seats (64 at most) from `start` on.
    #[inline]
    fn up_to_64(&self, start: SeatIndex, length: u32) -> u64 {
        let index = (start / 64) as usize;
        let shift = start % 64;
        let mut bits = self.words[index].free >> shift;
        if shift + length > 64 {
            bits |= self.words[index + 1].free << (64 - shift);
        }
        bits & !bits_from(length)
    }

    /// The first seat from `at` on that is free (or is not), `end` if there is none before it.
    pub(crate) fn next(&self, at: SeatIndex, end: SeatIndex, free: bool) -> SeatIndex {
        let mut at = at;
        while at < end {
            let word = self.words[(at / 64) as usize].free;
            let wanted = if free { word } else { !word } & bits_from(at % 64);
            if wanted != 0 {
                return (at / 64 * 64 + wanted.trailing_zeros()).min(end);
            }
            at = (at / 64 + 1) * 64;
        }
        end
    }

    /// The first row of the zone from `row` on (counted within the zone) that has a run of one of
    /// the lengths in `lengths`. The summaries have been renewed.
    #[inline]
    pub(crate) fn first_row_with(&self, zone: &SeatedZone, row: u32, lengths: u64) -> Option<u32> {
        let mut row = row;
        while row < zone.rows {
            let group = row / ROWS_PER_GROUP;
            let end = ((group + 1) * ROWS_PER_GROUP).min(zone.rows);
            if self.group_runs[(zone.first_group + group) as usize] & lengths != 0 {
                for row in row..end {
                    if self.row_runs[(zone.first_row + row) as usize] & lengths != 0 {
                        return Some(row);
                    }
                }
            }
            row = end;
        }
        None
    }

    /// Seats of a zone by state: free, held, sold, blocked.
    pub(crate) fn count(&self, zone: &SeatedZone) -> [u32; 4] {
        let mut counts = [0; 4];
        for seat in zone.first_seat..zone.first_seat + zone.seats {
            counts[self.place(seat) as usize] += 1;
        }
        counts
    }

    /// True when no seat has two bits and no summary is wrong that is not marked as stale.
    pub(crate) fn is_consistent(&self, zones: impl Iterator<Item = SeatedZone>) -> bool {
        let exclusive = self.words.iter().all(|word| {
            word.free & word.held == 0 && word.free & word.sold == 0 && word.held & word.sold == 0
        });
        let mut renewed = self.clone();
        let mut fresh = self.clone();
        for zone in zones {
            renewed.refresh(&zone);
            fresh.refresh_zone(&zone);
        }
        exclusive && fresh.row_runs == renewed.row_runs && fresh.group_runs == renewed.group_runs
    }

    /// Bytes of the bitsets and of the layout.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.words.capacity() * size_of::<Word>()
            + (self.row_runs.capacity() + self.group_runs.capacity()) * size_of::<u64>()
            + self.stale_rows.capacity() * size_of::<StaleRows>()
            + self.layout.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::{Admission, Currency, ZoneLayout};
    use proptest::prelude::*;

    use super::*;
    use crate::layout::{ZoneKind, build};

    fn map(rows: Vec<u16>) -> (SeatMap, SeatedZone) {
        let (layout, kinds) = build(&[ZoneLayout {
            unit_price: 0,
            currency: Currency(*b"THB"),
            admission: Admission::Seated { rows },
        }]);
        let ZoneKind::Seated(zone) = kinds[0] else {
            panic!("seated");
        };
        (SeatMap::new(layout, std::iter::once(zone)), zone)
    }

    proptest! {
        #[test]
        fn turns_and_runs_agree_with_a_plain_list(
            rows in proptest::collection::vec(1u16..140, 1..40),
            turns in proptest::collection::vec((any::<u32>(), 1u32..9), 0..120),
        ) {
            let (mut map, zone) = map(rows);
            let mut plain = vec![Place::Free; zone.seats as usize];
            let cycle = [Place::Free, Place::Held, Place::Sold, Place::Blocked];
            for (seat, count) in turns {
                let seat = seat % zone.seats;
                let from = plain[seat as usize];
                let to = cycle[(from as usize + count as usize) % 4];
                let seats: Vec<u32> = (seat..zone.seats.min(seat + count))
                    .take_while(|&s| plain[s as usize] == from)
                    .collect();
                for &s in &seats {
                    plain[s as usize] = to;
                }
                map.turn(&zone, &seats, from, to);
            }
            for seat in 0..zone.seats {
                prop_assert_eq!(map.place(seat), plain[seat as usize]);
            }
            prop_assert!(map.is_consistent(std::iter::once(zone)));
            map.refresh(&zone);
            for row in 0..zone.rows {
                let (start, end) = map.layout.row(row);
                let mut lengths = 0u64;
                let mut run = 0u32;
                for seat in start..=end {
                    if seat < end && plain[seat as usize] == Place::Free {
                        run += 1;
                    } else if run > 0 {
                        lengths |= 1 << run.min(63);
                        run = 0;
                    }
                }
                prop_assert_eq!(map.row_runs[row as usize], lengths);
                let first = (row..zone.rows).find(|&r| map.row_runs[r as usize] & 0b1100 != 0);
                prop_assert_eq!(map.first_row_with(&zone, row, 0b1100), first);
            }
        }
    }
}
