//! A row as a request has it: its name, its seats and what is special about them.

use std::collections::HashSet;

use onsale_schemas::seating::{RowPlan, SeatKind, Special};
use onsale_store::catalog::ChartRow;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SeatsRequest, check_row_name, row_of_seats, seats_schema};
use crate::error::ApiError;

/// A row of a zone. One that is added with the name of an older row stands beside it, and has other labels.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowRequest {
    /// 1 to 16 letters, digits and spaces.
    pub(in crate::routes::shows) name: String,
    /// How many, or a label for each.
    #[schema(schema_with = seats_schema)]
    pub(in crate::routes::shows) seats: SeatsRequest,
    /// Best available looks at rows with a lower rank first; 0 when left out.
    pub(in crate::routes::shows) rank: Option<u16>,
    /// Where the best seat of the row is: twice its distance from the start of the row, in seats. The
    /// middle when left out.
    pub(in crate::routes::shows) focus: Option<u16>,
    /// Places in the row, counted from 0, before which there is a gap; ascending.
    pub(in crate::routes::shows) gaps: Option<Vec<u16>>,
    /// Seats that are not ordinary; ascending.
    pub(in crate::routes::shows) special: Option<Vec<SpecialRequest>>,
}

/// Seats of a row, one after the other, that are not ordinary.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpecialRequest {
    /// Place of the first in the row, counted from 0.
    pub(in crate::routes::shows) first: u16,
    /// How many.
    pub(in crate::routes::shows) count: u16,
    pub(in crate::routes::shows) kind: SpecialKind,
}

/// What a seat is that is not ordinary.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SpecialKind {
    /// For a person with reduced mobility.
    Accessible,
    /// For whoever comes with such a person.
    Companion,
}

/// The row, checked against every limit that needs nothing but itself. `names` are those that other rows of the
/// zone have, and its own then. Errors name fields behind `path`.
pub(in crate::routes::shows) fn chart_row(
    path: &str,
    request: RowRequest,
    names: &mut HashSet<String>,
) -> Result<ChartRow, ApiError> {
    check_row_name(path, &request.name, names)?;
    let seats = row_of_seats(path, request.seats)?;
    let plan = RowPlan {
        rank: request.rank.unwrap_or(0),
        focus: request.focus.unwrap_or(0),
        gaps: request.gaps.unwrap_or_default(),
        special: special(request.special.as_deref().unwrap_or_default()),
    };
    check_plan(path, &plan, seats.count())?;
    Ok(ChartRow {
        name: request.name,
        seats,
        plan,
    })
}

fn special(requests: &[SpecialRequest]) -> Vec<Special> {
    let of = |request: &SpecialRequest| Special {
        first: request.first,
        count: request.count,
        kind: match request.kind {
            SpecialKind::Accessible => SeatKind::Accessible,
            SpecialKind::Companion => SeatKind::Companion,
        },
    };
    requests.iter().map(of).collect()
}

/// What is special about a row lies within it.
fn check_plan(path: &str, plan: &RowPlan, seats: u16) -> Result<(), ApiError> {
    let last = u32::from(seats) * 2;
    if u32::from(plan.focus) > last {
        return Err(ApiError::invalid(
            &format!("{path}.focus"),
            plan.focus,
            &format!("0 to {last}"),
        ));
    }
    let mut from = 1;
    for (at, gap) in plan.gaps.iter().enumerate() {
        if !(from..seats).contains(gap) {
            return Err(ApiError::invalid(
                &format!("{path}.gaps[{at}]"),
                gap,
                &format!("ascending places, 1 to {}", seats.saturating_sub(1)),
            ));
        }
        from = gap.saturating_add(1);
    }
    let mut from = 0u32;
    for (at, special) in plan.special.iter().enumerate() {
        let (first, count) = (u32::from(special.first), u32::from(special.count));
        if count == 0 || first < from || first + count > u32::from(seats) {
            return Err(ApiError::invalid(
                &format!("{path}.special[{at}]"),
                format!("{count} from {first} on"),
                &format!("at least one of the {seats} seats, ascending, each seat once"),
            ));
        }
        from = first + count;
    }
    Ok(())
}
