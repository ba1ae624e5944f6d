//! What the log is told of the rows of a new show beyond their seats.

use onsale_schemas::seating::{RowPlan, ZonePlan};
use onsale_store::catalog::{ShowRow, ZoneAdmission, ZoneRow};

/// See the module.
pub(in crate::routes::shows) struct Seating<'a>(&'a [ZoneRow]);

impl<'a> Seating<'a> {
    /// Of a show of the catalog.
    pub(in crate::routes::shows) fn of(show: &'a ShowRow) -> Self {
        Self(&show.zones)
    }

    /// The plans of the zones that have one, ascending: none of a show whose rows are plain.
    pub(in crate::routes::shows) fn plans(&self) -> Vec<ZonePlan> {
        let of_zone = |zone: &ZoneRow| {
            let rows = plan_of(zone);
            let zone = zone.index;
            (!rows.is_empty()).then_some(ZonePlan { zone, rows })
        };
        self.0.iter().filter_map(of_zone).collect()
    }
}

/// The plans of the rows of a zone: none of one whose rows are plain.
pub(in crate::routes::shows) fn plan_of(zone: &ZoneRow) -> Vec<RowPlan> {
    match &zone.admission {
        ZoneAdmission::Seated { rows } if !rows.iter().all(|row| row.plan.is_plain()) => {
            rows.iter().map(|row| row.plan.clone()).collect()
        }
        ZoneAdmission::General { .. } | ZoneAdmission::Seated { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::seating::RowPlan;
    use onsale_store::catalog::{ChartRow, RowSeats};

    use super::*;
    use crate::charts::show_of;

    #[test]
    fn zones_of_plain_rows_have_no_plan() {
        let seated = |ranks: &[u16]| ZoneAdmission::Seated {
            rows: ranks
                .iter()
                .map(|rank| ChartRow {
                    name: rank.to_string(),
                    seats: RowSeats::Count(4),
                    plan: RowPlan {
                        rank: *rank,
                        ..RowPlan::default()
                    },
                })
                .collect(),
        };
        let general = ZoneAdmission::General { capacity: 9 };
        let show = show_of(vec![seated(&[0, 0]), general, seated(&[0, 7])]);
        let plans = Seating::of(&show).plans();
        assert_eq!(plans.len(), 1);
        assert_eq!(plans[0].zone, 2);
        let ranks: Vec<u16> = plans[0].rows.iter().map(|row| row.rank).collect();
        assert_eq!(ranks, [0, 7]);
    }
}
