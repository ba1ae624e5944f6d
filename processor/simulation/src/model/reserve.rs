//! Reserve in both versions: the checks in their order, then the booking.

use std::collections::{BTreeMap, BTreeSet};

use onsale_schemas::command::{Currency, Pick, Reserve};
use onsale_schemas::order::{Item, PickV2, ReserveV2};
use onsale_schemas::outcome::{PriceRule, Reserved, ReservedV2};
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{CodeHash, Offset, Outcome, Rejection, SeatIndex, ShowId, UserId};

use super::bookings::{Booking, BookingState};
use super::choice;
use super::lifecycle::invalid;
use super::machine::Model;
use super::order::{asked, places};
use super::price::{self, Bill, Place};
use super::shows::{Places, Show};

/// What the buyer saw.
#[derive(Clone, Copy, Debug)]
enum Saw {
    UnitPrice(Option<i64>),
    Total(Option<i64>),
}

/// Both versions of the command.
struct Order<'a> {
    show: ShowId,
    user: UserId,
    items: &'a [Item],
    code: Option<CodeHash>,
    saw: Saw,
}

impl Model {
    pub(super) fn reserve(
        &mut self,
        offset: Offset,
        reserve: &Reserve,
    ) -> Result<Outcome, Rejection> {
        let pick = match &reserve.pick {
            Pick::Seats(seats) => PickV2::Seats(seats.clone()),
            Pick::BestAvailable { quantity, together } => PickV2::BestAvailable {
                quantity: *quantity,
                together: *together,
                kind: SeatKind::Ordinary,
            },
            Pick::General { quantity } => PickV2::General {
                quantity: *quantity,
            },
        };
        let item = Item {
            zone: reserve.zone,
            pick,
            types: Vec::new(),
        };
        let order = Order {
            show: reserve.show,
            user: reserve.user,
            items: &[item],
            code: None,
            saw: Saw::UnitPrice(reserve.expected_unit_price),
        };
        self.order(offset, &order)
    }

    pub(super) fn reserve_v2(
        &mut self,
        offset: Offset,
        reserve: &ReserveV2,
    ) -> Result<Outcome, Rejection> {
        let order = Order {
            show: reserve.show,
            user: reserve.user,
            items: &reserve.items,
            code: reserve.code,
            saw: Saw::Total(reserve.expected_total),
        };
        self.order(offset, &order)
    }

    fn order(&mut self, offset: Offset, order: &Order<'_>) -> Result<Outcome, Rejection> {
        asked(order.items).map_err(invalid)?;
        let show = self.shows.get(order.show).ok_or(Rejection::UnknownShow)?;
        if show.cancelled {
            return Err(Rejection::ShowCancelled);
        }
        let places = places(show, order.items)?;
        let currency = one_currency(show, order.items)?;
        let code = match order.code {
            None => None,
            Some(hash) => Some(
                self.check_code(show, order.user, hash, &places)
                    .map_err(|why| Rejection::CodeRefused { why })?,
            ),
        };
        let terms = code.map(|(_, terms)| terms);
        choice::check_access(show, terms, &places)?;
        choice::check_sale(show, terms, &places, self.now)?;
        choice::check_types(&show.offer, &places, self.now)?;
        choice::check_kinds(&show.offer, &places)?;
        choice::check_companions(show, &places)?;
        let live = self.phase_counts(show);
        let bill = price::bill(&show.offer, &live, terms, self.now, &places);
        check_price(&bill, order.saw, currency)?;
        self.check_user(show, order.user, places.len())?;
        self.check_named(show, order.user, &places)?;
        self.check_single_seats(show, order.user, &places)?;
        let seats = choose(show, order.items, &places)?;
        if self.bookings.len() >= self.limits.bookings_max as usize {
            let table = FullTable::Bookings;
            return Err(Rejection::Full { table });
        }
        let lines = price::lines(&bill.prices, &seats);
        let booking = Booking {
            offset,
            show: order.show,
            event: show.event(),
            user: order.user,
            is_plain: price::is_plain(&bill, &lines, order.code.is_some()),
            reserved_total: total(&bill),
            order_fee: bill.order_fee,
            order_fee_tax: bill.order_fee_tax,
            lines,
            currency,
            code: code.map(|(used, _)| used),
            reserved_at_ms: self.now,
            expires_at_ms: self.now.saturating_add(u64::from(show.hold_ms)),
            state: BookingState::Held,
        };
        if let Some(show) = self.shows.get_mut(order.show) {
            show.take(&booking);
        }
        self.users
            .add(booking.event, booking.user, booking.quantity());
        let outcome = reserved(&booking);
        self.bookings.insert(booking);
        Ok(outcome)
    }

    /// Live places of each phase of the show.
    pub(super) fn phase_counts(&self, show: &Show) -> BTreeMap<u8, u64> {
        let mut counts = BTreeMap::new();
        if show.offer.phases.is_empty() {
            return counts;
        }
        for booking in self.live_bookings().filter(|b| b.show == show.id()) {
            for line in &booking.lines {
                if let PriceRule::Phase(id) = line.rule {
                    *counts.entry(id).or_insert(0) += u64::from(line.quantity);
                }
            }
        }
        counts
    }

    fn check_user(&self, show: &Show, user: UserId, quantity: usize) -> Result<(), Rejection> {
        let current = self.users.tickets(show.event(), user);
        let limit = show.max_tickets_per_user;
        let quantity = u64::try_from(quantity).unwrap_or(u64::MAX);
        if limit > 0 && u64::from(current).saturating_add(quantity) > u64::from(limit) {
            return Err(Rejection::MaxPerUserExceeded { limit, current });
        }
        self.check_cooldown(show.event(), user)
    }
}

fn one_currency(show: &Show, items: &[Item]) -> Result<Currency, Rejection> {
    let mut all = items
        .iter()
        .filter_map(|item| Some(show.zone(item.zone)?.currency));
    let mixed = invalid(InvalidReason::MixedCurrencies);
    let first = all.next().ok_or(mixed.clone())?;
    if all.all(|other| other == first) {
        Ok(first)
    } else {
        Err(mixed)
    }
}

fn total(bill: &Bill) -> i64 {
    let places: i64 = bill
        .prices
        .iter()
        .map(|price| price.unit_price + price.unit_fee)
        .sum();
    places + bill.order_fee
}

fn check_price(bill: &Bill, saw: Saw, currency: Currency) -> Result<(), Rejection> {
    match saw {
        Saw::UnitPrice(None) | Saw::Total(None) => Ok(()),
        Saw::UnitPrice(Some(seen)) => {
            match bill.prices.iter().find(|price| price.list_price != seen) {
                None => Ok(()),
                Some(other) => Err(Rejection::PriceChanged {
                    unit_price: other.list_price,
                }),
            }
        }
        Saw::Total(Some(seen)) => {
            let total = total(bill);
            if seen == total {
                Ok(())
            } else {
                Err(Rejection::TotalChanged { total, currency })
            }
        }
    }
}

/// The seat of each place, `None` for general admission.
fn choose(
    show: &Show,
    items: &[Item],
    places: &[Place],
) -> Result<Vec<Option<SeatIndex>>, Rejection> {
    let mut ordered: BTreeSet<SeatIndex> = places.iter().filter_map(|place| place.seat).collect();
    let mut general: BTreeMap<u16, u32> = BTreeMap::new();
    let mut chosen = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let short = |available, not_together| {
            if items.len() == 1 {
                Rejection::InsufficientStock {
                    available,
                    not_together,
                }
            } else {
                Rejection::InsufficientStockOf {
                    item: u8::try_from(number).unwrap_or(u8::MAX),
                    zone: item.zone,
                    available,
                    not_together,
                }
            }
        };
        match &item.pick {
            PickV2::Seats(seats) => chosen.extend(seats.iter().map(|&seat| Some(seat))),
            PickV2::BestAvailable {
                quantity,
                together,
                kind,
            } => {
                let wish = super::best_available::Wish {
                    zone: item.zone,
                    quantity: *quantity,
                    together: *together,
                    kind: *kind,
                };
                let seats = super::best_available::Seats {
                    show,
                    ordered: &ordered,
                };
                let best = super::best_available::choose(&seats, wish)
                    .map_err(|it| short(it.available, it.not_together))?;
                ordered.extend(best.iter().copied());
                chosen.extend(best.iter().map(|&seat| Some(seat)));
            }
            PickV2::General { quantity } => {
                let taken = general.entry(item.zone).or_insert(0);
                let available = match show.zone(item.zone).map(|zone| &zone.places) {
                    Some(Places::General(general)) => general.available().saturating_sub(*taken),
                    Some(Places::Seated(_)) | None => 0,
                };
                if available < *quantity {
                    return Err(short(available, false));
                }
                *taken += quantity;
                chosen.extend((0..*quantity).map(|_| None));
            }
        }
    }
    Ok(chosen)
}

fn reserved(booking: &Booking) -> Outcome {
    if booking.is_plain {
        return Outcome::Reserved(Reserved {
            booking: booking.offset,
            show: booking.show,
            event: booking.event,
            user: booking.user,
            zone: booking.zone(),
            seats: booking.seats(),
            quantity: booking.quantity(),
            unit_price: booking.unit_price(),
            currency: booking.currency,
            expires_at_ms: booking.expires_at_ms,
        });
    }
    Outcome::ReservedV2(Box::new(ReservedV2 {
        booking: booking.offset,
        show: booking.show,
        event: booking.event,
        user: booking.user,
        lines: booking.lines.clone(),
        order_fee: booking.order_fee,
        order_fee_tax: booking.order_fee_tax,
        total: booking.total(),
        tax: booking.tax(),
        currency: booking.currency,
        code: booking.code.map(|used| used.hash),
        expires_at_ms: booking.expires_at_ms,
    }))
}

#[cfg(test)]
mod tests;
