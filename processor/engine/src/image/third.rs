//! The sections of format 3: what machine version 3 knows.
//!
//! Behind the shows, because bookings need it: zones and rows that were added, seats taken away,
//! plans, offer and groups of codes of every show that has any. In the bookings, in the place of the
//! number of places: 0 for a booking with an order, whose lines stand behind the rest of it. Behind
//! the sections of format 2: codes, by show and hash.
//!
//! Counts of phases and uses of codes follow from the bookings.

use std::collections::BTreeMap;

use onsale_schemas::code::CodeTerms;
use onsale_schemas::codec;
use onsale_schemas::command::{Admission, Currency, ZoneLayout};
use onsale_schemas::limits::{
    ADDITIONS_PER_ZONE_MAX, CODE_GROUPS_PER_SHOW_MAX, CODES_PER_SHOW_MAX,
    COMPANIONS_PER_ACCESSIBLE_MAX, GENERAL_CAPACITY_MAX, ROWS_PER_ZONE_MAX, SEATS_PER_ROW_MAX,
    SEATS_PER_SHOW_MAX, SPECIAL_SEATS_PER_SHOW_MAX, ZONES_PER_SHOW_MAX,
};
use onsale_schemas::offer::Offer;
use onsale_schemas::seating::RowPlan;
use onsale_schemas::{CodeHash, Offset, SeatIndex, ZoneIndex};
use triomphe::Arc;

use super::ImageError;
use super::bytes::{Reader, put, put_bytes};
use super::read::{Blocked, Read, block_seats, ensure, price};
use super::write::{GENERAL, SEATED, blocked_seats};
use crate::apply::are_rows_valid;
use crate::codes::{Code, Codes};
use crate::layout::{SeatedZone, ZoneKind};
use crate::sale::{Group, Sale};
use crate::seats::Place;
use crate::shows::Show;
use crate::state::State;

const IS_THIRD: u8 = 1;
const HAS_OFFER: u8 = 2;

/// Zones that a show was opened with.
pub(super) fn zones_opened(show: &Show) -> usize {
    let added = show.sale().map_or(0, |sale| sale.added_zones);
    show.zones.len().saturating_sub(usize::from(added))
}

pub(super) fn write_shows(state: &State, out: &mut Vec<u8>) {
    for show in state.shows.iter() {
        match show.sale().filter(|sale| !sale.is_blank()) {
            None => out.push(0),
            Some(sale) => {
                out.push(1);
                write_show(show, sale, out);
            }
        }
    }
}

fn write_show(show: &Show, sale: &Sale, out: &mut Vec<u8>) {
    let has_offer = !sale.offer.is_empty();
    out.push((u8::from(sale.is_third) * IS_THIRD) | (u8::from(has_offer) * HAS_OFFER));
    out.push(sale.companions_per_accessible);
    put(out, sale.added_zones);
    for zone in &show.zones[zones_opened(show)..] {
        put(out, zone.unit_price.cast_unsigned());
        out.extend_from_slice(&zone.currency.0);
        match &zone.kind {
            ZoneKind::Seated(_) => out.push(SEATED),
            ZoneKind::General { capacity } => {
                out.push(GENERAL);
                put(out, *capacity);
                put(out, zone.counts.blocked);
            }
        }
    }
    let ranges = added_ranges(show, sale);
    put(out, ranges.len() as u64);
    for (zone, range) in &ranges {
        put(out, *zone);
        put(out, range.rows);
        for length in show.seats.layout.row_lengths(range) {
            put(out, length);
        }
    }
    let taken: Vec<SeatIndex> = sale.hall.taken().collect();
    put(out, taken.len() as u64);
    let mut least = 0;
    for seat in taken {
        put(out, seat - least);
        least = seat + 1;
    }
    for (_, range) in &ranges {
        blocked_seats(show, range, out);
    }
    let plans: Vec<(ZoneIndex, u32, &RowPlan)> = sale
        .hall
        .zones()
        .flat_map(|(zone, hall)| {
            let plans = (0u32..).zip(&hall.plans);
            plans.map(move |(row, plan)| (zone, row, plan))
        })
        .filter(|(_, _, plan)| **plan != RowPlan::default())
        .collect();
    put(out, plans.len() as u64);
    for (zone, row, plan) in plans {
        put(out, zone);
        put(out, row);
        put_encoded(out, plan);
    }
    if has_offer {
        put_encoded(out, &*sale.offer);
    }
    put(out, sale.groups.len() as u64);
    for (number, group) in sale.groups.iter() {
        put(out, *number);
        put(out, group.begun);
        put_encoded(out, &group.terms);
    }
}

/// Ranges of rows that were added with their zones, in the order of their seats: rows of zones that
/// the show was opened with, and all rows of later ones.
fn added_ranges(show: &Show, sale: &Sale) -> Vec<(ZoneIndex, SeatedZone)> {
    let opened = zones_opened(show);
    let mut ranges: Vec<(ZoneIndex, SeatedZone)> = sale
        .hall
        .zones()
        .flat_map(|(zone, hall)| hall.added.iter().map(move |range| (zone, *range)))
        .collect();
    for (zone, later) in (0u16..).zip(&show.zones).skip(opened) {
        if let ZoneKind::Seated(base) = later.kind {
            ranges.push((zone, base));
        }
    }
    ranges.sort_unstable_by_key(|(_, range)| range.first_seat);
    ranges
}

/// Appends a value in the encoding of the wire, with its length in front.
pub(super) fn put_encoded(out: &mut Vec<u8>, value: &impl bincode::Encode) {
    let mut bytes = Vec::new();
    let written = codec::encode_body_into(value, &mut bytes);
    debug_assert!(written.is_ok(), "a value in memory can be encoded");
    put_bytes(out, &bytes);
}

pub(super) fn encoded<T: bincode::Decode<()>>(reader: &mut Reader<'_>) -> Read<T> {
    codec::decode_body(reader.bytes()?)
        .map_err(|_| ImageError::Impossible("a part of a show or booking does not decode"))
}

/// Reads what stands behind the shows.
pub(super) fn read_shows(reader: &mut Reader<'_>, state: &mut State) -> Read<()> {
    for slot in 0..state.shows.len() {
        match reader.byte()? {
            0 => {}
            1 => {
                let show = state.shows.get_mut(slot);
                read_show(reader, show)?;
                let is_possible = show.sale().is_some_and(|sale| !sale.is_blank());
                ensure(is_possible, "a show has something of nothing")?;
            }
            _ => {
                return Err(ImageError::Impossible(
                    "what a show has is neither there nor not",
                ));
            }
        }
    }
    Ok(())
}

fn read_show(reader: &mut Reader<'_>, show: &mut Show) -> Read<()> {
    let flags = reader.byte()?;
    ensure(flags <= IS_THIRD | HAS_OFFER, "a show has unknown flags")?;
    let companions = reader.byte()?;
    ensure(
        companions <= COMPANIONS_PER_ACCESSIBLE_MAX,
        "too many companions for one",
    )?;
    let sale = show.sale_mut();
    sale.is_third = flags & IS_THIRD != 0;
    sale.companions_per_accessible = companions;
    let added: Vec<NewZone> = (0..reader.narrow::<u16>()?)
        .map(|_| new_zone(reader))
        .collect::<Read<_>>()?;
    let ranges = read_ranges(reader, show, added)?;
    read_taken(reader, show)?;
    for (zone, range) in ranges {
        let count: usize = reader.narrow()?;
        let mut blocked: Blocked = Vec::new();
        for _ in 0..count {
            blocked.push((reader.narrow()?, reader.narrow()?));
        }
        block_seats(show, usize::from(zone), &range, &blocked)?;
    }
    read_plans(reader, show)?;
    let currencies: Vec<Currency> = show.zones.iter().map(|zone| zone.currency).collect();
    if flags & HAS_OFFER != 0 {
        let offer: Offer = encoded(reader)?;
        ensure(
            !offer.is_empty() && onsale_prices::is_offer_valid(&offer, &currencies),
            "an offer breaks a limit",
        )?;
        show.sale_mut().offer = Arc::new(offer);
    }
    read_groups(reader, show, &currencies)
}

struct NewZone {
    unit_price: i64,
    currency: Currency,
    /// Capacity and blocked places of general admission.
    general: Option<(u32, u32)>,
}

fn new_zone(reader: &mut Reader<'_>) -> Read<NewZone> {
    Ok(NewZone {
        unit_price: price(reader)?,
        currency: Currency(reader.array()?),
        general: match reader.byte()? {
            SEATED => None,
            GENERAL => Some((reader.narrow()?, reader.narrow()?)),
            _ => {
                return Err(ImageError::Impossible(
                    "a zone is neither seated nor general",
                ));
            }
        },
    })
}

/// Adds zones and rows in the order in which they were added: a zone with seats comes with the first
/// of its ranges.
fn read_ranges(
    reader: &mut Reader<'_>,
    show: &mut Show,
    added: Vec<NewZone>,
) -> Read<Vec<(ZoneIndex, SeatedZone)>> {
    ensure(
        show.zones.len() + added.len() <= ZONES_PER_SHOW_MAX,
        OUT_OF_LIMITS,
    )?;
    let count: usize = reader.narrow()?;
    let mut ranges = Vec::new();
    let mut waiting = added.into_iter();
    for _ in 0..count {
        let zone: ZoneIndex = reader.narrow()?;
        let rows = read_rows(reader, show)?;
        let range = if usize::from(zone) < show.zones.len() {
            show.add_rows(zone, &rows, &[])
        } else {
            begin_zone(show, zone, rows, &mut waiting)?
        };
        ranges.push((zone, range.ok_or(ImageError::Impossible(OUT_OF_LIMITS))?));
    }
    for zone in waiting {
        begin_general(show, &zone)?;
    }
    let sale = show.sale_mut();
    let are_within = sale.hall.zones().all(|(_, hall)| {
        hall.added.len() <= ADDITIONS_PER_ZONE_MAX && hall.plans.len() <= ROWS_PER_ZONE_MAX
    });
    ensure(are_within, OUT_OF_LIMITS)?;
    Ok(ranges)
}

const OUT_OF_LIMITS: &str = "what was added breaks a limit";

fn read_rows(reader: &mut Reader<'_>, show: &Show) -> Read<Vec<u16>> {
    let count: usize = reader.narrow()?;
    ensure((1..=ROWS_PER_ZONE_MAX).contains(&count), OUT_OF_LIMITS)?;
    let mut rows = Vec::new();
    let mut seats = show.seats.layout.seats();
    for _ in 0..count {
        let length: u16 = reader.narrow()?;
        ensure((1..=SEATS_PER_ROW_MAX).contains(&length), OUT_OF_LIMITS)?;
        seats += u32::from(length);
        ensure(seats <= SEATS_PER_SHOW_MAX, OUT_OF_LIMITS)?;
        rows.push(length);
    }
    Ok(rows)
}

/// Adds a zone with seats, and those without that come before it.
fn begin_zone(
    show: &mut Show,
    zone: ZoneIndex,
    rows: Vec<u16>,
    waiting: &mut impl Iterator<Item = NewZone>,
) -> Read<Option<SeatedZone>> {
    let missing = || ImageError::Impossible(OUT_OF_LIMITS);
    while show.zones.len() < usize::from(zone) {
        begin_general(show, &waiting.next().ok_or(missing())?)?;
    }
    let next = waiting.next().ok_or(missing())?;
    ensure(next.general.is_none(), OUT_OF_LIMITS)?;
    Ok(show.add_zone(&ZoneLayout {
        unit_price: next.unit_price,
        currency: next.currency,
        admission: Admission::Seated { rows },
    }))
}

fn begin_general(show: &mut Show, zone: &NewZone) -> Read<()> {
    let (capacity, blocked) = zone.general.ok_or(ImageError::Impossible(OUT_OF_LIMITS))?;
    ensure(
        capacity <= GENERAL_CAPACITY_MAX && blocked <= capacity,
        OUT_OF_LIMITS,
    )?;
    let at = show.zones.len();
    show.add_zone(&ZoneLayout {
        unit_price: zone.unit_price,
        currency: zone.currency,
        admission: Admission::General { capacity },
    });
    show.turn(at, &[], blocked, Place::Free, Place::Blocked);
    Ok(())
}

fn read_taken(reader: &mut Reader<'_>, show: &mut Show) -> Read<()> {
    const NOT_ONE: &str = "a seat was taken away that the show cannot have had free";
    let count: u32 = reader.narrow()?;
    let mut least: SeatIndex = 0;
    for _ in 0..count {
        let seat = least
            .checked_add(reader.narrow()?)
            .filter(|&seat| seat < show.seats.layout.seats())
            .ok_or(ImageError::Impossible(NOT_ONE))?;
        least = seat + 1;
        ensure(show.seats.is_free(seat), NOT_ONE)?;
        let zone = show.zone_of(seat).ok_or(ImageError::Impossible(NOT_ONE))?;
        show.take_away(zone, &[seat], 1);
    }
    Ok(())
}

fn read_plans(reader: &mut Reader<'_>, show: &mut Show) -> Read<()> {
    const NOT_ONE: &str = "a plan is not one of its row";
    let count: usize = reader.narrow()?;
    let mut plans: BTreeMap<ZoneIndex, Vec<RowPlan>> = BTreeMap::new();
    let mut last = None;
    for _ in 0..count {
        let (zone, row): (ZoneIndex, u32) = (reader.narrow()?, reader.narrow()?);
        ensure(last < Some((zone, row)), "plans are not in their order")?;
        last = Some((zone, row));
        let plan: RowPlan = encoded(reader)?;
        ensure(plan != RowPlan::default(), NOT_ONE)?;
        let rows = show.row_lengths(zone).len();
        let of_zone = plans
            .entry(zone)
            .or_insert_with(|| vec![RowPlan::default(); rows]);
        *of_zone
            .get_mut(row as usize)
            .ok_or(ImageError::Impossible(NOT_ONE))? = plan;
    }
    for (zone, plans) in plans {
        ensure(are_rows_valid(&plans, &show.row_lengths(zone)), NOT_ONE)?;
        show.sale_mut().hall_mut().set_plans(zone, plans);
    }
    let special = show.sale_mut().hall.special_seats();
    ensure(special <= SPECIAL_SEATS_PER_SHOW_MAX, NOT_ONE)
}

fn read_groups(reader: &mut Reader<'_>, show: &mut Show, currencies: &[Currency]) -> Read<()> {
    let count: usize = reader.narrow()?;
    ensure(
        count <= CODE_GROUPS_PER_SHOW_MAX && (count == 0 || show.cancelled_at_ms.is_none()),
        "a show has too many groups of codes",
    )?;
    let mut last = None;
    for _ in 0..count {
        let number: u32 = reader.narrow()?;
        ensure(
            last < Some(number),
            "groups of codes are not in their order",
        )?;
        last = Some(number);
        let begun = reader.number()?;
        let terms: CodeTerms = encoded(reader)?;
        ensure(
            onsale_prices::are_terms_valid(&terms, currencies),
            "terms of codes break a limit",
        )?;
        let group = Group {
            begun,
            terms,
            codes: 0,
        };
        show.sale_mut().groups_mut().insert(number, group);
    }
    Ok(())
}

pub(super) fn write_codes(state: &State, out: &mut Vec<u8>) {
    let mut codes: Vec<&Code> = state
        .codes
        .all()
        .map(|(_, code)| code)
        .filter(|code| Codes::counts(code, &state.shows))
        .collect();
    codes.sort_unstable_by_key(|code| (code.show, code.hash));
    put(out, codes.len() as u64);
    for code in codes {
        put(out, code.show);
        out.extend_from_slice(code.hash.as_bytes());
        put(out, code.group);
        put(out, code.created);
    }
}

/// Reads codes, and counts their uses by the bookings that have been read.
pub(super) fn read_codes(
    reader: &mut Reader<'_>,
    state: &mut State,
    next_offset: Offset,
) -> Read<()> {
    const NOT_ONE: &str = "a code is of no group";
    let count: u32 = reader.narrow()?;
    let mut last = None;
    for _ in 0..count {
        let show: u32 = reader.narrow()?;
        let hash = CodeHash::from_bytes(reader.array()?);
        let group: u32 = reader.narrow()?;
        let created = reader.number()?;
        ensure(last < Some((show, hash)), "codes are not in their order")?;
        last = Some((show, hash));
        ensure(show < state.shows.len() && created < next_offset, NOT_ONE)?;
        let begun = state.shows.get(show).sale().and_then(|sale| {
            let group = sale.groups.get(&group)?;
            Some(group.begun)
        });
        ensure(begun.is_some_and(|begun| begun <= created), NOT_ONE)?;
        let sale = state.shows.get_mut(show).sale_mut();
        sale.codes += 1;
        ensure(
            sale.codes <= CODES_PER_SHOW_MAX,
            "a show has too many codes",
        )?;
        if let Some(group) = sale.groups_mut().get_mut(&group) {
            group.codes += 1;
        }
        state.codes.insert(Code {
            hash,
            created,
            show,
            group,
            uses: 0,
        });
    }
    let live: Vec<u32> = state
        .bookings
        .slots()
        .filter(|&slot| state.bookings.get(slot).state.is_live())
        .collect();
    for slot in live {
        let booking = state.bookings.get(slot);
        let (show, code) = (
            booking.show,
            state.order_of(booking).and_then(|order| order.code),
        );
        state.count_code(show, code, |uses| uses.saturating_add(1));
    }
    Ok(())
}
