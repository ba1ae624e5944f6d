//! What a show has for sale: ticket types, prices, phases, bundles, fees and rules of zones.
//!
//! Percentages are in basis points (10,000 is all of it), amounts in minor units of the one currency
//! of the show, and windows half-open: from `from_ms` on and before `until_ms` of machine time, 0 and
//! `u64::MAX` for always.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::ids::{LogTimeMs, ShowId, TicketTypeId, ZoneIndex};

/// See [`crate::Command::SetOffer`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SetOffer {
    /// The show.
    pub show: ShowId,
    /// What takes the place of the whole offer before.
    pub offer: Offer,
}

/// What is for sale and what it costs. The default, which is empty, is no offer: every zone is sold
/// at its unit price.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, Serialize, Deserialize)]
pub struct Offer {
    /// Ticket types, ascending by id. Without any there is type 0.
    pub types: Vec<TicketType>,
    /// Prices by zone and type, ascending.
    pub prices: Vec<TypePrice>,
    /// Price phases; of those that fit a place the first counts.
    pub phases: Vec<Phase>,
    /// Bundles; of those that fit a place the first counts.
    pub bundles: Vec<Bundle>,
    /// Fees on top of prices.
    pub fees: Fees,
    /// Tax that prices include, in basis points of the net price.
    pub tax_bp: u16,
    /// Rules of zones, ascending by zone.
    pub zones: Vec<ZoneRule>,
}

impl Offer {
    /// Whether it is no offer at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A kind of ticket, such as one for children.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
pub struct TicketType {
    /// Its number.
    pub id: TicketTypeId,
    /// Fewest of an order that has any.
    pub min: u8,
    /// Most of an order; 0 means no limit.
    pub max: u8,
    /// From when on it is for sale.
    pub from_ms: LogTimeMs,
    /// Until when.
    pub until_ms: LogTimeMs,
    /// Only for orders with a code that opens it.
    pub code_only: bool,
    /// Which seats it is for: bit 0 ordinary, bit 1 accessible, bit 2 companion; 0 means all.
    pub kinds: u8,
}

/// The price of a ticket type in a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
pub struct TypePrice {
    /// The zone.
    pub zone: ZoneIndex,
    /// The type.
    pub ticket_type: TicketTypeId,
    /// Price of one, in minor units.
    pub price: i64,
}

/// Another price for a time or a number of places, such as for early birds.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
pub struct Phase {
    /// Its number. A later offer with the same one goes on with its count.
    pub id: u8,
    /// Which places.
    pub scope: Scope,
    /// From when on.
    pub from_ms: LogTimeMs,
    /// Until when.
    pub until_ms: LogTimeMs,
    /// Places that may be live at its price; 0 means no limit.
    pub places: u32,
    /// The price.
    pub price: PhasePrice,
}

/// What a place costs in a phase.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
pub enum PhasePrice {
    /// This, in minor units.
    Fixed(i64),
    /// So much less, in basis points.
    OffBp(u16),
}

/// A reduction for many places in one order.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
pub struct Bundle {
    /// Its number.
    pub id: u8,
    /// Which places.
    pub scope: Scope,
    /// How many of them an order needs at least.
    pub places: u8,
    /// How much less they then cost, in basis points.
    pub off_bp: u16,
}

/// What is paid on top of prices.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, Serialize, Deserialize)]
pub struct Fees {
    /// For a place that is not free, in minor units.
    pub place: i64,
    /// For such a place as well, in basis points of what it costs.
    pub place_bp: u16,
    /// For an order that is not free, in minor units.
    pub order: i64,
    /// Tax that fees include, in basis points of the net fee.
    pub tax_bp: u16,
}

/// How a zone may be bought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
pub struct ZoneRule {
    /// The zone.
    pub zone: ZoneIndex,
    /// Named seats must not leave a single seat free.
    pub no_single_seats: bool,
    /// Only for orders with a code that opens it.
    pub code_only: bool,
}

/// Places by zone and ticket type: those for which both are in it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, Serialize, Deserialize)]
pub struct Scope {
    /// The zones, ascending; none means all, later ones too.
    pub zones: Vec<ZoneIndex>,
    /// The ticket types: bit *t* is type *t*; 0 means all.
    pub types: u64,
}
