//! Shows, and what changes them.

use onsale_schemas::{EventId, PartitionId, ShowId, ZoneIndex};
use serde::{Deserialize, Serialize};

use super::{OfferRow, ZoneRow};
use crate::audit::Changes;
use crate::venue::ShowMap;

/// Where a show stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShowStatus {
    /// In the catalog, its `OpenShow` not yet applied.
    Opening,
    /// In the log.
    Open,
    /// Its sale was ended.
    Closed,
    /// Called off.
    Cancelled,
}

impl ShowStatus {
    /// Its name in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Opening, Self::Open, Self::Closed, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// A show. Its document in the log consists of these fields: see [`crate::document`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShowRow {
    /// Its id.
    pub show_id: ShowId,
    /// Its event.
    pub event_id: EventId,
    /// The partition it lives on.
    pub partition: PartitionId,
    /// What it was made from, where that was the map of a venue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<ShowMap>,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// When it begins.
    pub starts_at_ms: u64,
    /// From when on seats may be reserved.
    pub sale_opens_at_ms: u64,
    /// From when on they may not any more.
    pub sale_closes_at_ms: u64,
    /// Whether that follows from the beginning, because no time was given.
    #[serde(default)]
    pub closes_by_default: bool,
    /// How long a hold lasts, in milliseconds.
    pub hold_ms: u32,
    /// First cool-down of a buyer whose holds ended unpaid, in milliseconds; 0 is none.
    #[serde(default)]
    pub cooldown_ms: u32,
    /// Where it stands, as projected.
    pub status: ShowStatus,
    /// When it was created.
    pub created_at_ms: u64,
    /// Companion seats that an order may have for each accessible seat in it.
    #[serde(default)]
    pub companions_per_accessible: u8,
    /// What is for sale, with its names; `None` where every zone is sold at its unit price. Shows of a list
    /// come without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<OfferRow>,
    /// Its zones in order of their index.
    pub zones: Vec<ZoneRow>,
}

impl ShowRow {
    /// What is other `after` a change.
    pub fn changes(&self, after: &Self) -> Changes {
        let mut changes = Changes::default();
        changes.field("name", &self.name, &after.name);
        changes.field("starts_at_ms", &self.starts_at_ms, &after.starts_at_ms);
        changes.field(
            "sale_opens_at_ms",
            &self.sale_opens_at_ms,
            &after.sale_opens_at_ms,
        );
        changes.field(
            "sale_closes_at_ms",
            &self.sale_closes_at_ms,
            &after.sale_closes_at_ms,
        );
        changes.field(
            "closes_by_default",
            &self.closes_by_default,
            &after.closes_by_default,
        );
        changes.field("hold_ms", &self.hold_ms, &after.hold_ms);
        changes.field("status", &self.status, &after.status);
        let prices = |show: &Self| {
            let zones = show.zones.iter();
            zones.map(|zone| (zone.index, zone.unit_price)).collect()
        };
        let (before, after): (Vec<_>, Vec<_>) = (prices(self), prices(after));
        let is_other = |(zone, price): &&(ZoneIndex, i64)| !before.contains(&(*zone, *price));
        let changed: Vec<(ZoneIndex, i64)> = after.iter().filter(is_other).copied().collect();
        let were = |(zone, _): &(ZoneIndex, i64)| before.iter().find(|(index, _)| index == zone);
        let before: Vec<(ZoneIndex, i64)> = changed.iter().filter_map(were).copied().collect();
        changes.field("unit_prices_by_zone", &before, &changed);
        changes
    }
}

/// How many zones the catalog has of a show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ZonesOfShow {
    /// Zones.
    pub zones: u16,
    /// The index after the last one.
    pub places: u16,
    /// Its event.
    pub event: EventId,
    /// There is nothing of it to sell any more.
    pub is_cancelled: bool,
}

impl ZonesOfShow {
    /// Whether all of `expected` zones are there; where it is not known how many, whether none is
    /// missing before the last one, and there is one at all.
    pub fn are_all(self, expected: Option<u16>) -> bool {
        self.zones == self.places && self.zones > 0 && self.zones >= expected.unwrap_or(1)
    }
}

impl ShowRow {
    /// Whether there is a zone at every place of the list, and one at all. That the last ones are
    /// missing cannot be seen.
    pub fn has_all_zones(&self) -> bool {
        let places = self.zones.iter().enumerate();
        let mut in_order = places.map(|(place, zone)| usize::from(zone.index) == place);
        !self.zones.is_empty() && in_order.all(|is_there| is_there)
    }
}

/// What a `PATCH` changes of a show and its event. `None` leaves a value as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowChange {
    /// Its name.
    pub name: Option<String>,
    /// When it begins.
    pub starts_at_ms: Option<u64>,
    /// From when on seats may be reserved.
    pub sale_opens_at_ms: Option<u64>,
    /// From when on they may not any more.
    pub sale_closes_at_ms: Option<u64>,
    /// Whether that follows from the beginning. (Changes of older programs do not say.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_by_default: Option<bool>,
    /// How long a hold lasts, in milliseconds.
    pub hold_ms: Option<u32>,
    /// Ticket limit per user of the event; 0 is no limit.
    pub max_tickets_per_user: Option<u16>,
    /// Unit prices by zone, in minor units.
    pub prices: Vec<(ZoneIndex, i64)>,
}

impl ShowChange {
    /// Changes the row of a show as of the log time at which the log accepted it.
    pub fn apply_to(&self, show: &mut ShowRow, log_time_ms: u64) {
        if let Some(name) = &self.name {
            show.name = Some(name.clone());
        }
        show.starts_at_ms = self.starts_at_ms.unwrap_or(show.starts_at_ms);
        show.sale_opens_at_ms = self.sale_opens_at_ms.unwrap_or(show.sale_opens_at_ms);
        show.sale_closes_at_ms = self.sale_closes_at_ms.unwrap_or(show.sale_closes_at_ms);
        show.closes_by_default = self.closes_by_default.unwrap_or(show.closes_by_default);
        show.hold_ms = self.hold_ms.unwrap_or(show.hold_ms);
        for (zone, price) in &self.prices {
            if let Some(zone) = show.zones.get_mut(usize::from(*zone)) {
                zone.unit_price = *price;
            }
        }
        if show.status == ShowStatus::Closed && show.sale_closes_at_ms > log_time_ms {
            show.status = ShowStatus::Open;
        }
    }
}
