//! Outcomes that came by lately, whoever handed their commands in: a request that another ingress
//! answered with 202 can be asked for here.

use std::sync::Arc;
use std::time::Duration;

use onsale_log::OutcomeBatch;
use onsale_schemas::{BookingId, Outcome, OutcomeRecord, PartitionId, RequestId, UserId};

use super::answer::Final;
use super::asked::{Asked, told};
use crate::error::ApiError;
use crate::rejection;
use crate::state::AppState;

/// Outcomes that are remembered; a few hundred bytes each.
const RECENT_MAX: u64 = 65_536;
/// For how long.
const RECENT_TTL: Duration = Duration::from_secs(15 * 60);

/// See the module.
pub(crate) struct Recent {
    /// `None` where this process hands in every command itself and knows what was asked.
    outcomes: Option<moka::sync::Cache<RequestId, Arc<(PartitionId, OutcomeRecord)>>>,
}

impl Recent {
    /// Remembers only where other processes hand in commands too.
    pub(crate) fn new(is_shared: bool) -> Self {
        Self {
            outcomes: is_shared.then(|| {
                moka::sync::Cache::builder()
                    .max_capacity(RECENT_MAX)
                    .time_to_live(RECENT_TTL)
                    .build()
            }),
        }
    }

    /// Outcomes came by on the feed.
    pub(crate) fn seen(&self, state: &AppState, batch: &OutcomeBatch) {
        let Some(outcomes) = &self.outcomes else {
            return;
        };
        for record in &batch.records {
            told(state, batch.partition, record);
            if let Some(request_id) = record.request_id {
                outcomes.insert(request_id, Arc::new((batch.partition, record.clone())));
            }
        }
    }

    /// The answer to a request of `user`; `None` when nothing of it came by, or it was somebody
    /// else's.
    pub(crate) async fn answer(
        &self,
        state: &AppState,
        request_id: RequestId,
        user: UserId,
    ) -> Option<Result<Final, ApiError>> {
        let seen = self.outcomes.as_ref()?.get(&request_id)?;
        let (partition, record) = &*seen;
        let booking = |offset| BookingId::new(*partition, offset);
        let asked = match &record.outcome {
            Outcome::Reserved(reserved) if reserved.user == user => {
                match state.charts.chart(reserved.show).await {
                    Ok(chart) => Asked::Reserve {
                        chart,
                        zone: reserved.zone,
                    },
                    Err(error) => return Some(Err(error)),
                }
            }
            Outcome::Confirmed(confirmed) if confirmed.user == user => Asked::Confirm {
                booking: booking(confirmed.booking),
                owner: Some(user),
                payment_reference: confirmed.payment_reference.as_str().into(),
            },
            Outcome::Released { booking: ended, .. } if ended.user == user => Asked::Cancel {
                booking: booking(ended.booking),
                owner: Some(user),
            },
            Outcome::Extended {
                booking: extended,
                user: of,
                ..
            } if *of == user => Asked::Extend {
                booking: booking(*extended),
            },
            // It names nobody; whoever knows the id of the request made it.
            Outcome::Rejected(why) => return Some(Err(rejection::to_error(why, None, None))),
            _ => return None,
        };
        Some(asked.answer(state, *partition, record).await)
    }
}
