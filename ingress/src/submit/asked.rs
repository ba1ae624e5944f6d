//! What was asked, kept with a request so that its outcome can be answered late as well.

use std::sync::Arc;

use onsale_schemas::{BookingId, OutcomeRecord, PartitionId, ShowId, UserId, ZoneIndex};

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
        change: Arc<routes::shows_amend::CatalogChange>,
    },
    EndShow {
        show: ShowId,
    },
    Block {
        chart: Arc<Chart>,
        zone: ZoneIndex,
    },
}

impl Asked {
    /// The answer to `record`.
    pub(crate) async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        note(state, partition, record);
        let mut answer = match self {
            Self::Reserve { chart, zone } => {
                routes::bookings_reserve::answer(state, chart, *zone, record)
            }
            Self::Confirm {
                booking,
                owner,
                payment_reference,
            } => {
                routes::bookings_confirm::answer(state, *booking, *owner, payment_reference, record)
                    .await
            }
            Self::Cancel { booking, owner } => {
                routes::bookings_cancel::answer(state, *booking, *owner, record).await
            }
            Self::Extend { booking } => {
                routes::bookings_extend::answer(state, *booking, record).await
            }
            Self::OpenShow { show } => routes::shows_create::answer(state, *show, record).await,
            Self::AmendShow { show, change } => {
                routes::shows_amend::answer(state, *show, change, record).await
            }
            Self::EndShow { show } => routes::shows_close::answer(state, *show, record).await,
            Self::Block { chart, zone } => routes::shows_block::answer(chart, *zone, record),
        }?;
        answer.replayed = record.replay_of.is_some();
        Ok(answer)
    }
}

/// Keeps what later calls have to wait for, before anybody is told.
fn note(state: &AppState, partition: PartitionId, record: &OutcomeRecord) {
    use onsale_schemas::Outcome;
    let user = match &record.outcome {
        Outcome::Reserved(reserved) => reserved.user,
        Outcome::Confirmed(confirmed) => confirmed.user,
        Outcome::Extended { user, .. } => *user,
        Outcome::Released { booking, .. } => {
            if let Some(live) = state.live.get(booking.show) {
                live.freed_at(record.offset);
            }
            booking.user
        }
        Outcome::Unblocked(change) => {
            if let Some(live) = state.live.get(change.show) {
                live.freed_at(record.offset);
            }
            return;
        }
        _ => return,
    };
    state.acknowledged.note(user, partition, record.offset);
}
