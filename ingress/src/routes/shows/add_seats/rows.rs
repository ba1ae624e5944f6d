//! Rows that are added to a zone: read, and checked against every limit that needs no catalog.

use std::collections::HashSet;

use onsale_schemas::limits::ROWS_PER_ZONE_MAX;
use onsale_schemas::seating::{RowPlan, SeatKind, Special};
use onsale_store::catalog::ChartRow;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::routes::shows::layout::{SeatsRequest, check_row_name, row_of_seats, seats_schema};

/// A row to add. One with the name of an older row stands beside it, and has other labels.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddedRowRequest {
    /// 1 to 16 letters, digits and spaces.
    name: String,
    /// How many, or a label for each.
    #[schema(schema_with = seats_schema)]
    seats: SeatsRequest,
    /// Best available looks at rows with a lower rank first; 0 when left out.
    rank: Option<u16>,
    /// Where the best seat of the row is: twice its distance from the start of the row, in seats. The
    /// middle when left out.
    focus: Option<u16>,
    /// Places in the row, counted from 0, before which there is a gap; ascending.
    gaps: Option<Vec<u16>>,
    /// Seats that are not ordinary; ascending.
    special: Option<Vec<SpecialRequest>>,
}

/// Seats of a row, one after the other, that are not ordinary.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpecialRequest {
    /// Place of the first in the row, counted from 0.
    first: u16,
    /// How many.
    count: u16,
    kind: SpecialKind,
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

/// The rows with their names, and their plans: none where nothing is special about any.
pub(super) fn read_rows(
    requests: Vec<AddedRowRequest>,
) -> Result<(Vec<ChartRow>, Vec<RowPlan>), ApiError> {
    if !(1..=ROWS_PER_ZONE_MAX).contains(&requests.len()) {
        return Err(ApiError::invalid(
            "rows",
            requests.len(),
            &format!("1 to {ROWS_PER_ZONE_MAX} rows"),
        ));
    }
    let mut names = HashSet::new();
    let mut rows = Vec::with_capacity(requests.len());
    let mut plans = Vec::with_capacity(requests.len());
    for (at, request) in requests.into_iter().enumerate() {
        let path = format!("rows[{at}]");
        check_row_name(&path, &request.name, &mut names)?;
        let seats = row_of_seats(&path, request.seats)?;
        let plan = RowPlan {
            rank: request.rank.unwrap_or(0),
            focus: request.focus.unwrap_or(0),
            gaps: request.gaps.unwrap_or_default(),
            special: special(request.special.as_deref().unwrap_or_default()),
        };
        check_plan(&path, &plan, seats.count())?;
        rows.push(ChartRow {
            name: request.name,
            seats,
            plan: plan.clone(),
        });
        plans.push(plan);
    }
    if plans.iter().all(|plan| *plan == RowPlan::default()) {
        plans.clear();
    }
    Ok((rows, plans))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(plan: RowPlan) -> AddedRowRequest {
        AddedRowRequest {
            name: "A".to_owned(),
            seats: SeatsRequest::Count(4),
            rank: Some(plan.rank),
            focus: Some(plan.focus),
            gaps: Some(plan.gaps),
            special: Some(
                plan.special
                    .iter()
                    .map(|special| SpecialRequest {
                        first: special.first,
                        count: special.count,
                        kind: SpecialKind::Companion,
                    })
                    .collect(),
            ),
        }
    }

    fn companions(first: u16, count: u16) -> Special {
        Special {
            first,
            count,
            kind: SeatKind::Companion,
        }
    }

    #[test]
    fn what_is_special_about_a_row_lies_within_it() {
        let plan = RowPlan {
            rank: 2,
            focus: 8,
            gaps: vec![1, 3],
            special: vec![companions(0, 1), companions(2, 2)],
        };
        let (rows, plans) = read_rows(vec![request(plan.clone())]).unwrap();
        assert_eq!((rows.len(), plans), (1, vec![plan]));
        let plain = read_rows(vec![request(RowPlan::default())]).unwrap();
        assert!(plain.1.is_empty());
        for (wrong, field) in [
            (
                RowPlan {
                    focus: 9,
                    ..RowPlan::default()
                },
                "rows[0].focus",
            ),
            (
                RowPlan {
                    gaps: vec![0],
                    ..RowPlan::default()
                },
                "rows[0].gaps[0]",
            ),
            (
                RowPlan {
                    gaps: vec![2, 2],
                    ..RowPlan::default()
                },
                "rows[0].gaps[1]",
            ),
            (
                RowPlan {
                    gaps: vec![4],
                    ..RowPlan::default()
                },
                "rows[0].gaps[0]",
            ),
            (
                RowPlan {
                    special: vec![companions(0, 0)],
                    ..RowPlan::default()
                },
                "rows[0].special[0]",
            ),
            (
                RowPlan {
                    special: vec![companions(0, 2), companions(1, 1)],
                    ..RowPlan::default()
                },
                "rows[0].special[1]",
            ),
            (
                RowPlan {
                    special: vec![companions(3, 2)],
                    ..RowPlan::default()
                },
                "rows[0].special[0]",
            ),
        ] {
            let Err(error) = read_rows(vec![request(wrong)]) else {
                panic!("{field} is wrong");
            };
            assert!(error.detail().starts_with(field), "{}", error.detail());
        }
    }
}
