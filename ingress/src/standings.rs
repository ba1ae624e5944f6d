//! How requests fared, each found once: that reads the log, and the past does not change.
//!
//! Whatever reads the log goes on in a task of its own, which holds the permit: a caller who hangs up
//! makes no room for more of it, and finds the result there when asking again.

use std::sync::Arc;
use std::time::Duration;

use onsale_schemas::{Offset, PartitionId, RequestId, Standing, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::detached::detached;
use crate::error::ApiError;
use crate::operations::{Expected, OperationError, Operations};
use crate::rate_limit::{Class, Key, RateLimits, too_often};
use crate::tally::Tally;

/// Standings that are kept.
const KEPT_MAX: u64 = 4_096;
/// Standings found at a time; sales go first.
const AT_A_TIME_MAX: usize = 2;
/// Requests looked for in the log at a time. They go through much of it, and nobody who knows where
/// a request stands waits for them.
const FINDS_AT_A_TIME_MAX: usize = 1;
/// Callers that wait for their turn; most answers take no time to speak of.
const WAITING_MAX: usize = 256;
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// Callers that wait for what takes long, one after the other.
const LONG_WAITING_MAX: usize = 64;
/// Of one user or address.
const LONG_WAITING_EACH_MAX: usize = 4;
/// How long one of them waits.
const LONG_PATIENCE: Duration = Duration::from_secs(10);
/// Requests that one user looks for at a time.
const FINDS_EACH_MAX: usize = 1;
/// How long a request that is not in the log is not looked for again.
const UNKNOWN_TTL: Duration = Duration::from_secs(5);
/// Requests that are known not to be there.
const UNKNOWN_MAX: u64 = 65_536;

type LogPosition = (PartitionId, Offset);

/// See the module.
pub(crate) struct StandingLookup {
    kept: moka::sync::Cache<LogPosition, Arc<Standing>>,
    unknown: moka::sync::Cache<RequestId, ()>,
    making: Turns,
    finding: Turns,
    long: Turns,
    finders: Arc<Tally>,
    long_waiters: Arc<Tally>,
}

/// A bound on how many run at a time, and on how many wait.
struct Turns {
    permits: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Turns {
    fn new(at_a_time_max: usize, waiting_max: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(at_a_time_max)),
            waiting: Semaphore::new(waiting_max),
        }
    }

    /// Waits for a turn, in the order of coming.
    async fn wait(&self, patience: Duration) -> Result<OwnedSemaphorePermit, ApiError> {
        let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let permit = self.permits.clone().acquire_owned();
        match tokio::time::timeout(patience, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(busy()),
        }
    }
}

/// What came of one try.
enum Tried {
    Found(Arc<Standing>),
    /// It takes long and others were before.
    Later {
        why: String,
        wait: Duration,
    },
}

impl StandingLookup {
    pub(crate) fn new() -> Self {
        Self {
            kept: moka::sync::Cache::new(KEPT_MAX),
            unknown: moka::sync::Cache::builder()
                .max_capacity(UNKNOWN_MAX)
                .time_to_live(UNKNOWN_TTL)
                .build(),
            making: Turns::new(AT_A_TIME_MAX, WAITING_MAX),
            finding: Turns::new(FINDS_AT_A_TIME_MAX, WAITING_MAX),
            long: Turns::new(1, LONG_WAITING_MAX),
            finders: Arc::default(),
            long_waiters: Arc::default(),
        }
    }

    /// Where the newest record of a request stands, looked for among the latest ones. Each user looks
    /// for one at a time, each address for a number of them per minute.
    ///
    /// # Errors
    /// When the log cannot be read, or too many look at the moment.
    pub(crate) async fn find(
        &self,
        operations: &Arc<dyn Operations>,
        limits: &RateLimits,
        (user, address): (UserId, Key),
        request: RequestId,
    ) -> Result<Option<LogPosition>, ApiError> {
        if self.unknown.contains_key(&request) {
            return Ok(None);
        }
        let counted = self.finders.enter(Key::User(user), FINDS_EACH_MAX);
        let counted = counted.ok_or_else(|| too_often(1))?;
        limits
            .check(Class::Lookup, address)
            .map_err(|(refusal, _)| refusal)?;
        let permit = self.finding.wait(PATIENCE).await?;
        let (operations, unknown) = (operations.clone(), self.unknown.clone());
        let work = async move {
            let found = operations.standings().find(request).await;
            if matches!(found, Ok(None)) {
                unknown.insert(request, ());
            }
            drop((permit, counted));
            Ok(found?)
        };
        detached(work).await
    }

    /// What became of the request at a position of the log; waiting is counted to `asker`. One that takes long
    /// waits for its turn.
    ///
    /// # Errors
    /// When there is none or another than `expected`, the log no longer holds it, or too many ask at
    /// the moment.
    pub(crate) async fn of(
        &self,
        operations: &Arc<dyn Operations>,
        asker: Key,
        position: LogPosition,
        expected: Option<Expected>,
    ) -> Result<Arc<Standing>, ApiError> {
        if let Some(kept) = self.kept.get(&position) {
            return Ok(kept);
        }
        let tried = self.once(operations, position, expected, false).await?;
        if let Tried::Found(explained) = tried {
            return Ok(explained);
        }
        let patient_until = Instant::now() + LONG_PATIENCE;
        let counted = self.long_waiters.enter(asker, LONG_WAITING_EACH_MAX);
        let _counted = counted.ok_or_else(busy)?;
        let _turn = self.long.wait(LONG_PATIENCE).await?;
        loop {
            match self.once(operations, position, expected, true).await? {
                Tried::Found(explained) => return Ok(explained),
                Tried::Later { why, wait } => {
                    let again = Instant::now() + wait;
                    if again > patient_until {
                        return Err(OperationError::Later { why, wait }.into());
                    }
                    tokio::time::sleep_until(again).await;
                }
            }
        }
    }

    async fn once(
        &self,
        operations: &Arc<dyn Operations>,
        position: LogPosition,
        expected: Option<Expected>,
        is_its_turn: bool,
    ) -> Result<Tried, ApiError> {
        let permit = self.making.wait(PATIENCE).await?;
        let (operations, kept) = (operations.clone(), self.kept.clone());
        let work = async move {
            let (partition, offset) = position;
            let explained = operations
                .standings()
                .of(partition, offset, expected, is_its_turn)
                .await;
            drop(permit);
            match explained {
                Ok(Some(explained)) => {
                    let explained = Arc::new(explained);
                    kept.insert(position, explained.clone());
                    Ok(Tried::Found(explained))
                }
                Ok(None) => Err(ApiError::not_found("request in the log")),
                Err(OperationError::Later { why, wait }) => Ok(Tried::Later { why, wait }),
                Err(error) => Err(error.into()),
            }
        };
        detached(work).await
    }
}

fn busy() -> ApiError {
    ApiError::overloaded("Other requests are being explained right now; try again.")
}
