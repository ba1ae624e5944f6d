//! What an order asks for, and whether a show can be meant by it at all.

use std::collections::BTreeSet;

use onsale_schemas::limits::{ITEMS_PER_ORDER_MAX, TICKETS_PER_BOOKING_MAX, TYPES_PER_SHOW_MAX};
use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{Rejection, SeatIndex, TicketTypeId};

use super::lifecycle::invalid;
use super::price::{Place, list_price};
use super::shows::{Places, Show};

/// How many places an item asks for.
fn quantity(item: &Item) -> u64 {
    match &item.pick {
        PickV2::Seats(seats) => u64::try_from(seats.len()).unwrap_or(u64::MAX),
        PickV2::BestAvailable { quantity, .. } | PickV2::General { quantity } => {
            u64::from(*quantity)
        }
    }
}

/// Whether the items make an order, whatever the show.
pub(super) fn asked(items: &[Item]) -> Result<(), InvalidReason> {
    if items.is_empty() || items.iter().any(|item| quantity(item) == 0) {
        return Err(InvalidReason::NothingAsked);
    }
    let in_all: u64 = items.iter().map(quantity).sum();
    if items.len() > ITEMS_PER_ORDER_MAX || in_all > u64::from(TICKETS_PER_BOOKING_MAX) {
        return Err(InvalidReason::TooMany);
    }
    let named: Vec<SeatIndex> = items
        .iter()
        .filter_map(|item| match &item.pick {
            PickV2::Seats(seats) => Some(seats.to_vec()),
            PickV2::BestAvailable { .. } | PickV2::General { .. } => None,
        })
        .flatten()
        .collect();
    if has_duplicate(&named) {
        return Err(InvalidReason::DuplicateSeat);
    }
    if items.iter().all(types_add_up) {
        Ok(())
    } else {
        Err(InvalidReason::Types)
    }
}

fn types_add_up(item: &Item) -> bool {
    if item.types.is_empty() {
        return true;
    }
    let ids: BTreeSet<TicketTypeId> = item.types.iter().map(|(id, _)| *id).collect();
    let sum: u64 = item.types.iter().map(|(_, count)| u64::from(*count)).sum();
    ids.len() == item.types.len()
        && ids.iter().all(|&id| usize::from(id) < TYPES_PER_SHOW_MAX)
        && item.types.iter().all(|(_, count)| *count > 0)
        && sum == quantity(item)
}

/// True when a seat is listed twice.
pub(super) fn has_duplicate(seats: &[SeatIndex]) -> bool {
    let mut sorted = seats.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// Whether all seats are seats of the zone.
pub(super) fn all_known(show: &Show, zone: u16, seats: &[SeatIndex]) -> Result<(), InvalidReason> {
    if seats.iter().all(|&seat| show.has_seat(zone, seat)) {
        Ok(())
    } else {
        Err(InvalidReason::UnknownSeat)
    }
}

/// All places of an order in their order, if the show has such zones, seats and types.
pub(super) fn places(show: &Show, items: &[Item]) -> Result<Vec<Place>, Rejection> {
    let mut places = Vec::new();
    for item in items {
        let zone = show
            .zone(item.zone)
            .ok_or(invalid(InvalidReason::UnknownZone))?;
        match (&item.pick, &zone.places) {
            (PickV2::Seats(seats), Places::Seated(_)) => {
                all_known(show, item.zone, seats).map_err(invalid)?;
            }
            (PickV2::BestAvailable { .. }, Places::Seated(_))
            | (PickV2::General { .. }, Places::General(_)) => {}
            (PickV2::Seats(_) | PickV2::BestAvailable { .. }, Places::General(_))
            | (PickV2::General { .. }, Places::Seated(_)) => {
                return Err(invalid(InvalidReason::WrongAdmission));
            }
        }
        for (at, ticket_type) in types(item).into_iter().enumerate() {
            let (list_price, rule) =
                list_price(&show.offer, item.zone, ticket_type, zone.unit_price).ok_or(
                    Rejection::TypeNotOffered {
                        zone: item.zone,
                        ticket_type,
                    },
                )?;
            let seat = match &item.pick {
                PickV2::Seats(seats) => seats.get(at).copied(),
                PickV2::BestAvailable { .. } | PickV2::General { .. } => None,
            };
            let kind = match &item.pick {
                PickV2::Seats(_) => seat.map(|seat| show.kind(seat)),
                PickV2::BestAvailable { kind, .. } => Some(*kind),
                PickV2::General { .. } => None,
            };
            places.push(Place {
                zone: item.zone,
                ticket_type,
                list_price,
                rule,
                seat,
                kind,
            });
        }
    }
    Ok(places)
}

/// The type of each place of an item.
fn types(item: &Item) -> Vec<TicketTypeId> {
    if item.types.is_empty() {
        return (0..quantity(item)).map(|_| 0).collect();
    }
    let types = item.types.iter();
    types
        .flat_map(|&(id, count)| (0..count).map(move |_| id))
        .collect()
}
