//! Seats, events and documents.

use std::collections::BTreeMap;

use super::{Checked, SelfCheckError, ensure};
use crate::bookings::State as BookingState;
use crate::layout::ZoneKind;
use crate::seats::Place;
use crate::shows::Show;
use crate::state::State;

pub(super) fn seats(state: &State, show: &Show, slots: &[u32]) -> Checked {
    let mut owner: BTreeMap<u32, (Place, u64)> = BTreeMap::new();
    let mut counts = vec![(0u32, 0u32); show.zones.len()];
    if show.cancelled_at_ms.is_none() {
        for &slot in slots {
            let booking = state.bookings.get(slot);
            let place = match booking.state {
                BookingState::Reserved => Place::Held,
                BookingState::Confirmed => Place::Sold,
                _ => continue,
            };
            let mut count = |zone: usize, places: u32| {
                let (held, sold) = &mut counts[zone];
                *if place == Place::Held { held } else { sold } += places;
            };
            match state.order_of(booking) {
                None => count(booking.zone(), booking.places()),
                Some(order) => {
                    for line in &order.lines {
                        count(usize::from(line.zone), line.quantity);
                    }
                }
            }
            for &seat in state.seats_of(booking).iter() {
                if let Some((_, other)) = owner.insert(seat, (place, booking.offset)) {
                    return Err(SelfCheckError(format!(
                        "seat {seat} of show {} belongs to bookings {other} and {}",
                        show.id, booking.offset
                    )));
                }
            }
        }
    }
    for seat in 0..show.seats.layout.seats() {
        let found = show.seats.place(seat);
        let agrees = match owner.get(&seat) {
            Some(&(place, _)) => found == place && !show.is_taken(seat),
            None => matches!(found, Place::Free | Place::Blocked),
        };
        ensure(agrees, || {
            format!(
                "seat {seat} of show {} is {found:?}, its bookings say {:?}",
                show.id,
                owner.get(&seat)
            )
        })?;
    }
    ensure(show.seats.is_consistent(show.seated_zones()), || {
        format!("summaries of rows of show {} are stale", show.id)
    })?;
    for (i, (zone, (held, sold))) in (0u16..).zip(show.zones.iter().zip(counts)) {
        let c = &zone.counts;
        let size = match &zone.kind {
            ZoneKind::Seated(seated) => {
                let mut by_bits = [0; 4];
                let mut size = 0;
                for range in show.rows(i, seated).ranges() {
                    let of_range = show.seats.count(&range);
                    for (sum, count) in by_bits.iter_mut().zip(of_range) {
                        *sum += count;
                    }
                    let seats = range.first_seat..range.first_seat + range.seats;
                    let taken = seats.filter(|&seat| show.is_taken(seat)).count();
                    let taken = u32::try_from(taken).unwrap_or(u32::MAX);
                    // A seat that was taken away has no bit, like a blocked one.
                    by_bits[Place::Blocked as usize] -= taken;
                    size += range.seats - taken;
                }
                ensure(by_bits == [c.available, c.held, c.sold, c.blocked], || {
                    format!(
                        "zone {i} of show {} counts {c:?}, its bits {by_bits:?}",
                        show.id
                    )
                })?;
                size
            }
            ZoneKind::General { capacity } => *capacity,
        };
        ensure(c.held == held && c.sold == sold, || {
            format!(
                "zone {i} of show {} counts {c:?}, its bookings ({held}, {sold})",
                show.id
            )
        })?;
        ensure(c.available + c.held + c.sold + c.blocked == size, || {
            format!(
                "zone {i} of show {} has {size} places and counts {c:?}",
                show.id
            )
        })?;
    }
    Ok(())
}

pub(super) fn events(state: &State) -> Checked {
    let mut linked = 0;
    for event in state.shows.events() {
        let slot = state.shows.find_event(&event.id);
        let Some(slot) = slot else {
            return Err(SelfCheckError(format!("event {} is not found", event.id)));
        };
        let mut last = None;
        let mut tenant = None;
        for at in state.shows.of_event(slot) {
            let show = state.shows.get(at);
            linked += 1;
            ensure(show.event == slot && last < Some(at), || {
                format!("show {} is out of order in its event", show.id)
            })?;
            last = Some(at);
            tenant = tenant.or(show.tenant);
            ensure(
                event
                    .limit
                    .is_none_or(|limit| limit == show.max_tickets_per_user),
                || format!("show {} has another limit than its event", show.id),
            )?;
            ensure(
                !event.is_cancelled || show.cancelled_at_ms.is_some(),
                || format!("show {} is on and its event is cancelled", show.id),
            )?;
            ensure(show.cooldown_ms == 0 || show.tenant.is_some(), || {
                format!("show {} has a cool-down and no tenant", show.id)
            })?;
        }
        ensure(event.tenant == tenant, || {
            format!("event {} has another tenant than its shows", event.id)
        })?;
    }
    ensure(linked == state.shows.len(), || {
        format!("{linked} shows of events, {} in all", state.shows.len())
    })
}

pub(super) fn documents(state: &State) -> Checked {
    let mut bytes = 0;
    for (subject, document) in state.documents.iter() {
        bytes += document.len() as u64;
        ensure(state.documents.get(&subject) == Some(document), || {
            format!("the document of {subject:?} is not found")
        })?;
    }
    ensure(bytes == state.documents.bytes(), || {
        format!(
            "{bytes} bytes of documents, {} counted",
            state.documents.bytes()
        )
    })
}
