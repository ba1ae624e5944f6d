//! `GET /bookings`, `/bookings/pending`, `/bookings/{id}`

use std::sync::atomic::Ordering;
use std::time::Duration;

use onsale_schemas::outcome::Reserved;
use onsale_schemas::{
    BookingId, Outcome, OutcomeRecord, PartitionId, Rejection, SeatList, ShowId, UserId,
};
use serde_json::json;

use crate::support::{BUYER, EVENT, NOW_MS, SHOW, STALLS, Script, ScriptedLog, World};

fn reserved(offset: u64, previous: Option<u64>, expires_at_ms: u64) -> OutcomeRecord {
    let seat = u32::try_from(offset).unwrap();
    let mut record = ScriptedLog::record(
        offset,
        Outcome::Reserved(Reserved {
            booking: offset,
            show: SHOW,
            event: EVENT,
            user: BUYER,
            zone: 0,
            seats: SeatList::from_iter([seat]),
            quantity: 1,
            unit_price: 250_000,
            currency: "THB".parse().unwrap(),
            expires_at_ms,
        }),
    );
    record.previous = previous;
    record.log_time_ms = NOW_MS + offset;
    record
}

#[tokio::test]
async fn a_booking_is_read_by_its_owner_and_hidden_from_others() {
    let world = World::new().await;
    world
        .project(0, vec![reserved(0, None, NOW_MS + 90_500)])
        .await;
    let booking = BookingId::new(PartitionId(0), 0);
    let path = format!("/api/v1/bookings/{booking}");
    let data = world.get(&path).by_role("buyer").send().await.data(200);
    assert_eq!(data["booking_id"], json!(booking));
    assert_eq!(data["seats"], json!(["A-1"]));
    assert_eq!(data["zone_id"], json!(STALLS));
    assert_eq!(data["status"], "reserved");
    assert_eq!(data["expires_in_seconds"], 91);
    assert_eq!(
        data["total_price"],
        json!({"amount": 250_000, "currency": "THB"})
    );
    for role in ["organizer", "admin", "service"] {
        world.get(&path).by_role(role).send().await.data(200);
    }
    for role in ["buyer", "organizer"] {
        let reply = world
            .get(&path)
            .by_user(UserId::from_bytes([1; 16]), role)
            .send()
            .await;
        reply.error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_show_that_the_catalog_lost_does_not_hide_the_other_bookings() {
    let world = World::new().await;
    let mut lost = reserved(1, Some(0), NOW_MS + 90_500);
    if let Outcome::Reserved(reserved) = &mut lost.outcome {
        reserved.show = ShowId::from_bytes([9; 16]);
    }
    world
        .project(0, vec![reserved(0, None, NOW_MS + 90_500), lost])
        .await;
    let list = world.get("/api/v1/bookings").by_role("buyer").send().await;
    let list = list.data(200);
    assert_eq!(list[1]["seats"], json!(["A-1"]));
    assert_eq!(list[1].get("show_unknown"), None);
    assert_eq!(list[0]["show_unknown"], json!(true));
    assert_eq!(list[0]["zone_id"], json!(null));
    assert_eq!(list[0]["seats"], json!(["seat:1"]));
    assert_eq!(list[0]["quantity"], 1);
    let one = format!("/api/v1/bookings/{}", BookingId::new(PartitionId(0), 1));
    let one = world.get(&one).by_role("buyer").send().await.data(200);
    assert_eq!(one["show_unknown"], json!(true));
}

#[tokio::test]
async fn a_list_goes_on_by_cursor_and_knows_pending_ones() {
    let world = World::new().await;
    world
        .project(
            0,
            vec![
                reserved(0, None, NOW_MS - 1),
                reserved(1, Some(0), NOW_MS + 1_000),
                reserved(2, Some(1), NOW_MS + 2_000),
            ],
        )
        .await;
    let mut seen = Vec::new();
    let mut path = "/api/v1/bookings?limit=2".to_owned();
    loop {
        let reply = world.get(&path).by_role("buyer").send().await;
        for booking in reply.data(200).as_array().unwrap() {
            seen.push(booking["position"]["offset"].as_u64().unwrap());
        }
        match reply.json()["meta"]["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/bookings?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, [2, 1, 0]);
    let pending = world
        .get("/api/v1/bookings/pending")
        .by_role("buyer")
        .send()
        .await;
    assert_eq!(pending.data(200).as_array().unwrap().len(), 2);
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=x",
        "status=lost",
        "what=1",
    ] {
        let reply = world
            .get(&format!("/api/v1/bookings?{query}"))
            .by_role("buyer")
            .send()
            .await;
        reply.error(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn a_read_is_never_older_than_the_last_answer_to_its_reader() {
    let world = World::new().await;
    world.operations.projected.store(100, Ordering::SeqCst);
    let data = world
        .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
        .send()
        .await
        .data(201);
    let path = format!("/api/v1/bookings/{}", data["booking_id"].as_str().unwrap());
    for path in [
        path.as_str(),
        "/api/v1/bookings",
        "/api/v1/bookings/pending",
    ] {
        let reply = world.get(path).by_role("buyer").send().await;
        reply.error(503, "OVERLOADED");
        assert_eq!(reply.header("retry-after"), "1");
    }
    assert_eq!(world.operations.waits.load(Ordering::SeqCst), 3);
    world.operations.projected.store(101, Ordering::SeqCst);
    world
        .get("/api/v1/bookings")
        .by_role("buyer")
        .send()
        .await
        .data(200);
}

/// For every answer that staff may get about a buyer's booking, right away and late.
#[tokio::test]
async fn a_read_is_never_older_than_the_last_answer_to_the_staff() {
    let answers = [
        ("service", "confirm", json!({"payment_reference": "pay-1"})),
        ("service", "extend", json!({"seconds": 60})),
        ("service", "cancel", json!({})),
        ("admin", "cancel", json!({})),
        ("organizer", "cancel", json!({})),
    ];
    for (role, verb, body) in answers {
        for late in [false, true] {
            let world = World::with(|config| config.http.reply_deadline_ms = 50).await;
            let path = format!("/api/v1/bookings/{}", world.booked(5).await);
            world.operations.projected.store(100, Ordering::SeqCst);
            let read = |role| world.get(&path).by_role(role).send();
            read(role).await.data(200);
            if late {
                world.log.next(Script::Hold);
            }
            let call = world.post(&format!("{path}/{verb}")).by_role(role);
            let reply = call.json(&body).send().await;
            if late {
                reply.data(202);
                world.log.release();
                let location = reply.header("location").to_owned();
                let known = async {
                    while world.get(&location).by_role(role).send().await.status == 202 {}
                };
                tokio::time::timeout(Duration::from_secs(10), known)
                    .await
                    .unwrap();
            } else {
                reply.data(200);
            }
            // Everyone else who may read it sees it as well, and no one sees less.
            for reader in [role, "buyer", "admin"] {
                read(reader).await.error(503, "OVERLOADED");
            }
            world.operations.projected.store(102, Ordering::SeqCst);
            read(role).await.data(200);
        }
    }
}

/// A refusal says something of the booking, too: confirmed already, expired, cancelled.
#[tokio::test]
async fn a_refusal_is_not_contradicted_by_the_next_read() {
    let world = World::new().await;
    let path = format!("/api/v1/bookings/{}", world.booked(5).await);
    world.operations.projected.store(100, Ordering::SeqCst);
    world.log.next(Script::reject(Rejection::AlreadyCancelled));
    let call = world.post(&format!("{path}/cancel")).by_role("admin");
    let refusal = call.json(&json!({})).send().await;
    refusal.error(409, "ALREADY_CANCELLED");
    let read = || world.get(&path).by_role("admin").send();
    read().await.error(503, "OVERLOADED");
    world.operations.projected.store(101, Ordering::SeqCst);
    read().await.data(200);
}

#[tokio::test]
async fn what_an_earlier_process_answered_is_waited_for_too() {
    let world = World::new().await;
    let list = || async { world.get("/api/v1/bookings").by_role("buyer").send().await };
    world.operations.projected.store(99, Ordering::SeqCst);
    world.log.began_at.store(100, Ordering::SeqCst);
    list().await.error(503, "OVERLOADED");
    world.operations.projected.store(100, Ordering::SeqCst);
    list().await.data(200);
}

#[tokio::test]
async fn what_another_process_answered_is_waited_for_too() {
    let world = World::beside_others().await;
    world.operations.projected.store(100, Ordering::SeqCst);
    let list = |role| world.get("/api/v1/bookings").by_role(role).send();
    list("buyer").await.data(200);
    let extended = Outcome::Extended {
        booking: 7,
        show: SHOW,
        user: BUYER,
        expires_at_ms: NOW_MS + 1,
    };
    world.log.publish(vec![ScriptedLog::record(100, extended)]);
    // The feed is read beside the requests.
    let seen = async { while list("buyer").await.status == 200 {} };
    tokio::time::timeout(Duration::from_secs(10), seen)
        .await
        .unwrap();
    list("buyer").await.error(503, "OVERLOADED");
    list("organizer").await.data(200);
    world.operations.projected.store(101, Ordering::SeqCst);
    list("buyer").await.data(200);
}

/// Nothing has to be waited for to know that an id behind the end of the log names nothing.
#[tokio::test]
async fn an_id_behind_the_end_of_the_log_is_not_found_at_once() {
    let world = World::new().await;
    world.operations.projected.store(50, Ordering::SeqCst);
    let of = |offset| BookingId::new(PartitionId(0), offset);
    // The last record there is may be a booking that is not projected yet; the next is none.
    for (booking, status, code) in [
        (of(99), 503, "OVERLOADED"),
        (of(100), 404, "NOT_FOUND"),
        (of((1 << 48) - 1), 404, "NOT_FOUND"),
    ] {
        let path = |verb: &str| format!("/api/v1/bookings/{booking}{verb}");
        let waited = world.operations.waits.load(Ordering::SeqCst);
        let mut waits = 0;
        for role in ["buyer", "organizer", "service"] {
            for verb in ["", "/receipt"] {
                let reply = world.get(&path(verb)).by_role(role).send().await;
                reply.error(status, code);
                waits += 1;
            }
        }
        for (role, verb, body) in [
            ("service", "/confirm", json!({"payment_reference": "p"})),
            ("service", "/extend", json!({"seconds": 5})),
            ("service", "/cancel", json!({})),
            ("organizer", "/cancel", json!({})),
        ] {
            let reply = world.post(&path(verb)).by_role(role).json(&body);
            reply.send().await.error(status, code);
            waits += 1;
        }
        let waited = world.operations.waits.load(Ordering::SeqCst) - waited;
        assert_eq!(waited, if status == 503 { waits } else { 0 });
    }
    assert!(world.log.seen().is_empty());
}
