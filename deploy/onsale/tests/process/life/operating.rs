//! What operators do while it runs.

use std::time::{Duration, Instant};

use onsale_store::audit::{AuditFilter, Unaudited};
use serde_json::{Value, json};

use super::{ADMIN, House, PATIENCE, id};
use crate::support::metric;

#[tokio::test]
async fn operators_look_after_it() {
    let house = House::open(600).await;
    let (_, kept) = house
        .reserve(&house.buyer, json!({ "seats": ["A-1", "A-2"] }))
        .await;
    let verb = |args: &[&str]| house.server.verb(args);
    let fine = |args: &[&str]| {
        let (code, out, err) = verb(args);
        assert_eq!(code, Some(0), "{args:?}: {out}{err}");
        out
    };
    let status: Value = serde_json::from_str(&fine(&["status", "--json"])).unwrap();
    assert_eq!(status.as_array().unwrap().len(), 8);
    assert_eq!(status[0]["owner"], "node-1");
    fine(&["snapshot", "create"]);
    let list: Value = serde_json::from_str(&fine(&["snapshot", "list", "--json"])).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 8);
    fine(&["snapshot", "verify"]);
    let booking = id(&kept);
    let replay = fine(&["replay", "--booking", &booking, "--json"]);
    let line: Value = serde_json::from_str(replay.lines().next().unwrap()).unwrap();
    assert_eq!(line["command"]["kind"], "reserve", "{replay}");
    assert_eq!(line["outcome"]["kind"], "reserved", "{replay}");
    assert_eq!(
        line["outcome"]["seat_labels"],
        json!(["A-1", "A-2"]),
        "{replay}"
    );
    let text = fine(&["replay", "--booking", &booking]);
    assert!(text.contains("seats A-1 A-2"), "{text}");
    for word_of_the_program in ["SeatList", "Currency(", "Some(", "Reserve("] {
        assert!(!text.contains(word_of_the_program), "{text}");
    }
    let report = house.server.data.join("report.json");
    let report = report.to_str().unwrap();
    fine(&["reconcile", "--report", report]);
    fine(&["doctor"]);
    fine(&["verify"]);

    // The database is changed behind the server's back; reconciliation finds and repairs it.
    let url = format!(
        "sqlite://{}",
        house.server.data.join("onsale.sqlite").display()
    );
    let store = onsale_store::Store::connect(&url, 2).await.unwrap();
    let uuid: uuid::Uuid = booking.parse().unwrap();
    let booking_id = onsale_schemas::BookingId::from_uuid(uuid).unwrap();
    let mut row = store.booking(booking_id).await.unwrap().unwrap();
    row.status = onsale_store::booking::BookingStatus::Cancelled;
    row.ended_at_ms = Some(1);
    store
        .repair_bookings(&[row], Unaudited::Unattended)
        .await
        .unwrap();
    let show = onsale_schemas::ShowId(house.show.parse().unwrap());
    let mut catalog = store.show(show).await.unwrap().unwrap();
    catalog.hold_ms += 1;
    store
        .update_show(&catalog, Unaudited::Unattended)
        .await
        .unwrap();
    let (code, out, _) = verb(&["reconcile", "--report", report]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("booking_differs"), "{out}");
    assert!(out.contains("show_differs"), "{out}");
    fine(&["reconcile", "--apply", report]);
    let filter = AuditFilter {
        limit: 2,
        ..AuditFilter::default()
    };
    let trail = store.audit(&filter).await.unwrap();
    let mut actions: Vec<&str> = trail.iter().map(|entry| entry.action.as_str()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["reconcile.bookings", "reconcile.show"]);
    assert!(trail.iter().all(|entry| entry.actor.role == "operator"));
    let listed = fine(&["audit", "list", "--kind", "show"]);
    assert!(
        listed.contains("reconcile.show") && listed.contains("show.create"),
        "{listed}"
    );
    assert!(trail.iter().all(|entry| entry.tenant_id.is_some()));
    let bookings = trail
        .iter()
        .find(|entry| entry.action == "reconcile.bookings")
        .unwrap();
    assert_eq!(bookings.detail["ids"], json!([booking]));
    let number = bookings.audit_id.to_string();
    let shown = fine(&["audit", "show", &number]);
    for part in [house.show.as_str(), booking.as_str(), "reconcile.bookings"] {
        assert!(shown.contains(part), "{shown}");
    }
    let (code, _, err) = verb(&["audit", "show", "999999"]);
    assert_eq!(code, Some(1), "{err}");
    fine(&["reconcile", "--report", report]);
    assert_eq!(house.status(&house.buyer, &booking).await, "reserved");

    let (status, _) = house.server.get(&house.buyer, "/partitions").await;
    assert_eq!(status, 403);
    let (status, _) = house.server.get(&house.admin, "/partitions").await;
    assert_eq!(status, 200);
    let (code, _, err) = verb(&["status", "--server", "http://127.0.0.1:1"]);
    assert_eq!(code, Some(3), "{err}");
    let (code, _, _) = verb(&["replay", "--partition", "99"]);
    assert_eq!(code, Some(2));
}

#[tokio::test]
async fn the_projection_goes_on_after_a_repair() {
    let house = House::open(600).await;
    let (_, sold) = house
        .reserve(&house.buyer, json!({ "seats": ["A-1"] }))
        .await;
    assert_eq!(house.status(&house.buyer, &id(&sold)).await, "reserved");
    // A booking is written into the database that the log knows nothing of.
    let url = format!(
        "sqlite://{}",
        house.server.data.join("onsale.sqlite").display()
    );
    let store = onsale_store::Store::connect(&url, 2).await.unwrap();
    let known = onsale_schemas::BookingId::from_uuid(id(&sold).parse().unwrap()).unwrap();
    let mut forged = store.booking(known).await.unwrap().unwrap();
    forged.booking_id = onsale_schemas::BookingId::new(known.partition(), 1_000_000);
    forged.updated_offset = 1_000_000;
    forged.seats = vec![1];
    store
        .repair_bookings(&[forged], Unaudited::Unattended)
        .await
        .unwrap();
    let (status, twice) = house
        .reserve(&house.other, json!({ "seats": ["A-2"] }))
        .await;
    assert_eq!(status, 201, "the log decides: {twice}");
    let ready = format!("http://127.0.0.1:{}/health/ready", house.server.port);
    let has_stopped = async || {
        let response = house.server.http.get(&ready).send().await.unwrap();
        response
            .text()
            .await
            .unwrap()
            .contains("projector has stopped")
    };
    let deadline = Instant::now() + PATIENCE;
    while !has_stopped().await {
        assert!(Instant::now() < deadline, "the double sale was not noticed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Sales go on; what they leave in the log is behind the stop.
    let (status, late) = house
        .reserve(&house.other, json!({ "seats": ["A-3"] }))
        .await;
    assert_eq!(status, 201, "{late}");

    let report = house.server.data.join("report.json");
    let report = report.to_str().unwrap();
    let (code, out, _) = house.server.verb(&["reconcile", "--report", report]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("booking_extra"), "{out}");
    let (code, out, err) = house.server.verb(&["reconcile", "--apply", report]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("continues from here"), "{out}");
    assert!(!has_stopped().await);
    for booking in [&twice, &late] {
        assert_eq!(house.status(&house.other, &id(booking)).await, "reserved");
    }
    // Without a restart.
    let (_, next) = house
        .reserve(&house.buyer, json!({ "seats": ["A-4"] }))
        .await;
    assert_eq!(house.status(&house.buyer, &id(&next)).await, "reserved");
    let (code, out, err) = house.server.verb(&["reconcile", "--report", report]);
    assert_eq!(code, Some(0), "{out}{err}");
}

/// The engine forgets when a sale was paid that was taken back; the database does not.
#[tokio::test]
async fn a_sale_that_was_taken_back_is_no_difference_and_keeps_when_it_was_paid() {
    let house = House::open(600).await;
    let (_, sold) = house
        .reserve(&house.buyer, json!({ "seats": ["A-1"] }))
        .await;
    let booking = format!("/bookings/{}", id(&sold));
    let service = house.server.token("service", ADMIN);
    let payment = json!({ "payment_reference": "paid-1" });
    for (token, call, body) in [
        (&service, "confirm", &payment),
        (&house.organizer, "cancel", &json!({})),
    ] {
        let path = format!("{booking}/{call}");
        let (status, answer) = house.server.post(token, &path, body).await;
        assert_eq!(status, 200, "{call}: {answer}");
    }
    house.becomes(&house.buyer, &id(&sold), "cancelled").await;
    let report = house.server.data.join("report.json");
    let report = report.to_str().unwrap();
    let (code, out, err) = house.server.verb(&["reconcile", "--report", report]);
    assert_eq!(code, Some(0), "{out}{err}");

    // A real difference of such a row is repaired, and nothing else of it.
    let url = format!(
        "sqlite://{}",
        house.server.data.join("onsale.sqlite").display()
    );
    let store = onsale_store::Store::connect(&url, 2).await.unwrap();
    let known = onsale_schemas::BookingId::from_uuid(id(&sold).parse().unwrap()).unwrap();
    let right = store.booking(known).await.unwrap().unwrap();
    assert!(right.confirmed_at_ms.is_some());
    let mut wrong = right.clone();
    wrong.unit_price += 1;
    store
        .repair_bookings(&[wrong], Unaudited::Unattended)
        .await
        .unwrap();
    let (code, out, _) = house.server.verb(&["reconcile", "--report", report]);
    assert_eq!(code, Some(1), "{out}");
    let (code, out, err) = house.server.verb(&["reconcile", "--apply", report]);
    assert_eq!(code, Some(0), "{out}{err}");
    let repaired = store.booking(known).await.unwrap().unwrap();
    assert_eq!(repaired.unit_price, right.unit_price);
    assert_eq!(repaired.confirmed_at_ms, right.confirmed_at_ms);
    assert_eq!(repaired.payment_reference, right.payment_reference);
}

#[tokio::test]
async fn what_is_measured_is_set() {
    let house = House::open(600).await;
    for seats in [["A-1", "A-2"], ["A-3", "A-4"]] {
        let (status, body) = house.reserve(&house.other, json!({ "seats": seats })).await;
        assert_eq!(status, 201, "{body}");
    }
    let (status, _) = house
        .reserve(&house.buyer, json!({ "seats": ["A-1"] }))
        .await;
    assert_eq!(status, 409);
    let text = house.server.metrics().await;
    let values = |name: &str| metric(&text, name);
    for (name, expected) in [
        ("active_reservations", 2),
        ("booking_reservations_total", 2),
        ("booking_reservation_failures{code=\"SEAT_UNAVAILABLE\"}", 1),
        ("onsale_log_disk_full", 0),
        ("onsale_projector_stopped", 0),
        ("onsale_submissions_queued", 0),
    ] {
        assert_eq!(values(name), [f64::from(expected)], "{name}");
    }
    for name in [
        "onsale_log_disk_bytes",
        "http_connections_open",
        "http_requests_in_flight",
        "onsale_journal_bytes_total",
        "onsale_journal_sync_seconds_count",
        "onsale_engine_apply_seconds_count",
        "onsale_append_to_answer_seconds_count",
        "http_request_duration_seconds_count",
        "http_requests_total",
    ] {
        let found = values(name);
        assert!(found.iter().any(|value| *value > 0.0), "{name}: {found:?}");
    }
    for name in [
        "kafka_consumer_lag",
        "onsale_log_lag_records",
        "onsale_projector_lag_records",
        "onsale_snapshot_age_records",
    ] {
        assert_eq!(values(name).len(), 8, "{name} by partition");
    }
    // Refreshed every few seconds.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = house.server.metrics().await;
        let held = metric(&text, "onsale_seats{state=\"held\"}");
        if held == [4.0] {
            break;
        }
        assert!(Instant::now() < deadline, "{held:?} places held");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (code, out, err) = house.server.verb(&["snapshot", "create"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let text = house.server.metrics().await;
    let created = metric(&text, "onsale_snapshot_created_timestamp_seconds");
    assert_eq!(created.len(), 8);
    assert!(created.iter().all(|at| *at > 0.0), "{created:?}");
}
