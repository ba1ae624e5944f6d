//! Charts and show rows that were read from the store.

use std::sync::Arc;
use std::time::Duration;

use onsale_schemas::ShowId;
use onsale_store::Store;
use onsale_store::catalog::{ShowRow, ZoneAdmission};

use super::chart::Chart;
use crate::error::ApiError;

/// Seats (and zones) of all charts in memory. A chart with its rendered body takes about 150 bytes
/// per seat.
const CHART_WEIGHT_MAX: u64 = 5_000_000;
/// Show rows in memory.
const SHOWS_MAX: u64 = 4_096;
/// Prices and times that another node changed are seen after this long.
const SHOW_TTL: Duration = Duration::from_secs(2);

pub(crate) struct Charts {
    store: Store,
    charts: moka::future::Cache<ShowId, Arc<Chart>>,
    shows: moka::future::Cache<ShowId, Arc<ShowRow>>,
}

impl Charts {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            charts: moka::future::Cache::builder()
                .max_capacity(CHART_WEIGHT_MAX)
                .weigher(|_, chart: &Arc<Chart>| {
                    let zones = u32::try_from(chart.zones.len()).unwrap_or(u32::MAX);
                    chart.seats().saturating_add(zones).max(1)
                })
                .build(),
            shows: moka::future::Cache::builder()
                .max_capacity(SHOWS_MAX)
                .time_to_live(SHOW_TTL)
                .build(),
        }
    }

    /// The chart of a show; `NOT_FOUND` when there is none.
    pub(crate) async fn chart(&self, show: ShowId) -> Result<Arc<Chart>, ApiError> {
        if let Some(chart) = self.charts.get(&show).await {
            return Ok(chart);
        }
        self.charts
            .try_get_with(show, async {
                let row = self.read(show).await?;
                let chart = Chart::new(&row);
                if let Some(event) = self.store.event(row.event_id).await? {
                    chart.note(event.status);
                }
                Ok::<_, ApiError>(Arc::new(chart))
            })
            .await
            .map_err(|error: Arc<ApiError>| ApiError::clone(&error))
    }

    /// A show as the catalog had it at most two seconds ago.
    pub(crate) async fn show(&self, show: ShowId) -> Result<Arc<ShowRow>, ApiError> {
        self.shows
            .try_get_with(show, async { self.read(show).await.map(Arc::new) })
            .await
            .map_err(|error: Arc<ApiError>| ApiError::clone(&error))
    }

    /// Forgets what is known of a show's prices and times.
    pub(crate) async fn forget_show(&self, show: ShowId) {
        self.shows.invalidate(&show).await;
    }

    async fn read(&self, show: ShowId) -> Result<ShowRow, ApiError> {
        let row = self.store.show(show).await?;
        let row = row.ok_or_else(|| ApiError::not_found("show"))?;
        // An index that is not the place in the list would send seats to the wrong zone.
        let in_order = row
            .zones
            .iter()
            .enumerate()
            .all(|(place, zone)| usize::from(zone.index) == place);
        let labelled = row.zones.iter().all(|zone| match &zone.admission {
            ZoneAdmission::Seated { rows } => !rows.is_empty(),
            ZoneAdmission::General { .. } => true,
        });
        if in_order && labelled {
            Ok(row)
        } else {
            Err(ApiError::internal(format!(
                "the catalog's zones of show {show} are damaged"
            )))
        }
    }
}
