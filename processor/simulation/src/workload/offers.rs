//! Offers, terms of codes and plans of rows: small numbers and near instants, so that bounds are met.

use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::command::{Admission, Currency, OpenShow};
use onsale_schemas::offer::{
    Bundle, Fees, Offer, Phase, PhasePrice, Scope, TicketType, TypePrice, ZoneRule,
};
use onsale_schemas::seating::{RowPlan, SeatKind, Special, ZonePlan};
use onsale_schemas::{LogTimeMs, TicketTypeId, ZoneIndex};

use super::rng::Rng;

/// Ticket types in use, ids from 0.
pub(super) const TYPES: u8 = 4;

/// A window that is open, will be, was, or is about to change.
fn window(now: LogTimeMs, rng: &mut Rng) -> (LogTimeMs, LogTimeMs) {
    let near = |rng: &mut Rng| rng.one_of([1, 500, 5_000, 600_000, 18_000_000, 86_400_000]);
    match rng.below(10) {
        0..7 => (0, u64::MAX),
        7 => (now.saturating_add(near(rng)), u64::MAX),
        8 if rng.percent(50) => (0, now.saturating_sub(near(rng)).max(1)),
        _ => {
            let from = now.saturating_sub(near(rng)).min(u64::MAX - 1_000_000);
            (from, now.saturating_add(near(rng)).max(from + 1))
        }
    }
}

fn scope(zones: usize, rng: &mut Rng) -> Scope {
    Scope {
        zones: if rng.percent(70) {
            Vec::new()
        } else {
            some_zones(zones, rng)
        },
        types: if rng.percent(70) { 0 } else { rng.below(15) },
    }
}

fn some_zones(zones: usize, rng: &mut Rng) -> Vec<ZoneIndex> {
    let zones = ZoneIndex::try_from(zones).unwrap_or(0);
    (0..zones).filter(|_| rng.percent(60)).collect()
}

/// An offer for a show with so many zones.
pub(super) fn offer(zones: usize, now: LogTimeMs, rng: &mut Rng) -> Offer {
    if rng.percent(8) {
        return Offer::default();
    }
    let types = types(now, rng);
    Offer {
        prices: prices(zones, &types, rng),
        types,
        phases: phases(zones, now, rng),
        bundles: bundles(zones, rng),
        fees: if rng.percent(40) {
            Fees {
                place: rng.one_of([0, 0, 1, 7, 30]),
                place_bp: rng.one_of([0, 250, 333, 10_000]),
                order: rng.one_of([0, 0, 15, 99]),
                tax_bp: rng.one_of([0, 700, 1_900]),
            }
        } else {
            Fees::default()
        },
        tax_bp: rng.one_of([0, 0, 0, 700, 1_000]),
        zones: rules(zones, rng),
    }
}

fn types(now: LogTimeMs, rng: &mut Rng) -> Vec<TicketType> {
    if rng.percent(35) {
        return Vec::new();
    }
    let mut types = Vec::new();
    for id in 0..TYPES {
        if id != 0 && rng.percent(25) || id == 0 && rng.percent(12) {
            continue;
        }
        let (from_ms, until_ms) = window(now, rng);
        let min = rng.one_of([0, 0, 0, 0, 2]);
        types.push(TicketType {
            id,
            min,
            max: rng.one_of([0, 0, 0, 2, 3]).max(min) * u8::from(rng.percent(60)),
            from_ms,
            until_ms,
            code_only: rng.percent(5),
            kinds: rng.one_of([0, 0, 0, 0, 0, 1, 2, 3, 5, 7]),
        });
    }
    types
}

fn prices(zones: usize, types: &[TicketType], rng: &mut Rng) -> Vec<TypePrice> {
    let ids: Vec<TicketTypeId> = if types.is_empty() {
        vec![0]
    } else {
        types.iter().map(|listed| listed.id).collect()
    };
    let mut prices = Vec::new();
    for zone in 0..ZoneIndex::try_from(zones).unwrap_or(0) {
        for &ticket_type in &ids {
            if rng.percent(if ticket_type == 0 { 30 } else { 80 }) {
                prices.push(TypePrice {
                    zone,
                    ticket_type,
                    price: rng.one_of([0, 5, 33, 95, 100, 333, 1_005]),
                });
            }
        }
    }
    prices
}

fn phases(zones: usize, now: LogTimeMs, rng: &mut Rng) -> Vec<Phase> {
    let mut ids: Vec<u8> = vec![7, 2, 5];
    ids.rotate_left(rng.index(3));
    ids.truncate(rng.one_of([0, 1, 1, 2, 3]));
    ids.into_iter()
        .map(|id| {
            let (from_ms, until_ms) = window(now, rng);
            Phase {
                id,
                scope: scope(zones, rng),
                from_ms,
                until_ms,
                places: rng.one_of([0, 1, 2, 3, 5, 8]),
                price: if rng.percent(50) {
                    PhasePrice::Fixed(rng.one_of([0, 50, 90, 150]))
                } else {
                    PhasePrice::OffBp(rng.one_of([1, 500, 1_000, 3_333, 10_000]))
                },
            }
        })
        .collect()
}

fn bundles(zones: usize, rng: &mut Rng) -> Vec<Bundle> {
    let bundles = rng.one_of([0, 0, 1, 1, 2]);
    (0..bundles)
        .map(|id| Bundle {
            id: 9 - id,
            scope: scope(zones, rng),
            places: rng.one_of([2, 2, 3, 4]),
            off_bp: rng.one_of([500, 1_000, 2_500, 10_000]),
        })
        .collect()
}

fn rules(zones: usize, rng: &mut Rng) -> Vec<ZoneRule> {
    some_zones(zones, rng)
        .into_iter()
        .map(|zone| ZoneRule {
            zone,
            no_single_seats: rng.percent(75),
            code_only: rng.percent(6),
        })
        .collect()
}

/// Breaks one rule of an offer.
pub(super) fn spoil(offer: &mut Offer, zones: usize, rng: &mut Rng) {
    let beyond = ZoneIndex::try_from(zones).unwrap_or(0);
    match rng.below(9) {
        0 => offer.tax_bp = 10_001,
        1 => offer.fees.place = -1,
        2 => offer.prices.push(TypePrice {
            zone: beyond,
            ticket_type: 0,
            price: 1,
        }),
        3 => offer.zones = vec![rule_of(0), rule_of(0)],
        4 => offer.types.push(TicketType {
            id: 64,
            min: 0,
            max: 0,
            from_ms: 0,
            until_ms: 1,
            code_only: false,
            kinds: 0,
        }),
        5 => {
            let twin = offer.phases.first().cloned();
            offer.phases.extend(twin);
        }
        6 => offer.bundles.push(Bundle {
            id: 1,
            scope: Scope::default(),
            places: 1,
            off_bp: 100,
        }),
        7 => {
            if let Some(phase) = offer.phases.last_mut() {
                phase.until_ms = phase.from_ms;
            }
        }
        _ => {
            if let Some(listed) = offer.types.first_mut() {
                listed.kinds = 8;
            }
        }
    }
}

fn rule_of(zone: ZoneIndex) -> ZoneRule {
    ZoneRule {
        zone,
        no_single_seats: true,
        code_only: false,
    }
}

/// Terms of codes for a show with so many zones; now and then ones that break a rule.
pub(super) fn terms(zones: usize, now: LogTimeMs, spoilt: bool, rng: &mut Rng) -> CodeTerms {
    let discount = match rng.below(10) {
        0..5 => Some(Discount::OffBp(rng.one_of([500, 1_500, 3_333, 10_000]))),
        5..8 => {
            let amount = rng.one_of([1, 40, 100, 400]);
            Some(Discount::Amount(amount, Currency(*b"THB")))
        }
        _ => None,
    };
    let (from_ms, until_ms) = window(now, rng);
    let mut terms = CodeTerms {
        presale: discount.is_none() || rng.percent(30),
        opens: rng.percent(45),
        discount,
        uses_max: rng.one_of([0, 1, 1, 2, 3]),
        uses_per_user_max: rng.one_of([0, 0, 1, 1, 2]),
        places_max: rng.one_of([0, 0, 1, 2]),
        from_ms,
        until_ms,
        scope: scope(zones, rng),
    };
    if spoilt {
        match rng.below(5) {
            0 => terms.discount = Some(Discount::OffBp(0)),
            1 => terms.discount = Some(Discount::Amount(1, Currency(*b"EUR"))),
            2 => terms.until_ms = terms.from_ms,
            3 => terms.scope.zones = vec![ZoneIndex::try_from(zones).unwrap_or(0)],
            _ => (terms.discount, terms.presale, terms.opens) = (None, false, false),
        }
    }
    terms
}

/// Plans for some of the seated zones of a show.
pub(super) fn plans(open: &OpenShow, rng: &mut Rng) -> Vec<ZonePlan> {
    let mut plans = Vec::new();
    for (zone, layout) in (0..).zip(&open.zones) {
        if let Admission::Seated { rows } = &layout.admission
            && rng.percent(75)
        {
            let rows = rows.iter().map(|&len| row_plan(len, rng)).collect();
            plans.push(ZonePlan { zone, rows });
        }
    }
    plans
}

/// The plan of a row of so many seats.
pub(super) fn row_plan(len: u16, rng: &mut Rng) -> RowPlan {
    let position = |rng: &mut Rng| u16::try_from(rng.below(u64::from(len))).unwrap_or(0);
    let mut gaps: Vec<u16> = (0..rng.below(3)).map(|_| position(rng)).collect();
    gaps.sort_unstable();
    gaps.dedup();
    gaps.retain(|gap| *gap > 0);
    let mut special = Vec::new();
    if rng.percent(50) {
        let first = position(rng);
        let kinds = [SeatKind::Accessible, SeatKind::Companion];
        for (first, kind) in (first..len).zip(kinds) {
            special.push(Special {
                first,
                count: 1,
                kind,
            });
        }
        let rest = first.saturating_add(2);
        if rest < len && rng.percent(40) {
            special.push(Special {
                first: rest,
                count: 1,
                kind: rng.one_of([SeatKind::Companion, SeatKind::Accessible]),
            });
        }
    }
    RowPlan {
        rank: rng.one_of([0, 0, 0, 1, 2]),
        focus: match rng.below(4) {
            0 => len,
            1 => position(rng).saturating_mul(2),
            _ => 0,
        },
        gaps,
        special,
    }
}
