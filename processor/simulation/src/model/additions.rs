//! What changes in a hall after the show was opened: seats that are added or taken away.

use onsale_schemas::command::{Admission, BlockPlaces, SeatBlock, ZoneLayout};
use onsale_schemas::limits::{
    ADDITIONS_PER_ZONE_MAX, GENERAL_CAPACITY_MAX, ROWS_PER_ZONE_MAX, SEATS_PER_ROW_MAX,
    SEATS_PER_SHOW_MAX, SPECIAL_SEATS_PER_SHOW_MAX, UNIT_PRICE_MAX_MINOR, ZONES_PER_SHOW_MAX,
};
use onsale_schemas::outcome::BlockChange;
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::seating::{AddSeats, Addition, RowPlan, SeatKind};
use onsale_schemas::{Outcome, Rejection, SeatList, ZoneIndex};

use super::blocking;
use super::lifecycle::{invalid, layout_is_valid};
use super::machine::Model;
use super::order::all_known;
use super::plans::{fit_rows, special_seats};
use super::shows::{Places, Seat, Show};

impl Model {
    pub(super) fn add_seats(&mut self, add: &AddSeats) -> Result<Outcome, Rejection> {
        let asks_for_nothing = match &add.addition {
            Addition::Rows { rows, .. } => rows.is_empty(),
            Addition::Capacity { places, .. } => *places == 0,
            // A zone without places is a bad layout, as when a show is opened.
            Addition::Zone { .. } => false,
        };
        if asks_for_nothing {
            return Err(invalid(InvalidReason::NothingAsked));
        }
        let show = self.open_to_staff(add.show)?;
        let now = present(show, &add.addition).map_err(invalid)?;
        if now != add.expected {
            return Err(Rejection::LayoutChanged { now });
        }
        let show = self.show_mut(add.show)?;
        let next_seat = u32::try_from(show.seats.len()).unwrap_or(u32::MAX);
        let (zone, first_seat, places) = match &add.addition {
            Addition::Rows { zone, rows, plans } => {
                check_rows(show, *zone, rows, plans)?;
                let new = show.new_rows(rows, plans);
                if let Some(zone) = show.zones.get_mut(usize::from(*zone))
                    && let Places::Seated(rows) = &mut zone.places
                {
                    rows.extend(new);
                    zone.additions += 1;
                }
                (*zone, next_seat, seats_of(rows))
            }
            Addition::Capacity { zone, places } => {
                let capacity = u64::from(now) + u64::from(*places);
                if capacity > u64::from(GENERAL_CAPACITY_MAX) {
                    return Err(invalid(InvalidReason::Layout));
                }
                if let Some(general) = show.general_mut(*zone) {
                    general.capacity += places;
                }
                (*zone, 0, *places)
            }
            Addition::Zone { layout, plan } => {
                check_zone(show, layout, plan)?;
                let zone = ZoneIndex::try_from(show.zones.len()).unwrap_or(ZoneIndex::MAX);
                show.add_zone(layout, plan);
                match &layout.admission {
                    Admission::Seated { rows } => (zone, next_seat, seats_of(rows)),
                    Admission::General { capacity } => (zone, 0, *capacity),
                }
            }
        };
        Ok(Outcome::SeatsAdded {
            show: add.show,
            zone,
            first_seat,
            places,
        })
    }

    pub(super) fn take_seats(&mut self, block: &SeatBlock) -> Result<Outcome, Rejection> {
        let quantity = blocking::asked(&block.places).map_err(invalid)?;
        let show = self.open_to_staff(block.show)?;
        let zone = show
            .zone(block.zone)
            .ok_or(invalid(InvalidReason::UnknownZone))?;
        let mut taken = SeatList::new();
        match (&block.places, &zone.places) {
            (BlockPlaces::Seats(seats), Places::Seated(_)) => {
                all_known(show, block.zone, seats).map_err(invalid)?;
                let lost: SeatList = seats
                    .iter()
                    .copied()
                    .filter(|&seat| !matches!(show.seat(seat), Some(Seat::Free | Seat::Blocked)))
                    .collect();
                if !lost.is_empty() {
                    return Err(Rejection::SeatUnavailable { seats: lost });
                }
                let show = self.show_mut(block.show)?;
                for &seat in seats.iter() {
                    show.set_seat(block.zone, seat, Seat::Taken);
                }
                taken = seats.clone();
            }
            (BlockPlaces::Quantity(_), Places::General(general)) => {
                let available = general.available();
                if available < quantity {
                    return Err(Rejection::InsufficientStock {
                        available,
                        not_together: false,
                    });
                }
                if let Some(general) = self.show_mut(block.show)?.general_mut(block.zone) {
                    general.capacity -= quantity;
                }
            }
            _ => return Err(invalid(InvalidReason::WrongAdmission)),
        }
        Ok(Outcome::SeatsTaken(BlockChange {
            show: block.show,
            zone: block.zone,
            seats: taken,
            quantity,
        }))
    }
}

/// What an addition has to expect.
fn present(show: &Show, addition: &Addition) -> Result<u32, InvalidReason> {
    let zone = match addition {
        Addition::Zone { .. } => {
            return Ok(u32::try_from(show.zones.len()).unwrap_or(u32::MAX));
        }
        Addition::Rows { zone, .. } | Addition::Capacity { zone, .. } => *zone,
    };
    let places = &show.zone(zone).ok_or(InvalidReason::UnknownZone)?.places;
    match (addition, places) {
        (Addition::Rows { .. }, Places::Seated(_)) => {
            Ok(u32::try_from(show.seats.len()).unwrap_or(u32::MAX))
        }
        (Addition::Capacity { .. }, Places::General(general)) => Ok(general.capacity),
        _ => Err(InvalidReason::WrongAdmission),
    }
}

fn seats_of(rows: &[u16]) -> u32 {
    rows.iter().map(|&len| u32::from(len)).sum()
}

fn has_room(show: &Show, rows: &[u16], plans: &[RowPlan]) -> bool {
    let new: u64 = rows.iter().map(|&len| u64::from(len)).sum();
    let seats = u64::try_from(show.seats.len()).unwrap_or(u64::MAX);
    let special = show.kinds.iter().filter(|k| **k != SeatKind::Ordinary);
    let special = u64::try_from(special.count()).unwrap_or(u64::MAX);
    seats.saturating_add(new) <= u64::from(SEATS_PER_SHOW_MAX)
        && special.saturating_add(special_seats(plans)) <= u64::from(SPECIAL_SEATS_PER_SHOW_MAX)
}

fn plans_fit(rows: &[u16], plans: &[RowPlan]) -> bool {
    plans.is_empty() || fit_rows(rows, plans)
}

fn check_rows(
    show: &Show,
    zone: ZoneIndex,
    rows: &[u16],
    plans: &[RowPlan],
) -> Result<(), Rejection> {
    let additions = show.zone(zone).map_or(0, |zone| zone.additions);
    let is_valid = rows.iter().all(|len| (1..=SEATS_PER_ROW_MAX).contains(len))
        && show.rows(zone).len() + rows.len() <= ROWS_PER_ZONE_MAX
        && additions < ADDITIONS_PER_ZONE_MAX
        && plans_fit(rows, plans)
        && has_room(show, rows, plans);
    if is_valid {
        Ok(())
    } else {
        Err(invalid(InvalidReason::Layout))
    }
}

fn check_zone(show: &Show, layout: &ZoneLayout, plan: &[RowPlan]) -> Result<(), Rejection> {
    let rows: &[u16] = match &layout.admission {
        Admission::Seated { rows } => rows,
        Admission::General { .. } => &[],
    };
    let is_valid = layout_is_valid(std::slice::from_ref(layout))
        && show.zones.len() < ZONES_PER_SHOW_MAX
        && plans_fit(rows, plan)
        && has_room(show, rows, plan);
    if !is_valid {
        return Err(invalid(InvalidReason::Layout));
    }
    if !(0..=UNIT_PRICE_MAX_MINOR).contains(&layout.unit_price) {
        return Err(invalid(InvalidReason::OutOfRange));
    }
    match show.currency() {
        Some(currency) if currency != layout.currency => {
            Err(invalid(InvalidReason::MixedCurrencies))
        }
        Some(_) | None => Ok(()),
    }
}
