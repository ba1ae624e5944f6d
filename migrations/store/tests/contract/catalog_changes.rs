//! What tells those who follow the catalog what changed in it.

use std::collections::HashMap;
use std::time::Duration;

use onsale_schemas::EventId;
use onsale_store::Store;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{
    ChangeCursor, EventRow, EventStatus, OfferRow, ShowPrices, ShowRow, ShowStatus,
};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::build::{event, event_id, show, show_id};
use crate::harness::{Bench, contract, on_postgres, on_sqlite};

contract!(
    whatever_changes_of_an_event_is_told,
    what_the_log_notes_of_a_row_is_no_change,
    an_event_that_ends_or_does_not_any_more_is_told,
    many_changes_are_told_page_by_page,
    who_missed_what_was_trimmed_is_told_so,
    what_a_search_knows_of_an_event_comes_with_its_shows,
    events_are_listed_and_paged_by_their_ids,
);

/// How long a transaction of another test may hold back what counts as known.
const PATIENCE: Duration = Duration::from_secs(20);

/// The events that changed since the cursor, each once, and where to go on.
async fn changed(store: &Store, since: &mut ChangeCursor) -> Vec<EventId> {
    let mut events = Vec::new();
    loop {
        let read = store.catalog_changes(*since).await.unwrap();
        assert!(!read.is_lost);
        events.extend(read.changes.iter().map(|change| change.event_id));
        *since = read.cursor;
        if !read.has_more {
            break;
        }
    }
    events.sort_unstable();
    events.dedup();
    events
}

async fn whatever_changes_of_an_event_is_told(bench: Bench) {
    let store = &bench.store;
    let mut end = store.catalog_changes_end().await.unwrap();
    store.add_event(&event(1)).await.unwrap();
    assert_eq!(changed(store, &mut end).await, [event_id(1)]);
    store.add_event(&event(2)).await.unwrap();
    // Each from a cursor of its own: an earlier change may be told again.
    let mut ends = Vec::new();
    for sql in [
        "UPDATE events SET name = 'Another' WHERE status = 'published'",
        "UPDATE events SET status = 'cancelled' WHERE status = 'published'",
    ] {
        ends.push(store.catalog_changes_end().await.unwrap());
        bench.tamper(sql).await;
    }
    for mut end in ends {
        let events = changed(store, &mut end).await;
        assert_eq!(events, [event_id(1), event_id(2)]);
    }
    // Shows and zones count for their event.
    let other = EventRow {
        status: EventStatus::Published,
        ..event(3)
    };
    store.add_event(&other).await.unwrap();
    for sql in [
        None,
        Some("UPDATE shows SET status = 'open'"),
        Some("UPDATE zones SET unit_price = unit_price + 1"),
        Some("DELETE FROM zones; DELETE FROM shows"),
        Some("DELETE FROM events WHERE name <> 'Another'"),
    ] {
        let mut end = store.catalog_changes_end().await.unwrap();
        match sql {
            None => store.add_show(&show(1, 3)).await.unwrap(),
            Some(sql) => bench.tamper(sql).await,
        }
        let events = changed(store, &mut end).await;
        assert!(events.contains(&event_id(3)), "{sql:?}: {events:?}");
    }
}

async fn what_the_log_notes_of_a_row_is_no_change(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM catalog_changes";
    let before = bench.texts(count).await;
    bench
        .tamper("UPDATE events SET described_version = version, amended_offset = 5")
        .await;
    assert_eq!(bench.texts(count).await, before);
}

/// That is no version of its row, and yet another status.
async fn an_event_that_ends_or_does_not_any_more_is_told(bench: Bench) {
    let store = &bench.store;
    for number in [1, 2] {
        let published = EventRow {
            status: EventStatus::Published,
            ..event(number)
        };
        store.add_event(&published).await.unwrap();
    }
    let late = EventRow {
        status: EventStatus::Published,
        starts_at_ms: event(1).starts_at_ms + 1_000,
        ..event(3)
    };
    store.add_event(&late).await.unwrap();
    let over_before_ms = event(2).starts_at_ms + 1;
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM catalog_changes";
    let before = bench.texts(count).await;
    let mut end = store.catalog_changes_end().await.unwrap();
    assert_eq!(store.note_ended_events(9, over_before_ms).await.unwrap(), 2);
    let told = changed(store, &mut end).await;
    assert!(told.contains(&event_id(1)) && told.contains(&event_id(2)));
    let after = bench.texts(count).await;
    assert_ne!(after, before);
    // Nothing is told of what is as it was.
    assert_eq!(store.note_ended_events(9, over_before_ms).await.unwrap(), 0);
    assert_eq!(bench.texts(count).await, after);
    // As a show does that is put off by hand, or a clock that is set back.
    let mut end = store.catalog_changes_end().await.unwrap();
    assert_eq!(store.note_ended_events(9, 0).await.unwrap(), 0);
    let told = changed(store, &mut end).await;
    assert!(told.contains(&event_id(1)) && told.contains(&event_id(2)));
    for number in [1, 2] {
        let row = store.event(event_id(number)).await.unwrap().unwrap();
        assert!(!row.is_ended(), "{number}");
    }
}

async fn many_changes_are_told_page_by_page(bench: Bench) {
    let store = &bench.store;
    let mut end = store.catalog_changes_end().await.unwrap();
    bench
        .tamper(if bench.url.starts_with("sqlite") {
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
             INSERT INTO catalog_changes (event_id) SELECT randomblob(16) FROM n"
        } else {
            "INSERT INTO catalog_changes (event_id) SELECT gen_random_uuid() \
             FROM generate_series(1, 2500)"
        })
        .await;
    let first = store.catalog_changes(end).await.unwrap();
    assert!(first.has_more && first.changes.len() == 1_000);
    assert_eq!(changed(store, &mut end).await.len(), 2_500);
}

async fn who_missed_what_was_trimmed_is_told_so(bench: Bench) {
    let store = &bench.store;
    let early = store.catalog_changes_end().await.unwrap();
    store.add_event(&event(1)).await.unwrap();
    assert_eq!(store.trim_catalog_changes(3_600_000).await.unwrap(), 0);
    assert!(!store.catalog_changes(early).await.unwrap().is_lost);
    bench
        .tamper("UPDATE catalog_changes SET written_at_ms = 1000")
        .await;
    // What a transaction of another test holds back is trimmed after its end.
    let trimmed = async {
        while store.trim_catalog_changes(3_600_000).await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, trimmed).await.unwrap();
    let read = store.catalog_changes(early).await.unwrap();
    assert!(read.is_lost && read.changes.is_empty());
    // Who begins now misses nothing, once no transaction is left that began before.
    let knows = async {
        loop {
            let end = store.catalog_changes_end().await.unwrap();
            if !store.catalog_changes(end).await.unwrap().is_lost {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, knows).await.unwrap();
}

async fn what_a_search_knows_of_an_event_comes_with_its_shows(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    store.add_event(&event(2)).await.unwrap();
    let mut second = show(2, 1);
    second.starts_at_ms += 1_000;
    second.status = ShowStatus::Open;
    for (zone, number) in second.zones.iter_mut().zip(1..) {
        zone.unit_price = number * 100;
        zone.currency = "EUR".to_owned();
    }
    let first = show(1, 1);
    store.add_show(&second).await.unwrap();
    store.add_show(&first).await.unwrap();
    let found = store
        .findable(&[event_id(1), event_id(2), event_id(9)])
        .await
        .unwrap();
    let events: Vec<EventId> = found.iter().map(|one| one.event.event_id).collect();
    assert_eq!(events, [event_id(1), event_id(2)]);
    assert_eq!(found[0].event, event(1));
    assert!(found[1].shows.is_empty());
    let shows = &found[0].shows;
    assert_eq!(
        shows.iter().map(|show| show.show_id).collect::<Vec<_>>(),
        [show_id(1), show_id(2)],
        "by their beginning"
    );
    assert_eq!(shows[1].status, ShowStatus::Open);
    let dearest = i64::try_from(second.zones.len()).unwrap() * 100;
    let prices = ShowPrices {
        currency: "EUR".to_owned(),
        min: 100,
        max: dearest,
    };
    assert_eq!(shows[1].prices, [prices]);
    assert_eq!(
        store
            .events_of_shows(&[show_id(1), show_id(2), show_id(7)])
            .await
            .unwrap(),
        [event_id(1)]
    );
    assert!(store.events_of_shows(&[]).await.unwrap().is_empty());
    // Offers come with those shows that have one.
    let offered = ShowRow {
        offer: Some(OfferRow::default()),
        ..show(5, 2)
    };
    store.add_show(&offered).await.unwrap();
    let shows = [show_id(1), show_id(5), show_id(7)];
    let offers = store.offers_of_shows(&shows);
    let expected = HashMap::from([(show_id(5), OfferRow::default())]);
    assert_eq!(offers.await.unwrap(), expected);
    assert!(store.offers_of_shows(&[]).await.unwrap().is_empty());
}

async fn events_are_listed_and_paged_by_their_ids(bench: Bench) {
    let store = &bench.store;
    for number in [3, 1, 2] {
        store.add_event(&event(number)).await.unwrap();
    }
    let page = async |after: Uuid| -> Vec<EventId> {
        let found = store.findable_after(after, 2).await.unwrap();
        found.iter().map(|one| one.event.event_id).collect()
    };
    assert_eq!(page(Uuid::nil()).await, [event_id(1), event_id(2)]);
    assert_eq!(page(event_id(2).0).await, [event_id(3)]);
    assert!(page(event_id(3).0).await.is_empty());
    assert!(store.events_listed(&[]).await.unwrap().is_empty());
    assert_eq!(
        store.events_listed(&[event_id(3)]).await.unwrap(),
        [event(3)]
    );
}

/// Transactions commit in another order than they begin in.
#[tokio::test]
async fn what_commits_late_is_told_all_the_same() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        for number in [1, 2] {
            store.add_event(&event(number)).await.unwrap();
        }
        let cursor = store.catalog_changes_end().await.unwrap();
        let mut connection = sqlx::PgConnection::connect(&bench.url).await.unwrap();
        let mut slow = connection.begin().await.unwrap();
        sqlx::query("UPDATE events SET name = 'Slow' WHERE event_id = $1")
            .bind(event_id(1).0)
            .execute(&mut *slow)
            .await
            .unwrap();
        let change = Unaudited::Unattended;
        let quick = EventRow {
            name: "Quick".to_owned(),
            ..event(2)
        };
        store.update_event(&quick, change).await.unwrap();
        let before = store.catalog_changes(cursor).await.unwrap();
        let mut told = before.changes.iter();
        assert!(told.any(|change| change.event_id == event_id(2)));
        slow.commit().await.unwrap();
        let after = store.catalog_changes(before.cursor).await.unwrap();
        let mut new = after.changes.iter();
        assert!(
            new.any(|change| change.event_id == event_id(1) && !before.changes.contains(change))
        );
    })
    .await;
}

/// Someone forgets a transaction, be it in another database of the cluster.
#[tokio::test]
async fn an_open_transaction_takes_nobody_what_changed() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        let mut connection = sqlx::PgConnection::connect(&bench.url).await.unwrap();
        let mut forgotten = connection.begin().await.unwrap();
        sqlx::query("SELECT pg_current_xact_id()")
            .execute(&mut *forgotten)
            .await
            .unwrap();
        store.add_event(&event(1)).await.unwrap();
        bench
            .tamper("UPDATE catalog_changes SET written_at_ms = 1000")
            .await;
        let end = store.catalog_changes_end().await.unwrap();
        assert_eq!(store.trim_catalog_changes(3_600_000).await.unwrap(), 0);
        let read = store.catalog_changes(end).await.unwrap();
        assert!(!read.is_lost);
        assert!(
            read.changes
                .iter()
                .any(|change| change.event_id == event_id(1))
        );
        // Nor does whoever begins after the trimming.
        let end = store.catalog_changes_end().await.unwrap();
        assert!(!store.catalog_changes(end).await.unwrap().is_lost);
        forgotten.commit().await.unwrap();
    })
    .await;
}

/// A file that was brought back from a backup.
#[tokio::test]
async fn a_database_of_an_earlier_time_is_told_from_one_without_changes() {
    on_sqlite(|bench| async move {
        let store = &bench.store;
        store.add_event(&event(1)).await.unwrap();
        let end = store.catalog_changes_end().await.unwrap();
        assert!(!store.catalog_changes(end).await.unwrap().is_lost);
        bench
            .tamper(
                "DELETE FROM catalog_changes; \
                 UPDATE sqlite_sequence SET seq = 0 WHERE name = 'catalog_changes'",
            )
            .await;
        assert!(store.catalog_changes(end).await.unwrap().is_lost);
    })
    .await;
}
