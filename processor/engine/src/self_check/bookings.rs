//! Bookings, and the lists and queues that they stand in.

use std::collections::BTreeMap;

use super::{Checked, all, ensure};
use crate::bookings::{Booking, State as BookingState};
use crate::cooldown::{COOLDOWN_LONGEST_MS, UNPAID_MAX};
use crate::heap::IN_HEAP;
use crate::index::NONE;
use crate::limits::MACHINE_VERSION_SECOND;
use crate::state::State;

pub(super) fn bookings(state: &State) -> Checked {
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

pub(super) fn users(state: &State) -> Checked {
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

pub(super) fn expiry(state: &State) -> Checked {
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

pub(super) fn ended(state: &State) -> Checked {
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

pub(super) fn cancelled(state: &State) -> Checked {
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

pub(super) fn unpaid(state: &State) -> Checked {
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

pub(super) fn references(state: &State) -> Checked {
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
