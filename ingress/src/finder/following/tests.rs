//! What an index knows of events, without a store.

use onsale_schemas::PartitionId;
use onsale_search::Query;
use onsale_store::Store;
use onsale_store::catalog::{FindableShow, ShowStatus};

use super::super::document::tests::event;
use super::*;

async fn finder(folder: &tempfile::TempDir) -> Finder {
    let url = format!("sqlite://{}/store.db", folder.path().display());
    let store = Store::connect(&url, 2).await.unwrap();
    Finder::new(store, &prometheus::Registry::new()).unwrap()
}

fn found(number: u128, name: &str) -> FindableEvent {
    FindableEvent {
        event: event(number, name),
        shows: Vec::new(),
        venue: None,
    }
}

#[tokio::test]
async fn what_is_as_it_was_is_not_indexed_again() {
    let folder = tempfile::tempdir().unwrap();
    let finder = finder(&folder).await;
    let mut known = KnownEvents::default();
    known.learn(&finder, &found(1, "Opera"), None, 0);
    known.learn(&finder, &found(1, "Opera"), None, 0);
    assert_eq!(known.changes.len(), 1);
    known.learn(&finder, &found(1, "Operetta"), None, 0);
    assert_eq!((known.changes.len(), known.text_bytes), (2, 8));
    // What is shown of it and not searched: a kept row is given up by the version of its document alone.
    let mut shown = found(1, "Operetta");
    shown.event.details.ended_at_ms = Some(9);
    known.learn(&finder, &shown, None, 0);
    assert_eq!(known.changes.len(), 3);
    shown.event.minimum_age = Some(16);
    known.learn(&finder, &shown, None, 0);
    known.learn(&finder, &shown, None, 0);
    assert_eq!((known.changes.len(), known.text_bytes), (4, 8));
    let mut draft = found(1, "Operetta");
    draft.event.status = EventStatus::Draft;
    known.learn(&finder, &draft, None, 0);
    known.learn(&finder, &draft, None, 0);
    assert_eq!((known.changes.len(), known.text_bytes), (5, 0));
}

#[tokio::test]
async fn an_event_is_looked_at_again_when_each_of_its_sales_closes() {
    let folder = tempfile::tempdir().unwrap();
    let finder = finder(&folder).await;
    let mut known = KnownEvents::default();
    let selling = |number: u128, closes: &[u64]| FindableEvent {
        shows: closes.iter().map(|at_ms| open_until(*at_ms)).collect(),
        ..found(number, "Opera")
    };
    let id = |number| EventId(Uuid::from_u128(number));
    let (one, other) = (selling(1, &[200, 100]), selling(2, &[150]));
    known.learn(&finder, &one, None, 0);
    known.learn(&finder, &other, None, 0);
    known.learn(&finder, &found(3, "Opera"), None, 0);
    assert!(known.closed(99, 9).is_empty());
    assert_eq!(known.closed(100, 9), [id(1)]);
    assert_eq!(known.closed(500, 9), [id(1), id(2)]);
    assert_eq!(known.closed(500, 1), [id(1)]);
    // Its document is as it was, for there is another show.
    known.learn(&finder, &one, None, 100);
    assert_eq!(known.changes.len(), 3);
    assert_eq!(known.closed(500, 9), [id(2), id(1)]);
    assert_eq!(known.closed(199, 9), [id(2)]);
    // Put off, and made a draft.
    known.learn(&finder, &selling(2, &[400]), None, 100);
    assert_eq!(known.closed(500, 9), [id(1), id(2)]);
    known.forget(&finder, id(1));
    assert_eq!(known.closed(500, 9), [id(2)]);
    known.learn(&finder, &selling(2, &[400]), None, 400);
    assert_eq!((known.closed(500, 9), known.closing.len()), (vec![], 0));
}

/// A show on sale until then.
fn open_until(sale_closes_at_ms: u64) -> FindableShow {
    FindableShow {
        show_id: ShowId(Uuid::from_u128(sale_closes_at_ms.into())),
        partition: PartitionId(0),
        starts_at_ms: 1_000,
        sale_closes_at_ms,
        status: ShowStatus::Open,
        prices: Vec::new(),
    }
}

#[tokio::test]
async fn texts_beyond_the_bound_are_left_out_and_have_their_place_again() {
    let folder = tempfile::tempdir().unwrap();
    let finder = finder(&folder).await;
    let mut known = KnownEvents {
        text_bytes: TEXT_BYTES_MAX - 5,
        ..KnownEvents::default()
    };
    known.learn(&finder, &found(1, "Opera"), None, 0);
    assert!(!known.is_full);
    known.learn(&finder, &found(2, "Jazz"), None, 0);
    assert!(known.is_full);
    // One that grows too much is not found under its old name either.
    known.learn(&finder, &found(1, "Operetta"), None, 0);
    assert!(known.events.is_empty());
    known.learn(&finder, &found(2, "Jazz"), None, 0);
    assert_eq!(known.events.len(), 1);
}

#[tokio::test]
async fn a_change_that_panics_is_told_from_one_that_does_not() {
    let held = Arc::new(Held::new(Index::new()));
    let broken: Result<(), FollowError> = change(held.clone(), |index| {
        let _index = index.write();
        panic!("in the middle of it");
    })
    .await;
    assert!(matches!(broken, Err(FollowError::Damaged)));
    // Nobody waits for the lock of the one that panicked.
    let nothing = Query {
        limit: 1,
        ..Query::default()
    };
    assert_eq!(held.read().search(&nothing).unwrap().total, 0);
}
