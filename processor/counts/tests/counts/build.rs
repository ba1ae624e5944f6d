//! Values for the tests.

use std::time::Duration;

use onsale_counts::{Check, Counts, CountsSettings, UserTickets, UserWrite, ZonePlaces, ZoneWrite};
use onsale_schemas::{EventId, ShowId, UserId};

use crate::server::Server;

pub(crate) const EVENT: EventId = EventId::from_bytes([1; 16]);
pub(crate) const SHOW: ShowId = ShowId::from_bytes([2; 16]);
pub(crate) const USER: UserId = UserId::from_bytes([3; 16]);
pub(crate) const NOW_MS: u64 = 1_700_000_000_000;
pub(crate) const ANY_VERSION: u64 = 1 << 50;

/// Without time limits: a busy machine must not look like a slow Redis.
pub(crate) fn counts(server: &Server, node: &str) -> Counts {
    let mut settings = CountsSettings::new(server.url(), "test", node);
    settings.slow = Duration::from_secs(60);
    settings.answer_max = Duration::from_secs(60);
    Counts::new(&settings, &prometheus::Registry::new()).unwrap()
}

/// With the usual patience.
pub(crate) fn impatient_counts(server: &Server) -> Counts {
    let settings = CountsSettings::new(server.url(), "test", "a");
    Counts::new(&settings, &prometheus::Registry::new()).unwrap()
}

/// One ticket of zone 1, which has 20 places; no other request is in flight.
pub(crate) fn check() -> Check {
    Check {
        event: EVENT,
        show: SHOW,
        zone: 1,
        total: 20,
        user: USER,
        quantity: 1,
        places: 1,
        limit: Some(4),
        in_flight: 1,
        in_flight_per_place: 2,
        in_flight_extra: 100,
        version_min: 0,
        version_max: 1_000,
        now_ms: NOW_MS,
        rate: None,
    }
}

pub(crate) fn zone(version: u64, available: u32) -> ZoneWrite {
    ZoneWrite {
        event: EVENT,
        show: SHOW,
        zone: 1,
        places: ZonePlaces {
            version,
            available,
            total: 20,
            users_from: 5,
        },
    }
}

pub(crate) fn user(version: u64, tickets: u32) -> UserWrite {
    UserWrite {
        event: EVENT,
        user: USER,
        tickets: UserTickets {
            version,
            tickets,
            until_ms: None,
        },
    }
}

pub(crate) async fn write(counts: &Counts, zone: ZoneWrite) {
    counts.write_zones(&[zone], ANY_VERSION).await.unwrap();
}

pub(crate) async fn write_user(counts: &Counts, user: UserWrite) {
    counts.write_users(&[user], ANY_VERSION).await.unwrap();
}

/// The one key that names this.
pub(crate) fn key_of(server: &Server, what: &str) -> String {
    let mut keys = server.keys();
    keys.retain(|key| key.contains(what));
    assert_eq!(keys.len(), 1, "{what}: {keys:?}");
    keys.remove(0)
}
