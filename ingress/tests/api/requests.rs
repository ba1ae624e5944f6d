//! `GET /requests/{id}`: answers that came late.

use std::time::Duration;

use onsale_schemas::order::{Item, PickV2, ReserveV2};
use onsale_schemas::{Command, PartitionId, Rejection, RequestId, SeatList, Standing, UserId};
use serde_json::json;

use crate::explanations::{explained, granted};
use crate::support::{BUYER, Reply, SHOW, STALLS, Script, ScriptedLog, World};

async fn impatient() -> World {
    World::with(|config| config.http.reply_deadline_ms = 10).await
}

/// Reserves and is put off; returns where to ask.
async fn put_off(world: &World, script: Script) -> String {
    world.log.next(script);
    let reply = world
        .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
        .send()
        .await;
    let data = reply.data(202);
    assert_eq!(data["status"], "pending");
    assert_eq!(reply.json()["meta"]["command_id"], data["request_id"]);
    assert_eq!(reply.header("retry-after"), "1");
    let location = reply.header("location").to_owned();
    assert_eq!(
        location,
        format!("/api/v1/requests/{}", data["request_id"].as_str().unwrap())
    );
    location
}

/// Asks until the answer is another than "pending"; a background task has to run first.
async fn until_known(world: &World, location: &str) -> Reply {
    loop {
        let reply = world.get(location).by_role("buyer").send().await;
        if reply.status != 202 {
            return reply;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_that_comes_late_is_the_answer_of_the_call_itself() {
    let world = impatient().await;
    let location = put_off(&world, Script::Hold).await;
    world.get(&location).by_role("buyer").send().await.data(202);
    world.log.release();
    let reply = until_known(&world, &location).await;
    let data = reply.data(201);
    assert_eq!(data["seats"], json!(["B-L"]));
    assert_eq!(data["expires_in_seconds"], 600);
}

#[tokio::test]
async fn another_user_may_not_ask() {
    let world = impatient().await;
    let location = put_off(&world, Script::Hold).await;
    world
        .get(&location)
        .by_user(UserId::from_bytes([3; 16]), "buyer")
        .send()
        .await
        .error(404, "NOT_FOUND");
    world.get(&location).send().await.error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_lost_reply_is_unknown_and_the_feed_may_tell_it() {
    let world = World::new().await;
    let location = put_off(&world, Script::Drop).await;
    world.get(&location).by_role("buyer").send().await.data(202);
    let envelope = world.log.last();
    let mut record = crate::support::ScriptedLog::record(
        100,
        onsale_schemas::Outcome::Rejected(Rejection::SaleClosed),
    );
    record.request_id = envelope.request_id;
    world.log.publish(vec![record]);
    until_known(&world, &location)
        .await
        .error(409, "SALE_CLOSED");
}

#[tokio::test]
async fn a_reservation_that_only_the_database_knows_is_found() {
    let world = impatient().await;
    let location = put_off(&world, Script::Hold).await;
    let records = world.log.lose_held();
    world.project(0, records).await;
    let data = until_known(&world, &location).await.data(201);
    assert_eq!(data["status"], "reserved");
    assert_eq!(data["seats"], json!(["B-L"]));
}

#[tokio::test]
async fn unknown_requests_are_not_found() {
    let world = World::new().await;
    for id in ["x", "00000000-0000-0000-0000-000000000000"] {
        let reply = world
            .get(&format!("/api/v1/requests/{id}"))
            .by_role("buyer")
            .send()
            .await;
        reply.error(404, "NOT_FOUND");
    }
}

/// A plain booking tells its lines where an order was asked for, also by a node that did not hand it in.
#[tokio::test]
async fn another_node_tells_the_lines_of_an_order_as_well() {
    let world = World::beside_others().await;
    let order = json!({
        "show_id": SHOW, "items": [{ "zone_id": STALLS, "seats": ["A-1"] }],
    });
    world.log.next(Script::Answer(granted(100)));
    let first = world.reserve(order).send().await.data(201);
    assert_eq!(first["lines"].as_array().unwrap().len(), 1);
    let plain = world.reserve(json!({ "show_id": SHOW, "zone_id": STALLS, "seats": ["A-1"] }));
    let plain = plain.send().await.data(201);
    assert_eq!(plain["lines"], json!(null));
    // Neither was handed in here.
    let as_order = Command::ReserveV2(ReserveV2 {
        show: SHOW,
        user: BUYER,
        items: vec![Item {
            zone: 0,
            pick: PickV2::Seats(SeatList::from_iter([0])),
            types: Vec::new(),
        }],
        code: None,
        expected_total: None,
    });
    for (offset, asked, expected) in [(500, Some(as_order), &first), (501, None, &plain)] {
        let request = RequestId::from_bytes([u8::try_from(offset - 400).unwrap(); 16]);
        let standing = explained(offset, request, granted(offset));
        let command = asked.unwrap_or_else(|| standing.command.clone());
        let standing = Standing {
            command,
            ..standing
        };
        let at = (PartitionId(0), offset);
        world.operations.explained.lock().insert(at, standing);
        let mut record = ScriptedLog::record(offset, granted(offset));
        record.request_id = Some(request);
        world.log.publish(vec![record]);
        let path = format!("/api/v1/requests/{}", request.0);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        let answer = loop {
            let reply = world.get(&path).by_role("buyer").send().await;
            if reply.status == 201 {
                break reply.data(201);
            }
            assert!(tokio::time::Instant::now() < deadline, "{}", reply.json());
            // The feed has not told it yet.
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        for told in ["lines", "discount", "fees", "tax", "seats", "total_price"] {
            assert_eq!(answer[told], expected[told], "{offset}, {told}");
        }
    }
}
