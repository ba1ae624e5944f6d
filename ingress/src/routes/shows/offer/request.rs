//! An offer as it is sent.

use onsale_schemas::seating::SeatKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::percent::Percent;
use crate::values::{Instant, Money};

/// What is for sale and what it costs. All of it is replaced: what is left out is not offered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "ticket_types": [
        {
            "name": "Adult",
            "prices": [{ "zone": "Stalls", "price": { "amount": 250_000, "currency": "THB" } }],
        },
        {
            "name": "Child", "description": "Up to 12 years", "max": 4,
            "prices": [{ "zone": "Stalls", "price": { "amount": 125_000, "currency": "THB" } }],
        },
    ],
    "phases": [{ "name": "Early bird", "ticket_types": ["Adult"], "places": 200, "percent_off": "10" }],
    "bundles": [{ "name": "Three for less", "places": 3, "percent_off": "12.5" }],
    "fees": { "per_order": { "amount": 2_000, "currency": "THB" }, "tax_percent": "7" },
    "tax_percent": "7",
}))]
pub(crate) struct OfferRequest {
    /// Kinds of tickets, at most 64 names over the life of a show. Without any, every place is sold as
    /// `Standard` at its zone's price. So is, where it is listed, a type of that name, in zones for which it has no
    /// price; other types are sold only in zones for which they have one. Who buys without naming a type buys
    /// `Standard`.
    pub(super) ticket_types: Option<Vec<TicketTypeRequest>>,
    /// Other prices for a time or for a number of places. Of those that fit a place the first counts.
    pub(super) phases: Option<Vec<PhaseRequest>>,
    /// Reductions for many places in one order. Of those that fit a place the first counts.
    pub(super) bundles: Option<Vec<BundleRequest>>,
    /// What is paid on top of prices.
    pub(super) fees: Option<FeesRequest>,
    /// Rate of the tax that prices include, of the net price.
    pub(super) tax_percent: Option<Percent>,
    /// How zones may be bought.
    pub(super) zones: Option<Vec<ZoneRuleRequest>>,
}

/// A kind of ticket.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketTypeRequest {
    /// It is known by its name: a type with another name is another one.
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// Fewest in an order that has any.
    pub(super) min: Option<u32>,
    /// Most in an order; no limit when left out.
    pub(super) max: Option<u32>,
    pub(super) on_sale_from: Option<Instant>,
    pub(super) on_sale_until: Option<Instant>,
    /// Only for orders with a code that opens it. Such a type is not shown to the public.
    pub(super) code_only: Option<bool>,
    /// Which seats it is for; all when left out.
    pub(super) seat_kinds: Option<Vec<SeatKindName>>,
    /// Not shown to the public. Who knows its name can buy it.
    pub(super) hidden: Option<bool>,
    /// What it costs, by zone.
    pub(super) prices: Vec<TypePriceRequest>,
}

/// The price of a ticket type in a zone, which is given by its name or its id.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypePriceRequest {
    pub(super) zone: Option<String>,
    pub(super) zone_id: Option<Uuid>,
    pub(super) price: Money,
}

/// A price phase: `price`, or `percent_off` the price that there would be without it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PhaseRequest {
    /// It is known by its name: a later offer with a phase of the same name goes on with its count.
    pub(super) name: String,
    /// Names or ids of zones; all when left out.
    pub(super) zones: Option<Vec<String>>,
    /// Names of ticket types of the offer; all when left out.
    pub(super) ticket_types: Option<Vec<String>>,
    pub(super) from: Option<Instant>,
    pub(super) until: Option<Instant>,
    /// Places that may be held or sold at its price; no limit when left out.
    pub(super) places: Option<u32>,
    pub(super) price: Option<Money>,
    pub(super) percent_off: Option<Percent>,
}

/// A reduction for many places.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundleRequest {
    /// It is known by its name.
    pub(super) name: String,
    /// Names or ids of zones; all when left out.
    pub(super) zones: Option<Vec<String>>,
    /// Names of ticket types of the offer; all when left out.
    pub(super) ticket_types: Option<Vec<String>>,
    /// How many of these places an order needs at least.
    pub(super) places: u32,
    pub(super) percent_off: Percent,
}

/// Fees.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeesRequest {
    /// For a place that is not free.
    pub(super) per_place: Option<Money>,
    /// For such a place as well, of its price.
    pub(super) per_place_percent: Option<Percent>,
    /// For an order that is not free.
    pub(super) per_order: Option<Money>,
    /// Rate of the tax that fees include, of the net fee.
    pub(super) tax_percent: Option<Percent>,
}

/// How a zone may be bought.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZoneRuleRequest {
    /// Its name or id.
    pub(super) zone: String,
    /// Named seats must not leave a single seat free.
    pub(super) no_single_seats: Option<bool>,
    /// Only for orders with a code that opens it.
    pub(super) code_only: Option<bool>,
}

/// What a seat is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SeatKindName {
    /// Any seat.
    Ordinary,
    /// For a person with reduced mobility.
    Accessible,
    /// For whoever comes with such a person.
    Companion,
}

impl SeatKindName {
    /// All of them, in the order of their bits.
    pub(super) const ALL: [Self; 3] = [Self::Ordinary, Self::Accessible, Self::Companion];

    /// Its bit in the kinds of a ticket type.
    pub(super) fn bit(self) -> u8 {
        match SeatKind::from(self) {
            SeatKind::Ordinary => 1,
            SeatKind::Accessible => 2,
            SeatKind::Companion => 4,
        }
    }
}

impl From<SeatKindName> for SeatKind {
    fn from(name: SeatKindName) -> Self {
        match name {
            SeatKindName::Ordinary => Self::Ordinary,
            SeatKindName::Accessible => Self::Accessible,
            SeatKindName::Companion => Self::Companion,
        }
    }
}
