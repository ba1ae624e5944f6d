//! The report of a reconciliation.

use onsale_schemas::{BookingId, EventId, PartitionId, ShowId, UserId};
use serde::{Deserialize, Serialize};

/// Version of the report's format. 2 added what is found in Redis, 3 times and prices of shows, 4
/// the catalog by the log's documents, 5 zones, events, holders of seats and what organizers have, 6 offers
/// and what is counted of orders, 7 codes; one of an earlier version still means the same.
pub(super) const REPORT_VERSION: u32 = 7;

/// What a comparison found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Version of this format.
    pub version: u32,
    /// When the comparison was done, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// Id of the log that the engine's state comes from, in hex.
    pub log_id: String,
    /// Where the partitions stood.
    pub positions: Vec<PartitionPosition>,
    /// How much was compared.
    pub checked: Checked,
    /// Set when the projection did not stand where the engine did, with the reason; records in
    /// between then show up as differences.
    pub projection_behind: Option<String>,
    /// Set when Redis could not be compared, with the reason.
    #[serde(default)]
    pub redis_unreachable: Option<String>,
    /// What differs.
    pub differences: Vec<Difference>,
}

impl Report {
    /// One in which nothing was compared yet.
    pub fn new(log_id: [u8; 16], created_at_ms: u64) -> Self {
        Self {
            version: REPORT_VERSION,
            created_at_ms,
            log_id: super::compare::hex(&log_id),
            positions: Vec::new(),
            checked: Checked::default(),
            projection_behind: None,
            redis_unreachable: None,
            differences: Vec::new(),
        }
    }
}

/// Where a partition stood when it was compared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartitionPosition {
    /// The partition.
    pub partition: PartitionId,
    /// The engine's next offset.
    pub next_offset: u64,
    /// The engine's digest there, in hex.
    pub digest: String,
}

/// How much was compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Checked {
    /// Shows.
    pub shows: u64,
    /// Live bookings of the engine.
    pub bookings: u64,
    /// Ended bookings that the engine still remembers, the newest ones.
    #[serde(default)]
    pub ended: u64,
    /// Older ones that it remembers too and that were not compared. Those that it has forgotten, an
    /// hour after their end, are in the log alone and never compared.
    #[serde(default)]
    pub ended_not_compared: u64,
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Difference {
    /// The partition.
    pub partition: PartitionId,
    /// What differs and how.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why, as far as is known.
    pub cause: String,
}

/// What differs and how.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// The engine or the log has a booking that the database does not have.
    BookingMissing {
        /// The booking.
        booking_id: BookingId,
        /// Its show.
        show_id: ShowId,
    },
    /// The database has the booking with other values.
    BookingDiffers {
        /// The booking.
        booking_id: BookingId,
        /// Its show.
        show_id: ShowId,
        /// The columns, each as `name: engine … database …`; whose booking it is and what its payment is
        /// known by are not shown.
        columns: Vec<String>,
    },
    /// The database has a booking that the log does not, or calls one live that the engine does not.
    BookingExtra {
        /// The booking.
        booking_id: BookingId,
        /// Its show.
        show_id: ShowId,
    },
    /// Blocked places of a show differ.
    BlocksDiffer {
        /// The show.
        show_id: ShowId,
    },
    /// A show's status differs.
    ShowStatusDiffers {
        /// The show.
        show_id: ShowId,
        /// By the engine.
        engine: String,
        /// By the database.
        database: String,
    },
    /// The catalog has other times or prices of a show.
    ShowDiffers {
        /// The show.
        show_id: ShowId,
        /// The columns, each as `name: engine … database …`.
        columns: Vec<String>,
    },
    /// The catalog has something else for sale of a show.
    OfferDiffers {
        /// The show.
        show_id: ShowId,
    },
    /// The database has other groups of codes of a show, with other terms, or other codes. Repaired, they have the names
    /// and texts that are there; of others these are in no log.
    CodesDiffer {
        /// The show.
        show_id: ShowId,
        /// In which way, in words, by group.
        groups: Vec<String>,
    },
    /// Places by price phase or uses of codes are counted otherwise although no booking differs.
    OrderCountsDiffer {
        /// The show.
        show_id: ShowId,
    },
    /// The catalog lacks zones of a show, or has them with other layouts.
    ZonesDiffer {
        /// The show.
        show_id: ShowId,
        /// In which way, in words.
        zones: Vec<String>,
    },
    /// The catalog has another limit of an event, or says otherwise whether it is cancelled.
    EventDiffers {
        /// The event.
        event_id: EventId,
        /// The columns, each as `name: engine … database …`.
        columns: Vec<String>,
    },
    /// Seats of a show are held by others than by its live bookings.
    SeatHoldersDiffer {
        /// The show.
        show_id: ShowId,
    },
    /// The database says that it has more of the log than the machine has applied.
    WatermarkAhead {
        /// The machine's next offset.
        engine: u64,
        /// The database's.
        database: u64,
    },
    /// What organizers have, for quotas, is not what the catalog adds up to.
    UsageDiffers,
    /// A zone's sums differ although no booking does.
    ZoneSumsDiffer {
        /// The show.
        show_id: ShowId,
        /// The zone's index.
        zone: u16,
        /// Held, sold, blocked by the engine.
        engine: [u64; 3],
        /// Held, sold, blocked by the database.
        database: [u64; 3],
    },
    /// The catalog lacks an event or show that the log has a document of, or has an earlier version.
    CatalogOlder {
        /// The event.
        event_id: EventId,
        /// The show, where it is one.
        show_id: Option<ShowId>,
        /// Version by the log.
        engine: u64,
        /// Version in the catalog, where it is there.
        database: Option<u64>,
    },
    /// The engine has a show that neither the catalog nor a document of the log has: its names and
    /// labels cannot be restored from the log. Restore the catalog.
    ShowMissing {
        /// The show.
        show_id: ShowId,
    },
    /// Redis has other places of a zone.
    RedisPlacesDiffer {
        /// The show.
        show_id: ShowId,
        /// The zone's index.
        zone: u16,
        /// Free places by the engine.
        engine: u32,
        /// What Redis has.
        redis: String,
    },
    /// Redis has other tickets of a buyer.
    RedisTicketsDiffer {
        /// The event.
        event_id: EventId,
        /// The buyer.
        user_id: UserId,
        /// Tickets by the engine.
        engine: u32,
        /// What Redis has.
        redis: String,
    },
}

impl Finding {
    /// Its name in reports and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BookingMissing { .. } => "booking_missing",
            Self::BookingDiffers { .. } => "booking_differs",
            Self::BookingExtra { .. } => "booking_extra",
            Self::BlocksDiffer { .. } => "blocks_differ",
            Self::ShowStatusDiffers { .. } => "show_status_differs",
            Self::ShowDiffers { .. } => "show_differs",
            Self::OfferDiffers { .. } => "offer_differs",
            Self::CodesDiffer { .. } => "codes_differ",
            Self::OrderCountsDiffer { .. } => "order_counts_differ",
            Self::ZonesDiffer { .. } => "zones_differ",
            Self::EventDiffers { .. } => "event_differs",
            Self::SeatHoldersDiffer { .. } => "seat_holders_differ",
            Self::WatermarkAhead { .. } => "watermark_ahead",
            Self::UsageDiffers => "usage_differs",
            Self::ZoneSumsDiffer { .. } => "zone_sums_differ",
            Self::CatalogOlder { .. } => "catalog_older",
            Self::ShowMissing { .. } => "show_missing",
            Self::RedisPlacesDiffer { .. } => "redis_places_differ",
            Self::RedisTicketsDiffer { .. } => "redis_tickets_differ",
        }
    }
}
