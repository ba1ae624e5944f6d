//! Who may choose what: codes that open, windows and numbers of types, kinds of seats, companions,
//! seats that are gone, and seats that would be left alone.

use std::collections::{BTreeMap, BTreeSet};

use onsale_schemas::code::CodeTerms;
use onsale_schemas::limits::OWN_HOLDS_NAMED_MAX;
use onsale_schemas::offer::Offer;
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{
    LogTimeMs, Offset, Rejection, SeatIndex, SeatList, TicketTypeId, UserId, ZoneIndex,
};

use super::best_available::Seats;
use super::machine::Model;
use super::price::{Place, covers, ticket_type};
use super::shows::{Row, Seat, Show};

/// Refuses the first place that needs a code which opens it.
pub(super) fn check_access(
    show: &Show,
    terms: Option<&CodeTerms>,
    places: &[Place],
) -> Result<(), Rejection> {
    for place in places {
        let zones = show.offer.zones.iter();
        let zone_is_closed = zones
            .filter(|rule| rule.zone == place.zone)
            .any(|rule| rule.code_only);
        let type_is_closed =
            ticket_type(&show.offer, place.ticket_type).is_some_and(|listed| listed.code_only);
        let is_opened = terms.is_some_and(|terms| {
            terms.opens && covers(&terms.scope, place.zone, place.ticket_type)
        });
        if (zone_is_closed || type_is_closed) && !is_opened {
            return Err(Rejection::AccessCodeRequired {
                zone: place.zone,
                ticket_type: place.ticket_type,
            });
        }
    }
    Ok(())
}

/// Refuses orders outside the sale of the show.
pub(super) fn check_sale(
    show: &Show,
    terms: Option<&CodeTerms>,
    places: &[Place],
    now: LogTimeMs,
) -> Result<(), Rejection> {
    let is_presale = terms.is_some_and(|terms| {
        terms.presale
            && places
                .iter()
                .all(|place| covers(&terms.scope, place.zone, place.ticket_type))
    });
    if now < show.sale_opens_at_ms && !is_presale {
        return Err(Rejection::SaleNotOpen {
            opens_at_ms: show.sale_opens_at_ms,
        });
    }
    if now >= show.sale_closes_at_ms {
        return Err(Rejection::SaleClosed);
    }
    Ok(())
}

/// Refuses types outside their windows, then too few or too many of a type.
pub(super) fn check_types(
    offer: &Offer,
    places: &[Place],
    now: LogTimeMs,
) -> Result<(), Rejection> {
    let mut asked: BTreeMap<TicketTypeId, u32> = BTreeMap::new();
    for place in places {
        *asked.entry(place.ticket_type).or_insert(0) += 1;
    }
    for &id in asked.keys() {
        let Some(listed) = ticket_type(offer, id) else {
            continue;
        };
        let opens_at_ms = if now < listed.from_ms {
            Some(listed.from_ms)
        } else if now >= listed.until_ms {
            None
        } else {
            continue;
        };
        return Err(Rejection::TypeNotOnSale {
            ticket_type: id,
            opens_at_ms,
        });
    }
    for (&id, &count) in &asked {
        let Some(listed) = ticket_type(offer, id) else {
            continue;
        };
        let too_few = count < u32::from(listed.min);
        let too_many = listed.max != 0 && count > u32::from(listed.max);
        if too_few || too_many {
            return Err(Rejection::TypeQuantity {
                ticket_type: id,
                asked: count,
                min: listed.min,
                max: listed.max,
            });
        }
    }
    Ok(())
}

fn bit(kind: SeatKind) -> u8 {
    match kind {
        SeatKind::Ordinary => 1,
        SeatKind::Accessible => 2,
        SeatKind::Companion => 4,
    }
}

/// Refuses seats of a kind that their type is not for.
pub(super) fn check_kinds(offer: &Offer, places: &[Place]) -> Result<(), Rejection> {
    let is_wrong = |place: &Place| {
        let kinds = ticket_type(offer, place.ticket_type).map_or(0, |listed| listed.kinds);
        let kind = place.kind;
        kinds != 0 && kind.is_some_and(|kind| kinds & bit(kind) == 0)
    };
    let wrong = places.iter().filter(|place| is_wrong(place));
    let Some(lowest) = wrong.map(|place| place.ticket_type).min() else {
        return Ok(());
    };
    let seats = places
        .iter()
        .filter(|place| place.ticket_type == lowest && is_wrong(place))
        .filter_map(|place| place.seat)
        .collect();
    Err(Rejection::WrongSeatKind {
        ticket_type: lowest,
        seats,
    })
}

/// Refuses companion seats without enough accessible ones.
pub(super) fn check_companions(show: &Show, places: &[Place]) -> Result<(), Rejection> {
    let kinds: Vec<SeatKind> = places.iter().filter_map(|place| place.kind).collect();
    companions_fit(show, &kinds)
}

/// Refuses companion seats that are too many among seats of these kinds.
pub(super) fn companions_fit(show: &Show, kinds: &[SeatKind]) -> Result<(), Rejection> {
    let count = |kind| {
        let fitting = kinds.iter().filter(|of| **of == kind).count();
        u32::try_from(fitting).unwrap_or(u32::MAX)
    };
    let companions = count(SeatKind::Companion);
    let allowed = count(SeatKind::Accessible) * u32::from(show.companions_per_accessible);
    if companions > allowed {
        return Err(Rejection::CompanionAlone {
            companions,
            allowed,
        });
    }
    Ok(())
}

impl Model {
    /// The user's hold that has a seat.
    fn own_hold(&self, show: &Show, user: UserId, seat: SeatIndex) -> Option<Offset> {
        let Some(Seat::Held(offset)) = show.seat(seat) else {
            return None;
        };
        let booking = self.bookings.get(offset)?;
        (booking.user == user).then_some(offset)
    }

    /// Refuses named seats that are not free.
    pub(super) fn check_named(
        &self,
        show: &Show,
        user: UserId,
        places: &[Place],
    ) -> Result<(), Rejection> {
        let named = places.iter().filter_map(|place| place.seat);
        let lost: SeatList = named
            .filter(|&seat| show.seat(seat) != Some(Seat::Free))
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        let own = lost
            .iter()
            .filter_map(|&seat| self.own_hold(show, user, seat));
        let own: BTreeSet<Offset> = own.collect();
        if show.opened_v3.is_none() || own.is_empty() {
            return Err(Rejection::SeatUnavailable { seats: lost });
        }
        Err(Rejection::SeatInOwnHold {
            seats: lost,
            own: lowest(own),
        })
    }

    /// Refuses named seats that leave single ones, where the zone does not want that.
    pub(super) fn check_single_seats(
        &self,
        show: &Show,
        user: UserId,
        places: &[Place],
    ) -> Result<(), Rejection> {
        let named: BTreeSet<SeatIndex> = places.iter().filter_map(|place| place.seat).collect();
        let mut single: BTreeSet<SeatIndex> = BTreeSet::new();
        let mut own: BTreeSet<Offset> = BTreeSet::new();
        for rule in show.offer.zones.iter().filter(|rule| rule.no_single_seats) {
            for row in touched(show, rule.zone, &named) {
                for position in left_alone(show, row, &named) {
                    single.insert(seat_at(row, position));
                    let own_next = neighbours(row, position)
                        .into_iter()
                        .filter_map(|next| self.own_hold(show, user, seat_at(row, next)));
                    own.extend(own_next);
                }
            }
        }
        if single.is_empty() {
            return Ok(());
        }
        Err(Rejection::LeavesSingleSeat {
            seats: single.into_iter().collect(),
            own: lowest(own),
        })
    }
}

fn lowest(own: BTreeSet<Offset>) -> Vec<Offset> {
    own.into_iter().take(OWN_HOLDS_NAMED_MAX).collect()
}

fn seat_at(row: &Row, position: usize) -> SeatIndex {
    SeatIndex::try_from(row.first + position).unwrap_or(SeatIndex::MAX)
}

/// Rows of a zone with a seat that is named.
fn touched<'a>(
    show: &'a Show,
    zone: ZoneIndex,
    named: &'a BTreeSet<SeatIndex>,
) -> impl Iterator<Item = &'a Row> {
    let rows = show.rows(zone).iter();
    rows.filter(|row| named.iter().any(|&seat| row.has(seat)))
}

/// Positions beside one, with no gap between. One that was taken away belongs to nobody, so that
/// it need not be left out.
fn neighbours(row: &Row, position: usize) -> Vec<usize> {
    let mut beside = Vec::new();
    if position > 0 && !row.has_gap(position) {
        beside.push(position - 1);
    }
    if position + 1 < row.len && !row.has_gap(position + 1) {
        beside.push(position + 1);
    }
    beside
}

/// Positions of ordinary seats in a row that would be in a run of one without need.
fn left_alone(show: &Show, row: &Row, named: &BTreeSet<SeatIndex>) -> Vec<usize> {
    let nothing = BTreeSet::new();
    let now = Seats {
        show,
        ordered: &nothing,
    };
    let then = Seats {
        show,
        ordered: named,
    };
    let runs_then = then.runs(row, SeatKind::Ordinary);
    let mut alone = Vec::new();
    for run in now.runs(row, SeatKind::Ordinary) {
        let in_run = run
            .clone()
            .filter(|&position| named.contains(&seat_at(row, position)))
            .count();
        if in_run == 0 || run.len() - in_run == 1 {
            continue;
        }
        let singles = runs_then.iter().filter(|left| left.len() == 1);
        alone.extend(
            singles
                .map(|left| left.start)
                .filter(|position| run.contains(position)),
        );
    }
    alone
}
