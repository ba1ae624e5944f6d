//! Shows as calendars tell of them.

use onsale_schemas::{EventId, ShowId};

use super::EventStatus;

/// A show with what a calendar says of its event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CalendarShow {
    /// Its id.
    pub show_id: ShowId,
    /// Its event.
    pub event_id: EventId,
    /// The name of the event.
    pub event_name: String,
    /// Its own, where it has one.
    pub show_name: Option<String>,
    /// Where: what the event says, otherwise what its venue is called.
    pub venue: Option<String>,
    /// In which city: the one that the event says, otherwise that of its venue.
    pub city: Option<String>,
    /// The time zone in which its times are told (IANA).
    pub time_zone: Option<String>,
    /// When it begins.
    pub starts_at_ms: u64,
    /// Whether it, or the whole event, was called off.
    pub is_cancelled: bool,
    /// Whether its event is advertised.
    pub event_status: EventStatus,
    /// The versions of both rows added up: it grows with each change of either.
    pub version: u64,
    /// When it was created.
    pub created_at_ms: u64,
}
