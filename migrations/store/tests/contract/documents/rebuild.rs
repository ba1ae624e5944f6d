//! A catalog that is lost, older or newer than the log's documents.

use onsale_schemas::Outcome;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{EventRow, ShowRow, ShowStatus};
use onsale_store::document::{CatalogCursor, Document};

use super::{LOSE, describe_all, described, of_event, of_show, open_show};
use crate::build::{Chain, event, event_id, show, show_id};
use crate::harness::{Bench, contract};

contract!(
    a_lost_catalog_comes_back_from_documents,
    an_older_catalog_is_brought_forward,
    a_newer_catalog_stays,
    what_the_log_decided_behind_a_documents_back_stays,
    a_show_that_was_opened_again_is_open_after_a_rebuild,
    names_changed_along_with_a_limit_come_back,
    a_show_brings_no_older_event,
);

async fn a_lost_catalog_comes_back_from_documents(bench: Bench) {
    let mut chain = Chain::default();
    open_show(&bench, &mut chain).await;
    let documents = describe_all(&bench, &mut chain).await;
    let before = bench.store.show(show_id(1)).await.unwrap().unwrap();
    assert_eq!(before.status, ShowStatus::Open);
    bench.tamper(LOSE).await;
    assert!(bench.store.show_ids().await.unwrap().is_empty());
    // The show's alone brings its event too.
    assert!(
        bench
            .store
            .restore_document(&documents[1], Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert!(
        !bench
            .store
            .restore_document(&documents[1], Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert_eq!(
        bench.store.event(event_id(1)).await.unwrap().unwrap(),
        event(1)
    );
    assert_eq!(bench.store.show(show_id(1)).await.unwrap().unwrap(), before);
    // And so does a replay of the log into an empty database.
    bench.tamper(LOSE).await;
    bench.tamper("DELETE FROM projector_watermarks").await;
    bench.store.project(&chain.all()).await.unwrap();
    assert_eq!(bench.store.show(show_id(1)).await.unwrap().unwrap(), before);
    assert_eq!(
        bench
            .store
            .undescribed(16, &[], CatalogCursor::default(), 100)
            .await
            .unwrap(),
        []
    );
}

async fn an_older_catalog_is_brought_forward(bench: Bench) {
    let mut chain = Chain::default();
    open_show(&bench, &mut chain).await;
    let mut later = show(1, 1);
    later.name = Some("Second night".to_owned());
    later.zones[0].unit_price = 99;
    let mut documents = describe_all(&bench, &mut chain).await;
    let document = documents.last_mut().unwrap();
    let described = document.show.as_mut().unwrap();
    described.version += 4;
    described.row.name.clone_from(&later.name);
    described.row.zones[0].unit_price = 99;
    assert!(
        bench
            .store
            .restore_document(document, Unaudited::Unattended)
            .await
            .unwrap()
    );
    let row = bench.store.show(show_id(1)).await.unwrap().unwrap();
    assert_eq!((row.name, row.zones[0].unit_price), (later.name, 99));
    assert_eq!(
        row.status,
        ShowStatus::Open,
        "the status is the projection's"
    );
    assert_eq!(
        bench
            .store
            .undescribed(16, &[], CatalogCursor::default(), 100)
            .await
            .unwrap(),
        []
    );
}

async fn a_newer_catalog_stays(bench: Bench) {
    let mut chain = Chain::default();
    open_show(&bench, &mut chain).await;
    let documents = describe_all(&bench, &mut chain).await;
    let mut changed = event(1);
    changed.name = "Later".to_owned();
    bench
        .store
        .update_event(&changed, Unaudited::Unattended)
        .await
        .unwrap();
    for document in &documents {
        assert!(
            !bench
                .store
                .restore_document(document, Unaudited::Unattended)
                .await
                .unwrap()
        );
    }
    assert_eq!(
        bench.store.event(event_id(1)).await.unwrap().unwrap(),
        changed
    );
    assert_eq!(
        bench
            .store
            .undescribed(16, &[], CatalogCursor::default(), 100)
            .await
            .unwrap()
            .len(),
        1
    );
}

async fn what_the_log_decided_behind_a_documents_back_stays(bench: Bench) {
    let mut chain = Chain::default();
    let as_of = |offset, document| Document {
        as_of: Some(offset),
        ..document
    };
    let renamed = |row: &mut ShowRow| {
        row.name = Some("Second night".to_owned());
        row.zones[1].unit_price = 7;
    };
    let event_named = |name: &str, limit| EventRow {
        name: name.to_owned(),
        max_tickets_per_user: limit,
        ..event(1)
    };
    described(&mut chain, &of_show(2, |_| {}));
    // Made of the rows as they are now, and written once the log has gone on.
    let late = chain.next_offset;
    chain.push(Outcome::ShowClosed { show: show_id(1) });
    chain.push(Outcome::EventAmended {
        event: event_id(1),
        max_tickets_per_user: 9,
    });
    described(&mut chain, &as_of(late, of_show(4, renamed)));
    described(
        &mut chain,
        &as_of(late, of_event(5, event_named("Later", 4))),
    );
    bench.store.project(&chain.all()).await.unwrap();
    let row = bench.store.show(show_id(1)).await.unwrap().unwrap();
    assert_eq!(row.status, ShowStatus::Closed);
    assert_eq!(row.name.as_deref(), Some("Second night"));
    assert_eq!(row.zones[1].unit_price, 7);
    let row = bench.store.event(event_id(1)).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.max_tickets_per_user), ("Later", 9));

    // One that knows of them brings what it has.
    let from = chain.next_offset;
    described(&mut chain, &as_of(from, of_show(6, renamed)));
    described(
        &mut chain,
        &as_of(from, of_event(9, event_named("Last", 2))),
    );
    let next = chain.batch(from, chain.next_offset);
    bench.store.project(&next).await.unwrap();
    let row = bench.store.show(show_id(1)).await.unwrap().unwrap();
    assert_eq!(row.status, ShowStatus::Open);
    let row = bench.store.event(event_id(1)).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.max_tickets_per_user), ("Last", 2));
}

async fn a_show_that_was_opened_again_is_open_after_a_rebuild(bench: Bench) {
    let mut chain = Chain::default();
    described(&mut chain, &of_show(2, |_| {}));
    chain.push(Outcome::ShowClosed { show: show_id(1) });
    // What it was to change is lost with the database.
    chain.push(Outcome::ShowAmended { show: show_id(1) });
    described(&mut chain, &of_show(4, |_| {}));
    bench.store.project(&chain.all()).await.unwrap();
    let status = async || bench.store.show(show_id(1)).await.unwrap().unwrap().status;
    assert_eq!(status().await, ShowStatus::Open);
    let from = chain.next_offset;
    chain.push(Outcome::ShowCancelled { show: show_id(1) });
    described(&mut chain, &of_show(9, |_| {}));
    let last = chain.batch(from, chain.next_offset);
    bench.store.project(&last).await.unwrap();
    assert_eq!(status().await, ShowStatus::Cancelled);
}

async fn names_changed_along_with_a_limit_come_back(bench: Bench) {
    let mut chain = Chain::default();
    let mut row = event(1);
    described(&mut chain, &of_event(1, row.clone()));
    // By one request, whose names are lost with the database: its limit alone counts as a version.
    chain.push(Outcome::EventAmended {
        event: event_id(1),
        max_tickets_per_user: 9,
    });
    row.max_tickets_per_user = 9;
    row.name = "Meanwhile".to_owned();
    described(&mut chain, &of_event(2, row.clone()));
    bench.store.project(&chain.all()).await.unwrap();
    let found = bench.store.event(event_id(1)).await.unwrap().unwrap();
    assert_eq!(found, row);
    let left = bench
        .store
        .undescribed(16, &[], CatalogCursor::default(), 100)
        .await;
    assert_eq!(left.unwrap(), []);
}

async fn a_show_brings_no_older_event(bench: Bench) {
    bench.store.add_event(&event(1)).await.unwrap();
    let mut document = of_show(2, |_| {});
    document.event.version = 7;
    document.event.row.name = "Meanwhile".to_owned();
    assert!(
        bench
            .store
            .restore_document(&document, Unaudited::Unattended)
            .await
            .unwrap()
    );
    let row = bench.store.event(event_id(1)).await.unwrap().unwrap();
    assert_eq!(row, event(1));
    let of_event = of_event(7, document.event.row);
    assert!(
        bench
            .store
            .restore_document(&of_event, Unaudited::Unattended)
            .await
            .unwrap()
    );
    let row = bench.store.event(event_id(1)).await.unwrap().unwrap();
    assert_eq!(row, of_event.event.row);
}
