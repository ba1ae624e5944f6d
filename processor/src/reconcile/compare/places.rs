//! Seats and places that are taken or blocked.

use std::collections::BTreeMap;

use onsale_engine::{Partition, ShowView};
use onsale_schemas::command::Admission;
use onsale_schemas::{BookingId, PartitionId, SeatIndex, SeatStatus, ShowId};
use onsale_store::catalog::ShowRow;
use onsale_store::{Store, StoreError};

use super::bookings::expected_status;
use crate::reconcile::report::{Finding, Report};

/// The seats that live bookings hold, ascending, by show.
pub(crate) fn holders_by_show(
    machine: &Partition,
) -> BTreeMap<ShowId, Vec<(SeatIndex, BookingId)>> {
    let mut holders: BTreeMap<ShowId, Vec<(SeatIndex, BookingId)>> = BTreeMap::new();
    for booking in machine.bookings() {
        if expected_status(&booking).is_live() && !booking.seats.is_empty() {
            let id = BookingId::new(machine.id(), booking.booking);
            let of_show = holders.entry(booking.show).or_default();
            of_show.extend(booking.seats.iter().map(|seat| (*seat, id)));
        }
    }
    for of_show in holders.values_mut() {
        of_show.sort_unstable();
    }
    holders
}

/// Where a show belongs by its row and not by the engine.
pub(super) fn differing_places(
    show: &ShowView,
    row: &ShowRow,
    partition: PartitionId,
) -> Vec<String> {
    let mut columns = Vec::new();
    if show.event != row.event_id {
        columns.push(format!(
            "event_id: engine {} database {}",
            show.event, row.event_id
        ));
    }
    if partition != row.partition {
        columns.push(format!(
            "partition: engine {partition} database {}",
            row.partition
        ));
    }
    columns
}

/// Blocked places as the engine has them: seats, and quantities of general-admission zones.
pub(crate) fn blocked_places(machine: &Partition, show: ShowId) -> (Vec<u32>, Vec<(u16, u32)>) {
    let Some(state) = machine.show_seats(show) else {
        return (Vec::new(), Vec::new());
    };
    let gone = machine.taken_seats(show);
    let seats: Vec<u32> = state
        .unavailable
        .iter()
        .filter(|(_, status)| *status == SeatStatus::Blocked)
        .map(|(seat, _)| *seat)
        .filter(|seat| gone.binary_search(seat).is_err())
        .collect();
    let zones = machine
        .show(show)
        .map(|view| view.zones)
        .unwrap_or_default();
    let quantities = (0u16..)
        .zip(&zones)
        .filter(|(_, zone)| matches!(zone.admission, Admission::General { .. }))
        .filter(|(_, zone)| zone.counts.blocked > 0)
        .map(|(index, zone)| (index, zone.counts.blocked))
        .collect();
    (seats, quantities)
}

/// Whether other places are blocked by the database than by the engine.
pub(crate) async fn blocks_differ(
    machine: &Partition,
    show: ShowId,
    store: &Store,
) -> Result<bool, StoreError> {
    let (mut seats, mut quantities) = store.blocked_places(show).await?;
    seats.sort_unstable();
    quantities.sort_unstable();
    quantities.retain(|(_, quantity)| *quantity > 0);
    Ok(blocked_places(machine, show) != (seats, quantities))
}

pub(super) async fn compare_places(
    machine: &Partition,
    show: &ShowView,
    is_explained: bool,
    store: &Store,
    report: &mut Report,
) -> Result<(), StoreError> {
    let partition = machine.id();
    let blocks_differ = blocks_differ(machine, show.show, store).await?;
    if blocks_differ {
        report.add(
            partition,
            Finding::BlocksDiffer { show_id: show.show },
            "rows were changed from outside, or the projection lost an update",
        );
    }
    // Sums follow from bookings and blocks: a difference is news only where those agree.
    if blocks_differ || is_explained {
        return Ok(());
    }
    let sums = store.zone_sums(show.show).await?;
    let zones = machine
        .show_seats(show.show)
        .map(|state| state.zones)
        .unwrap_or_default();
    for (index, (counts, sum)) in (0u16..).zip(zones.iter().zip(&sums)) {
        let engine = [counts.held, counts.sold, counts.blocked].map(u64::from);
        let database = [sum.held, sum.sold, sum.blocked];
        if engine != database {
            report.add(
                partition,
                Finding::ZoneSumsDiffer {
                    show_id: show.show,
                    zone: index,
                    engine,
                    database,
                },
                "the engine's counters contradict its bookings: run `onsale verify`",
            );
        }
    }
    Ok(())
}
