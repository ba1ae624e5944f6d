//! All live views and the feed that updates them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use onsale_log::{CommandLog, OutcomeBatch};
use onsale_schemas::ShowId;
use parking_lot::RwLock;
use smallvec::SmallVec;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::rendering::Alive;
use super::show::LiveShow;
use super::view::{event_of, shows_of};
use crate::charts::Chart;
use crate::error::ApiError;

/// Changes within this time are sent to readers as one event.
const TICK: Duration = Duration::from_millis(100);
/// Readers of a show with more readers than this get changes every other tick: a frame to each of
/// ten thousand readers costs an eighth of a second of a core, and late frames are worse than few.
const READERS_MANY: usize = 2_000;
/// A view that was not used for this many ticks (ten minutes) is dropped.
const IDLE_MAX_TICKS: u64 = 6_000;
/// Shows with a view.
const SHOWS_MAX: usize = 10_000;
/// Seats of all views; each takes one or two bytes.
const SEATS_MAX: u64 = 100_000_000;
/// Attempts to start a view whose seeds are overtaken by the feed.
const SEED_ATTEMPTS_MAX: u32 = 8;

pub(crate) struct Hub {
    log: Arc<dyn CommandLog>,
    shows: RwLock<HashMap<ShowId, Arc<LiveShow>>>,
    /// Named seats of all these shows; changed only while the shows are locked for writing.
    seats: AtomicU64,
    tick: AtomicU64,
    /// States that readers hold.
    alive: Alive,
    fed: AtomicBool,
    closing: CancellationToken,
    /// One permit per reader that may be connected.
    pub(crate) readers: Arc<Semaphore>,
    readers_max: usize,
}

impl Hub {
    pub(crate) fn new(
        log: Arc<dyn CommandLog>,
        readers_max: usize,
        closing: CancellationToken,
    ) -> Self {
        Self {
            log,
            shows: RwLock::default(),
            seats: AtomicU64::new(0),
            tick: AtomicU64::new(0),
            alive: Alive::default(),
            fed: AtomicBool::new(true),
            closing,
            readers: Arc::new(Semaphore::new(readers_max)),
            readers_max,
        }
    }

    /// Readers connected now.
    pub(crate) fn readers_connected(&self) -> usize {
        self.readers_max
            .saturating_sub(self.readers.available_permits())
    }

    /// Views kept now.
    pub(crate) fn shows_kept(&self) -> usize {
        self.shows.read().len()
    }

    /// False once the feed of outcomes ended.
    pub(crate) fn is_fed(&self) -> bool {
        self.fed.load(Ordering::Relaxed)
    }

    /// The view of a show, if there is one.
    pub(crate) fn get(&self, show: ShowId) -> Option<Arc<LiveShow>> {
        let live = self.shows.read().get(&show).cloned()?;
        live.used_at_tick
            .store(self.tick.load(Ordering::Relaxed), Ordering::Relaxed);
        Some(live)
    }

    /// The view of a show; one is started when there is none.
    pub(crate) fn open(self: &Arc<Self>, chart: &Arc<Chart>) -> Result<Arc<LiveShow>, ApiError> {
        if let Some(live) = self.get(chart.show) {
            // It may have begun with the one before.
            live.renew(chart);
            return Ok(live);
        }
        if !self.is_fed() {
            return Err(ApiError::overloaded(
                "Live availability is not available at the moment.",
            ));
        }
        let live = {
            let mut shows = self.shows.write();
            if let Some(live) = shows.get(&chart.show) {
                return Ok(live.clone());
            }
            let seats = self.seats.load(Ordering::Relaxed) + u64::from(chart.seats());
            if shows.len() >= SHOWS_MAX || seats > SEATS_MAX {
                return Err(ApiError::overloaded(
                    "Too many shows have live views at the moment; try again later.",
                ));
            }
            let live = Arc::new(LiveShow::new(chart.clone(), self.alive.clone()));
            live.used_at_tick
                .store(self.tick.load(Ordering::Relaxed), Ordering::Relaxed);
            shows.insert(chart.show, live.clone());
            self.seats.store(seats, Ordering::Relaxed);
            live
        };
        self.start(live.clone());
        Ok(live)
    }

    /// Asks the log for the seats. The feed already collects the view's records at this point, so
    /// none between seed and feed is missed.
    fn start(self: &Arc<Self>, live: Arc<LiveShow>) {
        let hub = self.clone();
        let generation = live.restart();
        tokio::spawn(async move {
            let mut generation = generation;
            for _ in 0..SEED_ATTEMPTS_MAX {
                let seed = tokio::select! {
                    () = hub.closing.cancelled() => return,
                    seed = hub.log.show_seats(live.partition, live.show) => seed,
                };
                match seed {
                    Ok(Some(seed)) => {
                        if live.seeded(generation, &seed) {
                            return;
                        }
                        generation = live.restart();
                    }
                    Ok(None) => return hub.drop_show(&live, ApiError::not_found("show")),
                    Err(error) => return hub.drop_show(&live, error.into()),
                }
            }
            hub.drop_show(
                &live,
                ApiError::overloaded(
                    "Live availability cannot be started at the moment; try again.",
                ),
            );
        });
    }

    fn drop_show(&self, live: &Arc<LiveShow>, error: ApiError) {
        let mut shows = self.shows.write();
        if shows
            .get(&live.show)
            .is_some_and(|present| Arc::ptr_eq(present, live))
        {
            shows.remove(&live.show);
            self.seats
                .fetch_sub(u64::from(live.seats), Ordering::Relaxed);
        }
        drop(shows);
        live.gone(error);
    }

    /// Follows the feed until the process stops. `on_batch` sees every batch before the views do,
    /// `on_lag` how many were lost.
    pub(crate) async fn follow(
        self: Arc<Self>,
        mut feed: Receiver<Arc<OutcomeBatch>>,
        on_batch: impl Fn(&Arc<OutcomeBatch>),
        on_lag: impl Fn(u64),
    ) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let received = tokio::select! {
                biased;
                () = self.closing.cancelled() => return,
                _ = ticks.tick() => {
                    self.tick();
                    continue;
                }
                received = feed.recv() => received,
            };
            match received {
                Ok(batch) => {
                    on_batch(&batch);
                    self.apply(&batch);
                }
                Err(RecvError::Lagged(batches)) => {
                    on_lag(batches);
                    let shows: Vec<_> = self.shows.read().values().cloned().collect();
                    for live in shows {
                        self.start(live);
                    }
                }
                Err(RecvError::Closed) => {
                    self.fed.store(false, Ordering::Relaxed);
                    let shows = {
                        let mut shows = self.shows.write();
                        self.seats.store(0, Ordering::Relaxed);
                        std::mem::take(&mut *shows)
                    };
                    for live in shows.into_values() {
                        live.gone(ApiError::overloaded(
                            "Live availability is not available at the moment.",
                        ));
                    }
                    return;
                }
            }
        }
    }

    fn apply(self: &Arc<Self>, batch: &Arc<OutcomeBatch>) {
        let mut touched: SmallVec<[Arc<LiveShow>; 8]> = SmallVec::new();
        {
            let shows = self.shows.read();
            if shows.is_empty() {
                return;
            }
            let mut last = None;
            let mut touch = |live: &Arc<LiveShow>| {
                if !touched.iter().any(|known| Arc::ptr_eq(known, live)) {
                    touched.push(live.clone());
                }
            };
            for record in &batch.records {
                if let Some(event) = event_of(record) {
                    shows
                        .values()
                        .filter(|live| live.event == event)
                        .for_each(&mut touch);
                }
                for show in shows_of(record) {
                    // During a rush nearly all records belong to one show.
                    if last == Some(show) {
                        continue;
                    }
                    last = Some(show);
                    if let Some(live) = shows.get(&show) {
                        touch(live);
                    }
                }
            }
        }
        for live in touched {
            if live.apply(batch) {
                self.start(live);
            }
        }
    }

    fn tick(&self) {
        let now = self.tick.fetch_add(1, Ordering::Relaxed) + 1;
        let mut idle = Vec::new();
        {
            let shows = self.shows.read();
            for live in shows.values() {
                if now.is_multiple_of(2) || live.readers() <= READERS_MANY {
                    live.tick();
                }
                let unused = now.saturating_sub(live.used_at_tick.load(Ordering::Relaxed));
                if unused > IDLE_MAX_TICKS && live.readers() == 0 {
                    idle.push(live.clone());
                }
            }
        }
        for live in idle {
            self.drop_show(
                &live,
                ApiError::overloaded("Live availability was reset; try again."),
            );
        }
    }
}
