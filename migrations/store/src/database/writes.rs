//! Writes run on tasks of their own, so that nobody leaves one half-way.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::lent::{Lent, Limited};
use crate::error::StoreError;
use crate::scope::Scope;

/// A connection is waited for at least this long. sqlx closes one whose first look is cut short, so
/// turns that come late would close the connections of a busy database one after the other.
const CONNECTION_MIN: Duration = Duration::from_secs(2);

/// The writes that are under way: as many as there are connections to write on. (A connection that has to be
/// looked at before it goes back is not counted meanwhile: the next write waits a moment for one.)
///
/// A caller waits for its turn; if it stops waiting before, nothing was begun. From then on the write
/// has a task, which goes on to its end whether or not anybody still waits for it: it is done or not,
/// and its connection goes back to the pool in a known state or is closed. It ends even where the
/// database has fallen silent, because each of its statements has a limit (see [`Lent`]).
#[derive(Clone, Debug)]
pub(crate) struct Writes {
    turns: Arc<Semaphore>,
    patience: Duration,
    tasks: TaskTracker,
}

/// The right to write on one connection. A write keeps it until it is done with its connection.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
    deadline: Instant,
}

impl Turn {
    /// The connection, for whom `scope` says. It is waited for as long as waiting for the turn has left of
    /// the caller's patience, and at least [`CONNECTION_MIN`]: the pool may have lent it to a reader, or have
    /// to connect first.
    pub(super) async fn connection<DB: Limited>(
        &self,
        pool: &sqlx::Pool<DB>,
        scope: Scope,
    ) -> Result<Lent<DB>, sqlx::Error> {
        let deadline = self.deadline.max(Instant::now() + CONNECTION_MIN);
        timeout_at(deadline, Lent::from(pool, scope))
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}

impl Writes {
    /// At most `at_a_time` at once; a caller waits for its turn and its connection together for as long
    /// as `patience`.
    pub(super) fn new(at_a_time: u32, patience: Duration) -> Self {
        let turns = usize::try_from(at_a_time).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            patience,
            tasks: TaskTracker::new(),
        }
    }

    /// Runs `work` once it is its turn, which it keeps for as long as it writes.
    pub(crate) async fn run<T, F>(
        &self,
        work: impl FnOnce(Turn) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let turn = self.turn().await?;
        self.go_on(async move { work(turn).await }).await
    }

    /// Runs `work` on the connection that it has already.
    pub(crate) async fn go_on<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.tasks.spawn(work.in_current_span()).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and the connection with it.
                Err(_) => Err(StoreError::Unreachable(sqlx::Error::WorkerCrashed)),
            },
        }
    }

    async fn turn(&self) -> Result<Turn, StoreError> {
        let deadline = Instant::now() + self.patience;
        match timeout_at(deadline, self.turns.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn {
                _permit: permit,
                deadline,
            }),
            Ok(Err(_closed)) => Err(StoreError::Unreachable(sqlx::Error::PoolClosed)),
            Err(_elapsed) => Err(StoreError::Unreachable(sqlx::Error::PoolTimedOut)),
        }
    }

    /// Lets nobody begin any more, and waits for what runs.
    pub(crate) async fn close(&self) {
        self.turns.close();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::pin::pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Waker};

    use tokio::sync::oneshot;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// A write that ends when it is told to.
    async fn write(turn: Turn, end: oneshot::Receiver<()>) -> Result<(), StoreError> {
        let _ = end.await;
        drop(turn);
        Ok(())
    }

    /// Polls once and drops: a caller that hangs up at once.
    fn asked_for(work: impl Future<Output = Result<(), StoreError>>) {
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(work).poll(&mut context).is_pending());
    }

    #[tokio::test]
    async fn callers_that_hang_up_while_they_wait_begin_nothing() {
        let writes = Writes::new(1, PATIENCE);
        let (end, ended) = oneshot::channel::<()>();
        let begun = Arc::new(AtomicU32::new(0));
        asked_for(writes.run(|turn| write(turn, ended)));
        for _ in 0..1_000 {
            let begun = begun.clone();
            asked_for(writes.run(async move |_| {
                begun.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }));
        }
        end.send(()).unwrap();
        writes.run(async |_| Ok(())).await.unwrap();
        assert_eq!(begun.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn closing_waits_for_what_runs_and_lets_nothing_begin() {
        let writes = Writes::new(1, PATIENCE);
        let (end, ended) = oneshot::channel::<()>();
        asked_for(writes.run(|turn| write(turn, ended)));
        let mut closing = pin!(writes.close());
        let mut context = Context::from_waker(Waker::noop());
        assert!(closing.as_mut().poll(&mut context).is_pending());
        let error = writes.run(async |_| Ok(())).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
        end.send(()).unwrap();
        closing.await;
    }

    #[tokio::test]
    async fn a_turn_that_does_not_come_is_an_error() {
        let writes = Writes::new(1, Duration::ZERO);
        let (_end, ended) = oneshot::channel::<()>();
        asked_for(writes.run(|turn| write(turn, ended)));
        let error = writes.run(async |_| Ok(())).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Unreachable(sqlx::Error::PoolTimedOut)),
            "{error}"
        );
    }

    fn pool_of_one(folder: &Path) -> sqlx::SqlitePool {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(folder.join("x.db"))
            .create_if_missing(true);
        sqlx::sqlite::SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options)
    }

    #[tokio::test]
    async fn a_turn_that_comes_late_gets_its_connection() {
        let folder = tempfile::tempdir().unwrap();
        let pool = pool_of_one(folder.path());
        let writes = Writes::new(1, Duration::ZERO);
        let connects = async move |turn: Turn| {
            let connection = turn.connection(&pool, Scope::Nothing).await;
            connection.map(drop).map_err(StoreError::Unreachable)
        };
        writes.run(connects).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_is_lent_is_not_waited_for_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let pool = pool_of_one(folder.path());
        let _lent = pool.acquire().await.unwrap();
        let writes = Writes::new(1, Duration::ZERO);
        let waits = async move |turn: Turn| match turn.connection(&pool, Scope::Nothing).await {
            Err(sqlx::Error::PoolTimedOut) => Ok(()),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it was lent twice"),
        };
        writes.run(waits).await.unwrap();
    }
}
