//! From an outcome to the answer of the call that asked for it.

use async_trait::async_trait;
use onsale_schemas::{Outcome, OutcomeRecord, PartitionId, ShowId, UserId};

use super::answer::Final;
use crate::error::ApiError;
use crate::state::AppState;

/// Answers one call, kept with it so that its outcome can be answered late as well. Every endpoint that
/// hands a command in has its own.
#[async_trait]
pub(crate) trait Answering: Send + Sync {
    /// The answer to the outcome of the call's command.
    ///
    /// # Errors
    /// What the log refused, as clients read it.
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError>;

    /// Whether the answer says anything that a read of bookings shows, too. A refusal does: that a
    /// booking is confirmed already, say.
    fn tells_of_bookings(&self, _record: &OutcomeRecord) -> bool {
        true
    }
}

/// The answer of a call of `caller`, once what later calls have to wait for is noted.
///
/// # Errors
/// As [`Answering::answer`].
pub(crate) async fn answer(
    answering: &dyn Answering,
    state: &AppState,
    caller: UserId,
    partition: PartitionId,
    record: &OutcomeRecord,
) -> Result<Final, ApiError> {
    note(state, partition, record);
    if answering.tells_of_bookings(record) {
        state.acknowledged.note(caller, partition, record.offset);
    }
    if let Some(request_id) = record.request_id {
        let decided = record.replay_of.map_or(record.offset, |first| first.offset);
        state.positions.note(request_id, partition, decided);
    }
    let mut answer = answering
        .answer(state, partition, record)
        .await
        .map_err(|refusal| with_position(refusal, partition, record))?;
    answer.replayed = record.replay_of.is_some();
    answer.command = record.request_id;
    Ok(answer)
}

/// An outcome that no command of its kind can have.
pub(crate) fn unexpected(operation: &str, outcome: &Outcome) -> ApiError {
    if matches!(outcome, Outcome::Nothing) {
        // The machine takes what is of a later version than its own for unreadable.
        return ApiError::overloaded(
            "This show's part of the system is being upgraded and does not know such requests yet. \
             Nothing was changed; try again later.",
        );
    }
    ApiError::internal(format!("{operation} came out as {outcome:?}"))
}

/// A refusal of the log says where it was decided, and under which request it can be explained.
pub(crate) fn with_position(
    refusal: ApiError,
    partition: PartitionId,
    record: &OutcomeRecord,
) -> ApiError {
    if !matches!(record.outcome, Outcome::Rejected(_)) {
        return refusal;
    }
    let offset = record.replay_of.map_or(record.offset, |first| first.offset);
    let refusal = if record.replay_of.is_some() {
        refusal.replayed()
    } else {
        refusal
    };
    let refusal = refusal.with_detail(
        "position",
        serde_json::json!({ "partition": partition, "offset": offset }),
    );
    match record.request_id {
        Some(request_id) => refusal
            .with_detail("request_id", serde_json::json!(request_id))
            .of_command(request_id),
        None => refusal,
    }
}

/// Notes what later calls have to wait for, before the answer is given.
fn note(state: &AppState, partition: PartitionId, record: &OutcomeRecord) {
    let freed = |show: ShowId| {
        if let Some(live) = state.live.get(show) {
            live.freed_at(record.offset);
        }
    };
    let invalidate = || state.buyers.invalidate_from(partition, record.offset);
    match &record.outcome {
        Outcome::Released { booking, .. } => freed(booking.show),
        Outcome::ReleasedV2(order) => freed(order.show),
        Outcome::PlacesReturned(returned) => freed(returned.show),
        Outcome::Unblocked(change) => freed(change.show),
        Outcome::SeatsAdded { show, .. } => freed(*show),
        // Its tickets do not count for the event's other shows any more.
        Outcome::ShowCancelled { .. } | Outcome::EventCancelled { .. } => invalidate(),
        // The limit may be higher.
        Outcome::ShowAmended { .. } | Outcome::EventAmended { .. } => invalidate(),
        _ => {}
    }
    acknowledge(state, partition, record);
}

/// Notes that the buyer whose booking `record` is about knows of it, from here or from another process.
pub(super) fn acknowledge(state: &AppState, partition: PartitionId, record: &OutcomeRecord) {
    let user = match &record.outcome {
        Outcome::Reserved(reserved) => reserved.user,
        Outcome::Confirmed(confirmed) => confirmed.user,
        Outcome::Extended { user, .. } => *user,
        Outcome::Released { booking, .. } => booking.user,
        Outcome::ReservedV2(order) => order.user,
        Outcome::ConfirmedV2(order) => order.user,
        Outcome::ReleasedV2(order) => order.user,
        Outcome::PlacesReturned(returned) => returned.user,
        _ => return,
    };
    state.acknowledged.note(user, partition, record.offset);
}
