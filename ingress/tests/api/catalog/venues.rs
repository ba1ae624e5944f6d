//! Events that name their venue.

use http::Method;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::ShowStatus;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{created, path_of};
use crate::support::{EVENT, Reply, SHOW, World};
use crate::venues::venue_row;

/// A venue of the organizer's tenant, in Bangkok, and one of it in Oslo.
const LYRIC: Uuid = Uuid::from_u128(0x71);
const OPERA: Uuid = Uuid::from_u128(0x72);
/// A venue of another tenant.
const OTHERS: Uuid = Uuid::from_u128(0x73);

async fn world() -> World {
    let world = World::new().await;
    let own = Uuid::from_u128(7);
    let mut opera = venue_row(OPERA, own, "Opera");
    opera.venue.time_zone = "Europe/Oslo".to_owned();
    let others = venue_row(OTHERS, Uuid::from_u128(8), "Elsewhere");
    for row in [venue_row(LYRIC, own, "Lyric"), opera, others] {
        let by = Unaudited::Unattended;
        world.store.add_venue(&row, by).await.unwrap();
    }
    world
}

async fn ask(world: &World, method: Method, path: &str, body: &Value) -> Reply {
    let call = world.call(method, path).by_role("organizer");
    call.json(body).send().await
}

#[tokio::test]
async fn a_venue_is_one_of_the_tenant() {
    let world = world().await;
    let event = created(
        &world,
        json!({"name": "Aida", "starts_at": "2030-01-01T00:00:00Z"}),
    )
    .await;
    let path = path_of(&event);
    for unknown in [OTHERS, Uuid::from_u128(0x74)] {
        let body =
            json!({"name": "Aida", "starts_at": "2030-01-01T00:00:00Z", "venue_id": unknown});
        for (method, path, body) in [
            (Method::POST, "/api/v1/events", &body),
            (Method::PUT, path.as_str(), &body),
            (
                Method::PATCH,
                path.as_str(),
                &json!({ "venue_id": unknown }),
            ),
        ] {
            let refused = ask(&world, method.clone(), path, body).await;
            let details = refused.error(400, "VALIDATION_ERROR");
            assert_eq!(details["field"], "venue_id", "{method}");
            assert_eq!(details["value"], json!(unknown), "{method}");
        }
    }
    let set = ask(&world, Method::PATCH, &path, &json!({ "venue_id": LYRIC })).await;
    assert_eq!(set.data(200)["venue_id"], json!(LYRIC));
    let copied = ask(&world, Method::POST, &format!("{path}/copy"), &json!({})).await;
    assert_eq!(copied.data(201)["venue_id"], json!(LYRIC));
    let none = ask(&world, Method::PATCH, &path, &json!({ "venue_id": null })).await;
    assert_eq!(none.data(200)["venue_id"], Value::Null);
}

#[tokio::test]
async fn times_are_those_of_the_venue_unless_the_event_has_a_zone_of_its_own() {
    let world = world().await;
    // A local time, as clocks at the venue show it.
    let body = json!({"name": "Aida", "starts_at": "2030-01-01T20:00:00", "venue_id": LYRIC});
    let event = created(&world, body).await;
    assert_eq!(event["time_zone"], "Asia/Bangkok");
    assert_eq!(event["starts_at"], "2030-01-01T13:00:00.000Z");
    assert_eq!(event["starts_at_local"], "2030-01-01T20:00:00+07:00");
    let path = path_of(&event);
    // It moves to another venue, and nothing else is said of its zone.
    let body = json!({"venue_id": OPERA, "starts_at": "2030-01-01T20:00:00"});
    let moved = ask(&world, Method::PATCH, &path, &body).await.data(200);
    assert_eq!(moved["time_zone"], "Europe/Oslo");
    assert_eq!(moved["starts_at"], "2030-01-01T19:00:00.000Z");
    // What it says itself stays.
    for (body, zone) in [
        (json!({"time_zone": "Asia/Tokyo"}), json!("Asia/Tokyo")),
        (json!({"venue_id": LYRIC}), json!("Asia/Tokyo")),
        (json!({"venue_id": OPERA, "time_zone": null}), Value::Null),
        (json!({"venue_id": LYRIC}), json!("Asia/Bangkok")),
    ] {
        let changed = ask(&world, Method::PATCH, &path, &body).await.data(200);
        assert_eq!(changed["time_zone"], zone, "{body}");
    }
    let own = json!({
        "name": "Norma", "starts_at": "2030-01-01T20:00:00", "venue_id": LYRIC, "time_zone": "Asia/Tokyo",
    });
    assert_eq!(created(&world, own).await["time_zone"], "Asia/Tokyo");
}

#[tokio::test]
async fn a_venue_that_events_name_stays_and_is_public_with_them() {
    let world = world().await;
    let venue = format!("/api/v1/venues/{LYRIC}");
    let body = json!({
        "name": "Aida", "starts_at": "2030-01-01T00:00:00Z", "venue_id": LYRIC, "status": "draft",
    });
    let path = path_of(&created(&world, body).await);
    world.get(&venue).send().await.error(404, "NOT_FOUND");
    let published = json!({"status": "published"});
    ask(&world, Method::PATCH, &path, &published)
        .await
        .data(200);
    let told = world.get(&venue).send().await.data(200);
    assert_eq!(told["name"], "Lyric");
    let delete = || world.call(Method::DELETE, &venue).by_role("organizer");
    let refused = delete().send().await.error(409, "VENUE_IN_USE");
    assert_eq!(refused["events"], 1);
    let moved = json!({ "venue_id": null });
    ask(&world, Method::PATCH, &path, &moved).await.data(200);
    delete().send().await.data(200);
    // A repetition of what was answered has its answer, whatever became of the venue since.
    let body = json!({"name": "Norma", "starts_at": "2030-01-01T00:00:00Z", "venue_id": OPERA});
    let create = || {
        let call = world.post("/api/v1/events").by_role("organizer");
        call.header("idempotency-key", "norma").json(&body)
    };
    let event = create().send().await.data(201);
    let moved = json!({ "venue_id": null });
    ask(&world, Method::PATCH, &path_of(&event), &moved)
        .await
        .data(200);
    let opera = format!("/api/v1/venues/{OPERA}");
    let gone = world.call(Method::DELETE, &opera).by_role("organizer");
    gone.send().await.data(200);
    assert_eq!(create().send().await.data(201), event);
}

/// What a venue says of the place of an event is told wherever the event is, and does not become what the event says.
#[tokio::test]
async fn an_event_is_told_with_the_place_of_its_venue() {
    let world = world().await;
    let venue = format!("/api/v1/venues/{LYRIC}");
    let said = json!({"name": "Lyric", "city": "Bangkok", "time_zone": "Asia/Bangkok"});
    ask(&world, Method::PUT, &venue, &said).await.data(200);
    let body = json!({"name": "Aida", "starts_at": "2030-01-01T00:00:00Z", "venue_id": LYRIC});
    let event = created(&world, body.clone()).await;
    let place = json!({"venue": "Lyric", "city": "Bangkok"});
    assert_eq!(event["place"], place);
    assert_eq!(event["venue"], Value::Null);
    let path = path_of(&event);
    let slug = event["slug"].as_str().unwrap();
    for read in [
        path.clone(),
        format!("{path}?include=shows"),
        format!("/api/v1/events/by-slug/{slug}"),
    ] {
        assert_eq!(
            world.get(&read).send().await.data(200)["place"],
            place,
            "{read}"
        );
    }
    let mine = world.get("/api/v1/events?mine=true&search=aida");
    let mine = mine.by_role("organizer").send().await.data(200);
    assert_eq!(mine[0]["place"], place);
    // A calendar too, of an event with a show.
    let opened = world
        .store
        .set_show_status(SHOW, ShowStatus::Open, Unaudited::Unattended);
    assert!(opened.await.unwrap());
    let silent = json!({"venue_id": LYRIC, "venue": null, "city": null});
    let of_show = format!("/api/v1/events/{EVENT}");
    let patched = ask(&world, Method::PATCH, &of_show, &silent).await;
    assert_eq!(patched.data(200)["place"], place);
    let calendar = world.get(&format!("{of_show}/calendar.ics")).send().await;
    let calendar = String::from_utf8(calendar.bytes).unwrap();
    let location = "LOCATION:Lyric\\, Bangkok\r\n";
    assert!(calendar.contains(location), "{calendar}");

    // A `PUT` of what was read, with its tag, says no more than was said before.
    let read = world.get(&path).send().await;
    let tag = read.header("etag").to_owned();
    let told = read.data(200);
    let mut same = body;
    for field in ["venue", "city", "description", "category", "time_zone"] {
        same[field] = told[field].clone();
    }
    let put = world.call(Method::PUT, &path).by_role("organizer");
    let put = put.header("if-match", &tag).json(&same).send().await;
    assert_eq!(put.header("etag"), tag, "nothing is other than before");
    assert_eq!(put.data(200)["venue"], Value::Null);
    let mut with_place = same;
    with_place["place"] = place;
    let refused = ask(&world, Method::PUT, &path, &with_place).await;
    refused.error(400, "VALIDATION_ERROR");

    // Another name of the venue is another answer, and no other version of the event.
    let said = json!({"name": "Grand", "city": "Bangkok", "time_zone": "Asia/Bangkok"});
    ask(&world, Method::PUT, &venue, &said).await.data(200);
    let again = world.get(&path).header("if-none-match", &tag).send().await;
    assert_eq!(again.data(200)["place"]["venue"], "Grand");
    assert_ne!(again.header("etag"), tag);
    let own = json!({"venue": "The small stage"});
    let patch = world.call(Method::PATCH, &path).by_role("organizer");
    let patched = patch.header("if-match", &tag).json(&own).send().await;
    let place = json!({"venue": "The small stage", "city": "Bangkok"});
    assert_eq!(patched.data(200)["place"], place);
    // Of nowhere there is no place.
    let nowhere = json!({"venue_id": null, "venue": null});
    let patched = ask(&world, Method::PATCH, &path, &nowhere).await;
    assert_eq!(patched.data(200)["place"], Value::Null);
}
