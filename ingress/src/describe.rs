//! Hands the catalog in to the log, so that it can be made again from there.
//!
//! What is written to the catalog is described soon after, what a crash left over or an older
//! program wrote at the next pass. Nothing waits for it, and a log that does not take documents yet
//! (its machine is of version 1) is asked again later.

use std::time::Duration;

use onsale_log::Submission;
use onsale_schemas::command::{Describe, Subject};
use onsale_schemas::partitioning::partition_of;
use onsale_schemas::{Command, Envelope, Offset, Outcome, PartitionId, RequestId, codec};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::error::ApiError;
use crate::state::AppState;

/// Events, and shows, of one pass.
const DOCUMENTS_PER_PASS: u32 = 8;
/// From one look at the catalog to the next, in milliseconds: a look costs two short statements.
const LOOK_EVERY_MS: u64 = 1_000;
/// How long the log is left alone once it did not take a document, in milliseconds.
const REFUSED_PAUSE_MS: u64 = 15_000;
/// How long a pass waits for the projection of what it handed in, in milliseconds.
const PROJECTION_PATIENCE_MS: u64 = 10_000;

/// What became of a pass.
enum Pass {
    /// The log has what the catalog has.
    Done,
    /// There may be more.
    More,
    /// Not now.
    Refused(&'static str),
}

/// Describes until the process stops.
pub(crate) async fn run(state: AppState) {
    let mut is_told = false;
    loop {
        let pause_ms = match pass(&state).await {
            Ok(Pass::Done) => LOOK_EVERY_MS,
            Ok(Pass::More) => 0,
            Ok(Pass::Refused(why)) => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::info!(why, "the log does not take catalog documents yet");
                }
                REFUSED_PAUSE_MS
            }
            Err(error) => {
                tracing::debug!(?error, "the catalog is described later");
                REFUSED_PAUSE_MS
            }
        };
        let pause = tokio::time::sleep(Duration::from_millis(pause_ms));
        // Only the waiting is cut short, never a call of the store.
        tokio::select! {
            () = state.closing.cancelled() => return,
            () = pause => {}
        }
    }
}

async fn pass(state: &AppState) -> Result<Pass, ApiError> {
    let documents = state.store.undescribed(DOCUMENTS_PER_PASS).await?;
    if documents.is_empty() {
        return Ok(Pass::Done);
    }
    let mut last = None;
    for document in &documents {
        if state.closing.is_cancelled() {
            return Ok(Pass::Done);
        }
        let bytes = match document.encode() {
            Ok(bytes) => bytes,
            Err(error) => {
                let subject = document.subject();
                tracing::error!(?subject, %error, "not described: a lost database loses it");
                continue;
            }
        };
        match hand_in(state, document.subject(), bytes).await? {
            Some(position) => last = Some(position),
            None => {
                return Ok(Pass::Refused(
                    "its machine is of an earlier version, or it is full",
                ));
            }
        }
    }
    // Until then they would be handed in again.
    let Some((partition, offset)) = last else {
        return Ok(Pass::Refused("no document fits into it"));
    };
    let patience = Duration::from_millis(PROJECTION_PATIENCE_MS);
    let is_projected = state
        .operations
        .wait_projected(partition, offset, patience)
        .await;
    Ok(if is_projected { Pass::More } else { Pass::Done })
}

/// Where the document stands in the log; `None` when the log did not take it.
async fn hand_in(
    state: &AppState,
    subject: Subject,
    document: Vec<u8>,
) -> Result<Option<(PartitionId, Offset)>, ApiError> {
    let (Subject::Event(event) | Subject::Show { event, .. }) = subject;
    let partition = partition_of(event, state.log.partitions());
    let request_id = RequestId(Uuid::new_v4());
    let payload = codec::encode(&Envelope {
        request_id: Some(request_id),
        idempotency: None,
        trace: None,
        command: Command::Describe(Describe { subject, document }),
        by: None,
    })
    .map_err(ApiError::internal)?;
    let (reply, received) = oneshot::channel();
    state.log.submit(Submission {
        partition,
        request_id,
        payload,
        reply,
    })?;
    match received.await {
        Ok(Ok(record)) => {
            Ok(matches!(record.outcome, Outcome::Described(_))
                .then_some((partition, record.offset)))
        }
        Ok(Err(error)) => Err(error.into()),
        // Nobody knows what became of it; the next pass looks again.
        Err(_dropped) => Ok(None),
    }
}
