//! Shows that get and lose places, or another offer, while they are sold: what of it the feed tells this process.

use std::time::Duration;

use onsale_log::OutcomeBatch;
use onsale_schemas::{Offset, Outcome, OutcomeRecord, ShowId};

use crate::state::AppState;

/// How long the names of what was added are waited for. The chart is looked at again whenever it is
/// asked for after that, too.
const NAMES_PATIENCE: Duration = Duration::from_secs(30);

/// The show that a record gave places, or took some.
fn show_of(record: &OutcomeRecord) -> Option<(ShowId, Offset)> {
    if record.replay_of.is_some() {
        return None;
    }
    match &record.outcome {
        Outcome::SeatsAdded { show, .. } => Some((*show, record.offset)),
        Outcome::SeatsTaken(change) => Some((change.show, record.offset)),
        _ => None,
    }
}

/// The show that a record gave another offer.
fn offered_by(record: &OutcomeRecord) -> Option<(ShowId, Offset)> {
    match record.outcome {
        Outcome::OfferSet { show } if record.replay_of.is_none() => Some((show, record.offset)),
        _ => None,
    }
}

/// Notes which charts are older than what the log decided. The names of what was added come by the
/// database, perhaps later than this.
pub(crate) fn seen(state: &AppState, batch: &OutcomeBatch) {
    for (show, at) in batch.records.iter().filter_map(offered_by) {
        state.charts.note_offered(show, at);
    }
    for (show, at) in batch.records.iter().filter_map(show_of) {
        state.charts.note_grown(show, at);
        if state.live.get(show).is_some() {
            tokio::spawn(renew_live(state.clone(), show, at));
        }
    }
}

/// Gives the live view of a show its new chart, as soon as the catalog has it.
async fn renew_live(state: AppState, show: ShowId, at: Offset) {
    let renewing = state.charts.chart_since(show, at, NAMES_PATIENCE);
    match state.closing.run_until_cancelled(renewing).await {
        Some(Ok(chart)) => {
            if let Some(live) = state.live.get(show) {
                live.renew(&chart);
            }
        }
        Some(Err(error)) => {
            tracing::debug!(%show, ?error, "a live view keeps its chart for now");
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::outcome::{BlockChange, Replayed};
    use onsale_schemas::{SeatList, ShowId};

    use super::*;

    #[test]
    fn what_is_told_again_changes_no_chart() {
        let show = ShowId::from_bytes([1; 16]);
        let added = Outcome::SeatsAdded {
            show,
            zone: 0,
            first_seat: 3,
            places: 2,
        };
        let taken = Outcome::SeatsTaken(BlockChange {
            show,
            zone: 0,
            seats: SeatList::from_iter([1]),
            quantity: 1,
        });
        let offer = Outcome::OfferSet { show };
        let again = Some(Replayed {
            offset: 1,
            log_time_ms: 0,
        });
        let told = Some((show, 7));
        for (outcome, replay_of, expected) in [
            (added.clone(), None, (told, None)),
            (taken, None, (told, None)),
            (added, again, (None, None)),
            (offer.clone(), None, (None, told)),
            (offer, again, (None, None)),
            (Outcome::Nothing, None, (None, None)),
        ] {
            let record = OutcomeRecord {
                offset: 7,
                previous: None,
                log_time_ms: 0,
                request_id: None,
                replay_of,
                expired: Vec::new(),
                outcome,
            };
            assert_eq!((show_of(&record), offered_by(&record)), expected);
        }
    }
}
