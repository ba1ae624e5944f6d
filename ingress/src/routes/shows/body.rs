//! A show as clients read it.

use onsale_store::catalog::{
    ListedShow, ListedZone, RowSeats, ShowRow, ShowStatus, ZoneAdmission, ZoneRow,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::values::{Instant, Money};

/// A show.
#[derive(Serialize, ToSchema)]
#[schema(as = Show)]
pub(crate) struct ShowBody {
    show_id: Uuid,
    event_id: Uuid,
    /// Where it takes place, where it was made from a map of the venue.
    venue_id: Option<Uuid>,
    /// The map that it was made from.
    map_id: Option<Uuid>,
    /// The version of that map, which never changes.
    map_version: Option<u32>,
    name: Option<String>,
    starts_at: Instant,
    sale_opens_at: Instant,
    sale_closes_at: Instant,
    hold_seconds: u32,
    cooldown_seconds: u32,
    /// `opening`, `open`, `closed` or `cancelled`.
    #[schema(value_type = String)]
    pub(super) status: ShowStatus,
    created_at: Instant,
    zones: Vec<ShowZone>,
}

/// A zone of a show.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShowZone {
    zone_id: Uuid,
    name: String,
    price: Money,
    /// `seated` or `general`.
    admission: &'static str,
    total_seats: u32,
}

impl ShowBody {
    pub(super) fn of(row: &ShowRow) -> Self {
        Self::with_zones(row, row.zones.iter().map(ShowZone::of).collect())
    }

    /// Of a show in a list.
    pub(in crate::routes) fn listed(listed: &ListedShow) -> Self {
        let zones = listed.zones.iter().map(ShowZone::listed).collect();
        Self::with_zones(&listed.show, zones)
    }

    fn with_zones(row: &ShowRow, zones: Vec<ShowZone>) -> Self {
        Self {
            show_id: row.show_id.0,
            event_id: row.event_id.0,
            venue_id: row.map.map(|map| map.venue_id),
            map_id: row.map.map(|map| map.map_id),
            map_version: row.map.map(|map| map.version),
            name: row.name.clone(),
            starts_at: Instant(row.starts_at_ms),
            sale_opens_at: Instant(row.sale_opens_at_ms),
            sale_closes_at: Instant(row.sale_closes_at_ms),
            hold_seconds: row.hold_ms / 1_000,
            cooldown_seconds: row.cooldown_ms / 1_000,
            status: row.status,
            created_at: Instant(row.created_at_ms),
            zones,
        }
    }
}

impl ShowZone {
    fn listed(zone: &ListedZone) -> Self {
        Self {
            zone_id: zone.zone_id,
            name: zone.name.clone(),
            price: Money::new(zone.unit_price, &zone.currency),
            admission: if zone.is_seated { "seated" } else { "general" },
            total_seats: zone.places,
        }
    }

    fn of(row: &ZoneRow) -> Self {
        let admission = match &row.admission {
            ZoneAdmission::General { .. } => "general",
            ZoneAdmission::Seated { .. } => "seated",
        };
        Self {
            zone_id: row.zone_id,
            name: row.name.clone(),
            price: Money::new(row.unit_price, &row.currency),
            admission,
            total_seats: row.places(),
        }
    }
}

/// Seats of a row.
pub(super) fn row_seats(seats: &RowSeats) -> u16 {
    seats.count()
}
