//! The chart as JSON.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::chart::{Chart, ChartZone, Places, seat_id};
use crate::routes::charts;

/// The chart of a show. It changes only when the show gets or loses places.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatChart)]
pub(crate) struct ChartBody<'a> {
    show_id: Uuid,
    event_id: Uuid,
    /// Where the places of the seats are, in a compact form (`GET /charts/{address}`). Rows that were added
    /// since are not in it. `null`: the show was not made from a map, and rows and order are all that is known.
    chart: Option<String>,
    zones: Vec<ZoneBody<'a>>,
}

/// The chart in the document.
pub(crate) type Document = ChartBody<'static>;

/// A zone of a chart.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatChartZone)]
pub(crate) struct ZoneBody<'a> {
    zone_id: Uuid,
    name: &'a str,
    /// `seated` or `general`.
    admission: &'static str,
    /// Places of the zone.
    total_seats: u32,
    /// Its rows, best row first; none for general admission.
    rows: Vec<RowBody<'a>>,
}

/// A row of a chart.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatChartRow)]
pub(crate) struct RowBody<'a> {
    name: &'a str,
    seats: Vec<SeatBody<'a>>,
}

/// A seat of a chart.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatChartSeat)]
pub(crate) struct SeatBody<'a> {
    /// Opaque.
    seat_id: String,
    /// For people, as `A-3`.
    label: String,
    row: &'a str,
    /// The seat's label within its row.
    number: std::borrow::Cow<'a, str>,
    /// Place in the row from 0: neighbours differ by one.
    index: u16,
}

/// The `data` of the chart's answer.
pub(super) fn render(chart: &Chart) -> Vec<u8> {
    let body = ChartBody {
        show_id: chart.show.0,
        event_id: chart.event.0,
        chart: chart.drawn.map(charts::path),
        zones: chart
            .zones
            .iter()
            .map(|zone| ZoneBody {
                zone_id: zone.zone_id,
                name: &zone.name,
                admission: zone.admission(),
                total_seats: zone.total(),
                rows: rows(zone),
            })
            .collect(),
    };
    serde_json::to_vec(&body).unwrap_or_default()
}

fn rows(zone: &ChartZone) -> Vec<RowBody<'_>> {
    let Places::Seated { rows, .. } = &zone.places else {
        return Vec::new();
    };
    rows.iter()
        .map(|row| RowBody {
            name: &row.name,
            seats: (0..row.count)
                .filter(|index| !zone.is_gone(row.first + u32::from(*index)))
                .filter_map(|index| {
                    let number = row.number(index)?;
                    Some(SeatBody {
                        seat_id: seat_id(row.first + u32::from(index)),
                        label: format!("{}-{number}", row.name),
                        row: &row.name,
                        number,
                        index,
                    })
                })
                .collect(),
        })
        .filter(|row: &RowBody<'_>| !row.seats.is_empty())
        .collect()
}
