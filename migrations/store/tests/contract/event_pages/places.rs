//! Where an event is, as what is read of it says: its own words, and those of its venue.

use onsale_store::audit::Unaudited;
use onsale_store::catalog::{DetailsChange, EventEdit, EventFilter, EventRow, ShowStatus};

use crate::build::{event, event_id, id, show, show_id};
use crate::harness::{Bench, contract};
use crate::venues::venue;

contract!(
    reads_of_an_event_know_what_its_venue_is_called,
    a_calendar_says_where_the_venue_of_an_event_is,
);

/// The tenant of events and venues.
const TENANT: u64 = 1;
const VENUE: u64 = 60;

fn by() -> Unaudited {
    Unaudited::Unattended
}

/// An event in that venue.
fn event_at(number: u64, venue: u64) -> EventRow {
    let mut row = event(number);
    row.details.venue_id = Some(id(venue));
    row
}

async fn reads_of_an_event_know_what_its_venue_is_called(bench: Bench) {
    let store = &bench.store;
    for row in [&venue(VENUE), &venue(62)] {
        store.add_venue(row, by()).await.unwrap();
    }
    let silent = EventRow {
        venue: None,
        city: None,
        ..event_at(1, VENUE)
    };
    store.add_event(&silent).await.unwrap();
    let known = |row: &EventRow| {
        let place = row.place().map(str::to_owned);
        (place, row.place_city().map(str::to_owned))
    };
    let at = |name: &str| (Some(name.to_owned()), Some("Zürich".to_owned()));
    let one = store.event(event_id(1)).await.unwrap().unwrap();
    let versioned = store.versioned_event(event_id(1)).await.unwrap().unwrap();
    let listed = store.events(&EventFilter::default(), 1, 9).await.unwrap();
    let found = store.events_listed(&[event_id(1)]).await.unwrap();
    for row in [&one, &versioned.row, &listed.rows[0], &found[0]] {
        assert_eq!(known(row), at("Venue 60"));
        // Of its own it says nothing, and a document of it tells no more than the row has.
        assert_eq!((&row.venue, &row.city), (&None, &None));
        assert!(!serde_json::to_string(row).unwrap().contains("Venue 60"));
    }
    // It moves, and has no venue any more.
    let moved = |venue: Option<u64>| EventEdit {
        details: DetailsChange {
            venue_id: Some(venue.map(id)),
            ..DetailsChange::default()
        },
        ..EventEdit::default()
    };
    for (venue, expected) in [(Some(62), at("Venue 62")), (None, (None, None))] {
        let edit = moved(venue);
        let edited = store.edit_event(event_id(1), &edit, by()).await;
        assert_eq!(known(&edited.unwrap().unwrap().row), expected);
        let read = store.event(event_id(1)).await.unwrap().unwrap();
        assert_eq!(known(&read), expected);
    }
    let telling = EventRow {
        venue: Some("The old hall".to_owned()),
        ..event_at(2, VENUE)
    };
    store.add_event(&telling).await.unwrap();
    let read = store.event(event_id(2)).await.unwrap().unwrap();
    assert_eq!(known(&read), at("The old hall"));
}

async fn a_calendar_says_where_the_venue_of_an_event_is(bench: Bench) {
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
    for (number, row) in [(1, &silent), (2, &telling)] {
        store.add_event(row).await.unwrap();
        store.add_show(&show(number, number)).await.unwrap();
        let opened = store.set_show_status(show_id(number), ShowStatus::Open, by());
        assert!(opened.await.unwrap());
        let told = store.calendar_of_event(event_id(number), 0, 9).await;
        let all = store.calendar_of_tenant(id(TENANT), 0, 9).await.unwrap();
        let of_all = all.into_iter().find(|of| of.event_id == event_id(number));
        assert_eq!(told.unwrap()[0], of_all.unwrap());
    }
    let all = store.calendar_of_tenant(id(TENANT), 0, 9).await.unwrap();
    let places = all
        .iter()
        .map(|of| (of.venue.as_deref(), of.city.as_deref()));
    let places: Vec<_> = places.collect();
    let expected = [("Venue 60", "Zürich"), ("The old hall", "Basel")];
    assert_eq!(
        places,
        expected.map(|(venue, city)| (Some(venue), Some(city)))
    );
}
