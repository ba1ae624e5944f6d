//! `AddSeats`.

use onsale_schemas::command::{Admission, ZoneLayout};
use onsale_schemas::limits::{
    ADDITIONS_PER_ZONE_MAX, GENERAL_CAPACITY_MAX, ROWS_PER_ZONE_MAX, SEATS_PER_ROW_MAX,
    SEATS_PER_SHOW_MAX, SPECIAL_SEATS_PER_SHOW_MAX, UNIT_PRICE_MAX_MINOR, ZONES_PER_SHOW_MAX,
};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::seating::{AddSeats, Addition, RowPlan};
use onsale_schemas::{Outcome, Rejection, ShowId, ZoneIndex};

use super::Verdict;
use super::places::{Places, check_quantity, check_zone, invalid};
use super::plans;
use crate::asked::Asked;
use crate::hall::special_seats;
use crate::layout::{self, ZoneKind};
use crate::shows::Show;
use crate::state::State;

impl State {
    pub(super) fn add_seats(&mut self, command: &AddSeats, asked: &Asked<'_>) -> Verdict {
        match &command.addition {
            Addition::Rows { rows, .. } => {
                let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
                check_quantity(count, u32::MAX)?;
            }
            Addition::Capacity { places, .. } => check_quantity(*places, u32::MAX)?,
            Addition::Zone { .. } => {}
        }
        let slot = self.find_show(&command.show, asked)?;
        let show = self.shows.get(slot);
        match &command.addition {
            Addition::Rows { zone, rows, plans } => {
                check_zone(show, *zone, &Places::AnySeats)?;
                check_expected(command, show.seats.layout.seats())?;
                check_rows(show, *zone, rows, plans)?;
                self.add_rows(slot, command.show, *zone, rows, plans)
            }
            &Addition::Capacity { zone, places } => {
                let kind = check_zone(show, zone, &Places::General)?;
                let ZoneKind::General { capacity } = kind else {
                    return Err(invalid(InvalidReason::WrongAdmission));
                };
                check_expected(command, capacity)?;
                if capacity.saturating_add(places) > GENERAL_CAPACITY_MAX {
                    return Err(invalid(InvalidReason::Layout));
                }
                self.shows.get_mut(slot).add_capacity(zone, places);
                Ok(added(command.show, zone, 0, places))
            }
            Addition::Zone { layout, plan } => {
                let zones = show.zones.len();
                check_expected(command, u32::try_from(zones).unwrap_or(u32::MAX))?;
                check_new_zone(show, layout, plan)?;
                let index = ZoneIndex::try_from(zones).unwrap_or(ZoneIndex::MAX);
                Ok(self.add_zone(slot, command.show, index, layout, plan))
            }
        }
    }

    fn add_rows(
        &mut self,
        slot: u32,
        id: ShowId,
        zone: ZoneIndex,
        rows: &[u16],
        plans: &[RowPlan],
    ) -> Verdict {
        let range = self
            .shows
            .get_mut(slot)
            .add_rows(zone, rows, plans)
            .ok_or(invalid(InvalidReason::WrongAdmission))?;
        Ok(added(id, zone, range.first_seat, range.seats))
    }

    fn add_zone(
        &mut self,
        slot: u32,
        id: ShowId,
        zone: ZoneIndex,
        layout: &ZoneLayout,
        plan: &[RowPlan],
    ) -> Outcome {
        let show = self.shows.get_mut(slot);
        let range = show.add_zone(layout);
        if !plan.is_empty() {
            show.sale_mut().hall_mut().set_plans(zone, plan.to_vec());
        }
        let places = match (&layout.admission, range) {
            (_, Some(range)) => range.seats,
            (&Admission::General { capacity }, None) => capacity,
            (Admission::Seated { .. }, None) => 0,
        };
        added(id, zone, range.map_or(0, |range| range.first_seat), places)
    }
}

fn added(show: ShowId, zone: ZoneIndex, first_seat: u32, places: u32) -> Outcome {
    Outcome::SeatsAdded {
        show,
        zone,
        first_seat,
        places,
    }
}

fn check_expected(command: &AddSeats, now: u32) -> Result<(), Rejection> {
    if command.expected == now {
        Ok(())
    } else {
        Err(Rejection::LayoutChanged { now })
    }
}

fn ensure_layout(holds: bool) -> Result<(), Rejection> {
    if holds {
        Ok(())
    } else {
        Err(invalid(InvalidReason::Layout))
    }
}

/// What would result of more rows is within the limits.
fn check_rows(
    show: &Show,
    zone: ZoneIndex,
    rows: &[u16],
    plans: &[RowPlan],
) -> Result<(), Rejection> {
    let Some(ZoneKind::Seated(base)) = show.zones.get(usize::from(zone)).map(|zone| &zone.kind)
    else {
        return Err(invalid(InvalidReason::WrongAdmission));
    };
    let known = show.rows(zone, base);
    let additions = known.hall.map_or(0, |hall| hall.added.len());
    ensure_layout(
        known.count() as usize + rows.len() <= ROWS_PER_ZONE_MAX
            && additions < ADDITIONS_PER_ZONE_MAX
            && are_rows_possible(show, rows)
            && are_plans_possible(show, rows, plans),
    )
}

fn are_rows_possible(show: &Show, rows: &[u16]) -> bool {
    let are_lengths_valid = rows
        .iter()
        .all(|seats| (1..=SEATS_PER_ROW_MAX).contains(seats));
    let seats: u64 = rows.iter().map(|&seats| u64::from(seats)).sum();
    are_lengths_valid
        && u64::from(show.seats.layout.seats()) + seats <= u64::from(SEATS_PER_SHOW_MAX)
}

fn are_plans_possible(show: &Show, rows: &[u16], plans: &[RowPlan]) -> bool {
    let known = show.sale().map_or(0, |sale| sale.hall.special_seats());
    plans.is_empty()
        || (plans::are_rows_valid(plans, rows)
            && known.saturating_add(special_seats(plans)) <= SPECIAL_SEATS_PER_SHOW_MAX)
}

fn check_new_zone(show: &Show, layout: &ZoneLayout, plan: &[RowPlan]) -> Result<(), Rejection> {
    let is_possible = match &layout.admission {
        Admission::Seated { rows } => {
            are_rows_possible(show, rows) && are_plans_possible(show, rows, plan)
        }
        Admission::General { .. } => plan.is_empty(),
    };
    ensure_layout(
        show.zones.len() < ZONES_PER_SHOW_MAX
            && layout::is_valid(std::slice::from_ref(layout))
            && is_possible,
    )?;
    if !(0..=UNIT_PRICE_MAX_MINOR).contains(&layout.unit_price) {
        return Err(invalid(InvalidReason::OutOfRange));
    }
    let mut currencies = show.zones.iter().map(|zone| zone.currency);
    let first = currencies.next();
    let are_of_one = currencies.all(|other| Some(other) == first);
    if are_of_one && first != Some(layout.currency) {
        return Err(invalid(InvalidReason::MixedCurrencies));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
