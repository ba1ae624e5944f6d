//! Maps: what is read and refused, and their versions.

use http::Method;
use onsale_halls::Hall;
use serde_json::{Value, json};

use super::{ask, venue};
use crate::support::World;

const SMALL: &str = include_str!("../../../halls/tests/data/small.json");
const PRETIX: &str = include_str!("../../../halls/tests/data/pretix.json");

/// A hall of one row with these seats.
fn hall(seats: &[&str]) -> Value {
    let seats: Vec<Value> = (0i64..)
        .zip(seats)
        .map(|(place, label)| json!({"label": label, "at": [place * 60, 0]}))
        .collect();
    json!({
        "format": "onsale-hall/1", "name": "Hall",
        "categories": [{"id": "a", "name": "A"}],
        "sections": [{"name": "B", "rows": [{"name": "7", "category": "a", "seats": seats}]}],
    })
}

/// Programs that write halls find out how from the server itself.
#[tokio::test]
async fn the_schema_of_a_hall_is_served() {
    let world = World::new().await;
    let path = "/api/v1/schemas/hall.json";
    let read = world.get(path).send().await;
    assert_eq!(read.status.as_u16(), 200);
    assert_eq!(read.header("content-type"), "application/schema+json");
    let schema: Value = serde_json::from_str(onsale_halls::format::SCHEMA).unwrap();
    assert_eq!(read.json(), schema);
    let tag = read.header("etag").to_owned();
    let known = world.get(path).header("if-none-match", &tag).send().await;
    assert_eq!((known.status.as_u16(), known.bytes.len()), (304, 0));
}

#[tokio::test]
async fn a_change_is_another_version_and_the_first_one_stays() {
    let world = World::new().await;
    let maps = format!("/{}/maps", venue(&world).await);
    let first = hall(&["1", "2"]);
    let made = ask(&world, Method::POST, &maps).json(&first).send().await;
    let made = made.data(201);
    assert_eq!((&made["version"], &made["places"]), (&json!(1), &json!(2)));
    let path = format!("{maps}/{}", made["map_id"].as_str().unwrap());
    let put = |hall: &Value| ask(&world, Method::PUT, &path).json(hall);
    // The same, written otherwise.
    let same: String = serde_json::to_string_pretty(&first).unwrap();
    let same = ask(&world, Method::PUT, &path).raw(same).send().await;
    assert_eq!(same.data(200), made);
    let second = put(&hall(&["1", "2", "3"])).send().await.data(200);
    assert_eq!(
        (&second["version"], &second["places"]),
        (&json!(2), &json!(3))
    );
    assert_ne!(second["address"], made["address"]);
    for (query, version, seats) in [("", 2, 3), ("?version=2", 2, 3), ("?version=1", 1, 2)] {
        let read = ask(&world, Method::GET, &format!("{path}{query}"))
            .send()
            .await;
        let read = read.data(200);
        assert_eq!(read["version"], version, "{query}");
        let json = read["hall"].to_string();
        let hall = Hall::from_json(json.as_bytes()).unwrap();
        assert_eq!(hall.plan().seats.len(), seats, "{query}");
        assert_eq!(read["address"], hall.address().to_string());
    }
    let none = ask(&world, Method::GET, &format!("{path}?version=3"));
    none.send().await.error(404, "NOT_FOUND");
    let listed = ask(&world, Method::GET, &maps).send().await.data(200);
    assert_eq!(listed, json!([second]));
    // Who has not seen the last version makes no other.
    let last = ask(&world, Method::GET, &path).send().await;
    assert_eq!(last.header("etag"), "\"2\"");
    let third = hall(&["1", "2", "3", "4"]);
    let late = put(&third).header("if-match", "\"1\"").send().await;
    assert_eq!(late.error(412, "PRECONDITION_FAILED")["etag"], "\"2\"");
    let seen = put(&third)
        .header("if-match", "\"1\", W/\"2\"")
        .send()
        .await;
    assert_eq!(seen.header("etag"), "\"3\"");
    assert_eq!(seen.data(200)["version"], 3);
    // Under another venue there is no such map.
    let elsewhere = venue(&world).await;
    let map = made["map_id"].as_str().unwrap();
    let astray = ask(&world, Method::GET, &format!("/{elsewhere}/maps/{map}"));
    astray.send().await.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_is_wrong_with_a_hall_is_said_with_its_place() {
    let world = World::new().await;
    let maps = format!("/{}/maps", venue(&world).await);
    let twice = hall(&["14", "14"]);
    let refused = ask(&world, Method::POST, &maps).json(&twice).send().await;
    let details = refused.error(400, "VALIDATION_ERROR");
    let fault = &details["faults"][0];
    assert_eq!(fault["path"], "sections[0].rows[0]");
    assert_eq!(fault["place"], "section B, row 7");
    assert_eq!(details["faults_total"], 1);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("section B, row 7: two seats 14"),
        "{detail}"
    );
    // As many faults as there are, and an answer of a bounded size.
    let many: Vec<&str> = vec!["-"; 500];
    let refused = ask(&world, Method::POST, &maps)
        .json(&hall(&many))
        .send()
        .await;
    let details = refused.error(400, "VALIDATION_ERROR");
    assert!(
        details["faults_total"].as_u64().unwrap() >= 100,
        "{details}"
    );
    assert_eq!(details["faults"].as_array().unwrap().len(), 10);
    let not_json = ask(&world, Method::POST, &maps)
        .raw("{\n\"format\":")
        .send()
        .await;
    assert_eq!(not_json.error(400, "VALIDATION_ERROR")["line"], 2);
    let no_type = ask(&world, Method::POST, &maps).bare("{}").send().await;
    no_type.error(415, "UNSUPPORTED_MEDIA_TYPE");
    let listed = ask(&world, Method::GET, &maps).send().await;
    assert_eq!(listed.data(200), json!([]));
}

#[tokio::test]
async fn plans_and_tables_are_imported() {
    let world = World::new().await;
    let import = format!("/{}/maps/import", venue(&world).await);
    let send = |query: &str, kind: &str, body: &str| {
        ask(&world, Method::POST, &format!("{import}{query}"))
            .bare(body.to_owned())
            .header("content-type", kind)
    };
    let table = "section,row,seat,category\nStalls,A,1,Best\nStalls,A,2,Best\n";
    let made = send("", "text/csv; charset=utf-8", table)
        .send()
        .await
        .data(201);
    assert_eq!(
        (&made["name"], &made["places"]),
        (&json!("Lyric Theatre"), &json!(2))
    );
    assert_eq!(made["notes"], json!([]));
    let named = send(
        "?format=csv&name=Small%20Hall",
        "application/octet-stream",
        table,
    );
    assert_eq!(named.send().await.data(201)["name"], "Small Hall");
    let plan = send("?format=pretix", "application/json", PRETIX)
        .send()
        .await
        .data(201);
    assert!(plan["places"].as_u64().unwrap() > 0);
    assert!(plan["notes"].is_array());
    let hall = send("", "application/json", SMALL).send().await.data(201);
    let read = Hall::from_json(SMALL.as_bytes()).unwrap();
    assert_eq!(hall["address"], read.address().to_string());

    let twice = "section,row,seat,category\nStalls,A,1,Best\nStalls,A,x-,Best\n";
    let refused = send("", "text/csv", twice).send().await;
    let details = refused.error(400, "VALIDATION_ERROR");
    assert!(
        details["faults"][0]["path"]
            .as_str()
            .unwrap()
            .contains("line 3"),
        "{details}"
    );
    let wrong = send("?format=xlsx", "text/csv", table).send().await;
    assert_eq!(wrong.error(400, "VALIDATION_ERROR")["field"], "format");
    let unsaid = send("", "application/zip", table).send().await;
    unsaid.error(415, "UNSUPPORTED_MEDIA_TYPE");
    let title = unsaid.json()["title"].clone();
    assert_eq!(title, "The request body is of a type that is not read here");
    // The types that are read without `format` are those of the document.
    let document = world.get("/api/v1/openapi.json").send().await.json();
    let described = &document["paths"]["/api/v1/venues/{id}/maps/import"]["post"];
    let types = described["requestBody"]["content"].as_object().unwrap();
    for kind in ["text/csv", "application/json"] {
        assert!(types.contains_key(kind), "{kind}: {types:?}");
    }
}

#[tokio::test]
async fn halls_of_common_shapes_are_generated() {
    let world = World::new().await;
    let generate = format!("/{}/maps/generate", venue(&world).await);
    for (asked, name, places) in [
        (json!({"shape": "theatre"}), "Lyric Theatre", 1_500),
        (json!({"shape": "arena", "name": "Arena"}), "Arena", 18_000),
        (
            json!({"shape": "rectangle", "rows": 3, "seats_per_row": 4, "aisles": 0}),
            "Lyric Theatre",
            12,
        ),
    ] {
        let made = ask(&world, Method::POST, &generate)
            .json(&asked)
            .send()
            .await;
        let made = made.data(201);
        assert_eq!(
            (&made["name"], &made["places"]),
            (&json!(name), &json!(places))
        );
    }
    for (asked, field) in [
        (json!({"shape": "ship"}), "shape"),
        (json!({"shape": "club", "seats": 5}), "seats"),
        (json!({"shape": "arena", "seats": 1}), "body"),
        (json!({"shape": "arena", "lower_rows": 70_000}), "body"),
        (json!({"shape": "club", "boats": 5}), "boats"),
        (json!({}), "shape"),
    ] {
        let refused = ask(&world, Method::POST, &generate)
            .json(&asked)
            .send()
            .await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{asked}");
    }
}
