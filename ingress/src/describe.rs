//! Puts the catalog into the log, so that a lost database can be restored from there.
//!
//! Each event and show is also a document in the log (`Describe`). This task submits the current
//! version of what the log does not have yet, away from the path of any sale, and the projector
//! notes what came back. A show is described as soon as it is open, so that its document stands
//! right behind its opening, with at most the first sales in between; a change soon after it is
//! written. What a crash left out or an older program wrote follows with the next pass. Nothing waits
//! for it, and a log that does not take documents yet (its machine is of version 1) is asked again
//! later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use onsale_schemas::command::{Describe, Subject};
use onsale_schemas::partitioning::partition_of;
use onsale_schemas::{Command, Offset, Outcome, PartitionId, ShowId};
use onsale_store::document::{CatalogCursor, Document};
use uuid::Uuid;

use crate::error::ApiError;
use crate::state::AppState;
use crate::submit::hand_in_own;

/// Events, and shows, of one pass.
const DOCUMENTS_PER_PASS: u32 = 8;
/// From one look at the catalog to the next, in milliseconds: a look costs two short statements.
const LOOK_EVERY_MS: u64 = 1_000;
/// How long the log is left alone once it did not take a document, in milliseconds.
const REFUSED_PAUSE_MS: u64 = 15_000;
/// How long a pass waits for the projection of what the one before handed in, in milliseconds.
const PROJECTION_PATIENCE_MS: u64 = 10_000;

/// What became of a pass.
enum Pass {
    /// The log has what the catalog has.
    Done,
    /// There may be more.
    More,
    /// What was handed in is not projected yet.
    Behind,
    /// Not now.
    Refused(&'static str),
}

/// Hands in the document of a show that the log has just opened. What fails is left to the task.
pub(crate) async fn opened(state: &AppState, show: ShowId) {
    let document = match state.store.opened_document(show).await {
        Ok(Some(document)) => document,
        Ok(None) => return,
        Err(error) => {
            tracing::debug!(%show, %error, "described later");
            return;
        }
    };
    let subject = document.subject();
    let partition = partition_of(document.event.row.event_id, state.log.partitions());
    match document.encode() {
        Ok(document) => {
            let command = Command::Describe(Describe { subject, document });
            // Where the log takes it, the projector notes it.
            if let Err(error) = hand_in_own(state, partition, command) {
                tracing::debug!(?subject, ?error, "described later");
            }
        }
        Err(error) => {
            tracing::error!(?subject, %error, "not described: a lost database loses it");
        }
    }
}

/// Describes until the process stops.
pub(crate) async fn run(state: AppState) {
    let mut is_logged = false;
    let mut cursor = CatalogCursor::default();
    let mut taken = BTreeMap::new();
    loop {
        let pause_ms = match pass(&state, &mut cursor, &mut taken).await {
            Ok(Pass::Done | Pass::Behind) => LOOK_EVERY_MS,
            Ok(Pass::More) => 0,
            Ok(Pass::Refused(why)) => {
                if !std::mem::replace(&mut is_logged, true) {
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

/// Hands in what comes next. `taken` is where the log took the documents of the pass before, by
/// partition.
async fn pass(
    state: &AppState,
    cursor: &mut CatalogCursor,
    taken: &mut BTreeMap<PartitionId, Offset>,
) -> Result<Pass, ApiError> {
    // Until then the catalog does not know that the log has them: they would be handed in again.
    let patience = Duration::from_millis(PROJECTION_PATIENCE_MS);
    while let Some((&partition, &offset)) = taken.first_key_value() {
        let waited = state.operations.wait_projected(partition, offset, patience);
        if !waited.await {
            return Ok(Pass::Behind);
        }
        taken.pop_first();
    }
    let documents = state
        .store
        .undescribed(state.log.partitions(), *cursor, DOCUMENTS_PER_PASS)
        .await?;
    if documents.is_empty() {
        *cursor = CatalogCursor::default();
        return Ok(Pass::Done);
    }
    let (shows, events): (Vec<Document>, Vec<Document>) = documents
        .into_iter()
        .partition(|document| document.show.is_some());
    let mut is_refused = false;
    is_refused |= hand_in_all(state, &events, &mut cursor.event, taken).await;
    is_refused |= hand_in_all(state, &shows, &mut cursor.show, taken).await;
    Ok(if !taken.is_empty() {
        Pass::More
    } else if is_refused {
        Pass::Refused("its machine is of an earlier version, or it is full")
    } else if *cursor == CatalogCursor::default() {
        Pass::Refused("no document fits into it")
    } else {
        Pass::More
    })
}

/// Hands in the events, or the shows, of a pass and moves on behind them: to the beginning from the
/// end. A partition that refuses one is left alone for the rest of the pass, and the next begins with
/// what was left out, so that nothing stays behind one that is never taken. True when one was refused.
async fn hand_in_all(
    state: &AppState,
    documents: &[Document],
    after: &mut Uuid,
    taken: &mut BTreeMap<PartitionId, Offset>,
) -> bool {
    let mut refused = BTreeSet::new();
    let mut left_out_after = None;
    let mut last = *after;
    for document in documents {
        let subject = document.subject();
        let (id, event) = match subject {
            Subject::Event(event) => (event.0, event),
            Subject::Show { show, event } => (show.0, event),
        };
        let partition = partition_of(event, state.log.partitions());
        if state.closing.is_cancelled() || refused.contains(&partition) {
            left_out_after = left_out_after.or(Some(last));
            last = id;
            continue;
        }
        last = id;
        let bytes = match document.encode() {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(?subject, %error, "not described: a lost database loses it");
                continue;
            }
        };
        match hand_in(state, partition, subject, bytes).await {
            Ok(Some(offset)) => {
                taken.insert(partition, offset);
            }
            Ok(None) => {
                refused.insert(partition);
            }
            Err(error) => {
                tracing::debug!(?subject, ?error, "described later");
                refused.insert(partition);
            }
        }
    }
    let is_end = documents.len() < DOCUMENTS_PER_PASS as usize;
    *after = left_out_after.unwrap_or(if is_end { Uuid::nil() } else { last });
    !refused.is_empty()
}

/// Where the document stands in the log; `None` when the log did not take it.
async fn hand_in(
    state: &AppState,
    partition: PartitionId,
    subject: Subject,
    document: Vec<u8>,
) -> Result<Option<Offset>, ApiError> {
    let command = Command::Describe(Describe { subject, document });
    let received = hand_in_own(state, partition, command)?;
    match received.await {
        Ok(Ok(record)) => {
            Ok(matches!(record.outcome, Outcome::Described(_)).then_some(record.offset))
        }
        Ok(Err(error)) => Err(error.into()),
        // Its outcome is unknown; the next pass looks again.
        Err(_dropped) => Ok(None),
    }
}
