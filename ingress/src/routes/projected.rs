//! Reads that must not be older than what their caller has been answered.

use std::time::Duration;

use onsale_schemas::{BookingId, Offset, OutcomeRecord, PartitionId, UserId};
use onsale_store::booking::BookingRow;

use crate::error::{ApiError, RETRY_AFTER_BUSY_SECONDS};
use crate::state::AppState;

/// How long a read waits for the projection.
const PROJECTION_WAIT_MAX: Duration = Duration::from_secs(2);

/// Waits until the record at this position is projected.
pub(super) async fn wait_for(
    state: &AppState,
    partition: PartitionId,
    offset: Offset,
) -> Result<(), ApiError> {
    let there = state.operations.projected(partition) > offset
        || state
            .operations
            .wait_projected(partition, offset, PROJECTION_WAIT_MAX)
            .await;
    if there {
        Ok(())
    } else {
        Err(ApiError::overloaded(
            "The database is behind the log right now; nothing is lost, try again.",
        )
        .retry_after(RETRY_AFTER_BUSY_SECONDS))
    }
}

/// Waits until a change that the log accepted is in the catalog. True when it is not there in time and
/// has to be shown all the same; never for a repetition, as what it asks for may have been changed
/// again since.
pub(super) async fn is_ahead_of_catalog(
    state: &AppState,
    partition: PartitionId,
    record: &OutcomeRecord,
) -> bool {
    let is_projected = wait_for(state, partition, record.offset).await.is_ok();
    !is_projected && record.replay_of.is_none()
}

/// Waits for everything of `partition` that the log had before this process began: the database may be another one than
/// it was then, from a backup that is older.
pub(super) async fn wait_for_before(
    state: &AppState,
    partition: PartitionId,
) -> Result<(), ApiError> {
    match state.log.began_at(partition).checked_sub(1) {
        Some(offset) => wait_for(state, partition, offset).await,
        None => Ok(()),
    }
}

/// Waits for everything of `partition` that `user` has been answered: by this process, or before it
/// began, of which no record is left.
pub(super) async fn wait_for_user(
    state: &AppState,
    user: UserId,
    partition: PartitionId,
) -> Result<(), ApiError> {
    let before = state.log.began_at(partition).checked_sub(1);
    match state.acknowledged.last(user, partition).max(before) {
        Some(offset) => wait_for(state, partition, offset).await,
        None => Ok(()),
    }
}

/// Waits for everything that `user` has been answered, on all partitions.
pub(super) async fn wait_for_all(state: &AppState, user: UserId) -> Result<(), ApiError> {
    for partition in state.partitions() {
        wait_for_user(state, user, partition).await?;
    }
    Ok(())
}

/// A booking as projected, once the projection has passed it. An id beyond the log's end names no
/// booking, so nothing is waited for; where that end is not known, waiting is bounded and ends as
/// "behind", never as a wrong answer.
pub(super) async fn booking(
    state: &AppState,
    booking: BookingId,
) -> Result<Option<BookingRow>, ApiError> {
    if let Some(row) = state.store.booking(booking).await? {
        return Ok(Some(row));
    }
    let (partition, offset) = (booking.partition(), booking.offset());
    if state.operations.projected(partition) <= offset
        && !state.log.may_hold(partition, offset).await
    {
        return Ok(None);
    }
    wait_for(state, partition, offset).await?;
    Ok(state.store.booking(booking).await?)
}
