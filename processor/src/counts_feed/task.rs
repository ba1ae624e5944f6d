//! The task that writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use onsale_counts::{Counts, CountsError, UserTickets, UserWrite};
use onsale_schemas::{PartitionId, UserId};
use onsale_store::store::BuyersTickets;
use onsale_store::{Store, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;

use super::FeedState;
use super::fold::{Due, DueUser};

/// Changes within this time are written together.
const COALESCE: Duration = Duration::from_millis(20);
/// Everything is written again so often, long before its keys are gone.
const HEARTBEAT: Duration = Duration::from_secs(4);
/// Redis is asked so often whether it was emptied.
const LOOK: Duration = Duration::from_secs(1);
/// First wait after a failure; doubles up to [`RETRY_MAX`].
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// Shows read from the store at a time.
const SHOWS_READ_MAX: usize = 16;
/// Buyers read from the store in one statement.
const USERS_READ_MAX: usize = 1_000;
/// How far ahead of this projection another one may be, in records. A version beyond that cannot be
/// true.
const AHEAD_MAX_RECORDS: u64 = 1_000_000;

/// See the module.
#[derive(Debug)]
pub struct CountsTask {
    store: Store,
    counts: Counts,
    shared: Arc<FeedState>,
    woken: watch::Receiver<()>,
    generation: String,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Counts(#[from] CountsError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CountsTask {
    pub(super) fn new(
        store: Store,
        counts: Counts,
        shared: Arc<FeedState>,
        woken: watch::Receiver<()>,
    ) -> Self {
        Self {
            store,
            counts,
            shared,
            woken,
            generation: String::new(),
        }
    }

    /// Writes until every clone of the feed is gone.
    pub async fn run(mut self) {
        let mut beat_at = Instant::now() + HEARTBEAT;
        let mut look_at = Instant::now();
        let mut wait = RETRY_FIRST;
        let mut failing = false;
        loop {
            let timed = beat_at.min(look_at);
            tokio::select! {
                woken = self.woken.changed() => if woken.is_err() { return },
                () = tokio::time::sleep_until(timed) => {}
            }
            let now = Instant::now();
            if now >= beat_at {
                beat_at = now + HEARTBEAT;
                self.shared.fold().beat();
            }
            let look = now >= look_at;
            if look {
                look_at = now + LOOK;
            }
            match self.step(look || failing).await {
                Ok(()) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("counts for the precheck are written again");
                    }
                    wait = RETRY_FIRST;
                    tokio::time::sleep(COALESCE).await;
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(
                            %error,
                            "counts for the precheck cannot be written; the log decides alone"
                        );
                    }
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MAX);
                    // Dirty counts are retried although nothing wakes this task.
                    look_at = Instant::now();
                }
            }
        }
    }

    async fn step(&mut self, look: bool) -> Result<(), Failure> {
        if look {
            self.look().await?;
        }
        self.read_shows().await?;
        let due = self.shared.fold().take_due();
        let written = self.write(&due).await;
        if written.is_err() {
            self.shared.fold().put_back(&due);
        }
        written
    }

    /// Everything is written again when Redis was emptied since the last look.
    async fn look(&mut self) -> Result<(), CountsError> {
        let proposed = format!("{:016x}", unlike_any_other());
        let found = self.counts.generation(&proposed).await?;
        if found != self.generation {
            if !self.generation.is_empty() {
                tracing::info!("Redis was emptied or set back; all counts are written again");
            }
            self.generation = found;
            self.shared.fold().all_dirty();
        }
        Ok(())
    }

    async fn read_shows(&self) -> Result<(), StoreError> {
        loop {
            let shows = self.shared.fold().take_unread(SHOWS_READ_MAX);
            if shows.is_empty() {
                return Ok(());
            }
            let mut failed = None;
            for show in shows {
                match self.store.show_places(show).await {
                    Ok(places) => self.shared.fold().read(show, places.as_ref()),
                    Err(error @ StoreError::Corrupt(_)) => {
                        tracing::error!(%show, %error, "a show is left out of the precheck");
                        self.shared.fold().read(show, None);
                    }
                    Err(error) => {
                        self.shared.fold().not_read(show);
                        failed = Some(error);
                    }
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
    }

    async fn write(&self, due: &Due) -> Result<(), Failure> {
        let mut by_partition: BTreeMap<PartitionId, Vec<DueUser>> = BTreeMap::new();
        for user in &due.users {
            by_partition.entry(user.partition).or_default().push(*user);
        }
        for (partition, users) in by_partition {
            for chunk in users.chunks(USERS_READ_MAX) {
                self.write_users(partition, chunk).await?;
            }
        }
        let newest = due.zones.iter().map(|zone| zone.places.version).max();
        let version_max = newest.unwrap_or(0).saturating_add(AHEAD_MAX_RECORDS);
        self.counts.write_zones(&due.zones, version_max).await?;
        Ok(())
    }

    async fn write_users(&self, partition: PartitionId, due: &[DueUser]) -> Result<(), Failure> {
        let unknown: Vec<DueUser> = due
            .iter()
            .filter(|due| due.tickets.is_none())
            .copied()
            .collect();
        let mut read = BuyersTickets::default();
        if !unknown.is_empty() {
            let ids: Vec<UserId> = unknown.iter().map(|due| due.user).collect();
            read = self.store.buyers_tickets(partition, &ids).await?;
        }
        let tickets_read = |due: &DueUser| {
            let tickets = read.tickets.get(&(due.event, due.user));
            UserTickets {
                version: read.as_of,
                tickets: tickets.map_or(0, |tickets| tickets.places),
                until_ms: tickets.and_then(|tickets| tickets.first_hold_ends_ms),
            }
        };
        let writes: Vec<UserWrite> = due
            .iter()
            .map(|due| UserWrite {
                event: due.event,
                user: due.user,
                tickets: due.tickets.unwrap_or_else(|| tickets_read(due)),
            })
            .collect();
        let newest = writes.iter().map(|write| write.tickets.version).max();
        let version_max = newest.unwrap_or(0).saturating_add(AHEAD_MAX_RECORDS);
        {
            let mut fold = self.shared.fold();
            for due in &unknown {
                fold.buyer_read(due, tickets_read(due));
            }
        }
        self.counts.write_users(&writes, version_max).await?;
        Ok(())
    }
}

/// A number that no other process generates, without a source of randomness: the time, and which
/// process.
fn unlike_any_other() -> u64 {
    let mut seed = crate::clock::now_ms().to_le_bytes().to_vec();
    seed.extend_from_slice(&std::process::id().to_le_bytes());
    xxhash_rust::xxh3::xxh3_64(&seed)
}
