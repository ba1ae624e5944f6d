//! The index follows the store, on each node.

use std::time::Duration;

use http::Method;
use onsale_schemas::Outcome;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{EventChange, EventRow, EventStatus};

use serde_json::json;
use uuid::Uuid;

use super::{encoded, list, named, names, searched, until, until_found};
use crate::support::{EVENT, ScriptedLog, World};
use crate::venues::venue_row;

#[tokio::test]
async fn what_changes_is_found_and_gone_on_every_node() {
    let world = searched(&[]).await;
    let other = world.another().await;
    tokio::spawn(other.clone().follow_catalog());
    let nodes = [&world.ingress, &other];
    until(&other, "?sort=price&limit=1", |reply| reply.status == 200).await;
    // A draft is nobody's to find.
    let draft = EventRow {
        status: EventStatus::Draft,
        ..named(1, "Chamber evening")
    };
    world.store.add_event(&draft).await.unwrap();
    let published = named(2, "Chamber morning");
    world.store.add_event(&published).await.unwrap();
    for node in nodes {
        until_found(node, "?search=chamber&limit=9", &["Chamber morning"]).await;
    }
    // Published and renamed.
    let change = EventChange {
        name: "Quartet evening".to_owned(),
        description: None,
        venue: None,
        city: None,
        category: None,
        starts_at_ms: draft.starts_at_ms,
        minimum_age: None,
        publish: true,
    };
    let by = Unaudited::Unattended;
    world
        .store
        .change_event(draft.event_id, &change, by)
        .await
        .unwrap();
    for node in nodes {
        until_found(node, "?search=quartet&limit=9", &["Quartet evening"]).await;
        until_found(node, "?search=chamber&limit=9", &["Chamber morning"]).await;
    }
    // Cancelled by the log, and made a draft by hand.
    let cancelled = Outcome::EventCancelled { event: EVENT };
    until_found(&world.ingress, "?search=night&limit=9", &["A night out"]).await;
    world
        .project(0, vec![ScriptedLog::record(0, cancelled)])
        .await;
    let by = Unaudited::Unattended;
    assert!(
        world
            .store
            .unpublish_event(published.event_id, by)
            .await
            .unwrap()
    );
    for node in nodes {
        until_found(node, "?search=night&limit=9", &[]).await;
        until_found(node, "?search=chamber&limit=9", &[]).await;
    }
    other.close();
}

/// An event that does not say where it takes place is found by what its venue is called, and then by what it is
/// called next.
#[tokio::test]
async fn an_event_is_found_by_the_name_of_its_venue() {
    let world = searched(&[]).await;
    let by = Unaudited::Unattended;
    let id = Uuid::from_u128(0x77);
    let mut venue = venue_row(id, Uuid::from_u128(7), "Wintergarten");
    venue.venue.city = Some("Lausanne".to_owned());
    world.store.add_venue(&venue, by).await.unwrap();
    let mut row = named(1, "Overture");
    row.details.venue_id = Some(id);
    world.store.add_event(&row).await.unwrap();
    let ingress = &world.ingress;
    until_found(ingress, "?search=wintergarten&limit=9", &["Overture"]).await;
    until_found(ingress, "?search=lausanne&limit=9", &["Overture"]).await;
    let body = json!({ "name": "Orangerie", "city": "Lausanne", "time_zone": "Europe/Zurich" });
    let path = format!("/api/v1/venues/{id}");
    let call = world.call(Method::PUT, &path).by_role("organizer");
    call.json(&body).send().await.data(200);
    until_found(ingress, "?search=orangerie&limit=9", &["Overture"]).await;
    until_found(ingress, "?search=wintergarten&limit=9", &[]).await;
}

#[tokio::test]
async fn an_index_that_missed_changes_is_made_anew() {
    let world = searched(&[named(1, "Overture")]).await;
    let ingress = &world.ingress;
    until_found(ingress, "?search=overture&limit=9", &["Overture"]).await;
    world.store.lose_catalog_changes().await.unwrap();
    let rebuilt = "search_index_rebuilds_total{reason=\"outdated\"}";
    let is_rebuilt = async {
        while !world.metrics().await.contains(rebuilt) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(super::PATIENCE, is_rebuilt)
        .await
        .unwrap();
    until_found(ingress, "?search=overture&limit=9", &["Overture"]).await;
    // And follows again.
    world.store.add_event(&named(2, "Finale")).await.unwrap();
    until_found(ingress, "?search=finale&limit=9", &["Finale"]).await;
}

/// Until there is an index, the store answers what it can, as it did before there was a search.
#[tokio::test]
async fn without_an_index_the_list_is_there_and_a_search_says_when_to_come_back() {
    let world = World::new().await;
    world.store.add_event(&named(1, "Overture")).await.unwrap();
    for query in ["", "?search=vertur", "?city=BANGKOK&search=night&page=1"] {
        let reply = list(&world.ingress, query).await;
        assert!(!names(&reply).is_empty(), "{query}");
    }
    for query in [
        "?sort=price",
        "?search=overture&available=true",
        "?venue=hall",
        "?facets=true",
        "/suggest?q=over",
    ] {
        let reply = list(&world.ingress, query).await;
        reply.error(503, "OVERLOADED");
        assert_ne!(reply.header("retry-after"), "", "{query}");
    }
    // Nobody has asked for one, so nothing is wrong.
    let ready = world.get("/health/ready").send().await;
    assert!(!ready.json().to_string().contains("search"));
}

#[tokio::test]
async fn metrics_say_how_the_index_fares() {
    let world = searched(&[named(1, "Overture")]).await;
    let has = |metrics: &str, line: &str| metrics.lines().any(|found| found == line);
    let are_told = async {
        loop {
            let metrics = world.metrics().await;
            if has(&metrics, "search_index_events 2") {
                break metrics;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let metrics = tokio::time::timeout(super::PATIENCE, are_told)
        .await
        .unwrap();
    for line in ["search_index_ready 1", "search_index_building_events 0"] {
        assert!(has(&metrics, line), "{line}: {metrics}");
    }
}

/// The rows that are shown are kept apart from the index, and are as new.
#[tokio::test]
async fn a_row_is_shown_as_it_is_now_even_where_it_is_found_as_before() {
    let world = searched(&[]).await;
    let mut row = named(1, "Größenwahn");
    world.store.add_event(&row).await.unwrap();
    let query = format!("?search={}&limit=9", encoded("grossenwahn"));
    until_found(&world.ingress, &query, &["Größenwahn"]).await;
    row.name = "Grössenwahn".to_owned();
    let by = Unaudited::Unattended;
    world.store.update_event(&row, by).await.unwrap();
    until_found(&world.ingress, &query, &["Grössenwahn"]).await;
}
