//! Bytes to state, trusting nothing.

mod bookings;

use onsale_schemas::command::{Admission, Currency, OpenShow, ZoneLayout};
use onsale_schemas::limits::{
    HOLD_MAX_MS, HOLD_MIN_MS, RECORD_SIZE_MAX_BYTES, UNIT_PRICE_MAX_MINOR, ZONES_PER_SHOW_MAX,
};
use onsale_schemas::{
    EventId, LogTimeMs, NodeName, Offset, Outcome, PartitionId, RequestId, SeatIndex, ShowId, codec,
};

use super::bytes::Reader;
use super::write::{GENERAL, SEATED};
use super::{ImageError, SECOND, THIRD, second, third};
use crate::bookings::State as BookingState;
use crate::digest::Digest;
use crate::ended::Ended;
use crate::expiry::Expiry;
use crate::idempotency::Answers;
use crate::layout::{self, SeatedZone, ZoneKind};
use crate::limits::{Limits, MACHINE_VERSION_SECOND, MACHINE_VERSION_THIRD};
use crate::partition::Partition;
use crate::seats::Place;
use crate::shows::Show;
use crate::state::State;

pub(super) type Read<T> = Result<T, ImageError>;

pub(super) fn ensure(holds: bool, otherwise: &'static str) -> Read<()> {
    if holds {
        Ok(())
    } else {
        Err(ImageError::Impossible(otherwise))
    }
}

pub(super) fn partition(
    id: PartitionId,
    limits: Limits,
    version: u8,
    body: &[u8],
) -> Read<Partition> {
    let mut reader = Reader(body);
    let found = PartitionId(reader.narrow()?);
    if found != id {
        return Err(ImageError::Partition {
            found,
            expected: id,
        });
    }
    let next_offset: Offset = reader.number()?;
    let last_outcome: Option<Offset> = reader.option()?;
    ensure(
        last_outcome.is_none_or(|last| last < next_offset),
        "the last outcome is ahead of the log",
    )?;
    let digest = Digest(u64::from_le_bytes(reader.array()?));
    let mut state = State::new(limits);
    state.now = reader.number()?;
    state.epoch = reader.number()?;
    state.owner = match reader.byte()? {
        0 => None,
        1 => {
            let name = reader.bytes()?;
            ensure(
                name.len() <= RECORD_SIZE_MAX_BYTES,
                "a node's name is too long",
            )?;
            let name = std::str::from_utf8(name)
                .map_err(|_| ImageError::Impossible("a node's name is not text"))?;
            Some(NodeName(name.to_owned()))
        }
        _ => return Err(ImageError::Impossible("an owner is neither there nor not")),
    };
    state.machine_version = reader.narrow()?;
    ensure(
        state.machine_version <= limits.machine_version_known,
        "the machine version is one that this program does not know",
    )?;
    ensure(
        (state.machine_version >= MACHINE_VERSION_SECOND) == (version >= SECOND)
            && (state.machine_version >= MACHINE_VERSION_THIRD) == (version >= THIRD),
        "the machine version does not fit the image's format",
    )?;
    state.unsupported_version = reader.option()?;

    shows(&mut reader, &mut state, version)?;
    if version >= THIRD {
        third::read_shows(&mut reader, &mut state)?;
    }
    bookings::bookings(&mut reader, &mut state, version, next_offset)?;
    settle(&mut state);
    answers(&mut reader, &mut state, next_offset)?;
    if version >= SECOND {
        second::read(&mut reader, &mut state)?;
    }
    if version >= THIRD {
        third::read_codes(&mut reader, &mut state, next_offset)?;
    }
    if !reader.0.is_empty() {
        return Err(ImageError::TrailingBytes(reader.0.len()));
    }
    Ok(Partition {
        id,
        next_offset,
        last_outcome,
        digest,
        state,
    })
}

/// Reads the shows, blocked places included.
fn shows(reader: &mut Reader<'_>, state: &mut State, version: u8) -> Read<()> {
    let count: u32 = reader.narrow()?;
    for _ in 0..count {
        let id = ShowId::from_bytes(reader.array()?);
        let event_id = EventId::from_bytes(reader.array()?);
        let max_tickets_per_user = reader.narrow()?;
        let hold_ms = reader.narrow()?;
        ensure(
            (HOLD_MIN_MS..=HOLD_MAX_MS).contains(&hold_ms),
            "a show's hold is out of range",
        )?;
        let sale_opens_at_ms = reader.number()?;
        let sale_closes_at_ms = reader.number()?;
        let cancelled_at_ms: Option<LogTimeMs> = reader.option()?;
        ensure(
            cancelled_at_ms.is_none_or(|at| at <= state.now),
            "a show was cancelled in the future",
        )?;
        let fingerprint = u64::from_le_bytes(reader.array()?);
        let (zones, blocked) = zones(reader)?;
        // Of a zone that was opened with places all may be taken away since.
        let least = if version >= THIRD { 0 } else { 1 };
        ensure(
            layout::is_within_limits(&zones, least),
            "a layout breaks a limit",
        )?;
        ensure(state.shows.find(&id).is_none(), "a show is there twice")?;
        let command = OpenShow {
            show: id,
            event: event_id,
            max_tickets_per_user,
            sale_opens_at_ms,
            sale_closes_at_ms,
            hold_ms,
            zones,
        };
        let event = state.shows.event(&event_id);
        let mut show = Show::new(&command, event, fingerprint);
        show.cancelled_at_ms = cancelled_at_ms;
        for (zone, blocked) in blocked.into_iter().enumerate() {
            block(&mut show, zone, &blocked)?;
        }
        state.shows.insert(show);
    }
    Ok(())
}

/// Blocked places of a zone: runs of (gap, length), or one pair of (0, number).
pub(super) type Blocked = Vec<(u32, u32)>;

fn zones(reader: &mut Reader<'_>) -> Read<(Vec<ZoneLayout>, Vec<Blocked>)> {
    let count: usize = reader.narrow()?;
    ensure(count <= ZONES_PER_SHOW_MAX, "a show has too many zones")?;
    let mut zones = Vec::with_capacity(count);
    let mut all_blocked = Vec::with_capacity(count);
    for _ in 0..count {
        let unit_price = price(reader)?;
        let currency = Currency(reader.array()?);
        let mut blocked = Vec::new();
        let admission = match reader.byte()? {
            SEATED => {
                let mut rows = Vec::new();
                let count: usize = reader.narrow()?;
                for _ in 0..count {
                    rows.push(reader.narrow()?);
                }
                let runs: usize = reader.narrow()?;
                for _ in 0..runs {
                    blocked.push((reader.narrow()?, reader.narrow()?));
                }
                Admission::Seated { rows }
            }
            GENERAL => {
                let capacity = reader.narrow()?;
                blocked.push((0, reader.narrow()?));
                Admission::General { capacity }
            }
            _ => {
                return Err(ImageError::Impossible(
                    "a zone is neither seated nor general",
                ));
            }
        };
        zones.push(ZoneLayout {
            unit_price,
            currency,
            admission,
        });
        all_blocked.push(blocked);
    }
    Ok((zones, all_blocked))
}

pub(super) fn price(reader: &mut Reader<'_>) -> Read<i64> {
    let price: i64 = reader.narrow()?;
    ensure(price <= UNIT_PRICE_MAX_MINOR, "a price is out of range")?;
    Ok(price)
}

const TOO_MANY: &str = "more places are blocked than the zone has";

fn block(show: &mut Show, zone: usize, blocked: &Blocked) -> Read<()> {
    let counts = show.zones[zone].counts;
    let ZoneKind::Seated(seated) = show.zones[zone].kind else {
        let quantity = blocked.first().map_or(0, |&(_, quantity)| quantity);
        ensure(quantity <= counts.available, TOO_MANY)?;
        show.turn(zone, &[], quantity, Place::Free, Place::Blocked);
        return Ok(());
    };
    block_seats(show, zone, &seated, blocked)
}

/// Blocks seats of a range of a zone.
pub(super) fn block_seats(
    show: &mut Show,
    zone: usize,
    seated: &SeatedZone,
    blocked: &Blocked,
) -> Read<()> {
    let end = seated.first_seat + seated.seats;
    let mut at = seated.first_seat;
    for (i, &(gap, length)) in blocked.iter().enumerate() {
        ensure(
            length > 0 && (gap > 0 || i == 0),
            "a run of blocked seats is empty or out of range",
        )?;
        let first = at
            .checked_add(gap)
            .ok_or(ImageError::Impossible(TOO_MANY))?;
        let after = first
            .checked_add(length)
            .ok_or(ImageError::Impossible(TOO_MANY))?;
        ensure(after <= end, TOO_MANY)?;
        let seats: Vec<SeatIndex> = (first..after).collect();
        ensure(seats.iter().all(|&seat| show.seats.is_free(seat)), TOO_MANY)?;
        show.turn(zone, &seats, length, Place::Free, Place::Blocked);
        at = after;
    }
    Ok(())
}

/// Builds what follows from shows and bookings: what waits for its end and what waits to be
/// forgotten.
fn settle(state: &mut State) {
    let ended: Vec<u32> = state
        .bookings
        .slots()
        .filter(|&slot| {
            matches!(
                state.bookings.get(slot).state,
                BookingState::Cancelled | BookingState::Expired
            )
        })
        .collect();
    state.expiry = Expiry::restore(&mut state.bookings);
    state.ended = Ended::restore(&mut state.bookings, &ended);

    let mut cancelled: Vec<(LogTimeMs, u32)> = (0u32..)
        .zip(state.shows.iter())
        .filter(|(_, show)| show.voided > 0)
        .filter_map(|(slot, show)| Some((show.cancelled_at_ms?, slot)))
        .collect();
    cancelled.sort_unstable();
    for &(_, slot) in &cancelled {
        state.shows.note_cancelled(state.shows.get(slot).event);
    }
    state.cancelled = cancelled.into_iter().map(|(_, slot)| slot).collect();
}

fn answers(reader: &mut Reader<'_>, state: &mut State, next_offset: Offset) -> Read<()> {
    let count: u32 = reader.narrow()?;
    // The ring is sized for all of them, but never for more than the bytes can hold.
    let held = count.min(u32::try_from(reader.0.len()).unwrap_or(u32::MAX));
    state.answers = Answers::new(held.max(state.limits.remembered_answers_max));
    let mut least = (0, 0);
    for _ in 0..count {
        let request_id = RequestId::from_bytes(reader.array()?);
        let fingerprint = u64::from_le_bytes(reader.array()?);
        let offset = reader.number()?;
        let log_time_ms = reader.number()?;
        ensure(
            offset < next_offset && log_time_ms <= state.now,
            "an answer is ahead of the log",
        )?;
        ensure(
            !state.answers.is_known(&request_id),
            "a request was answered twice",
        )?;
        ensure(
            offset >= least.0 && log_time_ms >= least.1,
            "answers are not in the order of the log",
        )?;
        least = (offset + 1, log_time_ms);
        let body = reader.bytes()?;
        ensure(
            codec::decode_body::<Outcome>(body).is_ok(),
            "a remembered answer is not an outcome",
        )?;
        state
            .answers
            .append(request_id, fingerprint, offset, log_time_ms, |bytes| {
                bytes.extend_from_slice(body);
            });
    }
    Ok(())
}
