//! Refuses early what the log would refuse by the state last seen. It never grants.
//!
//! It acts only under pressure: while few reservations of a zone are in flight, the log answers
//! each one itself, with its current state. It checks in the log's order of refusals and says as of
//! which position. What this process has seen itself comes first: places from the live views, a
//! buyer's tickets from the outcomes seen so far, a limit from the log's own refusal. So it never
//! counts more than there is, and a buyer who has the answer of a release is not refused until the
//! release was seen here. Where several ingress nodes share counts in Redis, those are asked last.

mod buyers;
mod shared;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use onsale_schemas::command::Pick;
use onsale_schemas::{Offset, UserId, ZoneIndex};

use crate::charts::Chart;
use crate::error::ApiError;
use crate::live::LiveShow;
use crate::rejection;
use crate::state::IngressState;

pub(crate) use buyers::Buyers;
use buyers::Wanted;

/// Reservations of a zone in flight up to which the log is always asked.
const QUIET_IN_FLIGHT: u32 = 8;
/// Reservations in flight per free place: some will be refused for reasons of their own.
const IN_FLIGHT_PER_PLACE: u32 = 2;
/// Reservations in flight however few places are free.
const IN_FLIGHT_EXTRA: u32 = 100;

/// A reservation in flight; not any more when dropped.
pub(crate) struct InFlight(Option<(Arc<LiveShow>, ZoneIndex)>);

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some((live, zone)) = &self.0
            && let Some(gate) = live.gate(*zone)
        {
            gate.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl InFlight {
    /// Not counted: there is no view to judge by.
    pub(crate) fn uncounted() -> Self {
        Self(None)
    }
}

/// A reservation that was requested.
pub(crate) struct Reservation<'a> {
    pub(crate) chart: &'a Arc<Chart>,
    pub(crate) zone: ZoneIndex,
    pub(crate) pick: &'a Pick,
    pub(crate) user: UserId,
}

impl Reservation<'_> {
    fn quantity(&self) -> u32 {
        places_of(self.pick)
    }
}

/// How many places are asked for.
pub(crate) fn places_of(pick: &Pick) -> u32 {
    match pick {
        Pick::Seats(seats) => u32::try_from(seats.len()).unwrap_or(u32::MAX),
        Pick::BestAvailable { quantity, .. } | Pick::General { quantity } => *quantity,
    }
}

/// Counts a reservation in, or refuses it.
pub(crate) async fn admit(
    state: &IngressState,
    asked: &Reservation<'_>,
) -> Result<InFlight, ApiError> {
    let Reservation { chart, zone, .. } = *asked;
    let live = match state.live.get(chart.show) {
        Some(live) => live,
        // The first reservation of a show starts its view; a table that is full only means that
        // the log decides alone.
        None => match state.live.open(chart) {
            Ok(live) => live,
            Err(_) => return Ok(InFlight::uncounted()),
        },
    };
    let Some(gate) = live.gate(zone) else {
        return Ok(InFlight::uncounted());
    };
    let in_flight = gate.in_flight.fetch_add(1, Ordering::Relaxed);
    let counted = InFlight(Some((live.clone(), zone)));
    if in_flight < QUIET_IN_FLIGHT {
        return Ok(counted);
    }
    let wanted = Wanted {
        partition: chart.partition,
        event: chart.event,
        show: chart.show,
        user: asked.user,
        quantity: asked.quantity(),
        answered_before: state
            .acknowledged
            .last(asked.user, chart.partition)
            .map_or(0, |offset| offset + 1),
    };
    // In the log's order of refusals: the limit first, then the places.
    let over = state.buyers.over_limit(&wanted, state.clock.now_ms());
    if let Some(over) = over {
        let refusal = rejection::max_per_user(over.limit, over.current);
        return Err(as_of(refusal, chart, over.as_of));
    }
    if let Some(version) = live.as_of() {
        let available = gate.available.load(Ordering::Acquire);
        if let Some(refusal) = gone(&live, asked, available) {
            return Err(as_of(refusal, chart, version));
        }
        let bound = available
            .saturating_mul(IN_FLIGHT_PER_PLACE)
            .saturating_add(IN_FLIGHT_EXTRA);
        if in_flight >= bound {
            return Err(busy(chart, version));
        }
    }
    if let Some(counts) = &state.counts {
        shared::ask(state, counts, asked, &wanted, &live, in_flight + 1).await?;
    }
    Ok(counted)
}

/// Says what a refusal is by.
fn as_of(refusal: ApiError, chart: &Chart, offset: Offset) -> ApiError {
    let position = serde_json::json!({ "partition": chart.partition, "offset": offset });
    refusal.with_detail("as_of", position)
}

fn busy(chart: &Chart, version: Offset) -> ApiError {
    let refusal = ApiError::overloaded(
        "More buyers than places are being served right now. Nothing was changed; try again.",
    );
    as_of(refusal, chart, version)
}

/// The refusal where places that are asked for are gone.
fn gone(live: &LiveShow, asked: &Reservation<'_>, available: u32) -> Option<ApiError> {
    match asked.pick {
        Pick::Seats(seats) => {
            let taken = live.taken(seats)?;
            (!taken.is_empty()).then(|| rejection::seat_unavailable(asked.chart.labels(&taken)))
        }
        Pick::BestAvailable { quantity, .. } | Pick::General { quantity } => {
            (available < *quantity).then(|| rejection::insufficient_stock(available, false))
        }
    }
}
