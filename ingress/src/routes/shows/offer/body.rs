//! An offer as people and programs read it. What is read can be sent back.

use onsale_schemas::ZoneIndex;
use onsale_schemas::offer::{PhasePrice, Scope, TicketType};
use onsale_store::catalog::{OfferRow, STANDARD_TYPE, ShowRow, TypeName};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::request::SeatKindName;
use crate::percent::Percent;
use crate::values::{Instant, Money};

/// What is for sale and what it costs.
#[derive(Serialize, ToSchema)]
#[schema(as = Offer)]
pub(crate) struct OfferBody {
    /// Kinds of tickets. Without any, every place is sold as `Standard` at its zone's price. A type of that name is
    /// sold at the zone's price where it has none of its own, any other is sold only where it has one.
    ticket_types: Vec<TicketTypeBody>,
    /// Other prices for a time or for a number of places. Of those that fit a place the first counts.
    phases: Vec<PhaseBody>,
    /// Reductions for many places in one order. Of those that fit a place the first counts.
    bundles: Vec<BundleBody>,
    fees: FeesBody,
    /// Rate of the tax that prices include, of the net price.
    tax_percent: Percent,
    /// How zones may be bought; those that are not listed, as they are.
    zones: Vec<ZoneRuleBody>,
}

/// A kind of ticket.
#[derive(Serialize, ToSchema)]
#[schema(as = OfferTicketType)]
pub(crate) struct TicketTypeBody {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Fewest in an order that has any.
    min: u8,
    /// Most in an order; no limit when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_sale_from: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_sale_until: Option<Instant>,
    /// Only for orders with a code that opens it.
    code_only: bool,
    /// Which seats it is for; all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    seat_kinds: Option<Vec<SeatKindName>>,
    /// Not shown to the public.
    hidden: bool,
    prices: Vec<TypePriceBody>,
}

/// The price of a ticket type in a zone.
#[derive(Serialize, ToSchema)]
#[schema(as = OfferPrice)]
pub(crate) struct TypePriceBody {
    zone: String,
    zone_id: Uuid,
    price: Money,
}

/// A price phase.
#[derive(Serialize, ToSchema)]
#[schema(as = OfferPhase)]
pub(crate) struct PhaseBody {
    name: String,
    /// Names of zones; all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    zones: Option<Vec<String>>,
    /// Names of ticket types; all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Instant>,
    /// Places that may be held or sold at its price; no limit when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    places: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent_off: Option<Percent>,
}

/// A reduction for many places.
#[derive(Serialize, ToSchema)]
#[schema(as = OfferBundle)]
pub(crate) struct BundleBody {
    name: String,
    /// Names of zones; all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    zones: Option<Vec<String>>,
    /// Names of ticket types; all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_types: Option<Vec<String>>,
    /// How many of these places an order needs at least.
    places: u8,
    percent_off: Percent,
}

/// Fees on top of prices.
#[derive(Serialize, ToSchema)]
#[schema(as = OfferFees)]
pub(crate) struct FeesBody {
    /// For a place that is not free.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_place: Option<Money>,
    /// For such a place as well, of its price.
    per_place_percent: Percent,
    /// For an order that is not free.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_order: Option<Money>,
    /// Rate of the tax that fees include, of the net fee.
    tax_percent: Percent,
}

/// How a zone may be bought.
#[derive(Serialize, ToSchema)]
#[schema(as = OfferZoneRule)]
pub(crate) struct ZoneRuleBody {
    zone: String,
    /// Named seats must not leave a single seat free.
    no_single_seats: bool,
    /// Only for orders with a code that opens it.
    code_only: bool,
}

/// Who reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::routes::shows) enum Reader {
    /// Everybody: ticket types that are hidden or need a code are left out, and with them what is for these alone.
    Public,
    /// Who manages the event.
    Manager,
}

impl OfferBody {
    /// What a show has for sale.
    pub(in crate::routes::shows) fn of(show: &ShowRow, reader: Reader) -> Self {
        let nothing = OfferRow::default();
        let row = show.offer.as_ref().unwrap_or(&nothing);
        let view = View { show, row, reader };
        let offer = &row.offer;
        let phases = offer.phases.iter().filter_map(|phase| {
            let (zones, ticket_types) = view.scope(&phase.scope)?;
            let (price, percent_off) = match phase.price {
                PhasePrice::Fixed(price) => (Some(view.money(price)), None),
                PhasePrice::OffBp(off_bp) => (None, Some(Percent::of_basis_points(off_bp))),
            };
            let mut named = row.phases.iter();
            Some(PhaseBody {
                name: named.find(|known| known.id == phase.id)?.name.clone(),
                zones,
                ticket_types,
                from: from(phase.from_ms),
                until: until(phase.until_ms),
                places: Some(phase.places).filter(|places| *places > 0),
                price,
                percent_off,
            })
        });
        let bundles = offer.bundles.iter().filter_map(|bundle| {
            let (zones, ticket_types) = view.scope(&bundle.scope)?;
            let mut named = row.bundles.iter();
            Some(BundleBody {
                name: named.find(|known| known.id == bundle.id)?.name.clone(),
                zones,
                ticket_types,
                places: bundle.places,
                percent_off: Percent::of_basis_points(bundle.off_bp),
            })
        });
        let rules = offer.zones.iter().map(|rule| ZoneRuleBody {
            zone: view.zone(rule.zone),
            no_single_seats: rule.no_single_seats,
            code_only: rule.code_only,
        });
        let money = |amount: i64| Some(amount).filter(|it| *it > 0).map(|it| view.money(it));
        Self {
            ticket_types: view.types().map(|of| view.ticket_type(of)).collect(),
            phases: phases.collect(),
            bundles: bundles.collect(),
            fees: FeesBody {
                per_place: money(offer.fees.place),
                per_place_percent: Percent::of_basis_points(offer.fees.place_bp),
                per_order: money(offer.fees.order),
                tax_percent: Percent::of_basis_points(offer.fees.tax_bp),
            },
            tax_percent: Percent::of_basis_points(offer.tax_bp),
            zones: rules.collect(),
        }
    }
}

/// Names of zones or of ticket types; nothing stands for all.
type Names = Option<Vec<String>>;

/// An offer as someone sees it.
struct View<'a> {
    show: &'a ShowRow,
    row: &'a OfferRow,
    reader: Reader,
}

impl<'a> View<'a> {
    /// The ticket types to see, as they were listed.
    fn types(&self) -> impl Iterator<Item = (&'a TicketType, &'a TypeName)> + use<'a> {
        let (row, reader) = (self.row, self.reader);
        row.types.iter().filter_map(move |name| {
            let known = onsale_prices::ticket_type(&row.offer, name.id)?;
            let is_seen = reader == Reader::Manager || !(name.is_hidden || known.code_only);
            is_seen.then_some((known, name))
        })
    }

    fn ticket_type(&self, (known, name): (&TicketType, &TypeName)) -> TicketTypeBody {
        let prices = self.row.offer.prices.iter();
        let prices = prices
            .filter(|price| price.ticket_type == known.id)
            .filter_map(|price| {
                let zone = self.show.zones.get(usize::from(price.zone))?;
                Some(TypePriceBody {
                    zone: zone.name.clone(),
                    zone_id: zone.zone_id,
                    price: Money::new(price.price, &zone.currency),
                })
            });
        let kinds = SeatKindName::ALL.into_iter();
        TicketTypeBody {
            name: name.name.clone(),
            description: name.description.clone(),
            min: known.min,
            max: Some(known.max).filter(|max| *max > 0),
            on_sale_from: from(known.from_ms),
            on_sale_until: until(known.until_ms),
            code_only: known.code_only,
            seat_kinds: (known.kinds != 0)
                .then(|| kinds.filter(|kind| known.kinds & kind.bit() != 0).collect()),
            hidden: name.is_hidden,
            prices: prices.collect(),
        }
    }

    /// The names of zones and of the ticket types to see; nothing where there are none of these.
    fn scope(&self, scope: &Scope) -> Option<(Names, Names)> {
        let zones = scope.zones.iter().map(|zone| self.zone(*zone)).collect();
        let zones = Some(zones).filter(|zones: &Vec<String>| !zones.is_empty());
        if scope.types == 0 {
            return Some((zones, None));
        }
        let has = |id: u8| {
            let bit = 1u64.checked_shl(u32::from(id)).unwrap_or(0);
            scope.types & bit != 0
        };
        let types: Vec<String> = if self.row.offer.types.is_empty() {
            let standard = has(0).then(|| STANDARD_TYPE.to_owned());
            standard.into_iter().collect()
        } else {
            let types = self.types().filter(|(known, _)| has(known.id));
            types.map(|(_, name)| name.name.clone()).collect()
        };
        (!types.is_empty()).then_some((zones, Some(types)))
    }

    fn zone(&self, index: ZoneIndex) -> String {
        let zone = self.show.zones.get(usize::from(index));
        zone.map_or_else(|| format!("Zone {index}"), |zone| zone.name.clone())
    }

    /// An amount in the currency of the show.
    fn money(&self, amount: i64) -> Money {
        let currency = self.show.zones.first().map_or("", |zone| &*zone.currency);
        Money::new(amount, currency)
    }
}

fn from(ms: u64) -> Option<Instant> {
    Some(Instant(ms)).filter(|from| from.0 > 0)
}

fn until(ms: u64) -> Option<Instant> {
    Some(Instant(ms)).filter(|until| until.0 < u64::MAX)
}
