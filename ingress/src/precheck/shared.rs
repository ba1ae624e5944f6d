//! Counts that several ingress nodes share.

use onsale_counts::{Check, Counts, RateBucket, Refusal};
use onsale_schemas::command::Pick;

use super::buyers::Wanted;
use super::{IN_FLIGHT_EXTRA, IN_FLIGHT_PER_PLACE, Reservation, as_of, busy};
use crate::error::ApiError;
use crate::live::LiveShow;
use crate::rate_limit;
use crate::rejection;
use crate::state::IngressState;

/// Refuses what the log would refuse by the shared counts.
pub(super) async fn ask(
    state: &IngressState,
    counts: &Counts,
    asked: &Reservation<'_>,
    wanted: &Wanted,
    live: &LiveShow,
    in_flight: u32,
) -> Result<(), ApiError> {
    let chart = asked.chart;
    let Some(zone) = chart.zone(asked.zone) else {
        return Ok(());
    };
    let limits = &state.config.rate_limit;
    let limit = state.buyers.limit(wanted);
    let check = Check {
        event: wanted.event,
        show: wanted.show,
        zone: asked.zone,
        total: zone.total(),
        user: wanted.user,
        quantity: wanted.quantity,
        places: match asked.pick {
            Pick::Seats(_) => 1,
            Pick::BestAvailable { quantity, .. } | Pick::General { quantity } => *quantity,
        },
        limit,
        in_flight,
        in_flight_per_place: IN_FLIGHT_PER_PLACE,
        in_flight_extra: IN_FLIGHT_EXTRA,
        // Of places and tickets that were set free since then this process knows better.
        version_min: live.freed_before().max(state.buyers.version_min(wanted)),
        version_max: state.buyers.seen(wanted.partition),
        now_ms: state.clock.now_ms(),
        rate: limits.enabled.then_some(RateBucket {
            per_minute: limits.reserve.per_minute,
            burst: limits.reserve.burst,
        }),
    };
    let (refusal, version) = match counts.check(&check).await {
        None => return Ok(()),
        Some(Refusal::TooFast { retry_after_ms }) => {
            return Err(rate_limit::too_often(retry_after_ms.div_ceil(1_000).max(1)));
        }
        Some(Refusal::OverLimit { tickets, as_of }) => {
            (rejection::max_per_user(limit.unwrap_or(0), tickets), as_of)
        }
        Some(Refusal::NoPlaces { available, as_of }) => {
            let refusal = match asked.pick {
                // None is free, so none of these is.
                Pick::Seats(seats) => rejection::seat_unavailable(chart.labels(seats.iter())),
                Pick::BestAvailable { .. } | Pick::General { .. } => {
                    rejection::insufficient_stock(available, false)
                }
            };
            (refusal, as_of)
        }
        Some(Refusal::Busy { as_of }) => return Err(busy(chart, as_of)),
    };
    Err(as_of(refusal, chart, version))
}
