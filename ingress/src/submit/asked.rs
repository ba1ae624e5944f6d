//! What was asked, kept with a request so that its outcome can be answered late as well.

use std::sync::Arc;

use onsale_schemas::{
    BookingId, EventId, Outcome, OutcomeRecord, PartitionId, ShowId, UserId, ZoneIndex,
};
use onsale_store::catalog::{EventChange, ShowChange};

use super::answer::Final;
use crate::charts::Chart;
use crate::error::ApiError;
use crate::routes;
use crate::state::AppState;

/// A call that waits for an outcome.
#[derive(Clone)]
pub(crate) enum Asked {
    Reserve {
        chart: Arc<Chart>,
        zone: ZoneIndex,
    },
    Confirm {
        booking: BookingId,
        /// Whose booking it has to be; anybody's for services.
        owner: Option<UserId>,
        payment_reference: Arc<str>,
    },
    Cancel {
        booking: BookingId,
        /// As for confirm.
        owner: Option<UserId>,
    },
    Extend {
        booking: BookingId,
    },
    OpenShow {
        show: ShowId,
    },
    AmendShow {
        show: ShowId,
        change: Arc<ShowChange>,
    },
    EndShow {
        show: ShowId,
    },
    ChangeEvent {
        event: EventId,
        change: Arc<EventChange>,
    },
    Block {
        chart: Arc<Chart>,
        zone: ZoneIndex,
    },
}

impl Asked {
    /// The answer to `record`, for the `caller` who asked.
    pub(crate) async fn answer(
        &self,
        state: &AppState,
        caller: UserId,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        note(state, partition, record);
        if self.tells_of_bookings(record) {
            state.acknowledged.note(caller, partition, record.offset);
        }
        if let Some(request_id) = record.request_id {
            let decided = record.replay_of.map_or(record.offset, |first| first.offset);
            state.decisions.note(request_id, partition, decided);
        }
        let mut answer = match self {
            Self::Reserve { chart, zone } => {
                routes::bookings::reserve::answer(state, chart, *zone, record)
            }
            Self::Confirm {
                booking,
                owner,
                payment_reference,
            } => {
                routes::bookings::confirm::answer(
                    state,
                    *booking,
                    *owner,
                    payment_reference,
                    record,
                )
                .await
            }
            Self::Cancel { booking, owner } => {
                routes::bookings::cancel::answer(state, *booking, *owner, record).await
            }
            Self::Extend { booking } => {
                routes::bookings::extend::answer(state, *booking, record).await
            }
            Self::OpenShow { show } => routes::shows::create::answer(state, *show, record).await,
            Self::AmendShow { show, change } => {
                routes::shows::amend::answer(state, *show, change, partition, record).await
            }
            Self::EndShow { show } => {
                routes::shows::close::answer(state, *show, partition, record).await
            }
            Self::ChangeEvent { event, change } => {
                routes::events::update::answer(state, *event, change, partition, record).await
            }
            Self::Block { chart, zone } => routes::shows::block::answer(chart, *zone, record),
        }
        .map_err(|refusal| with_place(refusal, partition, record))?;
        answer.replayed = record.replay_of.is_some();
        answer.command = record.request_id;
        Ok(answer)
    }

    /// Whether the answer says anything that a read of bookings shows, too. A refusal does: that a
    /// booking is confirmed already, say. One of a reservation tells of no booking, and who has
    /// many of them need not wait for any.
    fn tells_of_bookings(&self, record: &OutcomeRecord) -> bool {
        !matches!(
            (self, &record.outcome),
            (Self::Reserve { .. }, Outcome::Rejected(_))
        )
    }
}

/// A refusal of the log says where it was decided, and under which request it can be explained.
pub(super) fn with_place(
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

/// Keeps what later calls have to wait for, before anybody is told.
fn note(state: &AppState, partition: PartitionId, record: &OutcomeRecord) {
    let freed = |show: ShowId| {
        if let Some(live) = state.live.get(show) {
            live.freed_at(record.offset);
        }
    };
    let upset = || state.buyers.upset_at(partition, record.offset);
    match &record.outcome {
        Outcome::Released { booking, .. } => freed(booking.show),
        Outcome::Unblocked(change) => freed(change.show),
        // Its tickets do not count for the event's other shows any more.
        Outcome::ShowCancelled { .. } | Outcome::EventCancelled { .. } => upset(),
        // The limit may be higher.
        Outcome::ShowAmended { .. } | Outcome::EventAmended { .. } => upset(),
        _ => {}
    }
    told(state, partition, record);
}

/// Whoever's booking `record` is about was told of it, here or by another process.
pub(super) fn told(state: &AppState, partition: PartitionId, record: &OutcomeRecord) {
    let user = match &record.outcome {
        Outcome::Reserved(reserved) => reserved.user,
        Outcome::Confirmed(confirmed) => confirmed.user,
        Outcome::Extended { user, .. } => *user,
        Outcome::Released { booking, .. } => booking.user,
        _ => return,
    };
    state.acknowledged.note(user, partition, record.offset);
}
