//! Hands a command in and waits for its outcome, up to the deadline.

use std::sync::Arc;

use onsale_log::{Reply, Submission};
use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use onsale_schemas::{
    Command, Envelope, Outcome, OutcomeRecord, PartitionId, Rejection, RequestId, ShowId, UserId,
};
use tokio::sync::oneshot;

use super::answer::Answer;
use super::answering::{self, Answering};
use crate::auth::OnBehalf;
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::idempotency::Identity;
use crate::ids;
use crate::state::AppState;

/// How far the clocks of two nodes may be apart, and how long a request may be on its way, so that what is
/// taken as remembered is remembered still when it gets there, in milliseconds (an hour).
const CLOCKS_APART_MS: u64 = 3_600_000;

/// A command and who asks for it.
pub(crate) struct Ask {
    pub(crate) user: UserId,
    pub(crate) on_behalf: OnBehalf,
    pub(crate) identity: Identity,
    pub(crate) partition: PartitionId,
    pub(crate) command: Command,
    pub(crate) answering: Arc<dyn Answering>,
}

/// What is known at the deadline.
pub(super) enum Waited {
    Decided(OutcomeRecord),
    /// Nothing yet; the outcome may still arrive here.
    Unknown(Option<oneshot::Receiver<Reply>>),
}

/// The answer, which is 202 when the outcome is not known in time: an unknown outcome is never
/// called a failure.
pub(crate) async fn send(
    state: &AppState,
    context: &RequestContext,
    ask: Ask,
) -> Result<Answer, ApiError> {
    let Ask {
        user,
        on_behalf,
        identity,
        partition,
        command,
        answering,
    } = ask;
    // The staff is bounded by what the machine remembers and by nothing here: a payment service uses a
    // key with every confirmation.
    let is_counted = identity.fingerprint.is_some() && matches!(on_behalf, OnBehalf::Buyer);
    if is_counted && let Err(refusal) = state.key_quotas.take(user) {
        let show = match &command {
            Command::Reserve(reserve) => Some(reserve.show),
            Command::ReserveV2(order) => Some(order.show),
            _ => None,
        };
        if !was_decided(state, identity, partition, show).await {
            return Err(refusal);
        }
        state.key_quotas.take_again(user);
    }
    let waited = hand_in(state, context, identity, on_behalf, partition, command).await;
    // One whose outcome is not known may have been remembered, so it counts.
    let is_new = match &waited {
        Ok(Waited::Decided(record)) => record.replay_of.is_none(),
        Ok(Waited::Unknown(_)) => true,
        Err(_certainly_not_in_the_log) => false,
    };
    if is_counted && !is_new {
        state.key_quotas.give_back(user);
    }
    match waited? {
        Waited::Decided(record) => {
            note_answer(state, identity, partition, &record);
            answering::answer(&*answering, state, user, partition, &record)
                .await
                .map(Answer::Final)
        }
        Waited::Unknown(reply) => {
            let request_id = identity.request_id;
            state
                .replies
                .remember(state, user, request_id, partition, answering, reply);
            Ok(Answer::Pending(request_id))
        }
    }
}

/// Whether this very request is known to have been decided before, under the same key, by a partition that
/// remembers it. Its answer is for the log to give, and is not refused because of what its user or network
/// did since.
///
/// A key is remembered by the partition that decided, for [`IDEMPOTENCY_WINDOW_MS`]. To any other, and later,
/// the request is a new one, which no refusal may be spared. `show` is that of a reservation.
pub(crate) async fn was_decided(
    state: &AppState,
    identity: Identity,
    partition: PartitionId,
    show: Option<ShowId>,
) -> bool {
    let Identity {
        request_id,
        fingerprint: Some(fingerprint),
    } = identity
    else {
        return false;
    };
    let now_ms = state.clock.now_ms();
    let since_ms = remembered_since(now_ms);
    let request = (request_id, fingerprint);
    if state.positions.was_answered(request, partition, since_ms) {
        return true;
    }
    // What other nodes granted.
    let Some(show) = show else {
        return false;
    };
    // Where the database is away nothing is known, and the refusal stands.
    let booking = state.store.booking_of_request(request_id).await;
    booking.ok().flatten().is_some_and(|booking| {
        booking.booking_id.partition() == partition
            && booking.show_id == show
            && (since_ms..=now_ms.saturating_add(CLOCKS_APART_MS)).contains(&booking.reserved_at_ms)
    })
}

/// Whether the key of a request is known to be that of another one, which the partition remembers and would refuse this
/// one for. What other nodes were answered is not known here: only the log's own refusal is certain.
pub(crate) fn was_anothers(state: &AppState, identity: Identity, partition: PartitionId) -> bool {
    let Some(fingerprint) = identity.fingerprint else {
        return false;
    };
    let since_ms = remembered_since(state.clock.now_ms());
    let request = (identity.request_id, fingerprint);
    state.positions.was_anothers(request, partition, since_ms)
}

/// Since when what was answered is certainly remembered still.
fn remembered_since(now_ms: u64) -> u64 {
    now_ms.saturating_sub(IDEMPOTENCY_WINDOW_MS - CLOCKS_APART_MS)
}

/// Notes that the partition remembers the answer to a request with a key.
fn note_answer(
    state: &AppState,
    identity: Identity,
    partition: PartitionId,
    record: &OutcomeRecord,
) {
    let Some(fingerprint) = identity.fingerprint else {
        return;
    };
    // The first is not remembered; the second says that something else is, and not since when.
    if let Outcome::Rejected(why) = &record.outcome
        && (why.is_transient() || matches!(why, Rejection::IdempotencyKeyReused))
    {
        return;
    }
    let (offset, first_ms) = record
        .replay_of
        .map_or((record.offset, record.log_time_ms), |first| {
            (first.offset, first.log_time_ms)
        });
    // By the log's own time, which may be apart from the clock of this node.
    let age_ms = record.log_time_ms.saturating_sub(first_ms);
    let at_ms = state.clock.now_ms().saturating_sub(age_ms);
    let request = (identity.request_id, fingerprint);
    state
        .positions
        .note_answer(request, (partition, offset), at_ms);
}

/// Hands a command in and waits.
pub(super) async fn hand_in(
    state: &AppState,
    context: &RequestContext,
    identity: Identity,
    on_behalf: OnBehalf,
    partition: PartitionId,
    command: Command,
) -> Result<Waited, ApiError> {
    let envelope = Envelope {
        request_id: Some(identity.request_id),
        idempotency: identity.fingerprint,
        trace: context.sampled_trace(),
        command,
        by: on_behalf.staff(),
    };
    let mut received = submit(state, identity.request_id, partition, envelope)?;
    let deadline = state.config.http.reply_deadline();
    match tokio::time::timeout(deadline, &mut received).await {
        Ok(Ok(Ok(record))) => Ok(Waited::Decided(record)),
        Ok(Ok(Err(error))) => Err(error.into()),
        Ok(Err(_dropped)) => {
            state.metrics.unknown_outcomes.inc();
            Ok(Waited::Unknown(None))
        }
        Err(_elapsed) => {
            state.metrics.unknown_outcomes.inc();
            Ok(Waited::Unknown(Some(received)))
        }
    }
}

/// Hands in a command that no client asked for.
///
/// # Errors
/// When the command is certainly not in the log.
pub(crate) fn hand_in_own(
    state: &AppState,
    partition: PartitionId,
    command: Command,
) -> Result<oneshot::Receiver<Reply>, ApiError> {
    let request_id = RequestId(ids::random());
    submit(state, request_id, partition, Envelope::machine(command))
}

/// The outcome comes by the receiver, where the log lives that long.
fn submit(
    state: &AppState,
    request_id: RequestId,
    partition: PartitionId,
    envelope: Envelope,
) -> Result<oneshot::Receiver<Reply>, ApiError> {
    let (submission, received) =
        Submission::new(partition, request_id, envelope).map_err(ApiError::internal)?;
    state.log.submit(submission)?;
    Ok(received)
}
