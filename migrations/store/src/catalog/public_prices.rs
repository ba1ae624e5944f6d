//! What anybody pays for a place, whether they search for it or read of it elsewhere.

use onsale_schemas::offer::Offer;
use onsale_schemas::{TicketTypeId, ZoneIndex};

use super::OfferRow;

/// What an offer asks of everybody, zone by zone. What only a code opens is left out, and ticket types that the public
/// is not shown. Phases, bundles and fees are not counted in: they depend on the order and its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicPrices<'a> {
    offer: &'a Offer,
    /// Those that everybody is shown and may buy.
    types: Vec<TicketTypeId>,
}

/// What the places of a zone cost, by ticket type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ZonePrices {
    /// The cheapest ticket, in minor units.
    pub min: i64,
    /// The dearest ticket, in minor units.
    pub max: i64,
}

impl<'a> PublicPrices<'a> {
    /// Those of an offer. A show without one has the default, in which every zone is sold at its unit price.
    pub fn of(row: &'a OfferRow) -> Self {
        let offer = &row.offer;
        let is_hidden = |id| row.type_name(id).is_some_and(|named| named.is_hidden);
        // Without any type there is number 0.
        let default = offer.types.is_empty().then_some(0);
        let shown = offer.types.iter().filter(|of| !of.code_only);
        let types = shown
            .map(|of| of.id)
            .chain(default)
            .filter(|id| !is_hidden(*id))
            .collect();
        Self { offer, types }
    }

    /// Those of a zone of this unit price; `None` where nothing in it is for sale to everybody.
    pub fn in_zone(&self, zone: ZoneIndex, unit_price: i64) -> Option<ZonePrices> {
        let mut rules = self.offer.zones.iter();
        if rules.any(|rule| rule.zone == zone && rule.code_only) {
            return None;
        }
        let types = self.types.iter();
        let prices = types.filter_map(|id| self.list_price(zone, unit_price, *id));
        prices.fold(None, |all: Option<ZonePrices>, price| {
            let all = all.unwrap_or(ZonePrices {
                min: price,
                max: price,
            });
            Some(ZonePrices {
                min: all.min.min(price),
                max: all.max.max(price),
            })
        })
    }

    /// The price of a ticket type in a zone, before phases; `None` where it is not sold there. The rules of the machine
    /// say so: a type has the price that is listed, and type 0 that of the zone where none is.
    fn list_price(&self, zone: ZoneIndex, unit_price: i64, id: TicketTypeId) -> Option<i64> {
        let mut listed = self.offer.prices.iter();
        let listed = listed.find(|price| price.zone == zone && price.ticket_type == id);
        match listed {
            Some(listed) => Some(listed.price),
            None => (id == 0).then_some(unit_price),
        }
    }
}
