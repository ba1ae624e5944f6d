//! What offer, code, time and price say of an order, in the order of refusals.

use onsale_prices::{Asked, Basis, has, list_price, rule_of, ticket_type};
use onsale_schemas::code::CodeTerms;
use onsale_schemas::command::Currency;
use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::rejection::{CodeRefusal, InvalidReason};
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{Rejection, SeatList};
use smallvec::SmallVec;

use super::super::places::{Places, check_zone, invalid};
use super::{Judged, Seen, Wanted, places_of, shape};
use crate::orders::UsedCode;
use crate::shows::Show;
use crate::state::State;

impl State {
    /// Everything from the zones of the order to its price.
    pub(super) fn judge(
        &self,
        slot: u32,
        wanted: &Wanted<'_>,
        asked: &[Asked],
        counter: Option<u32>,
    ) -> Result<Judged, Rejection> {
        let show = self.shows.get(slot);
        let sale = self.sale_of(show);
        let offer = &*sale.offer;
        let unit_prices: SmallVec<[i64; 8]> =
            show.zones.iter().map(|zone| zone.unit_price).collect();
        check_items(show, wanted.items, |zone, id| {
            list_price(offer, &unit_prices, zone, id).is_some()
        })?;
        let currency = currency_of(show, wanted.items)?;
        let (used, terms) = match wanted.code {
            None => (None, None),
            Some(hash) => {
                let at = self
                    .find_code(slot, hash)
                    .ok_or(refused(CodeRefusal::Unknown))?;
                let code = self.codes.get(at);
                let group = sale
                    .groups
                    .get(&code.group)
                    .ok_or(refused(CodeRefusal::Unknown))?;
                let used = UsedCode {
                    hash: *hash,
                    created: code.created,
                };
                self.check_code(&group.terms, asked)?;
                if group.terms.uses_max > 0 && code.uses >= group.terms.uses_max {
                    return Err(refused(CodeRefusal::UsedUp));
                }
                let of_user = u32::from(group.terms.uses_per_user_max);
                if of_user > 0
                    && counter.is_some_and(|counter| self.uses_of(counter, slot, &used) >= of_user)
                {
                    return Err(refused(CodeRefusal::UsedUpByUser));
                }
                (Some(used), Some(&group.terms))
            }
        };
        let is_in_scope =
            |terms: &CodeTerms, run: &Asked| has(&terms.scope, run.zone, run.ticket_type);
        for run in asked {
            let needs_code = rule_of(offer, run.zone).is_some_and(|rule| rule.code_only)
                || ticket_type(offer, run.ticket_type).is_some_and(|known| known.code_only);
            let is_open = terms.is_some_and(|terms| terms.opens && is_in_scope(terms, run));
            if needs_code && !is_open {
                return Err(Rejection::AccessCodeRequired {
                    zone: run.zone,
                    ticket_type: run.ticket_type,
                });
            }
        }
        let is_let_in = terms
            .is_some_and(|terms| terms.presale && asked.iter().all(|run| is_in_scope(terms, run)));
        if self.now < show.sale_opens_at_ms && !is_let_in {
            return Err(Rejection::SaleNotOpen {
                opens_at_ms: show.sale_opens_at_ms,
            });
        }
        if self.now >= show.sale_closes_at_ms {
            return Err(Rejection::SaleClosed);
        }
        self.check_types(show, asked)?;
        self.check_kinds(show, wanted.items)?;
        let basis = Basis {
            offer,
            unit_prices: &unit_prices,
            phase_places: &|phase| sale.phase_places(phase),
            code: terms,
            now: self.now,
        };
        let price = onsale_prices::price(&basis, asked).ok_or(invalid(InvalidReason::Types))?;
        match wanted.seen {
            Seen::Unit(Some(seen)) => {
                if let Some(other) = price.places.iter().find(|place| place.list_price != seen) {
                    return Err(Rejection::PriceChanged {
                        unit_price: other.list_price,
                    });
                }
            }
            Seen::Total(Some(seen)) if seen != price.total => {
                return Err(Rejection::TotalChanged {
                    total: price.total,
                    currency,
                });
            }
            Seen::Unit(None) | Seen::Total(_) => {}
        }
        Ok(Judged {
            price,
            currency,
            code: used,
        })
    }

    fn check_code(&self, terms: &CodeTerms, asked: &[Asked]) -> Result<(), Rejection> {
        if self.now < terms.from_ms {
            return Err(refused(CodeRefusal::NotYet {
                from_ms: terms.from_ms,
            }));
        }
        if self.now >= terms.until_ms {
            return Err(refused(CodeRefusal::Over));
        }
        let is_for = |run: &Asked| has(&terms.scope, run.zone, run.ticket_type);
        if !asked.iter().any(is_for) {
            return Err(refused(CodeRefusal::NotApplicable));
        }
        Ok(())
    }

    /// Windows of all types that are asked for, then their numbers.
    fn check_types(&self, show: &Show, asked: &[Asked]) -> Result<(), Rejection> {
        let types = &self.sale_of(show).offer.types;
        let quantity_of = |id: u8| -> u32 {
            let runs = asked.iter().filter(|run| run.ticket_type == id);
            runs.map(|run| run.quantity).sum()
        };
        let wanted = || types.iter().filter(|known| quantity_of(known.id) > 0);
        for known in wanted() {
            let opens_at_ms = if self.now < known.from_ms {
                Some(known.from_ms)
            } else if self.now >= known.until_ms {
                None
            } else {
                continue;
            };
            return Err(Rejection::TypeNotOnSale {
                ticket_type: known.id,
                opens_at_ms,
            });
        }
        for known in wanted() {
            let asked = quantity_of(known.id);
            if asked < u32::from(known.min) || (known.max > 0 && asked > u32::from(known.max)) {
                return Err(Rejection::TypeQuantity {
                    ticket_type: known.id,
                    asked,
                    min: known.min,
                    max: known.max,
                });
            }
        }
        Ok(())
    }

    /// Seats are of the kinds that their types are for, and companion seats come with accessible
    /// ones.
    fn check_kinds(&self, show: &Show, items: &[Item]) -> Result<(), Rejection> {
        let sale = self.sale_of(show);
        for known in sale.offer.types.iter().filter(|known| known.kinds != 0) {
            let mut is_wrong = false;
            let mut seats = SeatList::new();
            for item in items {
                for (id, seat) in places_of(item).filter(|&(id, _)| id == known.id) {
                    let Some(kind) = kind_of(show, item, seat).filter(|_| id == known.id) else {
                        continue;
                    };
                    if known.kinds & bit_of(kind) == 0 {
                        is_wrong = true;
                        if let Some(seat) = seat {
                            seats.push(seat);
                        }
                    }
                }
            }
            if is_wrong {
                return Err(Rejection::WrongSeatKind {
                    ticket_type: known.id,
                    seats,
                });
            }
        }
        let (mut accessible, mut companions) = (0, 0);
        for item in items {
            let mut count = |kind, places| match kind {
                SeatKind::Accessible => accessible += places,
                SeatKind::Companion => companions += places,
                SeatKind::Ordinary => {}
            };
            match &item.pick {
                PickV2::Seats(seats) => seats
                    .iter()
                    .for_each(|&seat| count(show.seat_kind(item.zone, seat), 1)),
                PickV2::BestAvailable { quantity, kind, .. } => count(*kind, *quantity),
                PickV2::General { .. } => {}
            }
        }
        check_companions(accessible, companions, sale.companions_per_accessible)
    }
}

/// No more companion seats than the accessible ones allow.
pub(in super::super) fn check_companions(
    accessible: u32,
    companions: u32,
    ratio: u8,
) -> Result<(), Rejection> {
    let allowed = accessible * u32::from(ratio);
    if companions > allowed {
        return Err(Rejection::CompanionAlone {
            companions,
            allowed,
        });
    }
    Ok(())
}

fn refused(why: CodeRefusal) -> Rejection {
    Rejection::CodeRefused { why }
}

fn bit_of(kind: SeatKind) -> u8 {
    match kind {
        SeatKind::Ordinary => 1,
        SeatKind::Accessible => 2,
        SeatKind::Companion => 4,
    }
}

/// The kind of a place of an item; `None` for general admission.
fn kind_of(show: &Show, item: &Item, seat: Option<u32>) -> Option<SeatKind> {
    match (&item.pick, seat) {
        (PickV2::Seats(_), Some(seat)) => Some(show.seat_kind(item.zone, seat)),
        (PickV2::BestAvailable { kind, .. }, _) => Some(*kind),
        (PickV2::Seats(_) | PickV2::General { .. }, _) => None,
    }
}

/// Each item's zone, admission and seats are there, and its types are offered.
fn check_items(
    show: &Show,
    items: &[Item],
    is_offered: impl Fn(u16, u8) -> bool,
) -> Result<(), Rejection> {
    for item in items {
        let places = match &item.pick {
            PickV2::Seats(seats) => Places::Seats(seats),
            PickV2::BestAvailable { .. } => Places::AnySeats,
            PickV2::General { .. } => Places::General,
        };
        check_zone(show, item.zone, &places)?;
        let missing = shape::runs(item).find(|run| !is_offered(run.zone, run.ticket_type));
        if let Some(run) = missing {
            return Err(Rejection::TypeNotOffered {
                zone: run.zone,
                ticket_type: run.ticket_type,
            });
        }
    }
    Ok(())
}

/// The one currency of all items.
fn currency_of(show: &Show, items: &[Item]) -> Result<Currency, Rejection> {
    let mut currencies = items
        .iter()
        .filter_map(|item| show.zones.get(usize::from(item.zone)))
        .map(|zone| zone.currency);
    let mixed = invalid(InvalidReason::MixedCurrencies);
    let first = currencies.next().ok_or(mixed.clone())?;
    if currencies.all(|other| other == first) {
        Ok(first)
    } else {
        Err(mixed)
    }
}
