//! Which rule gave a price, and what a refusal said.

use onsale_schemas::{Ahead, RequestId, Standing};

use super::*;

/// Lets the last request be explained, and says under which path.
fn explain(world: &World) -> String {
    let outcome = world.log.machine(|machine| machine.last());
    let request: RequestId = outcome.request_id.unwrap();
    let at = (PartitionId(0), outcome.offset);
    let standing = Standing {
        command: world.log.last().command,
        outcome,
        user: Some(BUYER),
        ahead: Some(Ahead::default()),
    };
    world.operations.explained.lock().insert(at, standing);
    format!(
        "/api/v1/requests/{request}/explanation?partition=0&offset={}",
        at.1
    )
}

#[tokio::test]
async fn the_rule_of_each_price_is_told() {
    let world = world().await;
    let items = json!([
        {"zone_id": PIT, "quantity": 3, "ticket_type": "Child"},
        {"zone_id": STANDING, "quantity": 4},
    ]);
    let held = order(&world, items, no_more()).await.data(201);
    let path = explain(&world);
    let told = world.get(&path).by_role("buyer").send().await.data(200);
    assert_eq!(told["granted"], true);
    assert_eq!(told["detail"], json!(null));
    let prices = told["prices"].as_array().unwrap();
    assert_eq!(prices.len(), held["lines"].as_array().unwrap().len());
    for (place, rule) in [
        "list price of this ticket type",
        "Early bird",
        "price of the zone",
    ]
    .iter()
    .enumerate()
    {
        let reasons = prices[place]["reasons"].to_string();
        assert!(reasons.contains(rule), "{reasons}");
        assert!(reasons.contains("fee"), "{reasons}");
        let (told, line) = (&prices[place], &held["lines"][place]);
        assert_eq!(told["unit_price"], line["unit_price"]);
        assert_eq!(told["label"], line["label"]);
    }
    assert!(prices[0]["reasons"].to_string().contains("Family"));
    assert_eq!(prices[0]["bundle_discount"], money(6_000));
}

#[tokio::test]
async fn a_refusal_is_explained_in_the_words_that_it_had() {
    let world = world().await;
    let items = json!([{"zone_id": CIRCLE, "seats": ["A-2", "A-3"]}]);
    let refused = order(&world, items, no_more()).await;
    let said = refused.json()["detail"].clone();
    let path = explain(&world);
    let told = world.get(&path).by_role("buyer").send().await.data(200);
    assert_eq!(told["code"], "LEAVES_SINGLE_SEAT");
    assert_eq!(told["detail"], said);
    assert_eq!(told["prices"], json!([]));
}
