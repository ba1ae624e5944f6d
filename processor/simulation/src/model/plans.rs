//! Plans of rows: gaps, best seats, and seats that are not ordinary.

use onsale_schemas::command::{Admission, ZoneLayout};
use onsale_schemas::limits::SPECIAL_SEATS_PER_SHOW_MAX;
use onsale_schemas::seating::{RowPlan, SeatKind, ZonePlan};

/// Whether the plans fit a show with these zones.
pub(super) fn are_valid(zones: &[ZoneLayout], plans: &[ZonePlan]) -> bool {
    let ascend = plans.windows(2).all(|pair| pair[0].zone < pair[1].zone);
    let fit = plans.iter().all(|plan| {
        match zones
            .get(usize::from(plan.zone))
            .map(|zone| &zone.admission)
        {
            Some(Admission::Seated { rows }) => fit_rows(rows, &plan.rows),
            Some(Admission::General { .. }) | None => false,
        }
    });
    let special: u64 = plans.iter().map(|plan| special_seats(&plan.rows)).sum();
    ascend && fit && special <= u64::from(SPECIAL_SEATS_PER_SHOW_MAX)
}

/// Whether there is a valid plan for each row.
pub(super) fn fit_rows(rows: &[u16], plans: &[RowPlan]) -> bool {
    rows.len() == plans.len()
        && rows
            .iter()
            .zip(plans)
            .all(|(&len, plan)| fits_row(len, plan))
}

fn fits_row(len: u16, plan: &RowPlan) -> bool {
    let gaps = plan.gaps.windows(2).all(|pair| pair[0] < pair[1])
        && plan.gaps.iter().all(|&gap| 1 <= gap && gap < len);
    let focus = u32::from(plan.focus) <= 2 * u32::from(len);
    let mut next = 0;
    let mut special = true;
    for seats in &plan.special {
        let (first, count) = (u32::from(seats.first), u32::from(seats.count));
        special &= first >= next
            && count > 0
            && first + count <= u32::from(len)
            && seats.kind != SeatKind::Ordinary;
        next = first + count;
    }
    gaps && focus && special
}

/// Seats of rows that are not ordinary.
pub(super) fn special_seats(plans: &[RowPlan]) -> u64 {
    let specials = plans.iter().flat_map(|plan| &plan.special);
    specials.map(|seats| u64::from(seats.count)).sum()
}
