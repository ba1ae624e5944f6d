//! The seats of an order: named ones have to be free, others are chosen item by item.

use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{Rejection, SeatIndex, SeatList, ZoneIndex};
use smallvec::{SmallVec, smallvec};

use super::super::places::check_seats;
use super::{all_named, named, shape};
use crate::best_available;
use crate::best_of_hall::Search;
use crate::layout::{SeatedZone, ZoneKind};
use crate::shows::Show;
use crate::state::State;

/// Why an item cannot be had.
struct Short {
    available: u32,
    not_together: bool,
}

impl State {
    /// Named seats are free. Of a show that knows seats of its own, a buyer's own hold in the way is
    /// said as such.
    pub(super) fn check_named(
        &self,
        slot: u32,
        show: &Show,
        items: &[Item],
        counter: Option<u32>,
    ) -> Result<(), Rejection> {
        let wanted = all_named(items);
        let free = check_seats(&wanted, |seat| !show.seats.is_free(seat));
        let Err(Rejection::SeatUnavailable { seats }) = free else {
            return free;
        };
        if self.sale_of(show).is_third {
            let own = self.own_holds(counter, slot, |seat| seats.contains(&seat));
            if !own.is_empty() {
                return Err(Rejection::SeatInOwnHold { seats, own });
            }
        }
        Err(Rejection::SeatUnavailable { seats })
    }

    /// A seat for every place of the order, none of general admission. All named seats are free, and
    /// the summaries of zones for best available have been renewed.
    pub(super) fn choose(
        &self,
        show: &Show,
        items: &[Item],
    ) -> Result<SmallVec<[Option<SeatIndex>; 8]>, Rejection> {
        // Seats of the order so far, ascending, and its places by general zone.
        let mut ours: SmallVec<[SeatIndex; 8]> = items.iter().flat_map(named).copied().collect();
        ours.sort_unstable();
        let mut general: SmallVec<[u32; 8]> = smallvec![0; show.zones.len()];
        let mut seats = SmallVec::new();
        for (number, item) in (0u8..).zip(items) {
            let chosen = choose_one(show, item, &ours, &mut general).map_err(|short| {
                let Short {
                    available,
                    not_together,
                } = short;
                if items.len() == 1 {
                    Rejection::InsufficientStock {
                        available,
                        not_together,
                    }
                } else {
                    Rejection::InsufficientStockOf {
                        item: number,
                        zone: item.zone,
                        available,
                        not_together,
                    }
                }
            })?;
            match &item.pick {
                PickV2::Seats(named) => seats.extend(named.iter().copied().map(Some)),
                PickV2::BestAvailable { .. } => {
                    seats.extend(chosen.iter().copied().map(Some));
                    ours.extend_from_slice(&chosen);
                    ours.sort_unstable();
                }
                PickV2::General { quantity } => {
                    seats.extend((0..*quantity).map(|_| None));
                }
            }
        }
        Ok(seats)
    }
}

/// The seats of an item that does not name them.
fn choose_one(
    show: &Show,
    item: &Item,
    ours: &[SeatIndex],
    general: &mut [u32],
) -> Result<SeatList, Short> {
    let zone = usize::from(item.zone);
    let free = show.zones[zone].counts.available;
    let quantity = shape::quantity(item);
    match (&item.pick, &show.zones[zone].kind) {
        (PickV2::General { .. }, _) => {
            let available = free.saturating_sub(general[zone]);
            if quantity > available {
                return Err(Short {
                    available,
                    not_together: false,
                });
            }
            general[zone] += quantity;
            Ok(SeatList::new())
        }
        (&PickV2::BestAvailable { together, kind, .. }, ZoneKind::Seated(base)) => {
            best(show, item.zone, base, (quantity, together, kind), ours)
        }
        _ => {
            debug_assert!(!named(item).is_empty(), "admission fits");
            Ok(SeatList::new())
        }
    }
}

fn best(
    show: &Show,
    zone: ZoneIndex,
    base: &SeatedZone,
    (quantity, together, kind): (u32, bool, SeatKind),
    ours: &[SeatIndex],
) -> Result<SeatList, Short> {
    let rows = show.rows(zone, base);
    let free = show.zones[usize::from(zone)].counts.available;
    let has_ours = ours.iter().any(|&seat| show.has_seat(zone, base, seat));
    let search = Search {
        map: &show.seats,
        rows,
        kind,
        without: ours,
    };
    let available = search.available(free);
    if quantity > available {
        return Err(Short {
            available,
            not_together: false,
        });
    }
    if kind == SeatKind::Companion {
        let accessible: Vec<SeatIndex> = ours
            .iter()
            .copied()
            .filter(|&seat| rows.kind(seat) == SeatKind::Accessible)
            .collect();
        return Ok(search.companions(quantity, &accessible));
    }
    let is_simple = rows.hall.is_none() && !has_ours;
    let first = if is_simple {
        best_available::together(&show.seats, base, quantity)
    } else {
        search.together(quantity)
    };
    if let Some(first) = first {
        return Ok((first..first + quantity).collect());
    }
    if together && quantity > 1 {
        return Err(Short {
            available,
            not_together: true,
        });
    }
    Ok(if is_simple {
        best_available::anywhere(&show.seats, base, quantity)
    } else {
        search.anywhere(quantity)
    })
}
