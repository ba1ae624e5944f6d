//! Recomputes everything that the tables store redundantly and compares.

use std::collections::BTreeMap;

use crate::bookings::{Booking, State as BookingState};
use crate::cooldown::{COOLDOWN_LONGEST_MS, UNPAID_MAX};
use crate::heap::IN_HEAP;
use crate::index::NONE;
use crate::layout::ZoneKind;
use crate::limits::MACHINE_VERSION_SECOND;
use crate::partition::Partition;
use crate::seats::Place;
use crate::shows::Show;
use crate::state::State;

/// The first contradiction in a partition's tables.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct SelfCheckError(String);

type Checked = Result<(), SelfCheckError>;

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(SelfCheckError(otherwise()))
    }
}

impl Partition {
    /// Checks that bitsets, counters, queues and indexes agree with the bookings. Visits
    /// everything: for tests and for `onsale verify`.
    ///
    /// # Errors
    /// The first contradiction found: a bug in the machine, never something that input can cause.
    pub fn self_check(&self) -> Result<(), SelfCheckError> {
        let state = &self.state;
        bookings(state)?;
        users(state)?;
        let mut by_show: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (slot, booking) in all(state) {
            by_show.entry(booking.show).or_default().push(slot);
        }
        for (slot, show) in (0u32..).zip(state.shows.iter()) {
            seats(state, show, by_show.get(&slot).map_or(&[], Vec::as_slice))?;
        }
        expiry(state)?;
        ended(state)?;
        cancelled(state)?;
        answers(state)?;
        late(state)?;
        events(state)?;
        unpaid(state)?;
        references(state)?;
        documents(state)
    }
}

fn all(state: &State) -> impl Iterator<Item = (u32, &Booking)> {
    state
        .bookings
        .slots()
        .map(|slot| (slot, state.bookings.get(slot)))
}

fn bookings(state: &State) -> Checked {
    let mut count = 0;
    let mut live: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for (slot, booking) in all(state) {
        count += 1;
        if state.shows.get(booking.show).cancelled_at_ms.is_none() {
            let (holds, sales) = live.entry(booking.show).or_default();
            *holds += u32::from(booking.state == BookingState::Reserved);
            *sales += u32::from(booking.state == BookingState::Confirmed);
            ensure(booking.state != BookingState::Voided, || {
                format!("booking {} is void and its show is not", booking.offset)
            })?;
        }
        ensure(state.bookings.find(booking.offset) == Some(slot), || {
            format!("booking {} is not found by its offset", booking.offset)
        })?;
        // A clock that was reset leaves such bookings.
        let may_be_late = state.machine_version >= MACHINE_VERSION_SECOND;
        let reserved_at_ms = state.bookings.reserved_at_ms(booking);
        ensure(reserved_at_ms <= state.now || may_be_late, || {
            format!("booking {} was reserved in the future", booking.offset)
        })?;
    }
    ensure(count == state.bookings.len(), || {
        format!(
            "{count} bookings in the table, {} in its index",
            state.bookings.len()
        )
    })?;
    for (slot, show) in (0u32..).zip(state.shows.iter()) {
        let expected = live.get(&slot).copied().unwrap_or_default();
        ensure(expected == (show.holds, show.sales), || {
            format!(
                "show {} has (holds, sales) {expected:?}, counted ({}, {})",
                show.id, show.holds, show.sales
            )
        })?;
    }
    let total = live
        .values()
        .fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1));
    ensure(total == (state.holds, state.confirmed), || {
        format!(
            "(holds, sales) {total:?}, counted ({}, {})",
            state.holds, state.confirmed
        )
    })
}

fn users(state: &State) -> Checked {
    let mut expected: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for (_, booking) in all(state) {
        let (places, count) = expected.entry(booking.user).or_default();
        *count += 1;
        if booking.state.is_live() {
            *places += booking.places();
        }
        let event = state.shows.get(booking.show).event;
        ensure(state.users.get(booking.user).event == event, || {
            format!("booking {} counts for another event's user", booking.offset)
        })?;
    }
    for slot in state.users.slots() {
        let counter = state.users.get(slot);
        let mut chained = 0;
        let mut at = counter.head;
        while at != NONE && chained <= state.bookings.len() {
            let booking = state.bookings.get(at);
            ensure(
                booking.user == slot && booking.state != BookingState::Vacant,
                || format!("booking {} is in the list of another user", booking.offset),
            )?;
            chained += 1;
            [_, at] = booking.user_links;
        }
        let found = (counter.places, chained);
        ensure(expected.get(&slot) == Some(&found), || {
            format!(
                "user {} has (places, bookings) {found:?}, expected {:?}",
                counter.user,
                expected.get(&slot)
            )
        })?;
        ensure(
            state.users.find(counter.event, &counter.user) == Some(slot),
            || format!("user {} is not found", counter.user),
        )?;
    }
    ensure(state.users.slots().count() == expected.len(), || {
        "a booking's user has no counter".into()
    })?;
    ensure(state.users.len() as usize == expected.len(), || {
        "the index of users has another size than their table".into()
    })
}

fn seats(state: &State, show: &Show, slots: &[u32]) -> Checked {
    let mut owner: BTreeMap<u32, (Place, u64)> = BTreeMap::new();
    let mut counts = vec![(0u32, 0u32); show.zones.len()];
    if show.cancelled_at_ms.is_none() {
        for &slot in slots {
            let booking = state.bookings.get(slot);
            let (held, sold) = &mut counts[booking.zone()];
            let place = match booking.state {
                BookingState::Reserved => Place::Held,
                BookingState::Confirmed => Place::Sold,
                _ => continue,
            };
            *if place == Place::Held { held } else { sold } += booking.places();
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
            Some(&(place, _)) => found == place,
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
    for (i, (zone, (held, sold))) in show.zones.iter().zip(counts).enumerate() {
        let c = &zone.counts;
        let size = match &zone.kind {
            ZoneKind::Seated(seated) => {
                let by_bits = show.seats.count(seated);
                ensure(by_bits == [c.available, c.held, c.sold, c.blocked], || {
                    format!(
                        "zone {i} of show {} counts {c:?}, its bits {by_bits:?}",
                        show.id
                    )
                })?;
                seated.seats
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

fn expiry(state: &State) -> Checked {
    let mut waiting = 0;
    for (hold_ms, lane) in state.expiry.lanes() {
        let mut last = None;
        for slot in lane {
            let booking = state.bookings.get(slot);
            waiting += 1;
            ensure(
                booking.state == BookingState::Reserved
                    && booking.links[1] != IN_HEAP
                    && booking.hold_ms == hold_ms,
                || format!("booking {} does not belong in its lane", booking.offset),
            )?;
            ensure(last < Some(booking.expiry_key()), || {
                format!("booking {} is out of order in its lane", booking.offset)
            })?;
            last = Some(booking.expiry_key());
        }
    }
    for slot in state.expiry.heap().iter() {
        let booking = state.bookings.get(slot);
        waiting += 1;
        ensure(
            booking.state == BookingState::Reserved && booking.links[1] == IN_HEAP,
            || format!("booking {} does not belong in the heap", booking.offset),
        )?;
    }
    ensure(state.expiry.heap().disorder().is_none(), || {
        "the heap of holds is out of order".into()
    })?;
    let reserved = all(state)
        .filter(|(_, booking)| booking.state == BookingState::Reserved)
        .count();
    ensure(
        waiting == reserved && state.expiry.len() as usize == reserved,
        || {
            format!(
                "{reserved} holds, {waiting} wait for their end, {} counted",
                state.expiry.len()
            )
        },
    )?;
    let least = all(state)
        .filter(|(_, booking)| booking.state == BookingState::Reserved)
        .map(|(_, booking)| booking.expires_at_ms())
        .min();
    ensure(state.expiry.next_ms() == least, || {
        format!(
            "the next hold ends at {least:?}, not {:?}",
            state.expiry.next_ms()
        )
    })?;
    ensure(
        least.is_none_or(|least| state.expiry.quiet_until_ms() <= least),
        || "a hold ends in a time marked as quiet".into(),
    )
}

fn ended(state: &State) -> Checked {
    let mut queued = 0;
    let mut last = 0;
    for slot in state.ended.iter() {
        let booking = state.bookings.get(slot);
        queued += 1;
        ensure(has_ended(booking) && booking.ended_at_ms() >= last, || {
            format!("booking {} does not belong in its queue", booking.offset)
        })?;
        last = booking.ended_at_ms();
    }
    let ended = all(state).filter(|(_, booking)| has_ended(booking)).count();
    ensure(queued == ended && state.ended.len as usize == ended, || {
        format!(
            "{ended} ended bookings, {queued} queued, {} counted",
            state.ended.len
        )
    })
}

fn has_ended(booking: &Booking) -> bool {
    matches!(
        booking.state,
        BookingState::Cancelled | BookingState::Expired
    )
}

fn cancelled(state: &State) -> Checked {
    let mut last = None;
    for &slot in &state.cancelled {
        let show = state.shows.get(slot);
        ensure(
            show.cancelled_at_ms.is_some()
                && show.cancelled_at_ms >= last
                && state.shows.has_cancelled(show.event),
            || format!("show {} does not belong among the cancelled", show.id),
        )?;
        last = show.cancelled_at_ms;
        let voided = all(state)
            .filter(|(_, booking)| booking.show == slot && !has_ended(booking))
            .count();
        ensure(voided == show.voided as usize, || {
            format!(
                "{voided} bookings of show {} are void, {} counted",
                show.id, show.voided
            )
        })?;
    }
    let is_purgeable = |slot, booking: &Booking| {
        state.is_purgeable(slot) && !state.cancelled.contains(&booking.show)
    };
    let purgeable = all(state)
        .filter(|&(slot, booking)| is_purgeable(slot, booking))
        .count();
    ensure(purgeable == state.purgeable as usize, || {
        format!(
            "{purgeable} bookings are to be purged, {} counted",
            state.purgeable
        )
    })?;
    let missed =
        all(state).any(|(slot, booking)| slot >= state.purge_left && is_purgeable(slot, booking));
    ensure(!missed, || {
        "the walk has missed a booking to be purged".into()
    })
}

fn answers(state: &State) -> Checked {
    let mut count = 0;
    let mut last = 0;
    for (head, _) in state.answers.iter() {
        count += 1;
        ensure(head.log_time_ms >= last, || {
            format!("the answer to {} is out of order", head.request_id)
        })?;
        last = head.log_time_ms;
        ensure(state.answers.is_known(&head.request_id), || {
            format!("the answer to {} is not found", head.request_id)
        })?;
    }
    ensure(count == state.answers.len(), || "answers were lost".into())?;
    ensure(u64::from(state.answers.indexed()) <= count, || {
        "more answers are indexed than kept".into()
    })
}

fn late(state: &State) -> Checked {
    let late = state.bookings.reserved_late();
    for (slot, booking) in all(state) {
        let known = late.get(&booking.offset).copied();
        let ends_at_ms = state.bookings.get(slot).expires_at_ms();
        ensure(
            (booking.hold_ms == 0) == known.is_some() && known.is_none_or(|at| at >= ends_at_ms),
            || {
                format!(
                    "booking {} is held for {} ms and was reserved late at {known:?}",
                    booking.offset, booking.hold_ms
                )
            },
        )?;
    }
    let count = all(state).filter(|(_, b)| b.hold_ms == 0).count();
    ensure(late.len() == count, || {
        "bookings reserved late are known that are not in the table".into()
    })
}

fn events(state: &State) -> Checked {
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

fn unpaid(state: &State) -> Checked {
    let mut count = 0;
    for known in state.users.all_unpaid() {
        count += 1;
        let counter = state.users.get(known.counter);
        ensure(
            state
                .users
                .unpaid(known.counter)
                .is_some_and(|found| std::ptr::eq(found, known)),
            || format!("unpaid holds of user {} are not found", counter.user),
        )?;
        let latest_ms = known.last_at_ms.saturating_add(COOLDOWN_LONGEST_MS);
        ensure(
            (1..=UNPAID_MAX).contains(&known.count)
                && known.last_at_ms <= state.now
                && known.until_ms <= latest_ms,
            || format!("unpaid holds of user {} cannot be", counter.user),
        )?;
    }
    let with_any = state
        .users
        .slots()
        .filter(|&slot| state.users.unpaid(slot).is_some())
        .count();
    ensure(with_any == count, || {
        format!("{with_any} users have unpaid holds, {count} are kept")
    })
}

fn references(state: &State) -> Checked {
    let mut last = 0;
    for claimed in state.references.iter() {
        ensure((last..=state.now).contains(&claimed.claimed_at_ms), || {
            format!("the claim of {} is out of order", claimed.reference)
        })?;
        last = claimed.claimed_at_ms;
    }
    for claimed in state.references.fresh(state.now) {
        let found = state.references.find(&claimed.reference, state.now);
        ensure(
            found.is_some_and(|found| std::ptr::eq(found, claimed)),
            || format!("the claim of {} is not found", claimed.reference),
        )?;
    }
    ensure(
        u64::from(state.references.indexed()) <= state.references.len(),
        || "more references are indexed than kept".into(),
    )
}

fn documents(state: &State) -> Checked {
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
