//! Answers that came too late, or whose reply was lost, until their callers ask for them.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use onsale_log::{OutcomeBatch, Reply};
use onsale_schemas::{OutcomeRecord, PartitionId, RequestId, UserId};
use onsale_store::Scope;
use tokio::sync::{Semaphore, oneshot};

use super::answer::Final;
use super::answering::{self, Answering};
use crate::error::ApiError;
use crate::state::AppState;

/// Late requests that are remembered.
const LATE_MAX: u64 = 65_536;
/// Late requests whose outcome is still waited for. Above it a caller has to repeat the request
/// with its idempotency key; what was reserved is found in the store all the same.
const WAITERS_MAX: usize = 16_384;
/// How long a late answer is kept.
const LATE_TTL: Duration = Duration::from_secs(15 * 60);

/// See the module.
pub(crate) struct Replies {
    late: moka::sync::Cache<RequestId, Arc<Late>>,
    waiters: Arc<Semaphore>,
}

/// A late request.
pub(crate) struct Late {
    user: UserId,
    partition: PartitionId,
    answering: Arc<dyn Answering>,
    /// Whose request it is.
    scope: Scope,
    answer: OnceLock<Result<Final, ApiError>>,
}

/// What is known of a request.
pub(crate) enum Known {
    Nothing,
    Pending,
    Answer(Result<Final, ApiError>),
}

impl Replies {
    pub(crate) fn new() -> Self {
        Self {
            late: moka::sync::Cache::builder()
                .max_capacity(LATE_MAX)
                .time_to_live(LATE_TTL)
                .build(),
            waiters: Arc::new(Semaphore::new(WAITERS_MAX)),
        }
    }

    /// True while some outcome is missing: the feed may bring it.
    fn wants_records(&self) -> bool {
        self.late.entry_count() > 0 || self.waiters.available_permits() < WAITERS_MAX
    }

    /// What is known for `user` of a request; those of others are not known.
    pub(crate) fn known(&self, request_id: RequestId, user: UserId) -> Known {
        match self.late.get(&request_id) {
            Some(late) if late.user == user => match late.answer.get() {
                Some(answer) => Known::Answer(answer.clone()),
                None => Known::Pending,
            },
            _ => Known::Nothing,
        }
    }

    /// Remembers a request whose outcome is not known. `reply` is waited for, where it may come.
    pub(crate) fn remember(
        &self,
        state: &AppState,
        user: UserId,
        request_id: RequestId,
        partition: PartitionId,
        answering: Arc<dyn Answering>,
        reply: Option<oneshot::Receiver<Reply>>,
    ) {
        let late = Arc::new(Late {
            user,
            partition,
            answering,
            scope: Scope::current(),
            answer: OnceLock::new(),
        });
        self.late.insert(request_id, late.clone());
        // moka counts entries lazily; the feed has to see this one now.
        self.late.run_pending_tasks();
        let (Some(reply), Ok(permit)) = (reply, self.waiters.clone().try_acquire_owned()) else {
            return;
        };
        let state = state.clone();
        tokio::spawn(async move {
            let reply = tokio::select! {
                () = state.closing.cancelled() => return,
                reply = tokio::time::timeout(LATE_TTL, reply) => reply,
            };
            match reply {
                Ok(Ok(Ok(record))) => late.resolve(&state, &record).await,
                Ok(Ok(Err(error))) => {
                    // The first answer stands.
                    let _ = late.answer.set(Err(error.into()));
                }
                // Unknown still; the feed may tell.
                Ok(Err(_)) | Err(_) => {}
            }
            drop(permit);
        });
    }

    /// Outcomes arrived on the feed: one of them may be a lost reply.
    pub(crate) fn seen(&self, state: &AppState, batch: &OutcomeBatch) {
        if self.wants_records() {
            for record in &batch.records {
                self.seen_record(state, batch.partition, record);
            }
        }
    }

    fn seen_record(&self, state: &AppState, partition: PartitionId, record: &OutcomeRecord) {
        let Some(late) = record.request_id.and_then(|id| self.late.get(&id)) else {
            return;
        };
        if late.partition != partition || late.answer.get().is_some() {
            return;
        }
        let state = state.clone();
        let record = record.clone();
        tokio::spawn(async move { late.resolve(&state, &record).await });
    }
}

impl Late {
    async fn resolve(&self, state: &AppState, record: &OutcomeRecord) {
        let (user, partition) = (self.user, self.partition);
        let answer = answering::answer(&*self.answering, state, user, partition, record);
        let answer = self.scope.cover(answer).await;
        // The first answer stands.
        let _ = self.answer.set(answer);
    }
}
