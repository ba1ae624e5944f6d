//! What a show has for sale.

use onsale_schemas::command::Currency;
use onsale_schemas::limits::{
    BASIS_POINTS, BUNDLES_PER_SHOW_MAX, PHASES_PER_SHOW_MAX, PRICES_PER_SHOW_MAX,
    TICKETS_PER_BOOKING_MAX, TYPES_PER_SHOW_MAX, UNIT_PRICE_MAX_MINOR,
};
use onsale_schemas::offer::{Offer, PhasePrice, Scope, SetOffer};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{Outcome, Rejection, ShowId, ZoneIndex};

use super::lifecycle::invalid;
use super::machine::Model;
use super::shows::Show;

impl Model {
    pub(super) fn set_offer(&mut self, set: &SetOffer) -> Result<Outcome, Rejection> {
        let show = self.open_to_staff(set.show)?;
        let currencies: Vec<Currency> = show.zones.iter().map(|zone| zone.currency).collect();
        if !is_valid(&set.offer, &currencies) {
            return Err(invalid(InvalidReason::Offer));
        }
        self.show_mut(set.show)?.put_offer(&set.offer);
        Ok(Outcome::OfferSet { show: set.show })
    }

    /// A show that is not cancelled and that the caller may touch.
    pub(super) fn open_to_staff(&self, id: ShowId) -> Result<&Show, Rejection> {
        self.check_show(id)?;
        let show = self.shows.get(id).ok_or(Rejection::UnknownShow)?;
        if show.cancelled {
            return Err(Rejection::ShowCancelled);
        }
        Ok(show)
    }

    pub(super) fn show_mut(&mut self, id: ShowId) -> Result<&mut Show, Rejection> {
        self.shows.get_mut(id).ok_or(Rejection::UnknownShow)
    }
}

impl Show {
    /// Gives the show a valid offer.
    pub(super) fn put_offer(&mut self, offer: &Offer) {
        // While an offer does not know a phase, late confirmations are not bound by it.
        for (id, widest) in &mut self.widest_phases {
            if !offer.phases.iter().any(|phase| phase.id == *id) {
                *widest = 0;
            }
        }
        for phase in &offer.phases {
            let widest = self.widest_phases.entry(phase.id).or_insert(phase.places);
            *widest = if *widest == 0 || phase.places == 0 {
                0
            } else {
                phase.places.max(*widest)
            };
        }
        self.offer = offer.clone();
    }
}

/// Whether the items ascend strictly.
fn ascend<T: Ord>(items: impl Iterator<Item = T>) -> bool {
    let items: Vec<T> = items.collect();
    items.windows(2).all(|pair| pair[0] < pair[1])
}

/// Whether no item is there twice.
fn differ(items: impl Iterator<Item = u8>) -> bool {
    let mut items: Vec<u8> = items.collect();
    items.sort_unstable();
    ascend(items.into_iter())
}

/// Whether a scope names zones of a show with so many.
pub(super) fn scope_is_valid(scope: &Scope, zones: usize) -> bool {
    ascend(scope.zones.iter()) && scope.zones.iter().all(|&zone| usize::from(zone) < zones)
}

/// Whether a show whose zones have these currencies may have the offer.
pub(super) fn is_valid(offer: &Offer, currencies: &[Currency]) -> bool {
    if offer.is_empty() {
        return true;
    }
    let is_zone = |zone: ZoneIndex| usize::from(zone) < currencies.len();
    let is_price = |price: i64| (0..=UNIT_PRICE_MAX_MINOR).contains(&price);
    let is_off = |off_bp: u16| (1..=BASIS_POINTS).contains(&off_bp);
    let is_scope = |scope: &Scope| scope_is_valid(scope, currencies.len());

    let lists = offer.types.len() <= TYPES_PER_SHOW_MAX
        && offer.prices.len() <= PRICES_PER_SHOW_MAX
        && offer.phases.len() <= PHASES_PER_SHOW_MAX
        && offer.bundles.len() <= BUNDLES_PER_SHOW_MAX;

    let types = ascend(offer.types.iter().map(|listed| listed.id))
        && offer.types.iter().all(|listed| {
            usize::from(listed.id) < TYPES_PER_SHOW_MAX
                && (listed.max == 0 || listed.max >= listed.min)
                && listed.kinds < 8
                && listed.from_ms < listed.until_ms
        });

    let is_type = |id: u8| {
        if offer.types.is_empty() {
            id == 0
        } else {
            offer.types.iter().any(|listed| listed.id == id)
        }
    };
    let prices = ascend(
        offer
            .prices
            .iter()
            .map(|price| (price.zone, price.ticket_type)),
    ) && offer
        .prices
        .iter()
        .all(|price| is_zone(price.zone) && is_type(price.ticket_type) && is_price(price.price));

    let phases = differ(offer.phases.iter().map(|phase| phase.id))
        && offer.phases.iter().all(|phase| {
            is_scope(&phase.scope)
                && phase.from_ms < phase.until_ms
                && match phase.price {
                    PhasePrice::Fixed(price) => is_price(price),
                    PhasePrice::OffBp(off_bp) => is_off(off_bp),
                }
        });

    let bundles = differ(offer.bundles.iter().map(|bundle| bundle.id))
        && offer.bundles.iter().all(|bundle| {
            is_scope(&bundle.scope)
                && is_off(bundle.off_bp)
                && (2..=TICKETS_PER_BOOKING_MAX).contains(&u32::from(bundle.places))
        });

    let fees = is_price(offer.fees.place)
        && is_price(offer.fees.order)
        && offer.fees.place_bp <= BASIS_POINTS
        && offer.fees.tax_bp <= BASIS_POINTS
        && offer.tax_bp <= BASIS_POINTS;

    let zones = ascend(offer.zones.iter().map(|rule| rule.zone))
        && offer.zones.iter().all(|rule| is_zone(rule.zone));

    let one_currency = currencies.windows(2).all(|pair| pair[0] == pair[1]);
    lists && types && prices && phases && bundles && fees && zones && one_currency
}
