//! Refuses early what the log would refuse by the state last seen. It never grants.
//!
//! It speaks only under pressure: while few reservations of a zone are in flight, the log answers
//! each one itself, with the state of the very moment.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use onsale_schemas::ZoneIndex;
use onsale_schemas::command::Pick;

use crate::charts::Chart;
use crate::error::ApiError;
use crate::live::{Hub, LiveShow};
use crate::rejection;

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

/// Counts a reservation in, or refuses it.
pub(crate) fn admit(
    hub: &Arc<Hub>,
    chart: &Arc<Chart>,
    zone: ZoneIndex,
    pick: &Pick,
) -> Result<InFlight, ApiError> {
    let live = match hub.get(chart.show) {
        Some(live) => live,
        // The first reservation of a show starts its view; a table that is full only means that
        // the log decides alone.
        None => match hub.open(chart) {
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
    let Some(version) = live.as_of() else {
        return Ok(counted);
    };
    let available = gate.available.load(Ordering::Acquire);
    let as_of = serde_json::json!({ "partition": chart.partition, "offset": version });
    if let Some(refusal) = refusal(&live, chart, pick, available) {
        return Err(refusal.with_detail("as_of", as_of));
    }
    let bound = available
        .saturating_mul(IN_FLIGHT_PER_PLACE)
        .saturating_add(IN_FLIGHT_EXTRA);
    if in_flight >= bound {
        return Err(ApiError::overloaded(
            "More buyers than places are being served right now. Nothing was changed; try again.",
        )
        .with_detail("as_of", as_of));
    }
    Ok(counted)
}

fn refusal(live: &LiveShow, chart: &Chart, pick: &Pick, available: u32) -> Option<ApiError> {
    match pick {
        Pick::Seats(seats) => {
            let taken = live.taken(seats)?;
            (!taken.is_empty()).then(|| rejection::seat_unavailable(chart.labels(&taken)))
        }
        Pick::BestAvailable { quantity, .. } | Pick::General { quantity } => {
            (available < *quantity).then(|| rejection::insufficient_stock(available, false))
        }
    }
}
