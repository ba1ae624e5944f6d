//! "No single seat": what the named seats of an order would leave alone.

use std::collections::BTreeMap;

use onsale_schemas::order::Item;
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{Rejection, SeatIndex, SeatList};

use super::named;
use crate::best_of_hall::Search;
use crate::hall::Row;
use crate::layout::ZoneKind;
use crate::shows::Show;
use crate::state::State;

impl State {
    /// The named seats of an order, all free, leave no single seat where the zone does not allow it,
    /// unless that cannot be helped.
    pub(super) fn check_single_seats(
        &self,
        slot: u32,
        show: &Show,
        items: &[Item],
        counter: Option<u32>,
    ) -> Result<(), Rejection> {
        let mut alone: Vec<SeatIndex> = Vec::new();
        let mut neighbours: Vec<SeatIndex> = Vec::new();
        let rules = self.sale_of(show).offer.zones.iter();
        for rule in rules.filter(|rule| rule.no_single_seats) {
            let Some(ZoneKind::Seated(base)) = show
                .zones
                .get(usize::from(rule.zone))
                .map(|zone| &zone.kind)
            else {
                continue;
            };
            let rows = show.rows(rule.zone, base);
            let search = Search {
                map: &show.seats,
                rows,
                kind: SeatKind::Ordinary,
                without: &[],
            };
            let mut touched: BTreeMap<u32, (Row<'_>, Vec<SeatIndex>)> = BTreeMap::new();
            for item in items.iter().filter(|item| item.zone == rule.zone) {
                for &seat in named(item) {
                    if let Some(row) = rows.row_of(seat) {
                        let entry = touched.entry(row.number);
                        entry.or_insert_with(|| (row, Vec::new())).1.push(seat);
                    }
                }
            }
            for (row, wanted) in touched.values() {
                search.for_each_run(row, |first, after| {
                    left_alone(first, after, wanted, |seat| {
                        alone.push(seat);
                        if seat > row.start && !row.is_behind_gap(seat) {
                            neighbours.push(seat - 1);
                        }
                        if seat + 1 < row.end && !row.is_behind_gap(seat + 1) {
                            neighbours.push(seat + 1);
                        }
                    });
                });
            }
        }
        if alone.is_empty() {
            return Ok(());
        }
        alone.sort_unstable();
        Err(Rejection::LeavesSingleSeat {
            seats: SeatList::from(alone.as_slice()),
            own: self.own_holds(counter, slot, |seat| neighbours.contains(&seat)),
        })
    }
}

/// Calls `found` with every seat of a run that would be in a run of its own without the seats that
/// are wanted. Where just one is left, whatever is taken, that cannot be helped.
fn left_alone(
    first: SeatIndex,
    after: SeatIndex,
    wanted: &[SeatIndex],
    mut found: impl FnMut(SeatIndex),
) {
    let is_left = |seat: SeatIndex| (first..after).contains(&seat) && !wanted.contains(&seat);
    let left = (first..after).filter(|&seat| is_left(seat)).count();
    if left == 1 || left == (after - first) as usize {
        return;
    }
    for seat in (first..after).filter(|&seat| is_left(seat)) {
        let has_before = seat.checked_sub(1).is_some_and(is_left);
        if !has_before && !is_left(seat + 1) {
            found(seat);
        }
    }
}
