//! What the log would say to a basket as far as the seats do not decide: what it costs, or why it is refused, in the
//! log's order of refusals.

use std::collections::HashMap;

use onsale_prices::{Asked, Basis, OrderPrice, has, list_price, rule_of, ticket_type};
use onsale_schemas::code::CodeTerms;
use onsale_schemas::command::Currency;
use onsale_schemas::offer::Offer;
use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::rejection::{CodeRefusal, InvalidReason};
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{Rejection, SeatIndex, SeatList};
use onsale_store::catalog::{ShowRow, ShowStatus};

/// How long a quote says that it is good for at most.
const VALID_MAX_MS: u64 = 60_000;

/// What a price follows from besides the basket.
pub(super) struct Standing<'a> {
    pub(super) show: &'a ShowRow,
    /// Live places by the phase that gave their price.
    pub(super) phase_places: &'a HashMap<u8, u32>,
    /// The code that comes with the basket.
    pub(super) code: Option<&'a Tried>,
    /// What a named seat is, where that is known.
    pub(super) seat_kind: &'a dyn Fn(SeatIndex) -> Option<SeatKind>,
    pub(super) now_ms: u64,
}

/// A code that someone tries.
pub(super) enum Tried {
    /// The show has no such code.
    Unknown,
    Known {
        terms: CodeTerms,
        /// Live bookings with it.
        uses: u32,
        /// Those of them that are the buyer's.
        uses_of_user: u32,
    },
}

/// What a basket costs.
#[derive(Debug)]
pub(super) struct Quoted {
    pub(super) price: OrderPrice,
    pub(super) currency: Currency,
}

/// What a basket costs, or the refusal of the log.
pub(super) fn price(standing: &Standing<'_>, items: &[Item]) -> Result<Quoted, Rejection> {
    let show = standing.show;
    if show.status == ShowStatus::Cancelled {
        return Err(Rejection::ShowCancelled);
    }
    let nothing = Offer::default();
    let offer = show.offer.as_ref().map_or(&nothing, |row| &row.offer);
    let unit_prices: Vec<i64> = show.zones.iter().map(|zone| zone.unit_price).collect();
    let asked: Vec<Asked> = items.iter().flat_map(runs).collect();
    for run in &asked {
        if list_price(offer, &unit_prices, run.zone, run.ticket_type).is_none() {
            return Err(Rejection::TypeNotOffered {
                zone: run.zone,
                ticket_type: run.ticket_type,
            });
        }
    }
    let currency = currency_of(show, &asked)?;
    let terms = standing.terms(&asked)?;
    standing.check_sale(offer, &asked, terms)?;
    check_types(offer, &asked, standing.now_ms)?;
    standing.check_kinds(offer, items)?;
    let basis = Basis {
        offer,
        unit_prices: &unit_prices,
        phase_places: &|phase| standing.phase_places.get(&phase).copied().unwrap_or(0),
        code: terms,
        now: standing.now_ms,
    };
    let price = onsale_prices::price(&basis, &asked).ok_or(invalid(InvalidReason::Types))?;
    Ok(Quoted { price, currency })
}

/// For every place of a basket in order the seat, where one is named.
pub(super) fn seats(items: &[Item]) -> Vec<Option<SeatIndex>> {
    let mut seats = Vec::new();
    for item in items {
        match &item.pick {
            PickV2::Seats(named) => seats.extend(named.iter().copied().map(Some)),
            PickV2::BestAvailable { quantity, .. } | PickV2::General { quantity } => {
                seats.extend((0..*quantity).map(|_| None));
            }
        }
    }
    seats
}

impl<'a> Standing<'a> {
    /// The terms of the code, if it counts for this order.
    fn terms(&self, asked: &[Asked]) -> Result<Option<&'a CodeTerms>, Rejection> {
        let refused = |why| Err(Rejection::CodeRefused { why });
        let (terms, uses, uses_of_user) = match self.code {
            None => return Ok(None),
            Some(Tried::Unknown) => return refused(CodeRefusal::Unknown),
            Some(Tried::Known {
                terms,
                uses,
                uses_of_user,
            }) => (terms, *uses, *uses_of_user),
        };
        if self.now_ms < terms.from_ms {
            let from_ms = terms.from_ms;
            return refused(CodeRefusal::NotYet { from_ms });
        }
        if self.now_ms >= terms.until_ms {
            return refused(CodeRefusal::Over);
        }
        if !asked.iter().any(|run| is_in_scope(terms, run)) {
            return refused(CodeRefusal::NotApplicable);
        }
        if terms.uses_max > 0 && uses >= terms.uses_max {
            return refused(CodeRefusal::UsedUp);
        }
        if terms.uses_per_user_max > 0 && uses_of_user >= u32::from(terms.uses_per_user_max) {
            return refused(CodeRefusal::UsedUpByUser);
        }
        Ok(Some(terms))
    }

    /// What needs a code, and the times of the sale.
    fn check_sale(
        &self,
        offer: &Offer,
        asked: &[Asked],
        terms: Option<&CodeTerms>,
    ) -> Result<(), Rejection> {
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
        let opens_at_ms = self.show.sale_opens_at_ms;
        if self.now_ms < opens_at_ms && !is_let_in {
            return Err(Rejection::SaleNotOpen { opens_at_ms });
        }
        if self.now_ms >= self.show.sale_closes_at_ms {
            return Err(Rejection::SaleClosed);
        }
        Ok(())
    }

    /// Seats are of the kinds that their types are for, and companion seats come with accessible ones. While there
    /// is a named seat of which nobody here knows what it is, companions are not counted.
    fn check_kinds(&self, offer: &Offer, items: &[Item]) -> Result<(), Rejection> {
        for known in offer.types.iter().filter(|known| known.kinds != 0) {
            let (mut is_wrong, mut seats) = (false, SeatList::new());
            for (id, seat, kind) in items.iter().flat_map(|item| self.kinds(item)) {
                if id != known.id || kind.is_none_or(|kind| known.kinds & bit_of(kind) != 0) {
                    continue;
                }
                is_wrong = true;
                if let Some(seat) = seat {
                    seats.push(seat);
                }
            }
            if is_wrong {
                return Err(Rejection::WrongSeatKind {
                    ticket_type: known.id,
                    seats,
                });
            }
        }
        let (mut accessible, mut companions) = (0_u32, 0_u32);
        for (_, seat, kind) in items.iter().flat_map(|item| self.kinds(item)) {
            match kind {
                Some(SeatKind::Accessible) => accessible += 1,
                Some(SeatKind::Companion) => companions += 1,
                None if seat.is_some() => return Ok(()),
                Some(SeatKind::Ordinary) | None => {}
            }
        }
        let allowed = accessible * u32::from(self.show.companions_per_accessible);
        if companions > allowed {
            return Err(Rejection::CompanionAlone {
                companions,
                allowed,
            });
        }
        Ok(())
    }

    /// Every place of an item: its ticket type, its seat if it is named, and what it is if that is known.
    fn kinds(&self, item: &Item) -> Vec<(u8, Option<SeatIndex>, Option<SeatKind>)> {
        let types = runs(item)
            .flat_map(|run| (0..run.quantity).map(move |_| run.ticket_type))
            .zip(seats(std::slice::from_ref(item)));
        let kind = |seat: Option<SeatIndex>| match (&item.pick, seat) {
            (PickV2::Seats(_), Some(seat)) => (self.seat_kind)(seat),
            (PickV2::BestAvailable { kind, .. }, _) => Some(*kind),
            (PickV2::Seats(_) | PickV2::General { .. }, _) => None,
        };
        types.map(|(id, seat)| (id, seat, kind(seat))).collect()
    }

    /// When a window of the sale, the offer or the code begins or ends next; a minute from now at the latest.
    pub(super) fn valid_until_ms(&self) -> u64 {
        let (show, now_ms) = (self.show, self.now_ms);
        let offer = show.offer.iter().map(|row| &row.offer);
        let types = offer.clone().flat_map(|offer| &offer.types);
        let phases = offer.flat_map(|offer| &offer.phases);
        let code = match self.code {
            Some(Tried::Known { terms, .. }) => Some((terms.from_ms, terms.until_ms)),
            Some(Tried::Unknown) | None => None,
        };
        let windows = types
            .map(|of| (of.from_ms, of.until_ms))
            .chain(phases.map(|of| (of.from_ms, of.until_ms)))
            .chain(code)
            .chain([(show.sale_opens_at_ms, show.sale_closes_at_ms)]);
        windows
            .flat_map(|(from_ms, until_ms)| [from_ms, until_ms])
            .filter(|at_ms| *at_ms > now_ms)
            .fold(now_ms.saturating_add(VALID_MAX_MS), u64::min)
    }
}

/// Windows of all types that are asked for, then their numbers.
fn check_types(offer: &Offer, asked: &[Asked], now_ms: u64) -> Result<(), Rejection> {
    let quantity_of = |id: u8| -> u32 {
        let runs = asked.iter().filter(|run| run.ticket_type == id);
        runs.map(|run| run.quantity).sum()
    };
    let wanted = || {
        let types = offer.types.iter();
        types.filter(|known| quantity_of(known.id) > 0)
    };
    for known in wanted() {
        let opens_at_ms = if now_ms < known.from_ms {
            Some(known.from_ms)
        } else if now_ms >= known.until_ms {
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

/// The ticket types of an item in the order of its places.
fn runs(item: &Item) -> impl Iterator<Item = Asked> + '_ {
    let quantity = match &item.pick {
        PickV2::Seats(seats) => u32::try_from(seats.len()).unwrap_or(u32::MAX),
        PickV2::BestAvailable { quantity, .. } | PickV2::General { quantity } => *quantity,
    };
    let default = item.types.is_empty().then_some((0, quantity));
    let types = default.into_iter().chain(item.types.iter().copied());
    types.map(|(ticket_type, quantity)| Asked {
        zone: item.zone,
        ticket_type,
        quantity,
    })
}

/// The one currency of all that is asked for.
fn currency_of(show: &ShowRow, asked: &[Asked]) -> Result<Currency, Rejection> {
    let mixed = || invalid(InvalidReason::MixedCurrencies);
    let mut currencies = asked
        .iter()
        .filter_map(|run| show.zones.get(usize::from(run.zone)))
        .map(|zone| zone.currency.parse::<Currency>());
    let first = currencies.next().and_then(Result::ok).ok_or_else(mixed)?;
    if currencies.all(|other| other.is_ok_and(|other| other == first)) {
        Ok(first)
    } else {
        Err(mixed())
    }
}

fn is_in_scope(terms: &CodeTerms, run: &Asked) -> bool {
    has(&terms.scope, run.zone, run.ticket_type)
}

fn bit_of(kind: SeatKind) -> u8 {
    match kind {
        SeatKind::Ordinary => 1,
        SeatKind::Accessible => 2,
        SeatKind::Companion => 4,
    }
}

fn invalid(reason: InvalidReason) -> Rejection {
    Rejection::Invalid { reason }
}

#[cfg(test)]
mod tests;
