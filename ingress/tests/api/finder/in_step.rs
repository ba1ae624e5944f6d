//! The index follows the store, on each node.

use std::time::Duration;

use http::Method;
use onsale_ingress::Instant;
use onsale_schemas::{Outcome, ShowId};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{EventChange, EventRow, EventStatus};
use serde_json::json;
use uuid::Uuid;

use super::{DAY_MS, encoded, list, named, names, open_show, searched, until, until_found};
use crate::support::{EVENT, NOW_MS, Reply, ScriptedLog, World};
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

/// Nothing else brings back what is lost of an index: it is made anew, and not found to be in order.
#[tokio::test]
async fn an_index_that_is_damaged_is_made_anew() {
    let world = searched(&[named(1, "Overture"), named(2, "Overture again")]).await;
    let ingress = &world.ingress;
    let both = ["Overture", "Overture again"];
    until_found(ingress, "?search=overture&sort=date", &both).await;
    ingress.damage_search().await;
    let rebuilt = "search_index_rebuilds_total{reason=\"doubted\"} 1";
    let is_rebuilt = async {
        while !world.metrics().await.contains(rebuilt) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(super::PATIENCE, is_rebuilt)
        .await
        .unwrap();
    until_found(ingress, "?search=overture&sort=date", &both).await;
    // And follows again.
    world.store.add_event(&named(3, "Finale")).await.unwrap();
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

/// A parameter means the same whichever of the two answers.
#[tokio::test]
async fn the_store_and_the_index_find_the_same() {
    let world = World::new().await;
    let rows: Vec<EventRow> = (1..=5)
        .map(|number| EventRow {
            city: Some(if number % 2 == 0 { "Zürich" } else { "Basel" }.to_owned()),
            category: Some(if number < 3 { "concert" } else { "Jazz Club" }.to_owned()),
            ..named(number, &format!("Evening {number}"))
        })
        .collect();
    for row in &rows {
        world.store.add_event(row).await.unwrap();
    }
    // The first one has a show of its day, and one that is months away.
    let mut late = open_show(&rows[0], 1_000, "THB");
    world.store.add_show(&late).await.unwrap();
    late.show_id = ShowId(Uuid::from_u128(0xf0f0));
    late.zones[0].zone_id = late.show_id.0;
    late.starts_at_ms += 90 * DAY_MS;
    world.store.add_show(&late).await.unwrap();
    // The last one is on the day before all others.
    let mut early = open_show(&rows[4], 1_000, "THB");
    early.starts_at_ms = NOW_MS + DAY_MS / 2;
    early.sale_closes_at_ms = early.starts_at_ms;
    world.store.add_show(&early).await.unwrap();

    let day = |number: u64| Instant(NOW_MS + number * DAY_MS).to_string();
    let queries = [
        String::new(),
        "?per_page=2".to_owned(),
        "?per_page=2&page=2".to_owned(),
        "?per_page=2&page=3".to_owned(),
        "?per_page=100&page=10000".to_owned(),
        "?city=BASEL".to_owned(),
        format!("?city={}", encoded("zÜRICH")),
        "?category=Concert".to_owned(),
        "?category=jazz%20club&city=basel".to_owned(),
        "?city=oslo".to_owned(),
        format!("?from={}", day(60)),
        format!("?from={}", day(4)),
        format!("?until={}", day(1)),
        format!("?to={}&from={}", day(3), day(2)),
        format!("?category=concert&from={}&to={}", day(2), day(2)),
    ];
    let told = |reply: &Reply| (names(reply), reply.json()["meta"]["total"].clone());
    let mut of_store = Vec::new();
    for query in &queries {
        of_store.push(told(&list(&world.ingress, query).await));
    }
    tokio::spawn(world.ingress.clone().follow_catalog());
    until(&world.ingress, "?sort=price&limit=1", |reply| {
        reply.status == 200
    })
    .await;
    for (query, expected) in queries.iter().zip(of_store) {
        let reply = list(&world.ingress, query).await;
        assert_eq!(told(&reply), expected, "{query}");
        let meta = reply.json()["meta"].clone();
        assert_eq!(meta["closeness"], "exact", "the index answered {query}");
    }
    // The beginnings are those of the shows.
    let first = list(&world.ingress, &format!("?until={}", day(1))).await;
    assert!(names(&first).contains(&"Evening 5".to_owned()));
    let last = list(&world.ingress, &format!("?from={}", day(60))).await;
    assert!(names(&last).contains(&"Evening 1".to_owned()));
    // What the store tells apart, the index does not.
    let folded = list(&world.ingress, "?city=zurich").await;
    assert_eq!(names(&folded), ["Evening 2", "Evening 4"]);
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

fn status(reply: &Reply, name: &str) -> Option<String> {
    let told = reply.json();
    let mut events = told["data"].as_array()?.iter();
    let found = events.find(|event| event["name"] == name)?;
    found["status"].as_str().map(str::to_owned)
}

/// No version of an event is another one when it ends, and each node has kept its row.
#[tokio::test]
async fn an_event_that_ends_is_told_so_by_every_node_that_has_shown_it() {
    let rows = [named(1, "Overture"), named(2, "Finale")];
    let world = searched(&rows).await;
    let other = world.another().await;
    tokio::spawn(other.clone().follow_catalog());
    let nodes = [&world.ingress, &other];
    let queries = ["?limit=9", "?search=overture&limit=9"];
    let are = async |query: &str, expected: &str| {
        for node in nodes {
            until(node, query, |reply| {
                status(reply, "Overture").as_deref() == Some(expected)
            })
            .await;
        }
    };
    for query in queries {
        are(query, "published").await;
    }
    let over_before_ms = rows[0].starts_at_ms + 1;
    let noted = world.store.note_ended_events(NOW_MS, over_before_ms);
    assert!(noted.await.unwrap() > 0);
    for query in queries {
        are(query, "ended").await;
    }
    let all = list(&other, "?limit=9").await;
    assert_eq!(status(&all, "Finale").as_deref(), Some("published"));
    // It has another show.
    let mut later = open_show(&rows[0], 1_000, "THB");
    later.starts_at_ms += DAY_MS;
    world.store.add_show(&later).await.unwrap();
    for query in queries {
        are(query, "published").await;
    }
    other.close();
}

/// What the index knows nothing of makes another row as well.
#[tokio::test]
async fn a_row_is_shown_with_what_is_not_searched() {
    let world = searched(&[]).await;
    let mut row = named(1, "Overture");
    world.store.add_event(&row).await.unwrap();
    let query = "?search=overture&limit=9";
    until_found(&world.ingress, query, &["Overture"]).await;
    row.minimum_age = Some(16);
    let by = Unaudited::Unattended;
    world.store.update_event(&row, by).await.unwrap();
    until(&world.ingress, query, |reply| {
        reply.json()["data"][0]["minimum_age"] == 16
    })
    .await;
}

/// Saved links find the same after a category got another name.
#[tokio::test]
async fn a_category_is_found_by_all_that_is_taken_for_it() {
    let row = EventRow {
        category: Some("gig".to_owned()),
        ..named(1, "Overture")
    };
    let world = searched(&[row]).await;
    let ingress = &world.ingress;
    let found = async |texts: &[&str]| {
        for text in texts {
            let query = format!("?search=overture&category={text}&limit=9");
            until_found(ingress, &query, &["Overture"]).await;
        }
    };
    found(&["gig"]).await;
    let body = json!({ "name": "Concert", "aliases": ["gig", "recital"] });
    let call = world.post("/api/v1/categories").by_role("operator");
    let made = call.json(&body).send().await.data(201);
    found(&["concert", "GIG", "recital"]).await;
    let id = made["category_id"].as_str().unwrap();
    let path = format!("/api/v1/categories/{id}");
    let call = world.call(Method::PATCH, &path).by_role("operator");
    let renamed = call.json(&json!({ "name": "Klassik" })).send().await;
    renamed.data(200);
    found(&["klassik", "Concert", "gig", "recital"]).await;
    until_found(ingress, "?search=overture&category=opera&limit=9", &[]).await;
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
