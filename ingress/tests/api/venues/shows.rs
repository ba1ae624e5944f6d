//! Shows that are made from maps, and their charts.

use std::io::Read as _;

use http::Method;
use onsale_halls::Address;
use onsale_schemas::Command;
use onsale_schemas::command::Admission;
use onsale_schemas::seating::{OpenShowV3, SeatKind};
use serde_json::{Value, json};

use super::{ask, venue};
use crate::support::{Call, EVENT, SHOW, World};

fn baht(amount: i64) -> Value {
    json!({"amount": amount, "currency": "THB"})
}

/// A map of this shape: its venue and its id.
async fn map(world: &World, shape: &Value) -> (String, String) {
    let venue = venue(world).await;
    let path = format!("/{venue}/maps/generate");
    let made = ask(world, Method::POST, &path).json(shape).send().await;
    let map = made.data(201)["map_id"].as_str().unwrap().to_owned();
    (venue, map)
}

/// `POST /events/{id}/shows` of the organizer.
fn create<'a>(world: &'a World, show: &Value) -> Call<'a> {
    world
        .post(&format!("/api/v1/events/{EVENT}/shows"))
        .by_role("organizer")
        .json(show)
}

fn of_map(map: &str, prices: Value) -> Value {
    json!({"starts_at": "2030-01-01T20:00:00Z", "map_id": map, "prices": prices})
}

fn theatre_prices() -> Value {
    json!({"premium": baht(320_000), "stalls": baht(240_000), "balcony": baht(150_000)})
}

/// The opening that the log was asked for.
fn opening(world: &World) -> OpenShowV3 {
    let Command::OpenShowV3(open) = world.log.last().command else {
        panic!("no opening of a show of a map")
    };
    *open
}

#[tokio::test]
async fn a_show_has_the_zones_rows_gaps_and_ranks_of_its_map() {
    let world = World::new().await;
    let (venue, map) = map(&world, &json!({"shape": "theatre"})).await;
    let made = create(&world, &of_map(&map, theatre_prices())).send().await;
    let show = made.data(201);
    assert_eq!(
        (&show["venue_id"], &show["map_id"]),
        (&json!(venue), &json!(map))
    );
    assert_eq!(show["map_version"], 1);
    let zones = show["zones"].as_array().unwrap();
    let named: Vec<&str> = zones.iter().map(|z| z["name"].as_str().unwrap()).collect();
    assert_eq!(named, ["Premium stalls", "Stalls", "Balcony"]);
    let seats: Vec<u64> = zones
        .iter()
        .map(|z| z["total_seats"].as_u64().unwrap())
        .collect();
    assert_eq!(seats.iter().sum::<u64>(), 1_500);
    assert_eq!(zones[2]["price"], baht(150_000));

    let open = opening(&world);
    assert_eq!(open.companions_per_accessible, 1);
    let plan = &open.plans[0];
    let Admission::Seated { rows } = &open.show.show.zones[0].admission else {
        panic!("not seated")
    };
    assert_eq!(plan.rows.len(), rows.len());
    let ranks: Vec<u16> = plan.rows.iter().map(|row| row.rank).collect();
    assert!(ranks.is_sorted() && ranks[0] < ranks[1], "{ranks:?}");
    assert_eq!(plan.rows[0].gaps.len(), 2, "two aisles");
    let special = |kind| {
        let rows = open.plans.iter().flat_map(|plan| &plan.rows);
        rows.flat_map(|row| &row.special)
            .filter(|special| special.kind == kind)
            .map(|special| u32::from(special.count))
            .sum::<u32>()
    };
    assert_eq!(special(SeatKind::Accessible), 6);
    assert_eq!(special(SeatKind::Companion), 6);
}

#[tokio::test]
async fn a_show_stays_what_it_was_made_from() {
    let world = World::new().await;
    let small = json!({"shape": "rectangle", "rows": 2, "seats_per_row": 3, "aisles": 0});
    let (venue, map) = map(&world, &small).await;
    let prices = json!({"standard": baht(100)});
    let first = create(&world, &of_map(&map, prices.clone()))
        .header("idempotency-key", "first")
        .send()
        .await
        .data(201);
    // The next version has another hall.
    let path = format!("/{venue}/maps/{map}");
    let read = ask(&world, Method::GET, &path).send().await.data(200);
    let mut hall = read["hall"].clone();
    hall["name"] = json!("Rebuilt");
    hall["sections"][0]["rows"].as_array_mut().unwrap().pop();
    let put = ask(&world, Method::PUT, &path).json(&hall).send().await;
    assert_eq!(put.data(200)["version"], 2);
    let again = create(&world, &of_map(&map, prices.clone()))
        .header("idempotency-key", "first")
        .send()
        .await;
    assert_eq!(again.data(201), first);
    let total = |show: &Value| show["zones"][0]["total_seats"].as_u64().unwrap();
    let second = create(&world, &of_map(&map, prices.clone()))
        .send()
        .await
        .data(201);
    assert_eq!((total(&first), total(&second)), (6, 3));
    assert_eq!(
        (&first["map_version"], &second["map_version"]),
        (&json!(1), &json!(2))
    );
    let mut old = of_map(&map, prices);
    old["map_version"] = json!(1);
    assert_eq!(total(&create(&world, &old).send().await.data(201)), 6);
    // And the venue stays, too.
    let delete = ask(&world, Method::DELETE, &format!("/{venue}"))
        .send()
        .await;
    assert_eq!(delete.error(409, "VENUE_IN_USE")["shows"], 3);
    // Everybody may know where it takes place.
    let public = world.get(&format!("/api/v1/venues/{venue}")).send().await;
    assert_eq!(public.data(200)["name"], "Lyric Theatre");
}

#[tokio::test]
async fn what_is_wrong_with_prices_is_named() {
    let world = World::new().await;
    let (_, map) = map(&world, &json!({"shape": "theatre"})).await;
    let with = |change: fn(&mut Value)| {
        let mut show = of_map(&map, theatre_prices());
        change(&mut show);
        show
    };
    for (show, field) in [
        (
            with(|show| {
                show["prices"].as_object_mut().unwrap().remove("balcony");
            }),
            "prices.balcony",
        ),
        (
            with(|show| show["prices"]["boxes"] = baht(1)),
            "prices.boxes",
        ),
        (
            with(|show| show["prices"]["stalls"] = baht(-1)),
            "prices.stalls.amount",
        ),
        (
            with(|show| show["prices"]["stalls"]["currency"] = json!("ABC")),
            "prices.stalls.currency",
        ),
        (
            with(|show| show["not_for_sale"] = json!(["balcony"])),
            "prices.balcony",
        ),
        (
            with(|show| show["not_for_sale"] = json!(["boxes"])),
            "not_for_sale[0]",
        ),
        (
            with(|show| {
                show["prices"] = json!({});
                show["not_for_sale"] = json!(["premium", "stalls", "balcony"]);
            }),
            "prices",
        ),
        (with(|show| show["zones"] = json!([])), "zones"),
        (with(|show| show["map_id"] = Value::Null), "zones"),
    ] {
        let refused = create(&world, &show).send().await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{show}");
    }
    for wrong in [
        with(|show| show["map_id"] = json!(SHOW)),
        with(|show| show["map_version"] = json!(2)),
    ] {
        let refused = create(&world, &wrong).send().await;
        refused.error(404, "NOT_FOUND");
    }
    let without = with(|show| {
        show["prices"].as_object_mut().unwrap().remove("balcony");
        show["not_for_sale"] = json!(["balcony"]);
    });
    let zones = create(&world, &without).send().await.data(201)["zones"].clone();
    assert_eq!(zones.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_chart_is_found_by_what_it_is_and_kept_for_ever() {
    let world = World::new().await;
    let (_, map) = map(&world, &json!({"shape": "arena", "seats": 20_016})).await;
    let prices = json!({
        "lower-front": baht(4), "lower": baht(3), "upper-front": baht(2), "upper": baht(1),
    });
    let show = create(&world, &of_map(&map, prices)).send().await.data(201);
    let seats = world
        .get(&format!(
            "/api/v1/shows/{}/seats",
            show["show_id"].as_str().unwrap()
        ))
        .send()
        .await
        .data(200);
    let path = seats["chart"].as_str().unwrap();
    let chart = world.get(path).send().await;
    assert_eq!(chart.status.as_u16(), 200);
    assert_eq!(
        chart.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(chart.header("content-type"), "application/json");
    let address = Address::of(&chart.bytes).to_string();
    assert_eq!(path, format!("/api/v1/charts/{address}"));
    let drawn = chart.json();
    assert_eq!(drawn["format"], "onsale-chart/1");
    assert_eq!(drawn["seats"]["x"].as_array().unwrap().len(), 20_016);

    let packed = world
        .get(path)
        .header("accept-encoding", "gzip")
        .send()
        .await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.bytes.len() < 200_000, "{} bytes", packed.bytes.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.bytes[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, chart.bytes);

    let tag = chart.header("etag");
    let known = world.get(path).header("if-none-match", tag).send().await;
    assert_eq!((known.status.as_u16(), known.bytes.len()), (304, 0));
    for nothing in [
        format!("/api/v1/charts/{}", Address::of(b"other")),
        "/api/v1/charts/x".to_owned(),
        path.to_uppercase()
            .replace("/API/V1/CHARTS", "/api/v1/charts"),
    ] {
        world.get(&nothing).send().await.error(404, "NOT_FOUND");
    }
    // Asked for where the seats are, it is at its address.
    let of_show = format!("/api/v1/shows/{}", show["show_id"].as_str().unwrap());
    let by_form = world.get(&format!("{of_show}/seats?form=chart"));
    let by_accept = world
        .get(&format!("{of_show}/seats"))
        .header("accept", "application/vnd.onsale.chart+json");
    for call in [by_form, by_accept] {
        let reply = call.by_role("organizer").send().await;
        assert_eq!(reply.status.as_u16(), 307);
        assert_eq!(reply.header("location"), path);
        assert!(reply.bytes.is_empty());
    }
    let packed = world
        .get(&format!("{of_show}/seats?form=seats"))
        .header("accept-encoding", "gzip")
        .send()
        .await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.bytes.len() < 200_000, "{} bytes", packed.bytes.len());
    let page = world.get(&of_show).send().await.data(200);
    assert_eq!(page["chart"], path);
    assert_eq!(page["companions_per_accessible"], 1);
    let wrong = world.get(&format!("{of_show}/seats?form=map")).send().await;
    assert_eq!(wrong.error(400, "VALIDATION_ERROR")["field"], "form");
    // A show of zones has no chart.
    let seats = format!("/api/v1/shows/{SHOW}/seats");
    let compact = world.get(&format!("{seats}?form=chart")).send().await;
    compact.error(404, "NOT_FOUND");
    let by_accept = world
        .get(&seats)
        .header("accept", "application/vnd.onsale.chart+json");
    assert_eq!(by_accept.send().await.data(200)["chart"], Value::Null);
    let plain = world
        .get(&format!("/api/v1/shows/{SHOW}/seats"))
        .send()
        .await;
    assert_eq!(plain.data(200)["chart"], Value::Null);
}
