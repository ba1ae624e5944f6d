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

use futures::future::join_all;
use onsale_log::Reply;
use onsale_schemas::command::{Describe, Subject};
use onsale_schemas::partitioning::partition_of;
use onsale_schemas::{Command, Offset, Outcome, PartitionId, ShowId};
use onsale_store::document::{CatalogCursor, Document};
use tokio::sync::oneshot;
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
const PROJECTION_PATIENCE_MS: u64 = 1_000;

/// What became of a pass.
enum Pass {
    /// The log has what of the catalog was looked at, or is to have it once it is projected.
    Done,
    /// There may be more.
    More,
    /// Not now.
    Refused(&'static str),
}

/// What became of a document that was handed in.
enum HandedIn {
    /// The log answers.
    Submitted(oneshot::Receiver<Reply>),
    /// No log takes it.
    Unfit,
    /// The log does not take it now.
    Refused,
}

/// Partitions whose projection has not come to the documents that their log took: until then the
/// catalog does not know that the log has them, and they would be handed in again.
#[derive(Default)]
struct Unprojected(BTreeMap<PartitionId, Taken>);

/// The last document of a partition that its log took.
#[derive(Clone, Copy)]
struct Taken {
    offset: Offset,
    /// It was waited for in vain.
    is_behind: bool,
}

impl Unprojected {
    fn took(&mut self, partition: PartitionId, offset: Offset) {
        let is_behind = false;
        self.0.insert(partition, Taken { offset, is_behind });
    }

    /// Waits for all of them at once, and no longer for those that were waited for before.
    async fn settle(&mut self, state: &AppState) {
        let mut waits = Vec::with_capacity(self.0.len());
        for (&partition, &Taken { offset, is_behind }) in &self.0 {
            let patience_ms = if is_behind { 0 } else { PROJECTION_PATIENCE_MS };
            let patience = Duration::from_millis(patience_ms);
            let waited = state.operations.wait_projected(partition, offset, patience);
            waits.push(async move { (partition, waited.await) });
        }
        for (partition, is_projected) in join_all(waits).await {
            if is_projected {
                self.0.remove(&partition);
            } else if let Some(taken) = self.0.get_mut(&partition) {
                taken.is_behind = true;
            }
        }
    }

    fn partitions(&self) -> Vec<PartitionId> {
        self.0.keys().copied().collect()
    }
}

/// Hands in the document of a show that the log has just opened. What fails is left to the task.
pub(crate) async fn opened(state: &AppState, show: ShowId) {
    match state.installation.opened_document(show).await {
        // Where the log takes it, the projector notes it.
        Ok(Some(document)) => drop(hand_in(state, &document)),
        Ok(None) => {}
        Err(error) => tracing::debug!(%show, %error, "described later"),
    }
}

/// Describes until the process stops.
pub(crate) async fn run(state: AppState) {
    let mut is_logged = false;
    let mut cursor = CatalogCursor::default();
    let mut unprojected = Unprojected::default();
    loop {
        let pause_ms = match pass(&state, &mut cursor, &mut unprojected).await {
            Ok(Pass::Done) => LOOK_EVERY_MS,
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

/// Hands in what comes next, of all partitions whose projection is up with what they took before.
async fn pass(
    state: &AppState,
    cursor: &mut CatalogCursor,
    unprojected: &mut Unprojected,
) -> Result<Pass, ApiError> {
    unprojected.settle(state).await;
    let partitions = state.log.partitions();
    let mut behind = unprojected.partitions();
    // A database that was lost or set back is on its way through documents that it lacks: what it has now would
    // stand behind them in the log, as the newest.
    let is_behind = |partition: &PartitionId| {
        state.operations.projected(*partition) < state.log.began_at(*partition)
    };
    behind.extend(state.partitions().filter(is_behind));
    let (documents, end) = state
        .installation
        .next_undescribed(partitions, &behind, *cursor, DOCUMENTS_PER_PASS)
        .await?;
    if documents.is_empty() {
        // It is the end, or all that was looked at is damaged: what stands behind that has its turn at the
        // next look, and many damaged shows cost the database no more than that.
        *cursor = end;
        return Ok(Pass::Done);
    }
    let (shows, events): (Vec<Document>, Vec<Document>) = documents
        .into_iter()
        .partition(|document| document.show.is_some());
    let at = &mut cursor.event;
    let of_events = hand_in_all(state, &events, at, end.event, unprojected).await;
    let at = &mut cursor.show;
    let of_shows = hand_in_all(state, &shows, at, end.show, unprojected).await;
    Ok(if of_events.is_taken || of_shows.is_taken {
        Pass::More
    } else if of_events.is_refused || of_shows.is_refused {
        Pass::Refused("its machine is of an earlier version, or it is full")
    } else if *cursor == CatalogCursor::default() {
        Pass::Refused("no document fits into it")
    } else {
        Pass::More
    })
}

/// What became of several documents.
struct AllHandedIn {
    /// The log took one.
    is_taken: bool,
    /// A partition refused one.
    is_refused: bool,
}

/// Hands in the events, or the shows, of a pass and moves on to where the look at them ended. A
/// partition that refuses one is left alone for the rest of the pass, and the next begins with what was
/// left out, so that nothing stays behind one that is never taken.
async fn hand_in_all(
    state: &AppState,
    documents: &[Document],
    after: &mut Uuid,
    end: Uuid,
    unprojected: &mut Unprojected,
) -> AllHandedIn {
    let mut is_taken = false;
    let mut refused = BTreeSet::new();
    let mut left_out_after = None;
    let mut last = *after;
    for document in documents {
        let id = match document.subject() {
            Subject::Event(event) => event.0,
            Subject::Show { show, .. } => show.0,
        };
        let partition = partition(state, document);
        if state.closing.is_cancelled() || refused.contains(&partition) {
            left_out_after = left_out_after.or(Some(last));
            last = id;
            continue;
        }
        last = id;
        let offset = match hand_in(state, document) {
            HandedIn::Submitted(reply) => taken_at(document, reply).await,
            HandedIn::Refused => None,
            HandedIn::Unfit => continue,
        };
        match offset {
            Some(offset) => {
                is_taken = true;
                unprojected.took(partition, offset);
            }
            None => {
                refused.insert(partition);
            }
        }
    }
    *after = left_out_after.unwrap_or(end);
    AllHandedIn {
        is_taken,
        is_refused: !refused.is_empty(),
    }
}

fn partition(state: &AppState, document: &Document) -> PartitionId {
    partition_of(document.event.row.event_id, state.log.partitions())
}

/// Hands in a document; what keeps it from the log goes to the log of this process.
fn hand_in(state: &AppState, document: &Document) -> HandedIn {
    let subject = document.subject();
    let bytes = match document.encode() {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::error!(?subject, %error, "not described: a lost database loses it");
            return HandedIn::Unfit;
        }
    };
    let command = Command::Describe(Describe {
        subject,
        document: bytes,
    });
    match hand_in_own(state, partition(state, document), command) {
        Ok(reply) => HandedIn::Submitted(reply),
        Err(error) => {
            tracing::debug!(?subject, ?error, "described later");
            HandedIn::Refused
        }
    }
}

/// Where the document stands in the log; `None` when the log did not take it.
async fn taken_at(document: &Document, reply: oneshot::Receiver<Reply>) -> Option<Offset> {
    match reply.await {
        Ok(Ok(record)) => matches!(record.outcome, Outcome::Described(_)).then_some(record.offset),
        Ok(Err(error)) => {
            let subject = document.subject();
            tracing::debug!(?subject, ?error, "described later");
            None
        }
        // Its outcome is unknown; the next pass looks again.
        Err(_dropped) => None,
    }
}
