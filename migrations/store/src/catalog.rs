//! Events, shows and zones. Times are milliseconds since 1970-01-01T00:00:00Z.

use onsale_schemas::{EventId, PartitionId, ShowId, UserId, ZoneIndex};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit::Changes;

/// Whether an event is advertised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventStatus {
    /// Seen by its organizer only.
    Draft,
    /// Public.
    Published,
    /// Called off.
    Cancelled,
}

impl EventStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Published, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// An event. Its document in the log consists of these fields: see [`crate::document`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EventRow {
    /// Its id.
    pub event_id: EventId,
    /// The tenant it belongs to.
    pub tenant_id: Uuid,
    /// The account that made it.
    pub organizer_id: UserId,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Where.
    pub venue: Option<String>,
    /// In which city.
    pub city: Option<String>,
    /// Of which kind: concert, sport, theater, ...
    pub category: Option<String>,
    /// When it begins.
    pub starts_at_ms: u64,
    /// Ticket limit per user over all its shows; 0 is no limit.
    pub max_tickets_per_user: u16,
    /// Minimum age in years.
    pub minimum_age: Option<u8>,
    /// Whether only buyers whose e-mail address is verified reserve.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requires_verified_account: bool,
    /// Whether it is advertised.
    pub status: EventStatus,
    /// When it was created.
    pub created_at_ms: u64,
}

impl EventRow {
    /// What is other `after` a change.
    pub fn changes(&self, after: &Self) -> Changes {
        let mut changes = Changes::default();
        changes.field("name", &self.name, &after.name);
        changes.private("description", &self.description, &after.description);
        changes.field("venue", &self.venue, &after.venue);
        changes.field("city", &self.city, &after.city);
        changes.field("category", &self.category, &after.category);
        changes.field("starts_at_ms", &self.starts_at_ms, &after.starts_at_ms);
        changes.field(
            "max_tickets_per_user",
            &self.max_tickets_per_user,
            &after.max_tickets_per_user,
        );
        changes.field("minimum_age", &self.minimum_age, &after.minimum_age);
        changes.field(
            "requires_verified_account",
            &self.requires_verified_account,
            &after.requires_verified_account,
        );
        changes.field("status", &self.status, &after.status);
        changes
    }
}

/// Whose rows a query may see. Where one takes a scope, rows of other tenants are not there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TenantScope {
    /// Those of every tenant: for the public, and for the installation's own accounts.
    #[default]
    All,
    /// Those of this tenant.
    One(Uuid),
}

impl TenantScope {
    /// Whether what belongs to `tenant` lies within.
    pub fn holds(self, tenant: Uuid) -> bool {
        match self {
            Self::All => true,
            Self::One(own) => own == tenant,
        }
    }

    /// The only tenant.
    pub fn one(self) -> Option<Uuid> {
        match self {
            Self::All => None,
            Self::One(own) => Some(own),
        }
    }
}

/// Which events to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct EventFilter {
    /// Text that name, description or venue contain, in any case.
    pub search: Option<String>,
    /// The city, in any case.
    pub city: Option<String>,
    /// The category, in any case.
    pub category: Option<String>,
    /// Begins at or after.
    pub from_ms: Option<u64>,
    /// Begins before.
    pub until_ms: Option<u64>,
    /// Whose.
    pub tenants: TenantScope,
    /// Only this organizer's.
    pub organizer_id: Option<UserId>,
    /// Also drafts and cancelled ones.
    pub unpublished: bool,
}

/// What a `PUT` changes of an event beside what the log decides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventChange {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Where.
    pub venue: Option<String>,
    /// In which city.
    pub city: Option<String>,
    /// Of which kind.
    pub category: Option<String>,
    /// When it begins.
    pub starts_at_ms: u64,
    /// Minimum age in years.
    pub minimum_age: Option<u8>,
    /// Whether a draft becomes public.
    pub publish: bool,
}

impl EventChange {
    /// Changes the row of an event.
    pub fn apply_to(&self, event: &mut EventRow) {
        event.name.clone_from(&self.name);
        event.description.clone_from(&self.description);
        event.venue.clone_from(&self.venue);
        event.city.clone_from(&self.city);
        event.category.clone_from(&self.category);
        event.starts_at_ms = self.starts_at_ms;
        event.minimum_age = self.minimum_age;
        if self.publish && event.status == EventStatus::Draft {
            event.status = EventStatus::Published;
        }
    }
}

/// A page of a list with the number of all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// The rows of the page.
    pub rows: Vec<T>,
    /// All rows that the filter takes.
    pub total: u64,
}

/// How much an organizer may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Events of one organizer.
    pub events_per_organizer_max: u64,
    /// Shows of one event.
    pub shows_per_event_max: u64,
    /// Named seats of all shows of one organizer.
    pub seats_per_organizer_max: u64,
    /// Bytes of all layouts of one organizer, labels included.
    pub layout_bytes_per_organizer_max: u64,
}

impl Quotas {
    /// None at all.
    pub const UNLIMITED: Self = Self {
        events_per_organizer_max: u64::MAX,
        shows_per_event_max: u64::MAX,
        seats_per_organizer_max: u64::MAX,
        layout_bytes_per_organizer_max: u64::MAX,
    };
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            events_per_organizer_max: 2_000,
            shows_per_event_max: 2_000,
            seats_per_organizer_max: 10_000_000,
            layout_bytes_per_organizer_max: 256 << 20,
        }
    }
}

/// A show as a list tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedShow {
    /// The show, without its zones.
    pub show: ShowRow,
    /// Its zones in order of their index, without their layouts.
    pub zones: Vec<ListedZone>,
}

/// A zone as a list tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedZone {
    /// Its id for clients.
    pub zone_id: Uuid,
    /// Its index in the show.
    pub index: ZoneIndex,
    /// Its name.
    pub name: String,
    /// Price of one ticket in minor units.
    pub unit_price: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// True for named seats.
    pub is_seated: bool,
    /// How many places.
    pub places: u32,
}

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

/// A zone of a show.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ZoneRow {
    /// Its id for clients.
    pub zone_id: Uuid,
    /// Its index in the show.
    pub index: ZoneIndex,
    /// Its name.
    pub name: String,
    /// Price of one ticket in minor units.
    pub unit_price: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// How places are given out, with labels. Stored as JSON.
    pub admission: ZoneAdmission,
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

/// How a zone gives out its places, with the labels that people see.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "admission", rename_all = "lowercase")]
pub enum ZoneAdmission {
    /// Named seats in rows, best row first.
    Seated {
        /// The rows in order.
        rows: Vec<ChartRow>,
    },
    /// Places without a name.
    General {
        /// How many.
        capacity: u32,
    },
}

impl ZoneAdmission {
    /// How many seats with an index of the show the zone has; none for general admission.
    pub fn seat_count(&self) -> u32 {
        match self {
            Self::Seated { rows } => rows
                .iter()
                .map(|row| match &row.seats {
                    RowSeats::Count(count) => u32::from(*count),
                    RowSeats::Labels(labels) => u32::try_from(labels.len()).unwrap_or(u32::MAX),
                })
                .fold(0, u32::saturating_add),
            Self::General { .. } => 0,
        }
    }
}

/// A row of a chart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChartRow {
    /// Its name, as `A`.
    pub name: String,
    /// Its seats in order.
    pub seats: RowSeats,
}

/// Seats of a row: numbered from 1, or labelled one by one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RowSeats {
    /// This many seats, labelled `1`, `2`, ...
    Count(u16),
    /// These labels.
    Labels(Vec<String>),
}

/// An answer of a catalog call remembered under an idempotency key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RememberedAnswer {
    /// Fingerprint of the request.
    pub fingerprint: u64,
    /// HTTP status of the answer.
    pub status: u16,
    /// JSON of the answer's `data`.
    pub body: String,
}
