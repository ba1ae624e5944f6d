//! Venues, the versions of their maps, and the charts of shows.

use onsale_schemas::EventId;
use onsale_store::audit::{Actor, AuditEntry, AuditFilter, Unaudited};
use onsale_store::catalog::{
    DetailsChange, EventEdit, EventRow, EventStatus, FindableVenue, Quotas, ShowRow, TenantScope,
};
use onsale_store::venue::{
    Deflated, MAPS_PER_VENUE_MAX, MapId, Position, ShowMap, StoredChart, StoredHall, Venue,
    VenueChanged, VenueDeleted, VenueRow,
};
use onsale_store::{Scope, StoreError};
use uuid::Uuid;

use crate::accounts::NOW_MS;
use crate::build::{event, event_id, id, show, show_id};
use crate::harness::{Bench, contract, on_postgres};

contract!(
    a_venue_is_changed_where_it_is_as_it_was_read,
    a_version_of_a_map_stays_as_it_is,
    maps_have_room_for_so_many_and_no_more,
    a_show_of_a_map_keeps_its_venue_and_its_chart,
    an_event_keeps_its_venue,
    a_search_knows_the_venue_of_an_event_that_says_nothing_itself,
);

/// The tenant of [`event`].
const TENANT: u64 = 1;
const VENUE: u64 = 60;

fn by() -> Unaudited {
    Unaudited::Unattended
}

pub(crate) fn venue(number: u64) -> VenueRow {
    VenueRow {
        venue_id: id(number),
        tenant_id: id(TENANT),
        venue: Venue {
            name: format!("Venue {number}"),
            address: Some("1 Quay".to_owned()),
            city: Some("Zürich".to_owned()),
            country: Some("CH".to_owned()),
            position: Some(Position {
                latitude_e6: 47_376_888,
                longitude_e6: -8_541_694,
            }),
            time_zone: "Europe/Zurich".to_owned(),
            website: None,
        },
        version: 1,
        created_at_ms: NOW_MS,
        updated_at_ms: NOW_MS,
    }
}

pub(crate) fn map_id(number: u64) -> MapId {
    MapId {
        venue_id: id(VENUE),
        map_id: id(6_000 + number),
    }
}

pub(crate) fn hall(number: u8) -> StoredHall {
    StoredHall {
        name: format!("Hall {number}"),
        places: 1_500,
        address: [number; 32],
        deflated: vec![number; 100],
        bytes: 400,
    }
}

pub(crate) fn chart(number: u8) -> StoredChart {
    StoredChart {
        address: [number; 32],
        json: Deflated {
            deflated: vec![number; 50],
            bytes: 300,
        },
    }
}

/// A show of event 1 that was made from the first version of map 1.
pub(crate) fn show_of_map(number: u64, chart: &StoredChart) -> ShowRow {
    ShowRow {
        map: Some(ShowMap {
            venue_id: id(VENUE),
            map_id: map_id(1).map_id,
            version: 1,
            chart: chart.address,
        }),
        ..show(number, 1)
    }
}

fn entry(action: &'static str) -> AuditEntry {
    let entry = Actor::command_line().did(action, "venue", id(VENUE));
    entry.of_tenant(id(TENANT))
}

async fn a_venue_is_changed_where_it_is_as_it_was_read(bench: Bench) {
    let store = &bench.store;
    let first = venue(VENUE);
    assert_eq!(store.venue(first.venue_id).await.unwrap(), None);
    store.add_venue(&first, by()).await.unwrap();
    let again = store.add_venue(&first, by()).await;
    assert!(
        matches!(again, Err(StoreError::Exists("venue"))),
        "{again:?}"
    );
    assert_eq!(
        store.venue(first.venue_id).await.unwrap(),
        Some(first.clone())
    );

    let bare = Venue {
        address: None,
        city: None,
        country: None,
        position: None,
        website: Some("https://venue.example".to_owned()),
        ..first.venue.clone()
    };
    let change = |venue: &Venue, expected| {
        let venue = venue.clone();
        async move {
            let changed = store.change_venue(
                id(VENUE),
                &venue,
                expected,
                NOW_MS + 1,
                entry("venue.change"),
            );
            changed.await.unwrap()
        }
    };
    assert_eq!(change(&bare, Some(2)).await, VenueChanged::IsAt(1));
    let same = change(&first.venue, Some(1)).await;
    assert_eq!(same, VenueChanged::Done(first.clone()));
    let changed = VenueRow {
        venue: bare.clone(),
        version: 2,
        updated_at_ms: NOW_MS + 1,
        ..first.clone()
    };
    let done = change(&bare, None).await;
    assert_eq!(done, VenueChanged::Done(changed.clone()));
    assert_eq!(store.venue(id(VENUE)).await.unwrap(), Some(changed));
    let nobody = store.change_venue(id(9), &bare, None, NOW_MS, by()).await;
    assert_eq!(nobody.unwrap(), VenueChanged::NotThere);
    // One entry, for the change that was one.
    let filter = AuditFilter {
        action: Some("venue.change".to_owned()),
        limit: 9,
        ..AuditFilter::default()
    };
    assert_eq!(store.audit(&filter).await.unwrap().len(), 1);

    let other = VenueRow {
        tenant_id: id(2),
        ..venue(61)
    };
    store.add_venue(&other, by()).await.unwrap();
    for (scope, found) in [
        (TenantScope::All, vec![id(VENUE), id(61)]),
        (TenantScope::One(id(2)), vec![id(61)]),
        (TenantScope::One(id(3)), vec![]),
    ] {
        let page = store.venues(scope, 1, 10).await.unwrap();
        let ids: Vec<Uuid> = page.rows.iter().map(|row| row.venue_id).collect();
        assert_eq!(ids, found);
        assert_eq!(page.total, u64::try_from(found.len()).unwrap());
    }
    let second = store.venues(TenantScope::All, 2, 1).await.unwrap();
    assert_eq!((second.rows.len(), second.total), (1, 2));
}

async fn a_version_of_a_map_stays_as_it_is(bench: Bench) {
    let store = &bench.store;
    let nowhere = store.add_map(map_id(1), &hall(1), NOW_MS, by()).await;
    assert_eq!(nowhere.unwrap(), None, "no such venue");
    store.add_venue(&venue(VENUE), by()).await.unwrap();
    let added = store.add_map(map_id(1), &hall(1), NOW_MS, by()).await;
    let first = added.unwrap().unwrap();
    assert_eq!((first.version, first.tenant_id), (1, id(TENANT)));
    let again = store.add_map(map_id(1), &hall(1), NOW_MS, by()).await;
    assert!(matches!(again, Err(StoreError::Exists("map"))), "{again:?}");

    // The hall of the last version makes no other.
    let drawn = hall(1);
    let same = store.add_map_version(map_id(1), &drawn, None, NOW_MS + 1, by());
    assert_eq!(same.await.unwrap(), Some(first.clone()));
    let drawn = hall(2);
    let second = store.add_map_version(map_id(1), &drawn, None, NOW_MS + 1, by());
    let second = second.await.unwrap().unwrap();
    assert_eq!((second.version, second.created_at_ms), (2, NOW_MS + 1));
    // Who has not seen the last version adds none, not even the same.
    for drawn in [hall(2), hall(3)] {
        let late = store.add_map_version(map_id(1), &drawn, Some(1), NOW_MS + 2, by());
        let late = late.await;
        assert!(
            matches!(late, Err(StoreError::VersionChanged { found: 2 })),
            "{late:?}"
        );
    }
    let drawn = hall(2);
    let same = store.add_map_version(map_id(1), &drawn, Some(2), NOW_MS + 2, by());
    assert_eq!(same.await.unwrap(), Some(second.clone()));
    let nowhere = store.add_map_version(map_id(9), &drawn, None, NOW_MS, by());
    assert_eq!(nowhere.await.unwrap(), None);
    for (asked, row, number) in [
        (None, &second, 2),
        (Some(2), &second, 2),
        (Some(1), &first, 1),
    ] {
        let found = store.map_version(map_id(1), asked).await.unwrap().unwrap();
        assert_eq!(&found.row, row, "{asked:?}");
        let StoredHall {
            deflated, bytes, ..
        } = hall(number);
        assert_eq!(found.hall, Deflated { deflated, bytes });
        let of_tenant = store.map_of_tenant(id(TENANT), map_id(1).map_id, asked);
        assert_eq!(of_tenant.await.unwrap(), Some(found));
        let elsewhere = store.map_of_tenant(id(2), map_id(1).map_id, asked);
        assert_eq!(elsewhere.await.unwrap(), None);
    }
    assert_eq!(store.map_version(map_id(1), Some(3)).await.unwrap(), None);
    let listed = store.maps_of_venue(id(VENUE)).await.unwrap();
    assert_eq!(listed, [second]);
    // With the venue its maps go.
    let deleted = store.delete_venue(id(VENUE), Some(1), by()).await;
    assert_eq!(deleted.unwrap(), VenueDeleted::Done);
    assert_eq!(store.map_version(map_id(1), None).await.unwrap(), None);
    let deleted = store.delete_venue(id(VENUE), None, by()).await;
    assert_eq!(deleted.unwrap(), VenueDeleted::NotThere);
}

async fn maps_have_room_for_so_many_and_no_more(bench: Bench) {
    let store = &bench.store;
    store.add_venue(&venue(VENUE), by()).await.unwrap();
    for number in 1..=MAPS_PER_VENUE_MAX {
        let added = store.add_map(map_id(number), &hall(1), NOW_MS, by()).await;
        assert!(added.unwrap().is_some());
    }
    let one_more = map_id(MAPS_PER_VENUE_MAX + 1);
    let refused = store.add_map(one_more, &hall(1), NOW_MS, by()).await;
    assert!(
        matches!(&refused, Err(StoreError::TooMany { max, .. }) if *max == MAPS_PER_VENUE_MAX),
        "{refused:?}"
    );
    assert_eq!(store.map_version(one_more, None).await.unwrap(), None);
    let drawn = hall(2);
    let version = store.add_map_version(map_id(1), &drawn, None, NOW_MS, by());
    assert_eq!(version.await.unwrap().unwrap().version, 2);
}

async fn a_show_of_a_map_keeps_its_venue_and_its_chart(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    let quotas = Quotas::UNLIMITED;
    let first = show_of_map(1, &chart(7));
    let drawn = chart(7);
    let early = store.add_show_of_map(&first, &drawn, &quotas, by());
    let error = early.await.unwrap_err();
    assert!(matches!(error, StoreError::NotThere("map")), "{error}");
    store.add_venue(&venue(VENUE), by()).await.unwrap();
    let added = store.add_map(map_id(1), &hall(1), NOW_MS, by()).await;
    assert!(added.unwrap().is_some());
    let mut of_version_2 = first.clone();
    of_version_2.map = first.map.map(|map| ShowMap { version: 2, ..map });
    let drawn = chart(7);
    let absent = store.add_show_of_map(&of_version_2, &drawn, &quotas, by());
    let error = absent.await.unwrap_err();
    assert!(matches!(error, StoreError::NotThere("map")), "{error}");

    assert!(!store.is_venue_public(id(VENUE)).await.unwrap());
    for number in [1, 2] {
        let row = show_of_map(number, &chart(7));
        let drawn = chart(7);
        let added = store.add_show_of_map(&row, &drawn, &quotas, by());
        added.await.unwrap();
        assert_eq!(store.show(show_id(number)).await.unwrap(), Some(row));
    }
    assert!(store.is_venue_public(id(VENUE)).await.unwrap());
    assert_eq!(store.chart([7; 32]).await.unwrap(), Some(chart(7).json));
    assert_eq!(store.chart([8; 32]).await.unwrap(), None);
    let deleted = store.delete_venue(id(VENUE), None, by()).await;
    assert_eq!(deleted.unwrap(), VenueDeleted::HasShows(2));
    // The chart goes with the last show that was withdrawn.
    for (number, is_kept) in [(1, true), (2, false)] {
        assert!(store.withdraw_show(show_id(number), by()).await.unwrap());
        let left = store.chart([7; 32]).await.unwrap();
        assert_eq!(left.is_some(), is_kept, "{number}");
    }
    let deleted = store.delete_venue(id(VENUE), None, by()).await;
    assert_eq!(deleted.unwrap(), VenueDeleted::Done);
}

/// An event in that venue.
fn event_at(number: u64, venue: u64) -> EventRow {
    let mut row = event(number);
    row.details.venue_id = Some(id(venue));
    row
}

async fn an_event_keeps_its_venue(bench: Bench) {
    let store = &bench.store;
    let elsewhere = VenueRow {
        tenant_id: id(2),
        ..venue(61)
    };
    for row in [&venue(VENUE), &elsewhere] {
        store.add_venue(row, by()).await.unwrap();
    }
    let quotas = Quotas::UNLIMITED;
    for number in [61, 62] {
        let event = event_at(1, number);
        let added = store.add_event_within(&event, &quotas, by());
        let error = added.await.unwrap_err();
        assert!(matches!(error, StoreError::NotThere("venue")), "{error}");
    }
    assert_eq!(store.event(event_id(1)).await.unwrap(), None);
    let mut draft = event_at(1, VENUE);
    draft.status = EventStatus::Draft;
    store.add_event_within(&draft, &quotas, by()).await.unwrap();
    assert!(!store.is_venue_public(id(VENUE)).await.unwrap());
    store.add_event(&event_at(2, VENUE)).await.unwrap();
    assert!(store.is_venue_public(id(VENUE)).await.unwrap());
    let deleted = store.delete_venue(id(VENUE), None, by()).await;
    assert_eq!(deleted.unwrap(), VenueDeleted::HasEvents(2));
    let moved = |venue: Option<u64>| EventEdit {
        details: DetailsChange {
            venue_id: Some(venue.map(id)),
            ..DetailsChange::default()
        },
        ..EventEdit::default()
    };
    let refused = store.edit_event(event_id(2), &moved(Some(61)), by()).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, StoreError::NotThere("venue")), "{error}");
    for number in [1, 2] {
        let nowhere = moved(None);
        let edited = store.edit_event(event_id(number), &nowhere, by());
        edited.await.unwrap().unwrap();
    }
    assert!(!store.is_venue_public(id(VENUE)).await.unwrap());
    let deleted = store.delete_venue(id(VENUE), None, by()).await;
    assert_eq!(deleted.unwrap(), VenueDeleted::Done);
}

async fn a_search_knows_the_venue_of_an_event_that_says_nothing_itself(bench: Bench) {
    let store = &bench.store;
    store.add_venue(&venue(VENUE), by()).await.unwrap();
    let silent = EventRow {
        venue: None,
        city: None,
        ..event_at(1, VENUE)
    };
    let telling = EventRow {
        venue: Some("The old hall".to_owned()),
        city: Some("Basel".to_owned()),
        ..event_at(2, VENUE)
    };
    for row in [&silent, &telling, &event(3)] {
        store.add_event(row).await.unwrap();
    }
    let ids = [event_id(1), event_id(2), event_id(3)];
    let known = async |ids: &[EventId]| -> Vec<Option<FindableVenue>> {
        let found = store.findable(ids).await.unwrap();
        found.into_iter().map(|one| one.venue).collect()
    };
    let named = |name: &str| {
        Some(FindableVenue {
            name: name.to_owned(),
            city: Some("Zürich".to_owned()),
        })
    };
    assert_eq!(known(&ids).await, [named("Venue 60"), None, None]);
    // Who follows the catalog hears of another name, and of nothing else that is said of a venue.
    let cursor = store.catalog_changes_end().await.unwrap();
    let told = async || -> Vec<EventId> {
        let read = store.catalog_changes(cursor).await.unwrap();
        let mut events: Vec<EventId> = read.changes.iter().map(|of| of.event_id).collect();
        events.sort_unstable();
        events.dedup();
        events
    };
    let before = told().await;
    let mut changed = venue(VENUE).venue;
    changed.website = Some("https://venue.example".to_owned());
    let changing = store.change_venue(id(VENUE), &changed, None, NOW_MS + 1, by());
    changing.await.unwrap();
    assert_eq!(told().await, before);
    changed.name = "Grand Hall".to_owned();
    let changing = store.change_venue(id(VENUE), &changed, None, NOW_MS + 2, by());
    changing.await.unwrap();
    let after = told().await;
    assert!(
        after.contains(&event_id(1)) && after.contains(&event_id(2)),
        "{after:?}"
    );
    assert_eq!(known(&ids).await, [named("Grand Hall"), None, None]);
}

#[tokio::test]
async fn another_tenant_sees_a_venue_with_an_event_in_it() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        store.add_venue(&venue(VENUE), by()).await.unwrap();
        let scope = Scope::Caller {
            tenant: Some(id(2)),
            user: Some(id(9)),
        };
        let elsewhere = store.within(scope);
        let mut draft = event_at(1, VENUE);
        draft.status = EventStatus::Draft;
        store.add_event(&draft).await.unwrap();
        assert_eq!(elsewhere.venue(id(VENUE)).await.unwrap(), None);
        let silent = EventRow {
            venue: None,
            ..event_at(2, VENUE)
        };
        store.add_event(&silent).await.unwrap();
        assert!(elsewhere.venue(id(VENUE)).await.unwrap().is_some());
        let read = elsewhere.event(event_id(2)).await.unwrap().unwrap();
        assert_eq!(read.place(), Some("Venue 60"));
    })
    .await;
}

#[tokio::test]
async fn another_tenant_sees_a_venue_with_its_shows_and_no_map() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        store.add_event(&event(1)).await.unwrap();
        store.add_venue(&venue(VENUE), by()).await.unwrap();
        let added = store.add_map(map_id(1), &hall(1), NOW_MS, by()).await;
        assert!(added.unwrap().is_some());
        let scope = |tenant| Scope::Caller {
            tenant: Some(id(tenant)),
            user: Some(id(9)),
        };
        let (own, elsewhere) = (store.within(scope(TENANT)), store.within(scope(2)));
        assert!(own.venue(id(VENUE)).await.unwrap().is_some());
        assert_eq!(elsewhere.venue(id(VENUE)).await.unwrap(), None);
        let quotas = Quotas::UNLIMITED;
        let row = show_of_map(1, &chart(7));
        let drawn = chart(7);
        let added = own.add_show_of_map(&row, &drawn, &quotas, by());
        added.await.unwrap();
        assert!(elsewhere.venue(id(VENUE)).await.unwrap().is_some());
        assert!(elsewhere.chart([7; 32]).await.unwrap().is_some());
        assert_eq!(elsewhere.map_version(map_id(1), None).await.unwrap(), None);
        assert!(elsewhere.maps_of_venue(id(VENUE)).await.unwrap().is_empty());
        let bare = venue(61).venue;
        let changed = elsewhere.change_venue(id(VENUE), &bare, None, NOW_MS, by());
        assert_eq!(changed.await.unwrap(), VenueChanged::NotThere);
        let deleted = elsewhere.delete_venue(id(VENUE), None, by());
        assert_eq!(deleted.await.unwrap(), VenueDeleted::NotThere);
    })
    .await;
}
