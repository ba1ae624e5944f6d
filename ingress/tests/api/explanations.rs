//! `GET /requests/{id}/explanation` and `/bookings/{id}/receipt`

use std::sync::atomic::{AtomicU64, Ordering};

use onsale_ingress::{Expected, OperationError, Rate};
use onsale_schemas::command::{Pick, Reserve};
use onsale_schemas::outcome::Reserved;
use onsale_schemas::{
    Ahead, BookingId, Command, Outcome, PartitionId, Rejection, RequestId, SeatList, Standing,
    UserId,
};
use serde_json::json;

use crate::support::{BUYER, Call, EVENT, NOW_MS, SHOW, Script, ScriptedLog, World};

const REQUEST: RequestId = RequestId::from_bytes([0x77; 16]);

pub(crate) fn explained(offset: u64, request: RequestId, outcome: Outcome) -> Standing {
    let mut record = ScriptedLog::record(offset, outcome);
    record.request_id = Some(request);
    Standing {
        outcome: record,
        command: Command::Reserve(Reserve {
            show: SHOW,
            user: BUYER,
            zone: 0,
            pick: Pick::Seats(SeatList::from_iter([20, 21])),
            expected_unit_price: None,
        }),
        user: Some(BUYER),
        ahead: Some(Ahead {
            counted_from: 3,
            complete: true,
            requests: 9,
            granted: 6,
            places: 12,
            places_given_back: 2,
            taken_at: vec![(20, Some(55)), (21, None)],
        }),
    }
}

pub(crate) fn granted(offset: u64) -> Outcome {
    Outcome::Reserved(Reserved {
        booking: offset,
        show: SHOW,
        event: EVENT,
        user: BUYER,
        zone: 0,
        seats: SeatList::from_iter([0]),
        quantity: 1,
        unit_price: 250_000,
        currency: "THB".parse().unwrap(),
        expires_at_ms: NOW_MS + 90_000,
    })
}

fn tell(world: &World, offset: u64, explained: Standing) {
    let at = (PartitionId(0), offset);
    world.operations.explained.lock().insert(at, explained);
}

#[tokio::test]
async fn a_refusal_is_explained_by_the_id_that_it_came_with() {
    let world = World::new().await;
    let lost = Rejection::SeatUnavailable {
        seats: SeatList::from_iter([20, 21]),
    };
    world.log.next(Script::reject(lost.clone()));
    let reply = world
        .reserve(json!({"show_id": SHOW, "seats": ["B-L", "B-M"]}))
        .send()
        .await;
    let refusal = reply.error(409, "SEAT_UNAVAILABLE");
    let id = refusal["request_id"].as_str().unwrap();
    assert_eq!(reply.json()["meta"]["command_id"], id);
    let offset = refusal["position"]["offset"].as_u64().unwrap();
    let request = RequestId(id.parse().unwrap());
    tell(
        &world,
        offset,
        explained(offset, request, Outcome::Rejected(lost)),
    );
    let path = format!("/api/v1/requests/{id}/explanation");
    let data = world.get(&path).by_role("buyer").send().await.data(200);
    assert_eq!(data["granted"], false);
    assert_eq!(data["code"], "SEAT_UNAVAILABLE");
    assert_eq!(data["asked"], "reserve");
    assert_eq!(data["position"], json!({"partition": 0, "offset": offset}));
    assert_eq!(
        data["ahead"],
        json!({
            "requests": 9, "granted": 6, "refused": 3, "places_granted": 12,
            "places_given_back": 2, "complete": true, "counted_from": 3,
        })
    );
    assert_eq!(
        data["seats"],
        json!([{"seat": "B-L", "taken_at_offset": 55}, {"seat": "B-M", "taken_at_offset": null}])
    );
    for (user, role, status, code) in [
        (UserId::from_bytes([1; 16]), "buyer", 404, "NOT_FOUND"),
        (BUYER, "organizer", 403, "FORBIDDEN"),
    ] {
        let reply = world.get(&path).by_user(user, role).send().await;
        reply.error(status, code);
    }
    world.get(&path).by_role("admin").send().await.data(200);
    // The answer that can be asked for again names the same seats in the same way.
    let again = world.get(&format!("/api/v1/requests/{id}"));
    let again = again.by_role("buyer").send().await;
    let again = again.error(409, "SEAT_UNAVAILABLE");
    assert_eq!(refusal["seats"], json!(["B-L", "B-M"]));
    assert_eq!(again["seats"], refusal["seats"]);
}

#[tokio::test]
async fn what_was_granted_is_explained_by_the_id_in_its_answer() {
    let world = World::new().await;
    let reserve = || {
        world
            .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
            .header("idempotency-key", "k")
            .header("x-request-id", "traced")
    };
    let reply = reserve().send().await;
    let data = reply.data(201);
    let meta = reply.json()["meta"].clone();
    assert_eq!(meta["request_id"], "traced");
    let id = meta["command_id"].as_str().unwrap();
    let request = RequestId(id.parse().unwrap());
    let offset = data["position"]["offset"].as_u64().unwrap();
    tell(&world, offset, explained(offset, request, granted(offset)));
    let path = format!("/api/v1/requests/{id}/explanation");
    let explained = world.get(&path).by_role("buyer").send().await;
    assert_eq!(explained.data(200)["granted"], true);
    // What hands in no command has none.
    assert_eq!(explained.json()["meta"]["command_id"], json!(null));
}

#[tokio::test]
async fn an_old_request_is_found_by_the_position_that_its_answer_had() {
    let world = World::new().await;
    tell(&world, 8, explained(8, REQUEST, granted(8)));
    let path = format!("/api/v1/requests/{REQUEST}/explanation");
    let get = |query: &str| world.get(&format!("{path}{query}")).by_role("buyer");
    get("").send().await.error(404, "NOT_FOUND");
    let data = get("?partition=0&offset=8").send().await.data(200);
    assert_eq!(
        (&data["granted"], &data["code"]),
        (&json!(true), &json!(null))
    );
    // Another request stands there, or none, or no such partition.
    tell(
        &world,
        9,
        explained(9, RequestId::from_bytes([1; 16]), granted(9)),
    );
    for query in [
        "?partition=0&offset=9",
        "?partition=0&offset=10",
        "?partition=1&offset=8",
    ] {
        get(query).send().await.error(404, "NOT_FOUND");
    }
    for query in ["?offset=8", "?partition=x&offset=8", "?where=8"] {
        get(query).send().await.error(400, "VALIDATION_ERROR");
    }
}

/// The reservation of the buyer at an offset, answered and projected, and where its receipt is.
async fn reserved(world: &World, offset: u64) -> (BookingId, String) {
    let outcome = granted(offset);
    let record = ScriptedLog::record(offset, outcome.clone());
    world.project(offset, vec![record]).await;
    tell(world, offset, explained(offset, REQUEST, outcome));
    let booking = BookingId::new(PartitionId(0), offset);
    let path = format!("/api/v1/bookings/{booking}");
    let data = world.get(&path).by_role("buyer").send().await.data(200);
    let url = data["receipt_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{path}/receipt?token=")), "{url}");
    (booking, url)
}

#[tokio::test]
async fn a_receipt_is_for_everyone_with_its_link_and_names_nobody() {
    let world = World::new().await;
    let (booking, url) = reserved(&world, 0).await;
    let reply = world.get(&url).send().await;
    let data = reply.data(200);
    assert_eq!(data["booking_id"], json!(booking));
    assert_eq!(data["quantity"], 1);
    assert_eq!(data["ahead"]["requests"], 9);
    assert!(data["rule"].as_str().unwrap().starts_with("First come"));
    let text = String::from_utf8(reply.bytes).unwrap();
    assert!(!text.contains(&BUYER.to_string()), "{text}");
    assert!(!text.contains("seats"), "{text}");
}

#[tokio::test]
async fn a_link_is_good_beside_a_token_that_is_not() {
    let world = World::new().await;
    let (booking, url) = reserved(&world, 0).await;
    let with_bad_token = |path: &str| world.get(path).token("no.such.token");
    with_bad_token(&url).send().await.data(200);
    let path = format!("/api/v1/bookings/{booking}/receipt");
    for path in [format!("{path}?token=0"), path] {
        let reply = with_bad_token(&path).send().await;
        reply.error(401, "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn the_answer_to_a_reservation_brings_the_link() {
    let world = World::new().await;
    let data = world
        .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
        .send()
        .await
        .data(201);
    let offset = data["position"]["offset"].as_u64().unwrap();
    tell(&world, offset, explained(offset, REQUEST, granted(offset)));
    let url = data["receipt_url"].as_str().unwrap();
    world.get(url).send().await.data(200);
}

#[tokio::test]
async fn the_id_of_a_booking_gives_nothing() {
    let world = World::new().await;
    let (booking, url) = reserved(&world, 0).await;
    let path = format!("/api/v1/bookings/{booking}/receipt");
    let (_, token) = url.split_once("token=").unwrap();
    let made_up = BookingId::new(PartitionId(0), 77);
    // Those that are there and those that are not are refused alike, before the log is read.
    *world.operations.explain_error.lock() = Some(OperationError::Failed("read".to_owned()));
    for id in [booking, made_up] {
        for query in ["", "?token=", "?token=00000000000000000000000000000000"] {
            let path = format!("/api/v1/bookings/{id}/receipt{query}");
            let reply = world.get(&path).send().await;
            reply.error(401, "UNAUTHORIZED");
            let detail = reply.json()["detail"].as_str().unwrap().to_owned();
            // A link needs no token, but has to be the right one.
            let is_about_link = detail.starts_with("This link is not valid");
            assert_eq!(is_about_link, !query.is_empty(), "{detail}");
            let other = world
                .get(&path)
                .by_user(UserId::from_bytes([1; 16]), "buyer")
                .send()
                .await;
            other.error(404, "NOT_FOUND");
        }
    }
    let of_another = format!("/api/v1/bookings/{made_up}/receipt?token={token}");
    world
        .get(&of_another)
        .send()
        .await
        .error(401, "UNAUTHORIZED");
    world
        .get(&format!("{path}?token={token}&more=1"))
        .send()
        .await
        .error(400, "VALIDATION_ERROR");
    *world.operations.explain_error.lock() = None;
    world.get(&path).by_role("buyer").send().await.data(200);
    world.get(&path).by_role("organizer").send().await.data(200);
}

#[tokio::test]
async fn only_a_reservation_that_was_granted_has_a_receipt() {
    let world = World::new().await;
    let (_, url) = reserved(&world, 0).await;
    let mut repeated = explained(0, REQUEST, granted(0));
    repeated.outcome.replay_of = Some(onsale_schemas::outcome::Replayed {
        offset: 8,
        log_time_ms: NOW_MS,
    });
    let refused = Outcome::Rejected(Rejection::SaleClosed);
    for standing in [repeated, explained(0, REQUEST, refused)] {
        let world = World::new().await;
        tell(&world, 0, standing);
        world.get(&url).send().await.error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_log_that_no_longer_holds_it_says_so() {
    let world = World::new().await;
    let (_, url) = reserved(&world, 0).await;
    for (error, status, code) in [
        (
            OperationError::Gone("it begins at 12".to_owned()),
            410,
            "RECORD_GONE",
        ),
        (
            OperationError::NotSupported("no log".to_owned()),
            501,
            "NOT_SUPPORTED",
        ),
    ] {
        *world.operations.explain_error.lock() = Some(error);
        world.get(&url).send().await.error(status, code);
    }
}

#[tokio::test]
async fn a_refusal_that_is_explained_can_be_asked_for_as_well() {
    let world = World::new().await;
    world.log.next(Script::reject(Rejection::SaleClosed));
    let refusal = world
        .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
        .send()
        .await
        .error(409, "SALE_CLOSED");
    let id = refusal["request_id"].as_str().unwrap();
    let offset = refusal["position"]["offset"].as_u64().unwrap();
    let refused = Outcome::Rejected(Rejection::SaleClosed);
    let request = RequestId(id.parse().unwrap());
    tell(&world, offset, explained(offset, request, refused));
    let path = format!("/api/v1/requests/{id}");
    let again = world.get(&path).by_role("buyer").send().await;
    assert_eq!(again.error(409, "SALE_CLOSED"), refusal);
    let other = world
        .get(&path)
        .by_user(UserId::from_bytes([1; 16]), "buyer");
    other.send().await.error(404, "NOT_FOUND");
}

/// Asks until that many explanations are being made, and hangs up.
async fn hang_up_after(begun: &AtomicU64, count: u64, call: Call<'_>) {
    let begun = async {
        while begun.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = begun => {}
        reply = call.send() => panic!("answered with {}", reply.status),
    }
}

fn request(n: u64) -> String {
    format!("/api/v1/requests/{}", uuid::Uuid::from_u64_pair(9, n))
}

#[tokio::test]
async fn hanging_up_makes_no_room_for_more_that_reads_the_log() {
    let world = World::new().await;
    let operations = &world.operations;
    operations.explain_gate.forget_permits(1_000);
    let path = |offset: u64| format!("{}/explanation?partition=0&offset={offset}", request(1));
    let get = |offset| world.get(&path(offset)).by_role("buyer");
    hang_up_after(&operations.explaining, 1, get(1)).await;
    hang_up_after(&operations.explaining, 2, get(2)).await;
    // Two go on without their callers, so a third has to wait for one of them.
    get(3).send().await.error(503, "OVERLOADED");
    assert_eq!(operations.explaining.load(Ordering::SeqCst), 2);
    operations.explain_gate.add_permits(3);
    get(3).send().await.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn looking_for_requests_keeps_nobody_from_a_receipt() {
    let world = World::new().await;
    let (_, url) = reserved(&world, 0).await;
    let operations = &world.operations;
    operations.find_gate.forget_permits(1_000);
    let by = |user: u8, n: u64| {
        let user = UserId::from_bytes([user; 16]);
        world.get(&request(n)).by_user(user, "buyer")
    };
    hang_up_after(&operations.finding, 1, by(1, 1)).await;
    // One for each user, also when the first hung up, and one for all of them.
    let reply = by(1, 2).send().await;
    reply.error(429, "RATE_LIMITED");
    assert_eq!(reply.header("retry-after"), "1");
    by(2, 3).send().await.error(503, "OVERLOADED");
    assert_eq!(operations.finding.load(Ordering::SeqCst), 1);
    world.get(&url).send().await.data(200);
    operations.find_gate.add_permits(2);
    by(2, 3).send().await.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_request_that_is_not_there_is_looked_for_once() {
    let world = World::new().await;
    for path in [
        request(1),
        format!("{}/explanation", request(1)),
        request(1),
    ] {
        let reply = world.get(&path).by_role("buyer").send().await;
        reply.error(404, "NOT_FOUND");
    }
    assert_eq!(world.operations.finding.load(Ordering::SeqCst), 1);
    world.get(&request(2)).by_role("buyer").send().await;
    assert_eq!(world.operations.finding.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_address_has_one_allowance_of_lookups_for_all_its_users() {
    let world = World::with(|config| {
        let rate = |burst| Rate {
            per_minute: 1,
            burst,
        };
        config.rate_limit.enabled = true;
        config.rate_limit.other = rate(100);
        config.rate_limit.lookup = rate(2);
        config.http.trusted_proxies = 1;
    })
    .await;
    let from = |address: &str, n: u8| {
        world
            .get(&request(u64::from(n)))
            .by_user(UserId::from_bytes([n; 16]), "buyer")
            .header("x-forwarded-for", address)
    };
    for n in [1, 2] {
        from("10.0.0.1", n).send().await.error(404, "NOT_FOUND");
    }
    from("10.0.0.1", 3).send().await.error(429, "RATE_LIMITED");
    from("10.0.0.2", 4).send().await.error(404, "NOT_FOUND");
    assert_eq!(world.operations.finding.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_takes_long_waits_for_its_turn_and_is_answered() {
    let world = World::new().await;
    let (_, url) = reserved(&world, 0).await;
    world.operations.long.store(3, Ordering::SeqCst);
    world.get(&url).send().await.data(200);
    assert_eq!(world.operations.long.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn whose_request_it_has_to_be_is_known_before_the_log_is_read() {
    let world = World::new().await;
    let path = format!("/api/v1/requests/{REQUEST}/explanation?partition=0&offset=8");
    for (role, user) in [("buyer", Some(BUYER)), ("admin", None), ("operator", None)] {
        world.get(&path).by_role(role).send().await;
        let expected = Expected {
            request: REQUEST,
            user,
        };
        assert_eq!(world.operations.expected.lock().pop(), Some(Some(expected)));
    }
}
