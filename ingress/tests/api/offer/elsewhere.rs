//! An offer of which a process learns by the feed alone: another node took it, or the caller hung up.

use std::time::{Duration, Instant};

use onsale_schemas::outcome::{BlockChange, Line, PriceRule, ReservedV2};
use onsale_schemas::{Outcome, OutcomeRecord, SeatList};
use serde_json::{Value, json};

use super::{put, ticket};
use crate::support::{BUYER, EVENT, FLOOR, NOW_MS, SHOW, Script, ScriptedLog, World};

/// Nothing here takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);
/// How far the database is behind the feed.
const BEHIND: Duration = Duration::from_millis(300);

/// A world whose chart is known, with an offer that is in the log and on the feed, and not in the database.
async fn told_by_the_feed(offer: &Value) -> (World, OutcomeRecord) {
    let world = World::new().await;
    let seats = format!("/api/v1/shows/{SHOW}/seats");
    world.get(&seats).send().await.data(200);
    floor(&world).await;
    world.log.next(Script::Drop);
    // Whatever its caller is told: it was not answered by what the log decided.
    put(&world, offer).send().await;
    let accepted = OutcomeRecord {
        request_id: world.log.last().request_id,
        ..ScriptedLog::record(60, Outcome::OfferSet { show: SHOW })
    };
    // With something that can be seen, so that it is known when the feed has been followed.
    let blocked = Outcome::Blocked(BlockChange {
        show: SHOW,
        zone: 1,
        seats: SeatList::default(),
        quantity: 7,
    });
    let blocked = ScriptedLog::record(61, blocked);
    world.log.publish(vec![accepted.clone(), blocked]);
    let begun = Instant::now();
    while floor(&world).await["blocked_seats"] != 7 {
        assert!(begun.elapsed() < PATIENCE, "the feed is not followed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (world, accepted)
}

/// What is free of the floor.
async fn floor(world: &World) -> Value {
    let path = format!("/api/v1/shows/{SHOW}/availability");
    world.get(&path).send().await.data(200)["zones"][1].clone()
}

/// One place of the floor as the log sells it.
fn sold(ticket_type: u8, rule: PriceRule) -> Outcome {
    Outcome::ReservedV2(Box::new(ReservedV2 {
        booking: 62,
        show: SHOW,
        event: EVENT,
        user: BUYER,
        lines: vec![Line {
            zone: 1,
            ticket_type,
            seats: SeatList::default(),
            quantity: 1,
            rule,
            list_price: 500,
            bundle: None,
            bundle_off: 0,
            code_off: 0,
            unit_price: 500,
            unit_fee: 0,
            unit_tax: 0,
        }],
        order_fee: 0,
        order_fee_tax: 0,
        total: 500,
        tax: 0,
        currency: "THB".parse().unwrap(),
        code: None,
        expires_at_ms: NOW_MS + 600_000,
    }))
}

#[tokio::test]
async fn a_new_ticket_type_is_sold_as_soon_as_it_is_there() {
    let offer = json!({ "ticket_types": [ticket("Student", &[("Floor", 500)])] });
    let (world, accepted) = told_by_the_feed(&offer).await;
    world.log.next(Script::Answer(sold(1, PriceRule::Type)));
    let reserving = world.reserve(json!({
        "show_id": SHOW.to_string(), "zone_id": FLOOR, "quantity": 1, "ticket_type": "Student",
    }));
    let projecting = async {
        tokio::time::sleep(BEHIND).await;
        world.project(0, vec![accepted]).await;
    };
    let (reply, ()) = tokio::join!(reserving.send(), projecting);
    assert_eq!(reply.data(201)["lines"][0]["ticket_type"], "Student");
    let quote = json!({ "zone_id": FLOOR, "quantity": 1, "ticket_type": "Student" });
    let quoted = world.post(&format!("/api/v1/shows/{SHOW}/quote"));
    let quoted = quoted.json(&quote).send().await.data(200);
    assert_eq!(quoted["total_price"]["amount"], 500);
    // What was never for sale is said to be wrong all the same.
    let wrong = world.reserve(json!({
        "show_id": SHOW.to_string(), "zone_id": FLOOR, "quantity": 1, "ticket_type": "Adult",
    }));
    wrong.send().await.error(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_new_phase_has_its_name_in_the_first_answer() {
    let offer = json!({ "phases": [{ "name": "Early", "places": 10, "percent_off": "12.5" }] });
    let (world, accepted) = told_by_the_feed(&offer).await;
    world.project(0, vec![accepted]).await;
    world.log.next(Script::Answer(sold(0, PriceRule::Phase(1))));
    let items = json!([{ "zone_id": FLOOR, "quantity": 1 }]);
    let sold = world.reserve(json!({ "show_id": SHOW.to_string(), "items": items }));
    let sold = sold.send().await.data(201);
    assert_eq!(sold["lines"][0]["phase"], "Early");
}
