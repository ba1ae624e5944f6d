//! Shows whose opening a crash interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use onsale_schemas::{Offset, Outcome, PartitionId, ShowId};
use onsale_store::audit::{Audit, Unaudited};
use onsale_store::catalog::{ShowRow, ShowStatus};

use super::create::{is_unopened, withdraw};
use super::layout::opening;
use crate::error::ApiError;
use crate::rejection;
use crate::state::AppState;
use crate::submit::hand_in_own;

/// How long the outcome of an opening is waited for, in milliseconds.
const OUTCOME_PATIENCE_MS: u64 = 5_000;
/// Pause before what the log did not take is handed in again, in milliseconds.
const RETRY_PAUSE_MS: u64 = 15_000;

/// What became of the openings that were interrupted.
struct Resumed {
    handed_in: usize,
    /// True when some have to be tried again.
    is_incomplete: bool,
}

/// What became of one of them.
enum Resumption {
    HandedIn,
    /// The log refuses it, at this offset.
    Refused(Offset),
    /// Its reply was lost, or takes long.
    Silent,
    /// The catalog lacks the event.
    NoEvent,
}

/// Hands in the opening of every show that is in the catalog and perhaps not in the log; opening
/// one again with the same values changes nothing, one that an older program opened is refused, which
/// changes nothing either, and one that the log refuses to open leaves the catalog. Returns how many
/// were handed in; what was not is tried again until the process stops.
pub(crate) async fn resume_openings(state: &AppState) -> usize {
    let resumed = pass(state).await;
    if resumed.is_incomplete {
        tokio::spawn(retry(state.clone()));
    }
    resumed.handed_in
}

async fn retry(state: AppState) {
    loop {
        let pause = tokio::time::sleep(Duration::from_millis(RETRY_PAUSE_MS));
        if state.closing.run_until_cancelled(pause).await.is_none() {
            return;
        }
        if !pass(&state).await.is_incomplete {
            tracing::info!("all interrupted openings were handed in");
            return;
        }
    }
}

async fn pass(state: &AppState) -> Resumed {
    let mut resumed = Resumed {
        handed_in: 0,
        is_incomplete: false,
    };
    let shows = match state
        .installation
        .shows_with_status(ShowStatus::Opening)
        .await
    {
        Ok(shows) => shows,
        Err(error) => {
            tracing::warn!(%error, "interrupted openings are looked for again later");
            resumed.is_incomplete = true;
            return resumed;
        }
    };
    // One partition that does not answer must not cost its patience with every show.
    let mut silent = BTreeSet::<PartitionId>::new();
    let mut refused = BTreeMap::<PartitionId, Refused>::new();
    for show in &shows {
        if silent.contains(&show.partition) {
            continue;
        }
        match resume(state, show).await {
            Ok(Resumption::HandedIn) => resumed.handed_in += 1,
            Ok(Resumption::Refused(offset)) => {
                resumed.handed_in += 1;
                let refused = refused.entry(show.partition).or_default();
                refused.shows.push(show.show_id);
                refused.last = refused.last.max(offset);
            }
            Ok(Resumption::NoEvent) => {
                tracing::warn!(show = %show.show_id, "a show of no event is not opened");
            }
            Ok(Resumption::Silent) => {
                silent.insert(show.partition);
                resumed.is_incomplete = true;
                tracing::warn!(
                    partition = %show.partition,
                    "no outcome of an interrupted opening yet; it is tried again later"
                );
            }
            Err(error) => {
                resumed.is_incomplete = true;
                let why = error.detail();
                tracing::warn!(show = %show.show_id, %why, "a show stays unopened; it is tried again later");
            }
        }
    }
    let mut withdrawals = Vec::with_capacity(refused.len());
    for (partition, refused) in refused {
        let shows = refused.shows.into_iter();
        let shows = shows.map(|show| (show, Audit::from(Unaudited::Automatic)));
        withdrawals.push(withdraw(state, (partition, refused.last), shows));
    }
    join_all(withdrawals).await;
    resumed
}

/// Shows of one partition whose openings its log refused.
#[derive(Default)]
struct Refused {
    shows: Vec<ShowId>,
    /// Where the last of them was.
    last: Offset,
}

async fn resume(state: &AppState, show: &ShowRow) -> Result<Resumption, ApiError> {
    let Some(event) = state.installation.event(show.event_id).await? else {
        return Ok(Resumption::NoEvent);
    };
    let command = opening(show, &event)?;
    let received = hand_in_own(state, show.partition, command)?;
    let patience = Duration::from_millis(OUTCOME_PATIENCE_MS);
    match tokio::time::timeout(patience, received).await {
        Ok(Ok(outcome)) => {
            let record = outcome?;
            match &record.outcome {
                Outcome::Rejected(why) if is_unopened(why) => {
                    Ok(Resumption::Refused(record.offset))
                }
                Outcome::Rejected(why) if why.is_transient() => {
                    Err(rejection::to_error(why, None, None))
                }
                _ => Ok(Resumption::HandedIn),
            }
        }
        Ok(Err(_)) | Err(_) => Ok(Resumption::Silent),
    }
}
