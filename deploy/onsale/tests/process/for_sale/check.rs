//! Compares what buyers were answered with each other and with what the server says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::PATIENCE;
use super::buyer::{Buyer, Order, number};
use super::house::{CODE, CODE_USES, House, PHASE_PLACES};
use crate::support::answer;

fn orders(buyers: &[Buyer]) -> impl Iterator<Item = &Order> {
    buyers.iter().flat_map(|buyer| buyer.orders.values())
}

fn live(buyers: &[Buyer]) -> impl Iterator<Item = &Order> {
    orders(buyers).filter(|order| order.is_live())
}

fn uses(buyers: &[Buyer]) -> u64 {
    let with_code = live(buyers).filter(|order| order.has_code);
    u64::try_from(with_code.count()).unwrap()
}

fn in_phase(buyers: &[Buyer]) -> u64 {
    live(buyers).map(Order::in_phase).sum()
}

/// No booking and no seat belongs to two, and nothing is cheaper than it may be.
pub(super) fn no_more_than_there_is(buyers: &[Buyer]) {
    let mut ids = BTreeSet::new();
    for id in buyers.iter().flat_map(|buyer| buyer.orders.keys()) {
        assert!(ids.insert(id), "{id} was acknowledged to two buyers");
    }
    let mut seats = BTreeSet::new();
    for seat in live(buyers).flat_map(Order::seats) {
        assert!(seats.insert(seat.clone()), "{seat} was sold twice");
    }
    assert!(uses(buyers) <= CODE_USES, "{} uses", uses(buyers));
    assert!(
        in_phase(buyers) <= PHASE_PLACES,
        "{} places",
        in_phase(buyers)
    );
}

/// Takes what phase and code still have.
pub(super) async fn used_up(house: &House, buyer: &mut Buyer) {
    let one = json!([{ "zone_id": house.sale.floor, "quantity": 1 }]);
    for _ in 0..=CODE_USES {
        if let Err(code) = buyer.order(one.clone(), true).await {
            assert_eq!(code, "CODE_REFUSED");
            break;
        }
    }
    for _ in 0..=PHASE_PLACES {
        let id = buyer.order(one.clone(), false).await.unwrap();
        if buyer.orders[&id].in_phase() == 0 {
            break;
        }
    }
}

/// Nothing was lost of phase and code, either.
pub(super) fn exactly_what_there_is(buyers: &[Buyer]) {
    no_more_than_there_is(buyers);
    assert_eq!(uses(buyers), CODE_USES);
    assert_eq!(in_phase(buyers), PHASE_PLACES);
}

/// Every order can be read as it was answered last, and there is nothing else.
pub(super) async fn as_it_was_answered(house: &House, buyers: &[Buyer]) {
    for buyer in buyers {
        for (id, order) in &buyer.orders {
            until_read(house, buyer, id, order).await;
        }
    }
    for zone in [&house.sale.tables, &house.sale.floor] {
        let mut expected = BTreeMap::from([("reserved", 0), ("confirmed", 0)]);
        for order in live(buyers) {
            *expected.get_mut(order.status).unwrap() += order.places_in(zone);
        }
        let expected = (expected["reserved"], expected["confirmed"]);
        let began = Instant::now();
        loop {
            let taken = house.taken(zone).await;
            if taken == expected {
                break;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{zone}: {taken:?} held and sold, buyers know of {expected:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let (expected, began) = (uses(buyers), Instant::now());
    loop {
        let found = house.uses().await;
        if found == (expected, expected) {
            break;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{found:?} uses of the code, buyers know of {expected}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until_read(house: &House, buyer: &Buyer, id: &str, order: &Order) {
    let began = Instant::now();
    loop {
        let path = format!("/bookings/{id}");
        let (status, body) = house.server.get(&buyer.token, &path).await;
        let data = &body["data"];
        let is_same = !order.is_live()
            || (data["lines"] == json!(order.lines)
                && data["total_price"]["amount"] == order.total);
        if status == 200 && data["status"] == order.status && is_same {
            return;
        }
        assert!(
            status == 503 || status == 200,
            "{id} is lost: {status} {body}"
        );
        // What became of it shows a moment later.
        assert!(
            began.elapsed() < PATIENCE,
            "{id} was answered as {} with {} to pay and {}: {body}",
            order.status,
            order.total,
            json!(order.lines),
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What an answer says of money; a quote chooses no seats.
fn money(data: &Value) -> Value {
    let mut lines = data["lines"].clone();
    for line in lines.as_array_mut().unwrap() {
        line.as_object_mut().unwrap().remove("seats");
    }
    json!([
        lines,
        data["discount"],
        data["fees"],
        data["tax"],
        data["total_price"]
    ])
}

/// A quote says what the order then costs, to the last unit. With the code, where it is still good.
pub(super) async fn quote_is_what_it_costs(house: &House, buyer: &mut Buyer, has_code: bool) {
    let items = json!([
        { "zone_id": house.sale.floor, "quantity": 3, "ticket_type": "Child" },
        { "zone_id": house.sale.floor, "quantity": 2 },
    ]);
    let mut basket = json!({ "items": items });
    if has_code {
        basket["code"] = json!(CODE);
    }
    let url = house
        .server
        .url(&format!("/shows/{}/quote", house.sale.show));
    let began = Instant::now();
    let mut before = None;
    loop {
        let request = house.server.http.post(&url).json(&basket);
        let (status, quoted) = answer(request.send().await.unwrap()).await;
        // A quote may be a moment behind the answers: it is asked until it says the same twice.
        if status == 200 {
            let now = money(&quoted["data"]);
            if before.as_ref() == Some(&now) {
                break;
            }
            before = Some(now);
        }
        assert!(began.elapsed() < PATIENCE, "{status} {quoted}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let quoted = before.unwrap();
    let id = buyer.order(items, has_code).await.unwrap();
    let granted = buyer.granted(&id);
    assert_eq!(quoted, money(granted));
    let lines = granted["lines"].as_array().unwrap();
    let family = lines.iter().any(|line| line["bundle"] == "Family");
    assert!(family, "{granted}");
    for name in ["discount", "fees", "tax"] {
        assert!(number(&granted[name]["amount"]) > 0, "{name}: {granted}");
    }
}
