//! Phases, codes, companions and sums, from live bookings alone.

use std::collections::BTreeMap;

use onsale_schemas::UserId;
use onsale_schemas::outcome::{Line, PriceRule};
use onsale_schemas::seating::SeatKind;

use super::{Check, ensure};
use crate::model::bookings::{Booking, UsedCode};
use crate::model::shows::Show;

/// No phase has more live places than any offer had room for.
pub(super) fn check_phases(show: &Show, live: &[&Booking]) -> Check {
    let id = show.id();
    let mut counts: BTreeMap<u8, u64> = BTreeMap::new();
    for line in live.iter().flat_map(|booking| &booking.lines) {
        if let PriceRule::Phase(phase) = line.rule {
            *counts.entry(phase).or_insert(0) += u64::from(line.quantity);
        }
    }
    for (phase, count) in counts {
        let Some(&widest) = show.widest_phases.get(&phase) else {
            return Err(format!("show {id}: no offer ever had a phase {phase}"));
        };
        ensure(widest == 0 || count <= u64::from(widest), || {
            format!("show {id}: phase {phase} has {count} places, never more than {widest}")
        })?;
    }
    Ok(())
}

/// No code has more live bookings than its terms ever allowed, in all and of one user.
pub(super) fn check_codes(show: &Show, live: &[&Booking]) -> Check {
    let id = show.id();
    let mut uses: Vec<(UsedCode, UserId)> = Vec::new();
    for booking in live {
        uses.extend(booking.code.map(|code| (code, booking.user)));
    }
    for &(code, user) in &uses {
        let Some(group) = show.codes.group_of(code) else {
            continue;
        };
        let of_code = uses.iter().filter(|(other, _)| *other == code);
        let all = of_code.clone().count();
        let own = of_code.filter(|(_, by)| *by == user).count();
        let (all_max, own_max) = group.widest_uses;
        let within = |count: usize, max: u32| max == 0 || count <= max as usize;
        ensure(
            within(all, all_max) && within(own, u32::from(own_max)),
            || format!("show {id}: {code:?} has {all} uses, {own} of one user"),
        )?;
    }
    Ok(())
}

/// The amounts of an order add up, and no companion seat is alone in it.
pub(super) fn check_order(show: &Show, booking: &Booking) -> Check {
    let offset = booking.offset;
    for line in &booking.lines {
        ensure(line_adds_up(line), || {
            format!("booking {offset}: the amounts of {line:?} do not add up")
        })?;
    }
    let total: i64 = booking
        .lines
        .iter()
        .map(|line| i64::from(line.quantity) * (line.unit_price + line.unit_fee))
        .sum();
    let (left, reserved) = (booking.total(), booking.reserved_total);
    ensure(
        left == total + booking.order_fee && left <= reserved && booking.tax() <= left,
        || format!("booking {offset}: {left} is left of {reserved}, the lines say {total}"),
    )?;
    let kinds = booking.seats();
    let count = |kind| {
        kinds
            .iter()
            .filter(|&&seat| show.kind(seat) == kind)
            .count()
    };
    let companions = count(SeatKind::Companion);
    let allowed = count(SeatKind::Accessible) * usize::from(show.companions_per_accessible);
    ensure(companions <= allowed, || {
        format!("booking {offset} has {companions} companion seats, {allowed} are allowed")
    })
}

fn line_adds_up(line: &Line) -> bool {
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
        && (line.unit_fee == 0 || line.unit_price > 0)
        && (line.bundle_off == 0 || line.bundle.is_some())
}
