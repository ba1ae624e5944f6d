use onsale_schemas::seating::RowPlan;
use onsale_store::catalog::{ChartRow, RowSeats};

use super::*;
use crate::charts::show_of;

/// A chart of so many rows of 100 seats, as one that was just read.
fn chart(rows: u16) -> Arc<Chart> {
    let row = |number: u16| ChartRow {
        name: format!("R{number}"),
        seats: RowSeats::Count(100),
        plan: RowPlan::default(),
    };
    let zone = ZoneAdmission::Seated {
        rows: (0..rows).map(row).collect(),
    };
    let tenant = TenantId::from_bytes([7; 16]);
    Arc::new(Chart::new(&show_of(vec![zone]), tenant))
}

#[tokio::test]
async fn a_chart_is_rendered_once_for_all_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/store.db", folder.path().display());
    let charts = Charts::new(Store::connect(&url, 2).await.unwrap());
    // One that is rendered at once, and one that would keep others waiting.
    for rows in [3, 30] {
        // Read twice, and asked for at the same moment.
        let [one, other] = [chart(rows), chart(rows)];
        let (first, meanwhile) = tokio::join!(charts.answer(&one), charts.answer(&other));
        let first = first.unwrap();
        assert!(Arc::ptr_eq(&first, &meanwhile.unwrap()), "{rows} rows");
        let later = charts.answer(&chart(rows)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &later), "{rows} rows");
        let grown = charts.answer(&chart(rows + 1)).await.unwrap();
        assert_ne!(grown.tag, first.tag, "{rows} rows");
    }
}
