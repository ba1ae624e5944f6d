//! The sections of format 2, behind those of format 1: what machine version 2 knows.
//!
//! In this order: tenant and cool-down of every show; events that have a limit or are cancelled, by
//! id; bookings that end no later than they were reserved, by offset; unpaid holds, by event and
//! user; payment references in the order of their claims; documents in the order of their subjects.

use onsale_schemas::command::Subject;
use onsale_schemas::limits::{COOLDOWN_MAX_MS, DOCUMENT_MAX_BYTES, UNPAID_HOLDS_FREE};
use onsale_schemas::{
    EventId, LogTimeMs, Offset, PartitionId, ReferenceHash, ShowId, TenantId, UserId,
};

use super::ImageError;
use super::bytes::{Reader, put, put_bytes, put_option};
use super::read::{Read, ensure};
use crate::cooldown::{COOLDOWN_LONGEST_MS, UNPAID_MAX, Unpaid};
use crate::ended::is_forgotten;
use crate::references::{Claimed, References};
use crate::state::State;

const OF_EVENT: u8 = 0;
const OF_SHOW: u8 = 1;

pub(super) fn write(state: &State, out: &mut Vec<u8>) {
    for show in state.shows.iter() {
        match &show.tenant {
            None => out.push(0),
            Some(tenant) => {
                out.push(1);
                out.extend_from_slice(tenant.as_bytes());
            }
        }
        put(out, show.cooldown_ms);
    }
    write_events(state, out);
    write_late(state, out);
    write_unpaid(state, out);
    let fresh = || state.references.fresh(state.now);
    put(out, fresh().count() as u64);
    for claimed in fresh() {
        out.extend_from_slice(claimed.reference.as_bytes());
        put(out, claimed.partition.0);
        put(out, claimed.booking);
        put(out, claimed.claimed_at_ms);
    }
    put(out, state.documents.len());
    for (subject, document) in state.documents.iter() {
        match subject {
            Subject::Event(event) => {
                out.push(OF_EVENT);
                out.extend_from_slice(event.as_bytes());
            }
            Subject::Show { show, event } => {
                out.push(OF_SHOW);
                out.extend_from_slice(show.as_bytes());
                out.extend_from_slice(event.as_bytes());
            }
        }
        put_bytes(out, document);
    }
}

fn write_events(state: &State, out: &mut Vec<u8>) {
    let mut events: Vec<_> = state
        .shows
        .events()
        .filter(|event| event.limit.is_some() || event.is_cancelled)
        .collect();
    events.sort_unstable_by_key(|event| event.id);
    put(out, events.len() as u64);
    for event in events {
        out.extend_from_slice(event.id.as_bytes());
        put_option(out, event.limit);
        out.push(u8::from(event.is_cancelled));
    }
}

fn write_late(state: &State, out: &mut Vec<u8>) {
    let is_known = |offset: Offset| {
        state.bookings.find(offset).is_some_and(|slot| {
            !state
                .ended_at_ms(state.bookings.get(slot))
                .is_some_and(|at| is_forgotten(at, state.now))
        })
    };
    let late = state.bookings.reserved_late();
    let known: Vec<(Offset, LogTimeMs)> = late
        .iter()
        .map(|(&offset, &at)| (offset, at))
        .filter(|&(offset, _)| is_known(offset))
        .collect();
    put(out, known.len() as u64);
    for (offset, reserved_at_ms) in known {
        put(out, offset);
        put(out, reserved_at_ms);
    }
}

/// What is forgotten is not written, swept or not.
fn write_unpaid(state: &State, out: &mut Vec<u8>) {
    let mut all: Vec<(EventId, UserId, &Unpaid)> = state
        .users
        .all_unpaid()
        .filter(|unpaid| !unpaid.is_forgotten(state.now))
        .map(|unpaid| {
            let counter = state.users.get(unpaid.counter);
            let event = state.shows.event_at(counter.event);
            (event.id, counter.user, unpaid)
        })
        .collect();
    all.sort_unstable_by_key(|&(event, user, _)| (event, user));
    put(out, all.len() as u64);
    for (event, user, unpaid) in all {
        out.extend_from_slice(event.as_bytes());
        out.extend_from_slice(user.as_bytes());
        out.push(unpaid.count);
        put(out, unpaid.last_at_ms);
        put(out, unpaid.until_ms);
    }
}

/// Reads the sections into a state that already has everything of format 1.
pub(super) fn read(reader: &mut Reader<'_>, state: &mut State) -> Read<()> {
    for slot in 0..state.shows.len() {
        read_show(reader, state, slot)?;
    }
    read_events(reader, state)?;
    read_late(reader, state)?;
    read_unpaid(reader, state)?;
    read_references(reader, state)?;
    read_documents(reader, state)
}

fn read_show(reader: &mut Reader<'_>, state: &mut State, slot: u32) -> Read<()> {
    let tenant = match reader.byte()? {
        0 => None,
        1 => Some(TenantId::from_bytes(reader.array()?)),
        _ => return Err(ImageError::Impossible("a tenant is neither there nor not")),
    };
    let cooldown_ms: u32 = reader.narrow()?;
    ensure(
        cooldown_ms <= COOLDOWN_MAX_MS && (cooldown_ms == 0 || tenant.is_some()),
        "a show's cool-down is out of range",
    )?;
    if let Some(tenant) = tenant {
        state.shows.set_tenant(slot, tenant);
        state.shows.get_mut(slot).cooldown_ms = cooldown_ms;
    }
    Ok(())
}

fn read_events(reader: &mut Reader<'_>, state: &mut State) -> Read<()> {
    let count: u32 = reader.narrow()?;
    let mut last = None;
    for _ in 0..count {
        let id = EventId::from_bytes(reader.array()?);
        ensure(last < Some(id), "events are not in their order")?;
        last = Some(id);
        let limit: Option<u16> = reader.option()?;
        let is_cancelled = match reader.byte()? {
            0 => false,
            1 => true,
            _ => return Err(ImageError::Impossible("an event is neither on nor off")),
        };
        ensure(
            limit.is_some() || is_cancelled,
            "an event is there about which nothing is known",
        )?;
        let event = state.shows.event(&id);
        if let Some(limit) = limit {
            state.shows.set_limit(event, limit);
        }
        if is_cancelled {
            let shows = state.shows.of_event(event);
            ensure(
                shows
                    .map(|slot| state.shows.get(slot))
                    .all(|show| show.cancelled_at_ms.is_some()),
                "a show is on and its event is cancelled",
            )?;
            state.shows.mark_cancelled(event);
        }
    }
    Ok(())
}

fn read_late(reader: &mut Reader<'_>, state: &mut State) -> Read<()> {
    const NOT_ONE: &str = "a booking marked as reserved late is not";
    let count: usize = reader.narrow()?;
    for _ in 0..count {
        let offset: Offset = reader.number()?;
        let reserved_at_ms: LogTimeMs = reader.number()?;
        let last = state.bookings.reserved_late().last_key_value();
        ensure(
            last.is_none_or(|(&last, _)| last < offset),
            "bookings reserved late are not in their order",
        )?;
        let slot = state
            .bookings
            .find(offset)
            .ok_or(ImageError::Impossible(NOT_ONE))?;
        let booking = state.bookings.get(slot);
        let expires_at_ms = booking.expires_at_ms();
        ensure(
            booking.hold_ms == 0 && reserved_at_ms >= expires_at_ms,
            NOT_ONE,
        )?;
        state
            .bookings
            .place_hold(slot, reserved_at_ms, expires_at_ms);
    }
    let late = state
        .bookings
        .slots()
        .filter(|&slot| state.bookings.get(slot).hold_ms == 0)
        .count();
    ensure(
        late == count,
        "a hold is of no length and was not reserved late",
    )
}

fn read_unpaid(reader: &mut Reader<'_>, state: &mut State) -> Read<()> {
    let count: u32 = reader.narrow()?;
    let mut last = None;
    for _ in 0..count {
        let event = EventId::from_bytes(reader.array()?);
        let user = UserId::from_bytes(reader.array()?);
        ensure(
            last < Some((event, user)),
            "unpaid holds are not in their order",
        )?;
        last = Some((event, user));
        let unpaid = Unpaid {
            count: reader.byte()?,
            last_at_ms: reader.number()?,
            until_ms: reader.number()?,
            ..Unpaid::default()
        };
        let latest_ms = if unpaid.count > UNPAID_HOLDS_FREE {
            unpaid.last_at_ms.saturating_add(COOLDOWN_LONGEST_MS)
        } else {
            0
        };
        ensure(
            (1..=UNPAID_MAX).contains(&unpaid.count)
                && unpaid.last_at_ms <= state.now
                && !unpaid.is_forgotten(state.now)
                && unpaid.until_ms <= latest_ms,
            "an impossible number of unpaid holds",
        )?;
        let counter = state
            .shows
            .find_event(&event)
            .and_then(|event| state.users.find(event, &user))
            .ok_or(ImageError::Impossible(
                "unpaid holds of a user without bookings",
            ))?;
        state.users.put_unpaid(counter, unpaid);
    }
    Ok(())
}

fn read_references(reader: &mut Reader<'_>, state: &mut State) -> Read<()> {
    let count: u32 = reader.narrow()?;
    // As for answers: room for all of them, but never for more than the bytes can hold.
    let held = count.min(u32::try_from(reader.0.len()).unwrap_or(u32::MAX));
    state.references = References::new(held.max(state.limits.references_max));
    let mut least_ms = 0;
    for _ in 0..count {
        let claimed = Claimed {
            reference: ReferenceHash::from_bytes(reader.array()?),
            partition: PartitionId(reader.narrow()?),
            booking: reader.number()?,
            claimed_at_ms: reader.number()?,
        };
        ensure(
            (least_ms..=state.now).contains(&claimed.claimed_at_ms),
            "payment references are not in the order of their claims",
        )?;
        least_ms = claimed.claimed_at_ms;
        let known = state.references.find(&claimed.reference, least_ms);
        ensure(known.is_none(), "a payment reference was claimed twice")?;
        state.references.add(claimed);
    }
    ensure(
        state.references.fresh(state.now).count() as u64 == state.references.len(),
        "a payment reference is there that should be forgotten",
    )
}

fn read_documents(reader: &mut Reader<'_>, state: &mut State) -> Read<()> {
    let count: u32 = reader.narrow()?;
    let mut last = None;
    for _ in 0..count {
        let subject = match reader.byte()? {
            OF_EVENT => Subject::Event(EventId::from_bytes(reader.array()?)),
            OF_SHOW => Subject::Show {
                show: ShowId::from_bytes(reader.array()?),
                event: EventId::from_bytes(reader.array()?),
            },
            _ => return Err(ImageError::Impossible("a document describes nothing")),
        };
        ensure(last < Some(subject), "documents are not in their order")?;
        last = Some(subject);
        let document = reader.bytes()?;
        ensure(
            (1..=DOCUMENT_MAX_BYTES).contains(&document.len()),
            "a document is empty or too large",
        )?;
        state.documents.put(subject, document);
    }
    Ok(())
}
