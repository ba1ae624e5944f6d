//! Charts and show rows that were read from the store.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use onsale_schemas::{Offset, SeatIndex, ShowId, TenantId, ZoneIndex};
use onsale_store::Store;
use onsale_store::catalog::{ShowRow, ZoneAdmission};
use parking_lot::RwLock;

use super::body;
use super::chart::Chart;
use crate::detached::detached;
use crate::encoded_pages::EncodedPages;
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
/// A chart that nothing speaks against is read again after this long: somebody may have repaired the catalog.
const REREAD_AFTER: Duration = Duration::from_secs(60);
/// How long one of its callers waits for a newer chart. The others have the old one.
const RENEW_PATIENCE: Duration = Duration::from_secs(2);
/// From one look at the catalog for a newer chart to the next.
const RENEW_PAUSE: Duration = Duration::from_millis(100);
/// The same for one that lacks places which nobody has noted.
const LACKING_PAUSE: Duration = Duration::from_secs(1);
/// How long an answer waits for the names of what was sold.
const COVERING_PATIENCE: Duration = Duration::from_secs(2);
/// Shows of which it is noted that they have got or lost places, or another offer.
const CHANGED_MAX: usize = 65_536;
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
            body: Arc::new(Prepared::data(&bytes).kept()),
            tag,
        }
    }
}

/// A record that made charts of its show outdated.
#[derive(Clone, Copy)]
struct Noted {
    /// The last one that did.
    at: Offset,
    /// When this process heard of it.
    since: Instant,
}

impl Noted {
    fn note(noted: &mut Option<Self>, at: Offset) {
        if noted.is_none_or(|noted| noted.at < at) {
            let since = Instant::now();
            *noted = Some(Self { at, since });
        }
    }

    /// When this process heard of it, where a chart is of the time before it.
    fn missed_by(self, has: Option<Offset>) -> Option<Instant> {
        (has < Some(self.at)).then_some(self.since)
    }
}

/// What became of a show while it was sold.
#[derive(Clone, Copy, Default)]
struct Changed {
    /// It got or lost places.
    places: Option<Noted>,
    /// Something else is for sale.
    offer: Option<Noted>,
}

pub(crate) struct Charts {
    /// The installation's, as what is read is shared by all callers.
    store: Store,
    charts: moka::future::Cache<ShowId, Arc<Chart>>,
    /// By show and hash of what is shown.
    bodies: moka::future::Cache<(ShowId, [u8; 32]), Arc<ChartAnswer>>,
    changed: RwLock<HashMap<ShowId, Changed>>,
    shows: moka::future::Cache<ShowId, Arc<ShowRow>>,
    /// Shows of public events as their readers get them.
    pub(crate) pages: EncodedPages<ShowId, ShowStamp>,
}

/// What an answer about a show depends on: the versions of its event and of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ShowStamp {
    pub(crate) event_version: u64,
    pub(crate) show_version: u64,
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
            changed: RwLock::default(),
            shows: moka::future::Cache::builder()
                .max_capacity(SHOWS_MAX)
                .weigher(|_, show: &Arc<ShowRow>| {
                    let prices = show.offer.as_ref().map_or(0, |row| row.offer.prices.len());
                    1 + u32::try_from(prices / PRICES_OF_SHOW).unwrap_or(u32::MAX - 1)
                })
                .time_to_live(SHOW_TTL)
                .build(),
            pages: EncodedPages::new(),
        }
    }

    /// The chart of a show; `NOT_FOUND` when there is none. Where the show has got or lost places or has another
    /// offer, it has them as soon as the catalog has.
    pub(crate) async fn chart(&self, show: ShowId) -> Result<Arc<Chart>, ApiError> {
        if let Some(chart) = self.charts.get(&show).await {
            let pause = self.behind(&chart).unwrap_or(REREAD_AFTER);
            return Ok(self.renewed(&chart, pause).await);
        }
        self.charts
            .try_get_with(show, self.load(show))
            .await
            .map_err(|error: Arc<ApiError>| ApiError::clone(&error))
    }

    async fn load(&self, show: ShowId) -> Result<Arc<Chart>, ApiError> {
        // Before the row: a chart that knows of fewer records than it has is read once more, and no worse.
        let offered = self.store.offered_at(show).await?;
        let row = self.read(show).await?;
        let event = self
            .store
            .event(row.event_id)
            .await?
            .ok_or_else(|| ApiError::damaged(format!("show {show} is of no event")))?;
        let is_withdrawn = event.is_deleted() || self.store.is_show_removed(show).await?;
        let mut chart = Chart::new(&row, TenantId(event.tenant_id));
        chart.offered = offered;
        if !is_withdrawn {
            chart.note(event.status);
        }
        Ok(Arc::new(chart))
    }

    /// Whether nobody is to see the show any more: its event is deleted, or it is taken out of every list. What
    /// the catalog has lost is not.
    pub(crate) async fn is_withdrawn(&self, chart: &Chart) -> Result<bool, ApiError> {
        if self.store.is_show_removed(chart.show).await? {
            return Ok(true);
        }
        let event = self.store.event(chart.event).await?;
        Ok(event.is_some_and(|event| event.is_deleted()))
    }

    /// Notes that the record at this offset gave a show places, or took some.
    pub(crate) fn note_grown(&self, show: ShowId, at: Offset) {
        self.note(show, |changed| Noted::note(&mut changed.places, at));
    }

    /// Notes that the record at this offset put something else up for sale.
    pub(crate) fn note_offered(&self, show: ShowId, at: Offset) {
        self.note(show, |changed| Noted::note(&mut changed.offer, at));
    }

    fn note(&self, show: ShowId, note: impl FnOnce(&mut Changed)) {
        let mut changed = self.changed.write();
        if changed.len() >= CHANGED_MAX && !changed.contains_key(&show) {
            // Of none of them it is known then how old their charts are.
            changed.clear();
            self.charts.invalidate_all();
        }
        note(changed.entry(show).or_default());
    }

    /// Records were lost: any show may have got or lost places.
    pub(crate) fn doubt_all(&self) {
        self.charts.invalidate_all();
        self.shows.invalidate_all();
        self.pages.forget_all();
    }

    /// How long after the last look the catalog is asked again for a chart of which it is known that the show
    /// has got or lost places since, or has another offer; `None` where it is not. What does not come soon is
    /// asked for less and less often.
    fn behind(&self, chart: &Chart) -> Option<Duration> {
        let changed = self.changed.read().get(&chart.show).copied();
        let Changed { places, offer } = changed.unwrap_or_default();
        let places = places.and_then(|noted| noted.missed_by(chart.version));
        let offer = offer.and_then(|noted| noted.missed_by(chart.offered));
        let pause = places
            .max(offer)
            .map(|since| (since.elapsed() / 10).clamp(RENEW_PAUSE, DOUBT_AFTER));
        let lacking = chart.is_lacking.then_some(LACKING_PAUSE);
        pause.into_iter().chain(lacking).min()
    }

    /// The chart as the catalog has it, looked for by one of many callers, and again after a pause. The
    /// others have the old one meanwhile, and all of them while the catalog cannot be read.
    async fn renewed(&self, chart: &Arc<Chart>, pause: Duration) -> Arc<Chart> {
        if !chart.is_due(pause) {
            return chart.clone();
        }
        let late = || ApiError::overloaded("The catalog did not answer in time; try again.");
        let loading = tokio::time::timeout(RENEW_PATIENCE, self.load(chart.show));
        match loading.await.unwrap_or_else(|_| Err(late())) {
            Ok(newer) => {
                // Another look may have begun later and ended sooner.
                if let Some(known) = self.charts.get(&newer.show).await
                    && (known.version > newer.version || known.offered > newer.offered)
                {
                    return known;
                }
                self.charts.insert(newer.show, newer.clone()).await;
                self.shows.invalidate(&newer.show).await;
                self.pages.forget(newer.show).await;
                newer
            }
            Err(error) => {
                tracing::debug!(show = %chart.show, ?error, "a chart is read again later");
                chart.clone()
            }
        }
    }

    /// The chart as the catalog has it by now, for someone who has seen places that this one lacks. The
    /// catalog may have lost them, so it is not asked often.
    pub(crate) async fn newer(&self, chart: &Arc<Chart>) -> Arc<Chart> {
        self.renewed(chart, LACKING_PAUSE).await
    }

    /// The chart with what the record at this offset gave or took; as the catalog has it when the
    /// patience is over.
    pub(crate) async fn chart_since(
        &self,
        show: ShowId,
        at: Offset,
        patience: Duration,
    ) -> Result<Arc<Chart>, ApiError> {
        self.note_grown(show, at);
        let begun = Instant::now();
        loop {
            let chart = self.chart(show).await?;
            if chart.version >= Some(at) || begun.elapsed() >= patience {
                return Ok(chart);
            }
            tokio::time::sleep(RENEW_PAUSE).await;
        }
    }

    /// The chart, or a newer one that has this zone and these seats: they may have been sold before
    /// the catalog had their names.
    pub(crate) async fn covering(
        &self,
        chart: &Arc<Chart>,
        zone: ZoneIndex,
        seats: &[SeatIndex],
    ) -> Arc<Chart> {
        let begun = Instant::now();
        let mut newest = chart.clone();
        while !newest.covers(zone, seats) && begun.elapsed() < COVERING_PATIENCE {
            newest = match self.charts.get(&chart.show).await {
                Some(known) if known.covers(zone, seats) => known,
                Some(known) => self.renewed(&known, RENEW_PAUSE).await,
                None => self.renewed(&newest, RENEW_PAUSE).await,
            };
            if !newest.covers(zone, seats) {
                tokio::time::sleep(RENEW_PAUSE).await;
            }
        }
        newest
    }

    /// The chart, or a newer one in which nothing is missing any more of what someone names: it may have been put
    /// up for sale a moment ago. One that was read just now is as new as any, so that wrong names cost nothing.
    pub(crate) async fn knowing(
        &self,
        chart: &Arc<Chart>,
        is_missing: &(dyn Fn(&Chart) -> bool + Sync),
    ) -> Arc<Chart> {
        let begun = Instant::now();
        let mut newest = chart.clone();
        while is_missing(&newest) && begun.elapsed() < COVERING_PATIENCE {
            let known = self.charts.get(&chart.show).await.unwrap_or(newest);
            let is_outdated =
                self.behind(&known).is_some() || known.read_at.elapsed() > DOUBT_AFTER;
            if !is_outdated {
                return known;
            }
            newest = if is_missing(&known) {
                self.renewed(&known, RENEW_PAUSE).await
            } else {
                known
            };
            if is_missing(&newest) {
                tokio::time::sleep(RENEW_PAUSE).await;
            }
        }
        newest
    }

    /// Forgets a chart that lacks a zone that someone names: the catalog may have lost it when the chart
    /// was read, and have it again. One that was read just now stays, so that wrong names cost nothing.
    pub(crate) async fn doubt(&self, chart: &Chart) {
        if chart.read_at.elapsed() > DOUBT_AFTER {
            self.charts.invalidate(&chart.show).await;
        }
    }

    /// The chart as its readers get it, rendered once for all of them.
    pub(crate) async fn answer(&self, chart: &Arc<Chart>) -> Result<Arc<ChartAnswer>, ApiError> {
        let key = (chart.show, chart.layout);
        if let Some(rendered) = self.bodies.get(&key).await {
            return Ok(rendered);
        }
        let (bodies, chart) = (self.bodies.clone(), chart.clone());
        let is_large = chart.seats() > RENDER_INLINE_MAX_SEATS;
        let rendering = async move {
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
                .try_get_with(key, rendered)
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
        self.pages.forget(show).await;
    }

    /// Forgets what is known of the prices and times of all shows.
    pub(crate) fn forget_shows(&self) {
        self.shows.invalidate_all();
        self.pages.forget_all();
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

#[cfg(test)]
mod tests;
