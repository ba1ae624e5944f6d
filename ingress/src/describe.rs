//! Puts the catalog into the log, so that a lost database can be restored from there.
//!
//! Each event and show is also a document in the log (`Describe`). This task submits the current
//! version of what the log does not have yet, away from the path of any sale, and the projector
//! notes what came back. A change is described soon after it is written; what a crash left out or
//! an older program wrote follows with the next pass. Nothing waits for it, and a log that does not
//! take documents yet (its machine is of version 1) is asked again later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use onsale_schemas::command::{Describe, Subject};
use onsale_schemas::partitioning::partition_of;
use onsale_schemas::{Command, Offset, Outcome, PartitionId};
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
/// How long a pass waits for the projection of what it handed in, in milliseconds. A projection that is
/// behind for longer is looked at again after [`REFUSED_PAUSE_MS`].
const PROJECTION_PATIENCE_MS: u64 = 10_000;

/// Where describing stands from one pass to the next.
#[derive(Default)]
struct Walk {
    cursor: CatalogCursor,
    /// What was handed in last of each partition and is not projected yet. Until it is, the catalog does
    /// not say that the log has it, and it would be handed in again.
    awaited: BTreeMap<PartitionId, Offset>,
}

/// What became of a pass.
enum Pass {
    /// Here is nothing to do: the log has what the catalog has, or was handed it.
    Done,
    /// There may be more.
    More,
    /// The projection is behind what was handed in.
    Unprojected,
    /// Not now.
    Refused(&'static str),
}

/// Describes until the process stops.
pub(crate) async fn run(state: AppState) {
    let mut is_logged = false;
    let mut walk = Walk::default();
    loop {
        let pause_ms = match pass(&state, &mut walk).await {
            Ok(Pass::Done) => LOOK_EVERY_MS,
            Ok(Pass::More) => 0,
            Ok(Pass::Unprojected) => REFUSED_PAUSE_MS,
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

async fn pass(state: &AppState, walk: &mut Walk) -> Result<Pass, ApiError> {
    let Walk { cursor, awaited } = walk;
    awaited.retain(|partition, offset| state.operations.projected(*partition) <= *offset);
    let documents = state
        .store
        .undescribed(state.log.partitions(), *cursor, DOCUMENTS_PER_PASS)
        .await?;
    if documents.is_empty() {
        *cursor = CatalogCursor::default();
        return Ok(Pass::Done);
    }
    let left_alone: BTreeSet<PartitionId> = awaited.keys().copied().collect();
    let (shows, events): (Vec<Document>, Vec<Document>) = documents
        .into_iter()
        .partition(|document| document.show.is_some());
    let mut taken = BTreeMap::new();
    let mut is_refused = false;
    for (documents, after) in [(events, &mut cursor.event), (shows, &mut cursor.show)] {
        is_refused |= hand_in_all(state, &documents, after, &left_alone, &mut taken).await;
    }
    if taken.is_empty() {
        return Ok(if is_refused {
            Pass::Refused("its machine is of an earlier version, or it is full")
        } else {
            match (*cursor == CatalogCursor::default(), left_alone.is_empty()) {
                (true, true) => Pass::Refused("no document fits into it"),
                (true, false) => Pass::Unprojected,
                (false, true) => Pass::More,
                // Not at full speed through all that was handed in already.
                (false, false) => Pass::Done,
            }
        });
    }
    awaited.extend(&taken);
    let patience = Duration::from_millis(PROJECTION_PATIENCE_MS);
    for (partition, offset) in taken {
        let is_projected = state
            .operations
            .wait_projected(partition, offset, patience)
            .await;
        if !is_projected {
            return Ok(Pass::Unprojected);
        }
        awaited.remove(&partition);
    }
    Ok(Pass::More)
}

/// Hands in the events, or the shows, of a pass and moves on behind them: to the beginning from the
/// end. A partition that refuses one is left alone for the rest of the pass, and the next begins with
/// what was left out, so that nothing stays behind one that is never taken. Those `left_alone` are
/// passed over. True when one was refused.
async fn hand_in_all(
    state: &AppState,
    documents: &[Document],
    after: &mut Uuid,
    left_alone: &BTreeSet<PartitionId>,
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
        if left_alone.contains(&partition) {
            last = id;
            continue;
        }
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
