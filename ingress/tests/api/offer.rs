//! What a show has for sale: with a new show, by `PUT /shows/{id}/offer`, and as people read it.

mod elsewhere;
mod quote;
mod reserved;

use std::sync::atomic::Ordering;

use http::Method;
use onsale_schemas::offer::Offer;
use onsale_schemas::{Command, Outcome, OutcomeRecord, Rejection};
use onsale_store::audit::AuditFilter;
use onsale_store::catalog::ShowRow;
use serde_json::{Value, json};

use crate::support::{Call, EVENT, FLOOR, Reply, SHOW, STALLS, Script, ScriptedLog, World};

fn thb(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "THB" })
}

/// A type that is sold in these zones.
fn ticket(name: &str, prices: &[(&str, i64)]) -> Value {
    let prices = prices.iter();
    let prices: Vec<Value> = prices
        .map(|(zone, price)| json!({ "zone": zone, "price": thb(*price) }))
        .collect();
    json!({ "name": name, "prices": prices })
}

fn offer_path() -> String {
    format!("/api/v1/shows/{SHOW}/offer")
}

fn put<'a>(world: &'a World, offer: &Value) -> Call<'a> {
    world
        .call(Method::PUT, &offer_path())
        .by_role("organizer")
        .json(offer)
}

/// What the log is asked to sell.
fn asked(world: &World) -> Offer {
    let Command::SetOffer(set) = world.log.last().command else {
        panic!("no offer")
    };
    assert_eq!(set.show, SHOW);
    set.offer
}

/// Projects that the log accepted what was handed in last, at `offset` from the end of what was projected before.
async fn accept(world: &World, from: u64, offset: u64) {
    let accepted = OutcomeRecord {
        request_id: world.log.last().request_id,
        ..ScriptedLog::record(offset, Outcome::OfferSet { show: SHOW })
    };
    world.project(from, vec![accepted]).await;
}

async fn row(world: &World) -> ShowRow {
    world.store.show(SHOW).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_offer_is_in_force_when_the_log_has_accepted_it() {
    let world = World::new().await;
    world.operations.projected.store(0, Ordering::SeqCst);
    let read = || async {
        let reply = world.get(&offer_path()).send().await;
        reply.data(200)
    };
    assert_eq!(read().await["ticket_types"], json!([]));
    let offer = json!({
        "ticket_types": [
            ticket("Child", &[("Stalls", 100_000)]),
            ticket("Standard", &[("Floor", 80_000)]),
        ],
        "phases": [{ "name": "Early", "places": 10, "percent_off": "12.5" }],
        "fees": { "per_order": thb(500) }, "tax_percent": 7,
        "zones": [{ "zone": "Stalls", "no_single_seats": true }],
    });
    let answer = put(&world, &offer).send().await.data(200);
    assert_eq!(answer["ticket_types"][0]["name"], "Child");
    assert_eq!(
        answer["ticket_types"][0]["prices"][0]["zone_id"],
        json!(STALLS)
    );
    assert_eq!(answer["phases"][0]["percent_off"], "12.5");
    assert_eq!(answer["tax_percent"], "7");
    let sent = asked(&world);
    let ids: Vec<u8> = sent.types.iter().map(|known| known.id).collect();
    assert_eq!(ids, [0, 1], "Standard is type 0");
    assert_eq!(
        sent.phases[0].price,
        onsale_schemas::offer::PhasePrice::OffBp(1_250)
    );
    // The projection is behind; the catalog is the projector's to change.
    assert!(row(&world).await.offer.unwrap().offer.is_empty());
    accept(&world, 0, 100).await;
    world.operations.projected.store(u64::MAX, Ordering::SeqCst);
    assert_eq!(row(&world).await.offer.unwrap().offer, sent);
    // What is read can be sent back, and a name keeps its number.
    let managed = world.get(&offer_path()).by_role("organizer").send().await;
    let again = managed.data(200);
    assert_eq!(again, answer);
    put(&world, &again).send().await.data(200);
    assert_eq!(asked(&world), sent);
    let other =
        json!({ "ticket_types": [ticket("Student", &[("Stalls", 1)]), ticket("Child", &[])] });
    put(&world, &other).send().await.data(200);
    let ids: Vec<u8> = asked(&world).types.iter().map(|known| known.id).collect();
    assert_eq!(ids, [1, 2], "Child again, and a new one");
}

#[tokio::test]
async fn the_public_does_not_see_what_is_hidden_or_needs_a_code() {
    let world = World::new().await;
    let mut staff = ticket("Staff", &[("Stalls", 1)]);
    staff["hidden"] = json!(true);
    let mut members = ticket("Members", &[("Stalls", 2)]);
    members["code_only"] = json!(true);
    let offer = json!({
        "ticket_types": [staff, members, ticket("Adult", &[("Stalls", 3)])],
        "phases": [
            { "name": "For members", "ticket_types": ["Members"], "percent_off": "10" },
            { "name": "For all", "ticket_types": ["Members", "Adult"], "percent_off": "10" },
        ],
    });
    put(&world, &offer).send().await.data(200);
    accept(&world, 0, 100).await;
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|of| of["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for (role, types, phases) in [
        (Some("organizer"), vec!["Staff", "Members", "Adult"], 2),
        (Some("buyer"), vec!["Adult"], 1),
        (None, vec!["Adult"], 1),
    ] {
        let call = world.get(&offer_path());
        let call = match role {
            Some(role) => call.by_role(role),
            None => call,
        };
        let read = call.send().await.data(200);
        assert_eq!(names(&read["ticket_types"]), types, "{role:?}");
        assert_eq!(names(&read["phases"]).len(), phases, "{role:?}");
        let last = read["phases"].as_array().unwrap().last().unwrap();
        let seen = last["ticket_types"].as_array().unwrap().len();
        assert_eq!(seen, types.len().min(2), "{role:?}");
    }
}

#[tokio::test]
async fn an_offer_has_a_tag_and_is_replaced_only_where_it_is_the_one_that_was_read() {
    let world = World::new().await;
    let tag = |reply: &Reply| reply.header("etag").to_owned();
    let first = tag(&world.get(&offer_path()).send().await);
    let known = world.get(&offer_path()).header("if-none-match", &first);
    assert_eq!(known.send().await.status, 304);
    let offer = json!({ "tax_percent": "7" });
    put(&world, &offer)
        .header("if-match", &first)
        .send()
        .await
        .data(200);
    accept(&world, 0, 100).await;
    let handed_in = world.log.seen().len();
    let late = put(&world, &json!({ "tax_percent": "19" })).header("if-match", &first);
    late.send().await.error(412, "PRECONDITION_FAILED");
    assert_eq!(world.log.seen().len(), handed_in);
    let second = tag(&world.get(&offer_path()).by_role("organizer").send().await);
    assert_ne!(second, first);
    let next = put(&world, &json!({ "tax_percent": "19" })).header("if-match", &second);
    next.send().await.data(200);
    put(&world, &json!({}))
        .header("if-match", "*")
        .send()
        .await
        .data(200);
}

/// What is written down under a key that the log knows as another request's is taken back: it would keep out whoever
/// goes by what was read, and stand in the way of the right repetition.
#[tokio::test]
async fn a_used_key_leaves_nothing_behind() {
    let world = World::new().await;
    let by_key = |percent: &str| {
        put(&world, &json!({ "tax_percent": percent })).header("idempotency-key", "k")
    };
    by_key("7").send().await.data(200);
    accept(&world, 0, 100).await;
    world
        .log
        .next(Script::reject(Rejection::IdempotencyKeyReused));
    let other = by_key("19").send().await;
    other.error(422, "IDEMPOTENCY_KEY_REUSED");
    let read = world.get(&offer_path()).by_role("organizer").send().await;
    let tag = read.header("etag").to_owned();
    let next = put(&world, &json!({ "tax_percent": "5" })).header("if-match", &tag);
    next.send().await.data(200);
    by_key("7").send().await.data(200);
}

#[tokio::test]
async fn a_refused_offer_changes_nothing_and_says_why() {
    let world = World::new().await;
    let named = |field: &str| format!("ticket_types[1].prices[0].{field}");
    let types = |price: &Value| json!({ "ticket_types": [ticket("A", &[]), { "name": "B", "prices": [price] }] });
    for (offer, field) in [
        (
            types(&json!({ "zone": "Gallery", "price": thb(1) })),
            named("zone"),
        ),
        (
            types(&json!({ "zone_id": SHOW.0, "price": thb(1) })),
            named("zone_id"),
        ),
        (
            types(&json!({ "zone_id": FLOOR, "price": thb(-1) })),
            named("price.amount"),
        ),
        (
            types(&json!({ "zone": "Floor", "price": { "amount": 1, "currency": "XXX" } })),
            named("price.currency"),
        ),
        (json!({ "tax_percent": "7.125" }), "tax_percent".to_owned()),
        (json!({ "tax_percent": 100.5 }), "tax_percent".to_owned()),
        (json!({ "discount": 1 }), "discount".to_owned()),
    ] {
        let handed_in = world.log.seen().len();
        let reply = put(&world, &offer).send().await;
        assert_eq!(
            reply.error(400, "VALIDATION_ERROR")["field"],
            field,
            "{offer}"
        );
        assert_eq!(world.log.seen().len(), handed_in, "{offer}");
    }
    assert_eq!(row(&world).await.offer, None, "no name was given a number");
    world.log.next(Script::reject(Rejection::ShowCancelled));
    let refused = put(&world, &json!({ "tax_percent": "7" })).send().await;
    refused.error(409, "SHOW_CANCELLED");
    assert!(
        row(&world)
            .await
            .offer
            .is_none_or(|row| row.offer.is_empty())
    );
}

fn new_show() -> Value {
    json!({
        "starts_at": "2030-01-01T20:00:00Z",
        "zones": [{ "name": "Hall", "price": thb(500), "admission": "general", "capacity": 10 }],
    })
}

#[tokio::test]
async fn a_show_opens_with_its_offer() {
    let world = World::new().await;
    let create = |body: &Value| {
        world
            .post(&format!("/api/v1/events/{EVENT}/shows"))
            .by_role("organizer")
            .json(body)
    };
    let mut body = new_show();
    body["offer"] = json!({
        "ticket_types": [ticket("Adult", &[("Hall", 400)]), ticket("Child", &[("Hall", 200)])],
        "bundles": [{ "name": "Family", "places": 3, "percent_off": "10", "zones": ["Hall"] }],
    });
    body["companions_per_accessible"] = json!(1);
    let show = create(&body).send().await.data(201);
    let Command::OpenShowV3(open) = world.log.last().command else {
        panic!("not an opening of version 3")
    };
    assert_eq!(open.companions_per_accessible, 1);
    let prices = open.offer.prices.iter();
    let prices: Vec<_> = prices
        .map(|price| (price.ticket_type, price.price))
        .collect();
    assert_eq!(prices, [(1, 400), (2, 200)]);
    assert_eq!(open.offer.bundles[0].off_bp, 1_000);
    let id = show["show_id"].as_str().unwrap();
    let path = format!("/api/v1/shows/{id}/offer");
    let read = world.get(&path).send().await.data(200);
    assert_eq!(read["ticket_types"][1]["name"], "Child");
    assert_eq!(read["bundles"][0]["zones"], json!(["Hall"]));

    // An empty offer is none, and every log takes the show.
    let mut body = new_show();
    body["offer"] = json!({});
    create(&body).send().await.data(201);
    assert!(matches!(world.log.last().command, Command::OpenShowV2(_)));

    for (field, value, named) in [
        (
            "offer",
            json!({ "ticket_types": [ticket("Adult", &[("Stalls", 1)])] }),
            "offer.ticket_types[0].prices[0].zone",
        ),
        (
            "offer",
            json!({ "phases": [{ "name": "Early" }] }),
            "offer.phases[0].price",
        ),
        (
            "offer",
            json!({ "bundles": [{ "name": "B", "places": 2, "percent_off": "1.234" }] }),
            "offer.bundles[0].percent_off",
        ),
        (
            "companions_per_accessible",
            json!(9),
            "companions_per_accessible",
        ),
    ] {
        let mut body = new_show();
        body[field] = value;
        let reply = create(&body).send().await;
        assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], named);
    }
}

#[tokio::test]
async fn an_offer_is_put_by_who_manages_the_event_and_once_under_a_key() {
    let world = World::new().await;
    let offer = json!({ "ticket_types": [ticket("Adult", &[("Stalls", 1)])] });
    let stranger = world.call(Method::PUT, &offer_path()).by_role("buyer");
    stranger.json(&offer).send().await.error(403, "FORBIDDEN");
    let keyed = |offer: &Value| put(&world, offer).header("idempotency-key", "offer-1");
    keyed(&offer).send().await.data(200);
    let first = world.log.last().request_id;
    keyed(&offer).send().await.data(200);
    assert_eq!(
        world.log.last().request_id,
        first,
        "the same request to the log"
    );
    let filter = AuditFilter {
        limit: 200,
        ..AuditFilter::default()
    };
    let mut entries = world.store.audit(&filter).await.unwrap();
    entries.retain(|entry| entry.action == "show.propose_offer");
    assert_eq!(entries.len(), 1, "a repetition leaves no further entry");
    let changes = entries[0].detail["changes"].to_string();
    assert!(changes.contains("Adult"), "{changes}");
}
