//! What a reservation or a quote is about: places of one zone, or items of several, and a code.

use std::collections::BTreeMap;

use onsale_schemas::seating::SeatKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::charts::Chart;

/// Places of one zone (`seats` or `quantity`), or `items` of one zone or several, all or nothing.
pub(in crate::routes) struct Basket {
    /// May be omitted where the seats, or the show's only zone, determine it.
    pub(in crate::routes) zone_id: Option<Uuid>,
    /// Labels (`A-3`) or seat ids, all of one zone.
    pub(in crate::routes) seats: Option<Vec<String>>,
    /// A number of places instead of named seats.
    pub(in crate::routes) quantity: Option<u32>,
    /// Only seats next to each other (default true); for `quantity` in seated zones.
    pub(in crate::routes) together: Option<bool>,
    /// The name of the ticket type of these places; without it the show's ordinary one.
    pub(in crate::routes) ticket_type: Option<String>,
    /// In place of all of these: places of one zone or several.
    pub(in crate::routes) items: Option<Vec<BasketItem>>,
    /// A discount or access code, in any letters, with or without spaces and hyphens.
    pub(in crate::routes) code: Option<String>,
}

/// Places of one zone, of one ticket type or several.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BasketItem {
    /// May be omitted where the seats, or the show's only zone, determine it.
    pub(in crate::routes) zone_id: Option<Uuid>,
    /// Labels (`A-3`) or seat ids, all of one zone.
    pub(in crate::routes) seats: Option<Vec<String>>,
    /// A number of places instead of named seats.
    pub(in crate::routes) quantity: Option<u32>,
    /// Only seats next to each other (default true); for `quantity` in seated zones.
    pub(in crate::routes) together: Option<bool>,
    /// The name of the ticket type of these places; without it the show's ordinary one.
    pub(in crate::routes) ticket_type: Option<String>,
    /// How many places of which ticket type, by name, instead of one for all. They are given out in the order
    /// of the show's types, named seats in the order in which they are named. Without `seats` and `quantity`
    /// they say how many places there are.
    pub(in crate::routes) ticket_types: Option<BTreeMap<String, u32>>,
    /// `ordinary` (the default), `accessible` or `companion`; for `quantity` in seated zones.
    pub(in crate::routes) kind: Option<KindName>,
}

/// A kind of seat, by the name that clients use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SeatKind)]
pub(crate) enum KindName {
    Ordinary,
    Accessible,
    Companion,
}

impl From<KindName> for SeatKind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Ordinary => Self::Ordinary,
            KindName::Accessible => Self::Accessible,
            KindName::Companion => Self::Companion,
        }
    }
}

impl Basket {
    /// Whether it asks for more than places of one zone of the ordinary type.
    pub(in crate::routes) fn is_order(&self) -> bool {
        self.items.is_some() || self.code.is_some() || self.ticket_type.is_some()
    }

    /// Whether it names a zone or a ticket type that the chart does not have. The catalog may have it by now: see
    /// [`crate::charts::Charts::knowing`].
    pub(in crate::routes) fn names_unknown(&self, chart: &Chart) -> bool {
        let zone = |id: Option<Uuid>| id.is_some_and(|id| chart.zone_by_id(id).is_none());
        let name = |name: &str| chart.offer.type_by_name(name).is_none();
        let one = |given: &Option<String>| given.as_deref().is_some_and(name);
        zone(self.zone_id)
            || one(&self.ticket_type)
            || self.items.iter().flatten().any(|item| {
                zone(item.zone_id)
                    || one(&item.ticket_type)
                    || item
                        .ticket_types
                        .iter()
                        .flat_map(BTreeMap::keys)
                        .any(|given| name(given))
            })
    }
}
