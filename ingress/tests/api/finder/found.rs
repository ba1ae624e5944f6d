//! What is found.

use onsale_ingress::Instant;
use onsale_schemas::outcome::Reserved;
use onsale_schemas::{Outcome, SeatList, ShowId};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::EventRow;
use serde_json::json;

use super::{DAY_MS, encoded, left, list, named, names, open_show, searched, until, until_found};
use crate::support::{BUYER, NOW_MS, ScriptedLog, World};

fn catalog() -> Vec<EventRow> {
    let place = |row: EventRow, venue: &str, city: &str, category: &str| EventRow {
        venue: Some(venue.to_owned()),
        city: Some(city.to_owned()),
        category: Some(category.to_owned()),
        ..row
    };
    vec![
        place(
            named(1, "Jazz im Opernhaus"),
            "Opernhaus",
            "Zürich",
            "concert",
        ),
        place(
            named(2, "Symphony of the North"),
            "Opernhaus",
            "Zürich",
            "concert",
        ),
        place(
            named(3, "สงกรานต์ กรุงเทพ"),
            "ลานคนเมือง",
            "Bangkok",
            "festival",
        ),
        place(
            named(4, "Jazz by the river"),
            "River House",
            "Bangkok",
            "concert",
        ),
        EventRow {
            description: Some("An evening with a saxophone".to_owned()),
            ..named(5, "Late hours")
        },
    ]
}

#[tokio::test]
async fn words_are_found_in_spite_of_how_they_are_typed() {
    let world = searched(&catalog()).await;
    let ingress = &world.ingress;
    for (typed, closeness, expected) in [
        ("symphony north", "exact", vec!["Symphony of the North"]),
        ("NORTH symph", "exact", vec!["Symphony of the North"]),
        ("simphony", "typos", vec!["Symphony of the North"]),
        ("zurich opernhaus jazz", "exact", vec!["Jazz im Opernhaus"]),
        ("สงกรานต์", "exact", vec!["สงกรานต์ กรุงเทพ"]),
        ("กรุงเทพ", "exact", vec!["สงกรานต์ กรุงเทพ"]),
        ("saxophone", "exact", vec!["Late hours"]),
    ] {
        let reply = list(ingress, &format!("?search={}", encoded(typed))).await;
        assert_eq!(names(&reply), expected, "{typed}");
        let meta = &reply.json()["meta"];
        assert_eq!(meta["closeness"], closeness, "{typed}");
        assert_eq!((&meta["page"], &meta["total"]), (&json!(1), &json!(1)));
        assert_eq!(meta["next_cursor"], json!(null));
    }
    let nothing = list(ingress, "?search=xylophonequartet").await;
    assert_eq!(names(&nothing), Vec::<String>::new());
    assert_eq!(nothing.json()["meta"]["closeness"], "none");
    // Each event is told as it is told elsewhere.
    let found = list(ingress, "?search=saxophone").await.data(200)[0].clone();
    let path = format!("/api/v1/events/{}", found["event_id"].as_str().unwrap());
    let one = world.get(&path).send().await.data(200);
    for (name, value) in found.as_object().unwrap() {
        assert_eq!(&one[name], value, "{name}");
    }
}

#[tokio::test]
async fn filters_and_facets_go_together() {
    let world = searched(&catalog()).await;
    let ingress = &world.ingress;
    let day = |number: u64| Instant(NOW_MS + number * DAY_MS).to_string();
    for (query, expected) in [
        (
            "search=jazz&city=zurich".to_owned(),
            vec!["Jazz im Opernhaus"],
        ),
        (
            "venue=opernhaus&sort=date".to_owned(),
            vec!["Jazz im Opernhaus", "Symphony of the North"],
        ),
        (
            "category=festival&sort=date".to_owned(),
            vec!["สงกรานต์ กรุงเทพ"],
        ),
        (
            format!("search=jazz&from={}", day(2)),
            vec!["Jazz by the river"],
        ),
        (
            format!("search=jazz&to={}", day(2)),
            vec!["Jazz im Opernhaus"],
        ),
        (
            format!("search=jazz&until={}", day(2)),
            vec!["Jazz im Opernhaus"],
        ),
        ("search=jazz&city=oslo".to_owned(), vec![]),
    ] {
        let reply = list(ingress, &format!("?{query}")).await;
        assert_eq!(names(&reply), expected, "{query}");
    }
    let reply = list(ingress, "?search=jazz&city=bangkok&facets=true").await;
    assert_eq!(
        reply.json()["meta"]["facets"],
        json!({
            "cities": [{"value": "Bangkok", "count": 1}, {"value": "Zürich", "count": 1}],
            "categories": [{"value": "concert", "count": 1}],
        }),
        "cities as if none were chosen"
    );
    let reply = list(ingress, "?search=jazz").await;
    assert!(reply.json()["meta"].get("facets").is_none());
}

#[tokio::test]
async fn pages_hold_each_event_once() {
    let rows: Vec<EventRow> = (1..=23)
        .map(|number| named(number, &format!("Matinee {number}")))
        .collect();
    let world = searched(&rows).await;
    for (order, number) in [("relevance", 100), ("date", 101)] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let query = format!("?search=matinee&sort={order}&limit=5{cursor}");
            let reply = list(&world.ingress, &query).await;
            found.extend(names(&reply));
            let meta = reply.json()["meta"].clone();
            assert_eq!(meta["total"], 23);
            match meta["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
            // What comes meanwhile moves nothing.
            if found.len() == 5 {
                come_and_go(&world, number, &format!("Matinee of the {order}")).await;
            }
        }
        found.sort_unstable();
        let mut expected: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{order}");
    }
    // Pages by number are the same ones.
    let by_number = list(&world.ingress, "?search=matinee&per_page=5&page=5").await;
    assert_eq!(names(&by_number).len(), 3);
    let by_number = list(&world.ingress, "?search=matinee&per_page=5&page=6").await;
    assert!(names(&by_number).is_empty());
}

/// An event that is found for a moment.
async fn come_and_go(world: &World, number: u8, name: &str) {
    let other = EventRow {
        city: Some("Oslo".to_owned()),
        starts_at_ms: NOW_MS + 1,
        ..named(number, name)
    };
    world.store.add_event(&other).await.unwrap();
    let query = format!("?search={}&city=oslo&limit=1", encoded(name));
    until_found(&world.ingress, &query, &[name]).await;
    let by = Unaudited::Unattended;
    let is_gone = world.store.unpublish_event(other.event_id, by).await;
    assert!(is_gone.unwrap());
    until_found(&world.ingress, &query, &[]).await;
}

#[tokio::test]
async fn prices_filter_and_order() {
    let rows = [
        named(1, "Gala one"),
        named(2, "Gala two"),
        named(3, "Gala three"),
        named(4, "Gala four"),
    ];
    let world = searched(&rows).await;
    for (row, (price, currency)) in
        rows.iter()
            .zip([(90_000, "THB"), (30_000, "THB"), (2_000, "EUR")])
    {
        world
            .store
            .add_show(&open_show(row, price, currency))
            .await
            .unwrap();
    }
    let ingress = &world.ingress;
    // Amounts of different currencies are compared as numbers; what has no price is last.
    let cheapest_first = ["Gala three", "Gala two", "Gala one", "Gala four"];
    until_found(ingress, "?search=gala&sort=price", &cheapest_first).await;
    for (query, expected) in [
        ("currency=THB", vec!["Gala two", "Gala one"]),
        ("currency=THB&price_max=30000", vec!["Gala two"]),
        ("price_min=30001", vec!["Gala one"]),
        ("price_min=2000&price_max=2000", vec!["Gala three"]),
        ("currency=USD", vec![]),
    ] {
        let reply = list(ingress, &format!("?search=gala&sort=price&{query}")).await;
        assert_eq!(names(&reply), expected, "{query}");
    }
    assert_eq!(
        names(&list(ingress, "?search=gala&sort=date").await),
        ["Gala one", "Gala two", "Gala three", "Gala four"]
    );
}

#[tokio::test]
async fn what_is_sold_out_ranks_lower_and_can_be_left_out() {
    let rows = [named(1, "Recital one"), named(2, "Recital two")];
    let world = searched(&rows).await;
    for row in &rows {
        world.log.set_seats(left(row, 10));
        world
            .store
            .add_show(&open_show(row, 1_000, "THB"))
            .await
            .unwrap();
    }
    let ingress = &world.ingress;
    let both = ["Recital one", "Recital two"];
    until_found(ingress, "?search=recital&available=true", &both).await;
    // The last places of the first one are taken.
    world.log.set_seats(left(&rows[0], 0));
    let reserved = |offset| {
        let reserved = Reserved {
            booking: offset,
            show: ShowId(rows[0].event_id.0),
            event: rows[0].event_id,
            user: BUYER,
            zone: 0,
            seats: SeatList::new(),
            quantity: 1,
            unit_price: 1_000,
            currency: "THB".parse().unwrap(),
            expires_at_ms: NOW_MS + 600_000,
        };
        ScriptedLog::record(offset, Outcome::Reserved(reserved))
    };
    world.log.publish(vec![reserved(60)]);
    until_found(ingress, "?search=recital&available=true", &["Recital two"]).await;
    until_found(ingress, "?search=recital&available=false", &["Recital one"]).await;
    assert_eq!(
        names(&list(ingress, "?search=recital").await),
        ["Recital two", "Recital one"]
    );
    // One of them comes back.
    world.log.set_seats(left(&rows[0], 1));
    world.log.publish(vec![reserved(61)]);
    until_found(ingress, "?search=recital&available=true", &both).await;
}

#[tokio::test]
async fn what_is_typed_is_completed() {
    let world = searched(&catalog()).await;
    let suggest = |query: String| {
        let path = format!("/api/v1/events/suggest?{query}");
        let world = &world;
        async move { world.get(&path).send().await.data(200) }
    };
    let opera = suggest("q=opern".to_owned()).await;
    assert!(
        opera
            .as_array()
            .unwrap()
            .contains(&json!({"text": "Opernhaus", "kind": "venue", "events": 2})),
        "{opera}"
    );
    let city = suggest(format!("q={}&limit=1", encoded("Zuri"))).await;
    assert_eq!(
        city,
        json!([{"text": "Zürich", "kind": "city", "events": 2}])
    );
    let thai = suggest(format!("q={}", encoded("สงก"))).await;
    assert_eq!(thai[0]["text"], "สงกรานต์ กรุงเทพ");
    assert_eq!(suggest("q=".to_owned()).await, json!([]));
    assert_eq!(suggest("q=qqqqqqqqqq".to_owned()).await, json!([]));
    // A new one is known a moment later.
    world.store.add_event(&named(9, "Zarzuela")).await.unwrap();
    until(&world.ingress, "?search=zarzuela&limit=1", |reply| {
        reply.status == 200 && names(reply).len() == 1
    })
    .await;
    assert_eq!(suggest("q=zarz".to_owned()).await[0]["kind"], "event");
}
