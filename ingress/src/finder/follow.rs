//! The task that keeps an index in step with the catalog, and makes it anew where that fails.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::following::{FollowError, Following};
use super::progress::Reason;
use crate::state::AppState;

/// From one look at the changes of the catalog to the next: what was committed is found within a second.
const TICK: Duration = Duration::from_millis(400);
/// From the end of one look at the whole catalog to the next.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// How long the store is left alone when an index could not be made.
const FAILED_PAUSE: Duration = Duration::from_secs(5);
/// From one time that an index is made anew to the next, after the first one: something may damage it again
/// and again, and each takes seconds of a core.
const REBUILD_EVERY: Duration = Duration::from_secs(60);
/// How often changes are deleted that are old.
const TRIM_EVERY: Duration = Duration::from_secs(600);
/// How long changes are kept: a node that has not read them by then makes its index anew.
const CHANGES_KEPT_MS: u64 = 3_600_000;

struct Follower {
    state: AppState,
    current: Option<Following>,
    building: Option<JoinHandle<Result<Following, FollowError>>>,
    /// The next index is not begun before.
    next_build: Instant,
    /// An index is wanted in the place of the current one, and why.
    wanted: Option<Reason>,
    last_rebuild: Option<Instant>,
    /// That an index cannot be made was said.
    is_told: bool,
    in_step: Instant,
    next_sweep: Instant,
    next_trim: Instant,
}

/// Follows the catalog until the process stops, whatever goes wrong with that.
pub(crate) async fn run(state: AppState) {
    let finder = &state.finder;
    finder.progress.is_started();
    // A panic in there ends it with all that it knows.
    while let Err(error) = tokio::spawn(follow(state.clone())).await {
        tracing::error!(%error, "the search does not follow the catalog any more; it begins again");
        finder.take_out();
        finder.progress.rebuilds(Reason::Damaged);
        finder.progress.is_behind(REBUILD_EVERY);
        let pause = tokio::time::sleep(REBUILD_EVERY);
        tokio::select! {
            () = state.closing.cancelled() => return,
            () = pause => {}
        }
    }
}

async fn follow(state: AppState) {
    let now = Instant::now();
    let mut follower = Follower {
        state: state.clone(),
        current: None,
        building: None,
        next_build: now,
        wanted: None,
        last_rebuild: None,
        is_told: false,
        in_step: now,
        next_sweep: now,
        next_trim: now + TRIM_EVERY,
    };
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Only the waiting is cut short, never a call of the store.
        tokio::select! {
            () = state.closing.cancelled() => return,
            _ = ticks.tick() => {}
        }
        follower.tick().await;
    }
}

impl Follower {
    async fn tick(&mut self) {
        self.take_over().await;
        self.follow().await;
        if self.state.finder.take_doubt() && self.current.is_some() {
            self.wanted = self.wanted.or(Some(Reason::Doubted));
        }
        let behind = self.in_step.elapsed();
        self.state.finder.progress.is_behind(behind);
        self.build();
        self.trim().await;
    }

    /// Takes the index that was being made.
    async fn take_over(&mut self) {
        if !self.building.as_ref().is_some_and(JoinHandle::is_finished) {
            return;
        }
        let Some(building) = self.building.take() else {
            return;
        };
        let finder = &self.state.finder;
        finder.progress.is_building(0);
        match building.await {
            Ok(Ok(built)) => {
                tracing::info!(events = built.events(), "the search is ready");
                finder.put_in(built.held());
                finder.progress.is_full(built.is_full());
                self.current = Some(built);
                self.wanted = None;
                self.is_told = false;
                self.in_step = Instant::now();
            }
            Ok(Err(error)) => {
                if matches!(error, FollowError::Store(_) | FollowError::Outdated) {
                    // That is no fault of the index.
                    self.last_rebuild = None;
                }
                self.failed(&error);
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&mut self, error: &dyn std::fmt::Display) {
        // Where there is no database for an hour, once is enough.
        if std::mem::replace(&mut self.is_told, true) {
            tracing::debug!(%error, "the index of the search cannot be made yet");
        } else {
            tracing::warn!(%error, "the index of the search cannot be made yet");
        }
        self.next_build = Instant::now() + FAILED_PAUSE;
    }

    /// Brings the current index into step.
    async fn follow(&mut self) {
        let Some(current) = &mut self.current else {
            return;
        };
        let finder = &self.state.finder;
        let was_sweeping = current.is_sweeping();
        match current.follow(&self.state).await {
            Ok(()) => {
                self.in_step = Instant::now();
                finder.progress.has_events(current.events());
                if was_sweeping && !current.is_sweeping() {
                    self.next_sweep = Instant::now() + SWEEP_EVERY;
                    if current.held().read().is_worth_rebuilding() {
                        self.wanted = self.wanted.or(Some(Reason::Worn));
                    }
                } else if !was_sweeping && Instant::now() >= self.next_sweep {
                    current.sweep();
                }
            }
            Err(FollowError::Store(error)) => {
                tracing::debug!(%error, "the search follows the catalog later");
            }
            Err(error @ FollowError::Outdated) => self.lose(Reason::Outdated, &error),
            Err(error) => self.lose(Reason::Damaged, &error),
        }
    }

    /// The current index is good for nothing: what it would find may be long gone.
    fn lose(&mut self, reason: Reason, error: &FollowError) {
        tracing::warn!(%error, "the search is out of service");
        self.state.finder.take_out();
        self.current = None;
        self.wanted = Some(reason);
    }

    /// Begins an index where one is missing or wanted.
    fn build(&mut self) {
        let now = Instant::now();
        let is_due = self.current.is_none() || self.wanted.is_some();
        if !is_due || self.building.is_some() || now < self.next_build {
            return;
        }
        if let Some(reason) = self.wanted {
            let is_early = |last: Instant| now.duration_since(last) < REBUILD_EVERY;
            if self.last_rebuild.is_some_and(is_early) {
                return;
            }
            self.last_rebuild = Some(now);
            self.state.finder.progress.rebuilds(reason);
        }
        self.building = Some(tokio::spawn(Following::build(self.state.clone())));
    }

    /// Deletes changes that are old; every node does, so it does not matter which are there.
    async fn trim(&mut self) {
        if Instant::now() < self.next_trim {
            return;
        }
        self.next_trim = Instant::now() + TRIM_EVERY;
        let store = &self.state.installation;
        if let Err(error) = store.trim_catalog_changes(CHANGES_KEPT_MS).await {
            tracing::debug!(%error, "changes of the catalog are trimmed later");
        }
    }
}
