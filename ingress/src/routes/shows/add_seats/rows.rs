//! Rows that are added to a zone: read, and checked against every limit that needs no catalog.

use std::collections::HashSet;

use onsale_schemas::limits::ROWS_PER_ZONE_MAX;
use onsale_schemas::seating::RowPlan;
use onsale_store::catalog::ChartRow;

use crate::error::ApiError;
use crate::routes::shows::layout::{RowRequest, chart_row};

/// The rows with their names, and their plans: none where nothing is special about any.
pub(super) fn read_rows(
    requests: Vec<RowRequest>,
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
        let row = chart_row(&path, request, &mut names)?;
        plans.push(row.plan.clone());
        rows.push(row);
    }
    if plans.iter().all(|plan| *plan == RowPlan::default()) {
        plans.clear();
    }
    Ok((rows, plans))
}

#[cfg(test)]
mod tests {
    use onsale_schemas::seating::{SeatKind, Special};

    use super::*;
    use crate::routes::shows::layout::{SeatsRequest, SpecialKind, SpecialRequest};

    fn request(plan: RowPlan) -> RowRequest {
        RowRequest {
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
