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

use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::{Offset, SeatIndex, UserId, ZoneIndex};
use smallvec::SmallVec;

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

/// A reservation in flight, in each of its zones; not any more when dropped.
pub(crate) struct InFlight(Option<(Arc<LiveShow>, Zones)>);

/// Zones, each once.
type Zones = SmallVec<[ZoneIndex; 2]>;

impl Drop for InFlight {
    fn drop(&mut self) {
        let Some((live, zones)) = &self.0 else {
            return;
        };
        for gate in zones.iter().filter_map(|zone| live.gate(*zone)) {
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
    /// What is asked for, all or nothing.
    pub(crate) items: &'a [Item],
    pub(crate) user: UserId,
}

impl Reservation<'_> {
    fn zones(&self) -> Zones {
        let mut zones = Zones::new();
        for item in self.items {
            if !zones.contains(&item.zone) {
                zones.push(item.zone);
            }
        }
        zones
    }

    /// How many places have to be free in a zone for the log not to refuse for lack of places: 1 where all are
    /// named, as it would name those that are taken.
    fn places_in(&self, zone: ZoneIndex) -> u32 {
        self.items
            .iter()
            .filter(|item| item.zone == zone)
            .map(|item| match &item.pick {
                PickV2::Seats(_) => 0,
                PickV2::BestAvailable { quantity, .. } | PickV2::General { quantity } => *quantity,
            })
            .fold(0, u32::saturating_add)
            .max(1)
    }
}

/// How many places are asked for.
pub(crate) fn places_of(items: &[Item]) -> u32 {
    items
        .iter()
        .map(|item| item.pick.places())
        .fold(0, u32::saturating_add)
}

/// Counts a reservation in, or refuses it.
pub(crate) async fn admit(
    state: &IngressState,
    asked: &Reservation<'_>,
) -> Result<InFlight, ApiError> {
    let chart = asked.chart;
    let live = match state.live.get(chart.show) {
        Some(live) => live,
        // The first reservation of a show starts its view; a table that is full only means that
        // the log decides alone.
        None => match state.live.open(chart) {
            Ok(live) => live,
            Err(_) => return Ok(InFlight::uncounted()),
        },
    };
    let zones = asked.zones();
    let mut in_flight: SmallVec<[u32; 2]> = SmallVec::new();
    for zone in &zones {
        // A zone that was added since the view began is left to the log.
        let before = live
            .gate(*zone)
            .map_or(0, |gate| gate.in_flight.fetch_add(1, Ordering::Relaxed));
        in_flight.push(before);
    }
    let counted = InFlight(Some((live.clone(), zones.clone())));
    if in_flight.iter().all(|before| *before < QUIET_IN_FLIGHT) {
        return Ok(counted);
    }
    let wanted = Wanted {
        partition: chart.partition,
        event: chart.event,
        show: chart.show,
        user: asked.user,
        quantity: places_of(asked.items),
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
        if let Some(refusal) = gone(&live, asked) {
            return Err(as_of(refusal, chart, version));
        }
        for (zone, before) in zones.iter().zip(&in_flight) {
            let bound = available(&live, *zone)
                .unwrap_or(u32::MAX)
                .saturating_mul(IN_FLIGHT_PER_PLACE)
                .saturating_add(IN_FLIGHT_EXTRA);
            if *before >= bound {
                return Err(busy(chart, version));
            }
        }
    }
    if let Some(counts) = &state.counts {
        for (place, (zone, before)) in zones.iter().zip(&in_flight).enumerate() {
            let of_zone = shared::OfZone {
                zone: *zone,
                in_flight: before + 1,
                // How often a buyer asks is counted once.
                is_first: place == 0,
            };
            shared::ask(state, counts, asked, &wanted, &live, of_zone).await?;
        }
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

/// Free places of a zone as last seen; `None` for one that the view does not have.
fn available(live: &LiveShow, zone: ZoneIndex) -> Option<u32> {
    let gate = live.gate(zone)?;
    Some(gate.available.load(Ordering::Acquire))
}

/// The refusal where places that are asked for are gone: named seats of the whole order first, then item by item
/// what they and earlier items leave.
fn gone(live: &LiveShow, asked: &Reservation<'_>) -> Option<ApiError> {
    let mut named: SmallVec<[SeatIndex; 8]> = SmallVec::new();
    let mut used: SmallVec<[(ZoneIndex, u32); 4]> = SmallVec::new();
    for item in asked.items {
        if let PickV2::Seats(seats) = &item.pick {
            named.extend_from_slice(seats);
            used.push((item.zone, item.pick.places()));
        }
    }
    if !named.is_empty() {
        let taken = live.taken(&named)?;
        if !taken.is_empty() {
            return Some(rejection::seat_unavailable(asked.chart.labels(&taken)));
        }
    }
    for (place, item) in asked.items.iter().enumerate() {
        if matches!(item.pick, PickV2::Seats(_)) {
            continue;
        }
        let Some(free) = available(live, item.zone) else {
            continue;
        };
        let before = used
            .iter()
            .filter(|(zone, _)| *zone == item.zone)
            .map(|(_, places)| *places)
            .fold(0, u32::saturating_add);
        let left = free.saturating_sub(before);
        if left < item.pick.places() {
            let refusal = rejection::insufficient_stock(left, false);
            return Some(match asked.items {
                [_] => refusal,
                _ => rejection::of_item(refusal, place, asked.chart, item.zone),
            });
        }
        used.push((item.zone, item.pick.places()));
    }
    None
}
