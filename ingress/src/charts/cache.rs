//! Charts and show rows that were read from the store.

use std::sync::Arc;
use std::time::Duration;

use onsale_schemas::{ShowId, TenantId};
use onsale_store::Store;
use onsale_store::catalog::{ShowRow, ZoneAdmission};

use super::body;
use super::chart::Chart;
use crate::detached::detached;
use crate::error::ApiError;
use crate::prepared::Prepared;

/// Seats (and zones) of all charts in memory. A chart takes up to about 100 bytes per seat.
const CHART_WEIGHT_MAX: u64 = 5_000_000;
/// Bytes of all rendered charts in memory, plain and compressed: those that are asked for.
const BODIES_MAX_BYTES: u64 = 128 << 20;
/// What is kept beside a rendered chart: about a quarter of it is what it is compressed to.
const BODY_SPARE: u64 = 4;
/// A chart with more seats than this is rendered where it does not keep others waiting.
const RENDER_INLINE_MAX_SEATS: u32 = 2_000;
/// Show rows in memory, of shows with few prices.
const SHOWS_MAX: u64 = 4_096;
/// A show with this many prices counts as one more.
const PRICES_OF_SHOW: usize = 64;
/// A chart that is younger is not read again because it lacks a zone.
const DOUBT_AFTER: Duration = Duration::from_secs(30);
/// Prices and times that another node changed are seen after this long.
const SHOW_TTL: Duration = Duration::from_secs(2);

/// A chart as an answer.
pub(crate) struct ChartAnswer {
    pub(crate) body: Arc<Prepared>,
    /// Its entity tag.
    pub(crate) tag: String,
}

impl ChartAnswer {
    fn of(chart: &Chart) -> Self {
        let bytes = body::render(chart);
        let tag = format!("\"{}\"", &blake3::hash(&bytes).to_hex()[..32]);
        Self {
            body: Arc::new(Prepared::data(&bytes)),
            tag,
        }
    }
}

pub(crate) struct Charts {
    /// The installation's, as what is read is shared by all callers.
    store: Store,
    charts: moka::future::Cache<ShowId, Arc<Chart>>,
    bodies: moka::future::Cache<ShowId, Arc<ChartAnswer>>,
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
            bodies: moka::future::Cache::builder()
                .max_capacity(BODIES_MAX_BYTES)
                .weigher(|_, answer: &Arc<ChartAnswer>| {
                    let bytes = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
                    u32::try_from(bytes + bytes / BODY_SPARE).unwrap_or(u32::MAX)
                })
                .build(),
            shows: moka::future::Cache::builder()
                .max_capacity(SHOWS_MAX)
                .weigher(|_, show: &Arc<ShowRow>| {
                    let prices = show.offer.as_ref().map_or(0, |row| row.offer.prices.len());
                    1 + u32::try_from(prices / PRICES_OF_SHOW).unwrap_or(u32::MAX - 1)
                })
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
                let event = self
                    .store
                    .event(row.event_id)
                    .await?
                    .ok_or_else(|| ApiError::damaged(format!("show {show} is of no event")))?;
                let chart = Chart::new(&row, TenantId(event.tenant_id));
                chart.note(event.status);
                Ok::<_, ApiError>(Arc::new(chart))
            })
            .await
            .map_err(|error: Arc<ApiError>| ApiError::clone(&error))
    }

    /// Forgets a chart that lacks a zone that someone names: the catalog may have lost it when the chart
    /// was read, and have it again. One that was read just now stays, so that wrong names cost nothing.
    pub(crate) async fn doubt(&self, chart: &Chart) {
        if chart.read_at.elapsed() > DOUBT_AFTER {
            self.charts.invalidate(&chart.show).await;
            self.bodies.invalidate(&chart.show).await;
        }
    }

    /// The chart as its readers get it, rendered once for all of them.
    pub(crate) async fn answer(&self, chart: &Arc<Chart>) -> Result<Arc<ChartAnswer>, ApiError> {
        if let Some(rendered) = self.bodies.get(&chart.show).await {
            return Ok(rendered);
        }
        let (bodies, chart) = (self.bodies.clone(), chart.clone());
        let is_large = chart.seats() > RENDER_INLINE_MAX_SEATS;
        let rendering = async move {
            let show = chart.show;
            let rendered = async {
                let rendered = if is_large {
                    tokio::task::spawn_blocking(move || ChartAnswer::of(&chart))
                        .await
                        .map_err(ApiError::internal)?
                } else {
                    ChartAnswer::of(&chart)
                };
                Ok::<_, ApiError>(Arc::new(rendered))
            };
            bodies
                .try_get_with(show, rendered)
                .await
                .map_err(|error: Arc<ApiError>| ApiError::clone(&error))
        };
        if is_large {
            detached(rendering).await
        } else {
            rendering.await
        }
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

    /// Forgets what is known of a show's offer and of the names in it.
    pub(crate) async fn forget_offer(&self, show: ShowId) {
        self.shows.invalidate(&show).await;
        self.charts.invalidate(&show).await;
    }

    /// Forgets what is known of the prices and times of all shows.
    pub(crate) fn forget_shows(&self) {
        self.shows.invalidate_all();
    }

    async fn read(&self, show: ShowId) -> Result<ShowRow, ApiError> {
        let row = self.store.show(show).await?;
        let row = row.ok_or_else(|| ApiError::not_found("show"))?;
        let labelled = row.zones.iter().all(|zone| match &zone.admission {
            ZoneAdmission::Seated { rows } => !rows.is_empty(),
            ZoneAdmission::General { .. } => true,
        });
        // An index that is not the place in the list would send seats to the wrong zone.
        if row.has_all_zones() && labelled {
            Ok(row)
        } else {
            Err(ApiError::damaged(format!("zones of show {show}")))
        }
    }
}
