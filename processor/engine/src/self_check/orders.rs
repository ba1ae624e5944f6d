//! Orders, and what is counted of them: the invariants of `schemas/rules/version-3.md` that follow
//! from the present state alone.

use std::collections::BTreeMap;

use onsale_schemas::outcome::PriceRule;
use onsale_schemas::seating::SeatKind;

use super::{Checked, all, ensure};
use crate::bookings::Booking;
use crate::codes::Codes;
use crate::layout::ZoneKind;
use crate::orders::Order;
use crate::state::State;

pub(super) fn orders(state: &State) -> Checked {
    let mut count = 0;
    let mut phases: BTreeMap<(u32, u8), u32> = BTreeMap::new();
    let mut uses: BTreeMap<u32, u32> = BTreeMap::new();
    for (_, booking) in all(state) {
        let is_on = state.shows.get(booking.show).cancelled_at_ms.is_none();
        let is_live = booking.state.is_live() && is_on;
        if is_live {
            companions(state, booking)?;
        }
        if !booking.is_order() {
            continue;
        }
        count += 1;
        let Some(order) = state.order_of(booking) else {
            return ensure(false, || {
                format!("booking {} has lost its order", booking.offset)
            });
        };
        amounts(booking, order)?;
        if !is_live {
            continue;
        }
        for line in &order.lines {
            if let PriceRule::Phase(phase) = line.rule
                && line.quantity > 0
            {
                *phases.entry((booking.show, phase)).or_default() += line.quantity;
            }
        }
        if let Some(at) = order
            .code
            .and_then(|used| state.find_used(booking.show, &used))
        {
            *uses.entry(at).or_default() += 1;
        }
    }
    ensure(count == state.orders.len(), || {
        format!(
            "{count} bookings have orders, {} are kept",
            state.orders.len()
        )
    })?;
    let mut counted = BTreeMap::new();
    for (slot, show) in (0u32..).zip(state.shows.iter()) {
        for (&phase, &places) in show.sale().into_iter().flat_map(|sale| sale.phases()) {
            counted.insert((slot, phase), places);
        }
    }
    ensure(counted == phases, || {
        format!("phases count {counted:?}, their bookings {phases:?}")
    })?;
    codes(state, &uses)
}

/// Total and tax follow from the lines, and nothing is negative.
fn amounts(booking: &Booking, order: &Order) -> Checked {
    let (total, tax) = order.totals();
    let are_lines_possible = order.lines.iter().all(|line| {
        let amounts = [
            line.list_price,
            line.bundle_off,
            line.code_off,
            line.unit_price,
            line.unit_fee,
            line.unit_tax,
        ];
        amounts.iter().all(|&amount| amount >= 0)
            && line.unit_price == line.list_price - line.bundle_off - line.code_off
            && (line.seats.is_empty() || line.seats.len() == line.quantity as usize)
    });
    ensure(
        are_lines_possible
            && order.order_fee >= 0
            && order.order_fee_tax >= 0
            && (0..=order.reserved_total).contains(&total)
            && (0..=total).contains(&tax)
            && order.places() == booking.places(),
        || {
            format!(
                "booking {} of {} places has total {total} of {} and tax {tax}",
                booking.offset,
                booking.places(),
                order.reserved_total
            )
        },
    )
}

/// Companion seats have accessible ones to go with.
fn companions(state: &State, booking: &Booking) -> Checked {
    let show = state.shows.get(booking.show);
    let Some(sale) = show.sale() else {
        return Ok(());
    };
    let (mut accessible, mut companions) = (0u32, 0u32);
    for &seat in state.seats_of(booking).iter() {
        let zone = show.zone_of(seat).unwrap_or(u16::MAX);
        match show.seat_kind(zone, seat) {
            SeatKind::Ordinary => {}
            SeatKind::Accessible => accessible += 1,
            SeatKind::Companion => companions += 1,
        }
    }
    ensure(
        companions <= accessible * u32::from(sale.companions_per_accessible),
        || {
            format!(
                "booking {} has {companions} companion seats and {accessible} accessible ones",
                booking.offset
            )
        },
    )
}

fn codes(state: &State, uses: &BTreeMap<u32, u32>) -> Checked {
    let (mut live, mut stale) = (0, 0);
    let mut by_group: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for (at, code) in state.codes.all() {
        if !Codes::counts(code, &state.shows) {
            stale += 1;
            continue;
        }
        live += 1;
        *by_group.entry((code.show, code.group)).or_default() += 1;
        let expected = uses.get(&at).copied().unwrap_or(0);
        ensure(code.uses == expected, || {
            format!(
                "code {} counts {} uses, {expected} bookings have it",
                code.hash, code.uses
            )
        })?;
        ensure(state.find_code(code.show, &code.hash) == Some(at), || {
            format!("code {} is not found", code.hash)
        })?;
    }
    ensure(
        (live, stale) == (state.codes.live, state.codes.stale),
        || {
            format!(
                "{live} codes count and {stale} ended, counted ({}, {})",
                state.codes.live, state.codes.stale
            )
        },
    )?;
    for (slot, show) in (0u32..).zip(state.shows.iter()) {
        let Some(sale) = show.sale() else {
            continue;
        };
        let mut of_show = 0;
        for (&number, group) in sale.groups.iter() {
            let found = by_group.get(&(slot, number)).copied().unwrap_or(0);
            of_show += found;
            ensure(group.codes == found, || {
                format!(
                    "group {number} counts {} codes and has {found}",
                    group.codes
                )
            })?;
        }
        ensure(sale.codes == of_show, || {
            format!(
                "show {} counts {} codes and has {of_show}",
                show.id, sale.codes
            )
        })?;
        hall(show)?;
    }
    Ok(())
}

/// Every row of a zone has its plan, or none has.
fn hall(show: &crate::shows::Show) -> Checked {
    for (index, zone) in (0u16..).zip(&show.zones) {
        let ZoneKind::Seated(base) = &zone.kind else {
            continue;
        };
        let rows = show.rows(index, base);
        let plans = rows.hall.map(|hall| hall.plans.len());
        ensure(
            plans.is_none_or(|plans| plans == rows.count() as usize)
                && rows.in_order().count() == rows.count() as usize,
            || format!("zone {index} of show {} has {plans:?} plans", show.id),
        )?;
    }
    Ok(())
}
