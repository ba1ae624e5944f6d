//! Payments and refunds over HTTP. Who takes them on is the test's own; what the real one does is tested with the saga.

use std::sync::Arc;

use onsale_schemas::outcome::Confirmed;
use onsale_schemas::{BookingId, Outcome, PartitionId, SeatList, UserId};
use onsale_store::job::JobFilter;
use onsale_store::payment::{
    Moved, NewPayment, NewRefund, Opened, Payment, PaymentState, RefundOf, RefundOpened,
    RefundState,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    BUYER, EVENT, FakeDesk, NOW_MS, ORGANIZER, SHOW, SIGNATURE, ScriptedLog, World,
};

/// What a booking of these tests costs.
const PRICE: i64 = 250_000;
/// The number of a card that passes every check of one.
const CARD: &str = "4242424242424242";

/// A payment of the buyer that has succeeded.
pub(crate) async fn paid(world: &World, id: Uuid, booking: BookingId) {
    let before = opened(world, id, BUYER, booking).await;
    succeed(world, before).await;
}

/// A payment of somebody for booking `number` that has succeeded.
pub(crate) async fn paid_by(world: &World, id: Uuid, user: UserId, number: u64) {
    let before = opened(world, id, user, BookingId::new(PartitionId(0), number)).await;
    succeed(world, before).await;
}

/// A payment of somebody for booking `number` that nothing has become of yet.
pub(crate) async fn opened_by(world: &World, id: Uuid, user: UserId, number: u64) {
    opened(world, id, user, BookingId::new(PartitionId(0), number)).await;
}

async fn opened(world: &World, id: Uuid, user: UserId, booking: BookingId) -> Payment {
    let new = NewPayment {
        id,
        tenant: Uuid::from_u128(7),
        event: EVENT,
        show: SHOW,
        booking,
        user,
        amount: PRICE,
        currency: "THB".parse().unwrap(),
        method: "sim_card".to_owned(),
        gateway: "simulated".to_owned(),
        hold_ends_ms: NOW_MS + 90_000,
        deadline_ms: NOW_MS + 600_000,
    };
    match world.store.open_payment(&new, NOW_MS).await.unwrap() {
        Opened::New(payment) => payment,
        other => panic!("{other:?}"),
    }
}

async fn succeed(world: &World, before: Payment) {
    let mut after = before.clone();
    after.state = PaymentState::Succeeded;
    after.captured = PRICE;
    let moved = Moved {
        reason: "it was paid".to_owned(),
        posting: None,
        event: None,
    };
    let moved = world.store.move_payment(&before, &after, &moved, None);
    assert!(moved.await.unwrap());
}

/// A refund of one unit that the buyer has asked for.
pub(crate) async fn requested(world: &World, id: Uuid, payment: Uuid) {
    let new = NewRefund {
        id,
        payment,
        of: RefundOf::Amount,
        amount: 1,
        compensation: 0,
        rule: "amount".to_owned(),
        reason: None,
        asked_by: Some(BUYER),
        is_approved: false,
    };
    let opened = world.store.open_refund(&new, NOW_MS).await.unwrap();
    assert!(matches!(opened, RefundOpened::New(_)), "{opened:?}");
}

/// A world with a desk, and a booking of the buyer.
async fn world() -> (World, BookingId) {
    let world = World::new().await;
    let desk = Arc::new(FakeDesk(world.store.clone()));
    let _same = world.ingress.clone().with_payments(desk);
    let booking = world.booked(0).await;
    (world, booking)
}

fn of(booking: BookingId, method: &str) -> Value {
    json!({ "booking_id": booking.as_uuid(), "method": method })
}

/// The id in an answer.
fn id_in(data: &Value, name: &str) -> Uuid {
    data[name].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_buyer_pays_what_the_booking_costs_and_reads_it() {
    let (world, booking) = world().await;
    let call = world.post("/api/v1/payments").by_role("buyer");
    let data = call.json(&of(booking, "sim_card")).send().await.data(201);
    assert_eq!(data["status"], "succeeded");
    assert_eq!(data["amount"], json!({"amount": PRICE, "currency": "THB"}));
    assert_eq!(data["booking_id"], json!(booking.as_uuid()));
    assert!(data.get("next_action").is_none(), "{data}");
    let id = id_in(&data, "payment_id");
    let path = format!("/api/v1/payments/{id}");
    let read = world.get(&path).by_role("buyer").send().await.data(200);
    assert_eq!(read, data);
    // And not again.
    let again = world.post("/api/v1/payments").by_role("buyer");
    let refused = again.json(&of(booking, "sim_card")).send().await;
    refused.error(409, "ALREADY_PAID");
    // It cannot be taken back either.
    let cancel = world.post(&format!("{path}/cancel")).by_role("buyer");
    cancel.send().await.error(409, "ALREADY_PAID");
}

#[tokio::test]
async fn what_it_costs_is_never_what_a_request_says() {
    let (world, booking) = world().await;
    for (field, value) in [
        ("amount", json!({"amount": 1, "currency": "THB"})),
        ("currency", json!("XTS")),
    ] {
        let mut body = of(booking, "sim_card");
        body[field] = value;
        let call = world.post("/api/v1/payments").by_role("buyer");
        let reply = call.json(&body).send().await;
        reply.error(400, "VALIDATION_ERROR");
        assert_eq!(reply.json()["error"]["details"]["field"], field);
    }
    let payments = world.store.payments_of_booking(booking).await.unwrap();
    assert!(payments.is_empty(), "{payments:?}");
}

#[tokio::test]
async fn no_number_of_a_card_reaches_the_server_or_comes_back() {
    let (world, booking) = world().await;
    let mut named = of(booking, "sim_card");
    named["card_number"] = json!(CARD);
    let mut nested = of(booking, "sim_card");
    nested["card"] = json!({"number": 4_242_424_242_424_242_u64});
    let mut as_name = of(booking, "sim_card");
    as_name[CARD] = json!(true);
    let payments = "/api/v1/payments".to_owned();
    let refund = format!("/api/v1/payments/{}/refund", Uuid::from_u128(1));
    for (path, body) in [
        (&payments, named),
        (&payments, nested),
        (&payments, as_name),
        (&payments, of(booking, "4242 4242 4242 4242")),
        (&refund, json!({"reason": CARD})),
    ] {
        let reply = world.post(path).by_role("buyer").json(&body).send().await;
        reply.error(400, "VALIDATION_ERROR");
        let text = String::from_utf8_lossy(&reply.bytes).replace(' ', "");
        assert!(!text.contains("42424242"), "{text}");
        assert!(text.contains("numberofacard"), "{text}");
    }
    let list = format!(
        "/api/v1/payments?tenant={}&state={CARD}",
        Uuid::from_u128(7)
    );
    let reply = world.get(&list).by_role("admin").send().await;
    reply.error(400, "VALIDATION_ERROR");
    let details = reply.json()["error"].to_string();
    assert!(!details.contains(CARD), "{details}");
}

#[tokio::test]
async fn one_payment_is_under_way_and_after_a_failed_one_another_may_follow() {
    let (world, booking) = world().await;
    let pay = async |method: &str| {
        let call = world.post("/api/v1/payments").by_role("buyer");
        call.json(&of(booking, method)).send().await
    };
    let declined = pay("sim_card_declined").await;
    declined.error(402, "PAYMENT_FAILED");
    let error = &declined.json()["error"];
    assert_eq!(error["details"]["reason"], "card_declined");
    let challenged = pay("sim_card_challenge").await.data(201);
    assert_eq!(challenged["status"], "pending");
    assert_eq!(challenged["attempt"], 2);
    assert_eq!(challenged["next_action"]["kind"], "redirect");
    let second = pay("sim_card").await;
    second.error(409, "PAYMENT_IN_PROGRESS");
    let id = id_in(&challenged, "payment_id");
    assert_eq!(second.json()["error"]["details"]["payment_id"], json!(id));
    // Cancelled, it makes room.
    let cancel = format!("/api/v1/payments/{id}/cancel");
    let cancelled = world.post(&cancel).by_role("buyer").send().await.data(200);
    assert_eq!(cancelled["status"], "failed");
    assert_eq!(pay("sim_card").await.data(201)["attempt"], 3);
}

/// The booking is confirmed, and the money of its payment could not be taken: another one may pay until then.
async fn unpaid(world: &World, id: Uuid, booking: BookingId, until_ms: u64) {
    paid(world, id, booking).await;
    let before = world.store.payment(id).await.unwrap().unwrap();
    let mut after = before.clone();
    after.state = PaymentState::CaptureFailed;
    after.captured = 0;
    after.deadline_ms = until_ms;
    let moved = Moved {
        reason: "the money could not be taken".to_owned(),
        posting: None,
        event: None,
    };
    let moved = world.store.move_payment(&before, &after, &moved, None);
    assert!(moved.await.unwrap());
    let confirmed = Confirmed {
        booking: booking.offset(),
        show: SHOW,
        user: BUYER,
        zone: 0,
        seats: SeatList::from_iter([0]),
        quantity: 1,
        payment_reference: id.simple().to_string(),
        confirmed_at_ms: NOW_MS,
        first: true,
        revived: false,
    };
    let offset = booking.offset() + 1;
    let mut record = ScriptedLog::record(offset, Outcome::Confirmed(confirmed));
    record.previous = Some(booking.offset());
    world.project(offset, vec![record]).await;
}

#[tokio::test]
async fn a_sale_without_money_is_paid_again_until_its_places_go_back() {
    let (until_ms, first) = (NOW_MS + 200_000, Uuid::from_u128(0xd1));
    let (world, booking) = world().await;
    unpaid(&world, first, booking, until_ms).await;
    let call = world.post("/api/v1/payments").by_role("buyer");
    let data = call.json(&of(booking, "sim_slow")).send().await.data(201);
    let id = id_in(&data, "payment_id");
    let payment = world.store.payment(id).await.unwrap().unwrap();
    // It is given up when the places go back, and there is no hold to extend.
    assert_eq!(payment.deadline_ms, until_ms);
    assert_eq!(payment.hold_ends_ms, until_ms + 30_000);
}

#[tokio::test]
async fn a_sale_whose_places_go_back_is_not_paid_again() {
    let first = Uuid::from_u128(0xd1);
    let (world, booking) = world().await;
    unpaid(&world, first, booking, NOW_MS).await;
    let pay = async || {
        let call = world.post("/api/v1/payments").by_role("buyer");
        let reply = call.json(&of(booking, "sim_card")).send().await;
        reply.error(410, "RESERVATION_EXPIRED");
    };
    pay().await;
    // The time is not over, and the buyer has given the places back.
    let before = world.store.payment(first).await.unwrap().unwrap();
    let mut after = before.clone();
    after.deadline_ms = NOW_MS + 200_000;
    after.cancel_asked_at_ms = Some(NOW_MS);
    let moved = Moved {
        reason: "the buyer gives the places back".to_owned(),
        posting: None,
        event: None,
    };
    let moved = world.store.move_payment(&before, &after, &moved, None);
    assert!(moved.await.unwrap());
    pay().await;
    let payments = world.store.payments_of_booking(booking).await.unwrap();
    assert_eq!(payments.len(), 1);
}

#[tokio::test]
async fn a_slow_payment_says_to_wait() {
    let (world, booking) = world().await;
    let call = world.post("/api/v1/payments").by_role("buyer");
    let data = call.json(&of(booking, "sim_slow")).send().await.data(201);
    assert_eq!(data["status"], "pending");
    assert_eq!(data["next_action"], json!({"kind": "wait"}));
}

#[tokio::test]
async fn the_same_call_again_has_the_same_answer() {
    let (world, booking) = world().await;
    let pay = async |key: &str, method: &str| {
        let call = world.post("/api/v1/payments").by_role("buyer");
        let call = call.header("idempotency-key", key);
        call.json(&of(booking, method)).send().await
    };
    // What failed is the same payment again.
    let declined = pay("k-1", "sim_card_declined").await;
    let again = pay("k-1", "sim_card_declined").await;
    let payment =
        |reply: &crate::support::Reply| reply.json()["error"]["details"]["payment_id"].clone();
    assert_eq!(payment(&declined), payment(&again));
    let otherwise = pay("k-1", "sim_card").await;
    otherwise.error(422, "IDEMPOTENCY_KEY_REUSED");
    let first = pay("k-2", "sim_card").await.data(201);
    let again = pay("k-2", "sim_card").await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.data(201), first);
    let other = pay("k-2", "sim_slow").await;
    other.error(422, "IDEMPOTENCY_KEY_REUSED");
    let payments = world.store.payments_of_booking(booking).await.unwrap();
    assert_eq!(payments.len(), 2);
}

#[tokio::test]
async fn methods_are_those_of_the_gateway_for_the_amount() {
    let (world, booking) = world().await;
    for method in [json!("sim_dear"), json!("cash"), json!("none"), Value::Null] {
        let body = json!({ "booking_id": booking.as_uuid(), "method": method });
        let call = world.post("/api/v1/payments").by_role("buyer");
        let reply = call.json(&body).send().await;
        reply.error(400, "VALIDATION_ERROR");
        let details = &reply.json()["error"]["details"];
        assert_eq!(details["field"], "method");
        let expected = details["expected"].as_str().unwrap();
        assert!(expected.contains("sim_card_declined"), "{expected}");
        assert!(!expected.contains("sim_dear"), "{expected}");
    }
}

#[tokio::test]
async fn cash_is_taken_over_the_counter_and_has_an_entry() {
    let (world, booking) = world().await;
    let by_card = world.post("/api/v1/payments").by_role("organizer");
    let reply = by_card.json(&of(booking, "sim_card")).send().await;
    reply.error(400, "VALIDATION_ERROR");
    let call = world.post("/api/v1/payments").by_role("organizer");
    let data = call.json(&of(booking, "cash")).send().await.data(201);
    assert_eq!(data["status"], "succeeded");
    assert_eq!(data["gateway"], "cash");
    let id = id_in(&data, "payment_id");
    let filter = onsale_store::audit::AuditFilter {
        subject_id: Some(id.to_string()),
        limit: 10,
        ..onsale_store::audit::AuditFilter::default()
    };
    let entries = world.store.audit(&filter).await.unwrap();
    let entries = format!("{entries:?}");
    assert!(entries.contains("payment.take_cash"), "{entries}");
    assert!(entries.contains(&ORGANIZER.to_string()), "{entries}");
}

#[tokio::test]
async fn without_a_desk_no_payments_are_taken() {
    let world = World::new().await;
    let booking = world.booked(0).await;
    let call = world.post("/api/v1/payments").by_role("buyer");
    let reply = call.json(&of(booking, "sim_card")).send().await;
    reply.error(501, "NOT_SUPPORTED");
    let reply = world.post("/api/v1/webhooks/stripe").raw("{}").send().await;
    reply.error(501, "NOT_SUPPORTED");
}

#[tokio::test]
async fn a_notice_is_written_down_once_if_it_is_the_gateways() {
    let (world, _) = world().await;
    let path = "/api/v1/webhooks/simulated";
    let forged = world.post(path).header("x-signature", "wrong");
    forged
        .raw("evt_0")
        .send()
        .await
        .error(400, "VALIDATION_ERROR");
    let unsigned = world.post(path).raw("evt_0").send().await;
    unsigned.error(400, "VALIDATION_ERROR");
    let other = world.post("/api/v1/webhooks/stripe");
    let other = other.header("x-signature", SIGNATURE).raw("evt_0");
    other.send().await.error(404, "NOT_FOUND");
    assert!(
        world
            .store
            .notice("simulated", "evt_0")
            .await
            .unwrap()
            .is_none()
    );
    for _ in 0..2 {
        let call = world.post(path).header("x-signature", SIGNATURE);
        // Whatever else it brings along.
        let call = call.header("authorization", "Bearer expired");
        let data = call.raw("evt_1").send().await.data(200);
        assert_eq!(data, json!({"received": true}));
    }
    assert!(
        world
            .store
            .notice("simulated", "evt_1")
            .await
            .unwrap()
            .is_some()
    );
    let filter = JobFilter {
        state: None,
        kind: Some("payment.webhook".to_owned()),
        after: None,
        limit: 10,
    };
    assert_eq!(world.store.jobs(&filter).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_buyer_asks_for_money_back_and_staff_decides() {
    let (world, booking) = world().await;
    let payment = Uuid::from_u128(0xd1);
    paid(&world, payment, booking).await;
    let refund = async |role: &str, body: Value| {
        let call = world.post(&format!("/api/v1/payments/{payment}/refund"));
        call.by_role(role).json(&body).send().await
    };
    let asked = refund("buyer", json!({"amount": 1_000, "reason": "ill"})).await;
    let asked = asked.data(202);
    assert_eq!(asked["status"], "requested");
    assert_eq!(asked["amount"], json!({"amount": 1_000, "currency": "THB"}));
    let id = id_in(&asked, "refund_id");
    let approve = format!("/api/v1/refunds/{id}/approve");
    let by_buyer = world.post(&approve).by_role("buyer").send().await;
    by_buyer.error(403, "FORBIDDEN");
    for _ in 0..2 {
        let call = world.post(&approve).by_role("organizer");
        assert_eq!(call.send().await.data(200)["status"], "approved");
    }
    let refuse = world.post(&format!("/api/v1/refunds/{id}/refuse"));
    let refused = refuse.by_role("organizer").send().await;
    refused.error(409, "ALREADY_CONFIRMED");
    let row = world.store.refund(id).await.unwrap().unwrap();
    assert_eq!(row.state, RefundState::Approved);
    // What staff asks for is decided.
    let decided = refund("organizer", json!({"amount": 500})).await.data(202);
    assert_eq!(decided["status"], "approved");
    // No more than there is.
    let rest = refund("organizer", json!({"amount": PRICE})).await;
    rest.error(400, "VALIDATION_ERROR");
    assert_eq!(rest.json()["error"]["details"]["left"], PRICE - 1_500);
    let list = world.get(&format!("/api/v1/payments/{payment}/refunds"));
    let list = list.by_role("buyer").send().await.data(200);
    assert_eq!(list.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_asked_back_has_to_make_sense() {
    let (world, booking) = world().await;
    let payment = Uuid::from_u128(0xd1);
    paid(&world, payment, booking).await;
    for (body, field) in [
        (json!({"amount": 0}), "amount"),
        (json!({"amount": -1}), "amount"),
        (json!({"amount": PRICE + 1}), "amount"),
        (json!({"amount": 1, "seats": ["A-1"]}), "amount"),
        (json!({"amount": 1, "reason": "a\nb"}), "reason"),
    ] {
        let call = world.post(&format!("/api/v1/payments/{payment}/refund"));
        let reply = call.by_role("buyer").json(&body).send().await;
        reply.error(400, "VALIDATION_ERROR");
        assert_eq!(reply.json()["error"]["details"]["field"], field, "{body}");
    }
    // The booking was not confirmed, so no place of it is given back.
    let call = world.post(&format!("/api/v1/payments/{payment}/refund"));
    let whole = call.by_role("buyer").json(&json!({})).send().await;
    whole.error(409, "ALREADY_CANCELLED");
    let refunds = world.store.refunds_of_payment(payment).await.unwrap();
    assert!(refunds.is_empty(), "{refunds:?}");
}

#[tokio::test]
async fn without_the_simulated_gateway_it_has_no_page() {
    let (world, _) = world().await;
    let page = world.get("/dev/gateway/pi_1").send().await;
    page.error(404, "NOT_FOUND");
    for choice in ["approve", "decline"] {
        let call = world.post(&format!("/dev/gateway/pi_1/{choice}"));
        call.send().await.error(404, "NOT_FOUND");
    }
}
