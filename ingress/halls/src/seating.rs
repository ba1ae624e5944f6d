//! What the log knows of a layout beyond its rows: how good they are, where their gaps and best seats
//! are, and which seats are for wheelchairs and companions.

use onsale_schemas::limits::SPECIAL_SEATS_PER_SHOW_MAX;
use onsale_schemas::seating::{RowPlan, SeatKind, Special, ZonePlan};

use crate::compile::{Compiled, Places, ZoneRow};
use crate::fault::{Faults, Findings, Spot};
use crate::format::Flag;
use crate::hall::Hall;
use crate::plan::PlanSeat;

/// The plans of all seated zones of a layout.
///
/// # Errors
/// When it has more places for wheelchairs and companions than a show can have.
pub fn plans(hall: &Hall, compiled: &Compiled) -> Result<Vec<ZonePlan>, Faults> {
    let mut seats = compiled
        .seats
        .iter()
        .filter_map(|&seat| hall.plan().seats.get(seat as usize));
    let mut plans = Vec::new();
    for (zone, of_zone) in (0u16..).zip(&compiled.zones) {
        let Places::Seated { rows } = &of_zone.places else {
            continue;
        };
        let rows = rows.iter().map(|row| {
            let of_row: Vec<&PlanSeat> = seats.by_ref().take(usize::from(row.len())).collect();
            row_plan(row, &of_row)
        });
        plans.push(ZonePlan {
            zone,
            rows: rows.collect(),
        });
    }
    let specials = plans
        .iter()
        .flat_map(|plan: &ZonePlan| &plan.rows)
        .flat_map(|row| &row.special)
        .map(|special| u32::from(special.count))
        .sum::<u32>();
    let mut findings = Findings::default();
    findings.require(specials <= SPECIAL_SEATS_PER_SHOW_MAX, Spot::Hall, || {
        format!(
            "{specials} places for wheelchairs and companions: a show has at most \
             {SPECIAL_SEATS_PER_SHOW_MAX}"
        )
    });
    findings.finish()?;
    Ok(plans)
}

fn row_plan(row: &ZoneRow, seats: &[&PlanSeat]) -> RowPlan {
    let sum: u64 = seats.iter().map(|seat| u64::from(seat.rank)).sum();
    let count = u64::try_from(seats.len()).unwrap_or(u64::MAX).max(1);
    RowPlan {
        // As rows are sorted: by the mean of their seats.
        rank: u16::try_from(sum / count).unwrap_or(u16::MAX),
        focus: focus(seats),
        gaps: row.breaks.clone(),
        special: specials(seats),
    }
}

/// Twice the distance of the best seats' middle from the start of the row, in seats; 0 where that is the
/// middle of the row.
fn focus(seats: &[&PlanSeat]) -> u16 {
    let Some(best) = seats.iter().map(|seat| seat.rank).min() else {
        return 0;
    };
    let is_best = |seat: &&PlanSeat| seat.rank == best;
    let first = seats.iter().position(is_best).unwrap_or_default();
    let last = seats.iter().rposition(is_best).unwrap_or_default();
    let focus = first + last + 1;
    if focus == seats.len() {
        0
    } else {
        u16::try_from(focus).unwrap_or(0)
    }
}

/// Seats that are not ordinary, those side by side together.
fn specials(seats: &[&PlanSeat]) -> Vec<Special> {
    let mut specials: Vec<Special> = Vec::new();
    for (place, seat) in (0u16..).zip(seats) {
        let kind = if seat.flags.has(Flag::Wheelchair) {
            SeatKind::Accessible
        } else if seat.flags.has(Flag::Companion) {
            SeatKind::Companion
        } else {
            continue;
        };
        match specials.last_mut() {
            Some(last) if last.kind == kind && last.first + last.count == place => last.count += 1,
            _ => specials.push(Special {
                first: place,
                count: 1,
                kind,
            }),
        }
    }
    specials
}
