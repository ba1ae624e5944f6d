//! Lists of events and their shows.

use onsale_schemas::ShowId;
use serde_json::json;

use crate::support::{EVENT, SHOW, World, show};

#[tokio::test]
async fn a_list_is_paged_and_filtered() {
    let world = World::new().await;
    for n in 0..3 {
        world
            .post("/api/v1/events")
            .by_role("organizer")
            .json(&json!({
                "name": format!("Match {n}"), "category": "sport",
                "starts_at": format!("203{n}-01-01T00:00:00Z"),
            }))
            .send()
            .await
            .data(201);
    }
    let list = |query: &'static str| {
        let world = &world;
        async move {
            let reply = world.get(&format!("/api/v1/events{query}")).send().await;
            let names: Vec<String> = reply
                .data(200)
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["name"].as_str().unwrap().to_owned())
                .collect();
            (names, reply.json()["meta"]["total"].as_u64().unwrap())
        }
    };
    assert_eq!(
        list("?category=sport&per_page=2&page=2").await,
        (vec!["Match 2".into()], 3)
    );
    assert_eq!(list("?search=night").await, (vec!["A night out".into()], 1));
    assert_eq!(
        list("?from=2031-01-01T00:00:00Z&until=2032-01-01T00:00:00Z").await,
        (vec!["Match 1".into()], 1)
    );
    for query in [
        "page=0",
        "per_page=101",
        "page=x",
        "from=soon",
        "sort=up",
        "from=2032-01-01T00:00:00Z&until=2031-01-01T00:00:00Z",
    ] {
        let reply = world.get(&format!("/api/v1/events?{query}")).send().await;
        reply.error(400, "VALIDATION_ERROR");
    }
    for field in ["search", "city", "category"] {
        for text in ["%00", "a%0Ab", "%E2%80%AEa", "%ff", "a%c3%28", "100%"] {
            let path = format!("/api/v1/events?{field}={text}");
            let details = world.get(&path).send().await.error(400, "VALIDATION_ERROR");
            assert_eq!(details["field"], field, "{text}");
        }
    }
    let all = list("?search=%20&city=").await;
    assert_eq!(all.1, 4, "an empty filter filters nothing");
    let reply = world.get("/api/v1/events?mine=true").send().await;
    reply.error(401, "UNAUTHORIZED");
    let reply = world
        .get("/api/v1/events?mine=true")
        .by_role("organizer")
        .send()
        .await;
    assert_eq!(reply.data(200).as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn shows_of_an_event_are_listed_with_their_zones() {
    let world = World::new().await;
    let shows = world
        .get(&format!("/api/v1/events/{EVENT}/shows"))
        .send()
        .await
        .data(200);
    assert_eq!(shows[0]["show_id"], json!(SHOW));
    assert_eq!(shows[0]["zones"][0]["total_seats"], 23);
    assert_eq!(shows[0]["zones"][1]["admission"], "general");
    world
        .get(&format!("/api/v1/events/{SHOW}/shows"))
        .send()
        .await
        .error(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_said_in_plain_words() {
    let world = World::new().await;
    for (query, field, expected) in [
        ("page=x", "page", "a whole number, not negative"),
        ("page=0", "page", "1 to 10000"),
        ("mine=perhaps", "mine", "true or false"),
    ] {
        let reply = world.get(&format!("/api/v1/events?{query}")).send().await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(
            (&details["field"], &details["expected"]),
            (&json!(field), &json!(expected))
        );
    }
    for (query, said) in [
        ("wher=here", "wher: unknown parameter"),
        ("page=1&page=2", "page: is given more than once"),
    ] {
        let reply = world.get(&format!("/api/v1/events?{query}")).send().await;
        reply.error(400, "VALIDATION_ERROR");
        assert_eq!(reply.json()["detail"], said);
    }
}

#[tokio::test]
async fn shows_are_listed_page_by_page_without_their_layouts() {
    let world = World::new().await;
    for n in 0..25_u128 {
        let mut row = show();
        row.show_id = ShowId(uuid::Uuid::from_u128(0x1000 + n));
        row.starts_at_ms += 1_000 + u64::try_from(n).unwrap();
        for (zone, offset) in row.zones.iter_mut().zip(0..) {
            zone.zone_id = uuid::Uuid::from_u128(0x2000 + n * 8 + offset);
        }
        world.store.add_show(&row).await.unwrap();
    }
    let get = |query: &str| {
        world
            .get(&format!("/api/v1/events/{EVENT}/shows{query}"))
            .send()
    };
    let first = get("").await;
    assert_eq!(first.data(200).as_array().unwrap().len(), 20);
    let meta = &first.json()["meta"];
    assert_eq!(
        (&meta["page"], &meta["per_page"], &meta["total"]),
        (&json!(1), &json!(20), &json!(26))
    );
    let second = get("?page=2").await.data(200);
    assert_eq!(second.as_array().unwrap().len(), 6);
    let mut listed: Vec<_> = first.data(200).as_array().unwrap().clone();
    listed.extend(second.as_array().unwrap().clone());
    let mut by_start = listed.clone();
    by_start.sort_by_key(|show| show["starts_at"].as_str().unwrap().to_owned());
    assert_eq!(listed, by_start);
    for show in &listed {
        let one = world.get(&format!(
            "/api/v1/shows/{}",
            show["show_id"].as_str().unwrap()
        ));
        let one = one.send().await.data(200);
        for (name, value) in show.as_object().unwrap() {
            assert_eq!(&one[name], value, "{name}");
        }
    }
    assert_eq!(get("?page=3").await.data(200), json!([]));
    for query in ["?page=0", "?per_page=0", "?per_page=101", "?limit=0"] {
        get(query).await.error(400, "VALIDATION_ERROR");
    }
}
