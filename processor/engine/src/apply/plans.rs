//! Whether plans of rows keep to the rules.

use onsale_schemas::command::{Admission, ZoneLayout};
use onsale_schemas::limits::SPECIAL_SEATS_PER_SHOW_MAX;
use onsale_schemas::seating::{RowPlan, SeatKind, ZonePlan};

use crate::hall::special_seats;

/// Whether a show with these zones, which are valid, may have the plans.
pub(super) fn are_valid(plans: &[ZonePlan], zones: &[ZoneLayout]) -> bool {
    let ascend = plans
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if a.zone < b.zone));
    let fit = plans.iter().all(|plan| {
        let zone = zones.get(usize::from(plan.zone));
        match zone.map(|zone| &zone.admission) {
            Some(Admission::Seated { rows }) => are_rows_valid(&plan.rows, rows),
            Some(Admission::General { .. }) | None => false,
        }
    });
    // Only plans that fit have no more special seats than seats.
    let special = || -> u64 {
        let of_zones = plans.iter().map(|plan| special_seats(&plan.rows));
        of_zones.map(u64::from).sum()
    };
    ascend && fit && special() <= u64::from(SPECIAL_SEATS_PER_SHOW_MAX)
}

/// Whether there is one valid plan for each row of so many seats.
pub(crate) fn are_rows_valid(plans: &[RowPlan], rows: &[u16]) -> bool {
    plans.len() == rows.len()
        && plans
            .iter()
            .zip(rows)
            .all(|(plan, &seats)| is_row_valid(plan, seats))
}

fn is_row_valid(plan: &RowPlan, seats: u16) -> bool {
    let mut last_gap = 0;
    for &gap in &plan.gaps {
        if gap <= last_gap || gap >= seats {
            return false;
        }
        last_gap = gap;
    }
    let mut next = 0u32;
    for special in &plan.special {
        let first = u32::from(special.first);
        if special.kind == SeatKind::Ordinary || special.count == 0 || first < next {
            return false;
        }
        next = first + u32::from(special.count);
    }
    next <= u32::from(seats) && u32::from(plan.focus) <= 2 * u32::from(seats)
}
