//! Counts that several ingress nodes share.

use std::sync::atomic::Ordering;

use onsale_counts::{Check, Counts, RateBucket, Refusal};
use onsale_schemas::ZoneIndex;
use onsale_schemas::order::PickV2;

use super::buyers::Wanted;
use super::{IN_FLIGHT_EXTRA, IN_FLIGHT_PER_PLACE, Reservation, as_of, busy};
use crate::error::ApiError;
use crate::live::LiveShow;
use crate::rate_limit;
use crate::rejection;
use crate::state::IngressState;

/// A zone of a reservation.
pub(super) struct OfZone {
    pub(super) zone: ZoneIndex,
    /// Reservations of this node in flight for it, this one included.
    pub(super) in_flight: u32,
    /// Whether it is the first that is asked about.
    pub(super) is_first: bool,
}

/// Refuses what the log would refuse by the shared counts of one zone.
pub(super) async fn ask(
    state: &IngressState,
    counts: &Counts,
    asked: &Reservation<'_>,
    wanted: &Wanted,
    live: &LiveShow,
    of_zone: OfZone,
) -> Result<(), ApiError> {
    let OfZone {
        zone,
        in_flight,
        is_first,
    } = of_zone;
    let chart = asked.chart;
    let Some(in_chart) = chart.zone(zone) else {
        return Ok(());
    };
    // Places may have been added or taken away since the chart was read; 0 is that nothing was seen yet.
    let seen = live
        .gate(zone)
        .map_or(0, |gate| gate.total.load(Ordering::Acquire));
    let total = if seen == 0 { in_chart.total() } else { seen };
    let limits = &state.config.rate_limit;
    let limit = state.buyers.limit(wanted);
    let check = Check {
        event: wanted.event,
        show: wanted.show,
        zone,
        total,
        user: wanted.user,
        quantity: wanted.quantity,
        places: asked.places_in(zone),
        limit,
        in_flight,
        in_flight_per_place: IN_FLIGHT_PER_PLACE,
        in_flight_extra: IN_FLIGHT_EXTRA,
        // Of places and tickets that were set free since then this process knows better.
        version_min: live.freed_before().max(state.buyers.version_min(wanted)),
        version_max: state.buyers.seen(wanted.partition),
        now_ms: state.clock.now_ms(),
        rate: (limits.enabled && is_first).then_some(RateBucket {
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
        Some(Refusal::NoPlaces { available, as_of }) => (no_places(asked, zone, available), as_of),
        Some(Refusal::Busy { as_of }) => return Err(busy(chart, as_of)),
    };
    Err(as_of(refusal, chart, version))
}

/// The refusal where a zone has too few places: of the first item that they do not reach for, else of its named
/// seats.
fn no_places(asked: &Reservation<'_>, zone: ZoneIndex, available: u32) -> ApiError {
    let mut left = available;
    let mut named = Vec::new();
    for (place, item) in asked.items.iter().enumerate() {
        if item.zone != zone {
            continue;
        }
        match &item.pick {
            PickV2::Seats(seats) => named.extend_from_slice(seats),
            PickV2::BestAvailable { quantity, .. } | PickV2::General { quantity } => {
                if left < *quantity {
                    let refusal = rejection::insufficient_stock(left, false);
                    return match asked.items {
                        [_] => refusal,
                        _ => rejection::of_item(refusal, place, asked.chart, zone),
                    };
                }
                left -= quantity;
            }
        }
    }
    // None is free, so none of these is.
    rejection::seat_unavailable(asked.chart.labels(&named))
}
