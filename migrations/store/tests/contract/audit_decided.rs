//! What the audit trail says of what the log decided.

use onsale_schemas::envelope::Staff;
use onsale_schemas::{Asker, Offset, Outcome, TenantId};
use onsale_store::audit::{AuditFilter, AuditRow};
use onsale_store::projection::ProjectionBatch;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::build::{Chain, P, booking_id, id, show_id, time_of, user_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    a_booking_is_written_down_from_its_beginning_to_its_end,
    who_asked_is_written_down_where_it_is_known,
    a_projection_that_begins_again_writes_nothing_twice,
    a_batch_that_is_refused_leaves_no_entry,
    what_staff_does_to_a_show_is_written_down,
    thousands_of_bookings_are_links_of_a_chain,
);

/// All entries, oldest first.
async fn all(bench: &Bench) -> Vec<AuditRow> {
    let filter = AuditFilter {
        limit: 1_000,
        ..AuditFilter::default()
    };
    let mut rows = bench.store.audit(&filter).await.unwrap();
    rows.reverse();
    rows
}

/// Action, record and status of each.
fn told(rows: &[AuditRow]) -> Vec<(&str, u64, Value)> {
    let of = |row: &AuditRow| row.detail["position"].as_u64().unwrap();
    let rows = rows.iter();
    rows.map(|row| {
        let status = row.detail["changes"]["status"].clone();
        (row.action.as_str(), of(row), status)
    })
    .collect()
}

fn became(before: impl Into<Value>, after: &str) -> Value {
    json!({ "before": before.into(), "after": after })
}

async fn a_booking_is_written_down_from_its_beginning_to_its_end(bench: Bench) {
    with_show(&bench.store).await;
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[1, 2]);
    let late = chain.reserve(1, 2, &[3]);
    let given_back = chain.reserve(1, 3, &[4]);
    chain.confirm(1, 1, sold, &[1, 2]);
    // Its answer again is no second sale.
    chain.confirm(1, 1, sold, &[1, 2]);
    chain.mark_replay(3);
    chain.release(1, 3, given_back, &[4]);
    chain.expire(1, 2, late, &[3]);
    bench.store.project(&chain.all()).await.unwrap();
    let rows = all(&bench).await;
    assert_eq!(
        told(&rows),
        [
            ("booking.reserve", 0, became(Value::Null, "reserved")),
            ("booking.reserve", 1, became(Value::Null, "reserved")),
            ("booking.reserve", 2, became(Value::Null, "reserved")),
            ("booking.confirm", 3, became("reserved", "confirmed")),
            ("booking.cancel", 5, became("reserved", "cancelled")),
            ("booking.expire", 6, became("reserved", "expired")),
        ]
    );
    let made = &rows[0];
    assert_eq!(
        made.at_ms,
        time_of(0),
        "machine time, not that of the database"
    );
    assert_eq!(made.subject_kind, "booking");
    assert_eq!(made.subject_id, booking_id(sold).as_uuid().to_string());
    assert_eq!(made.tenant_id, Some(id(1)), "the event's");
    assert_eq!(made.actor.id, Some(user_id(1).0));
    assert_eq!(made.actor.role, "buyer");
    assert_eq!(made.actor.request_id, Some(id(0x100_0000).to_string()));
    assert_eq!(
        (&made.detail["quantity"], &made.detail["unit_price"]),
        (&json!(2), &json!(250_000))
    );
    assert_eq!(made.detail["currency"], "THB");
    let ended = &rows[5];
    assert_eq!(ended.actor.role, "log", "nobody asked for it");
    assert_eq!((ended.actor.id, &ended.actor.request_id), (None, &None));
    // Somebody asked for these, and the batch does not say who.
    for asked in &rows[3..5] {
        assert_eq!(asked.actor.role, "unknown", "{asked:?}");
    }
    assert_eq!(ended.detail["user_id"], user_id(2).0.to_string());
    let report = bench.store.verify_audit(None, &[]).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    let [anchor] = &report.anchors[..] else {
        panic!("{report:?}");
    };
    assert_eq!((anchor.lane.as_str(), anchor.link), ("log-3", 1));
    // By its booking, its buyer, and what kind of thing it is.
    let found = async |filter: AuditFilter| {
        let filter = AuditFilter {
            limit: 100,
            ..filter
        };
        bench.store.audit(&filter).await.unwrap().len()
    };
    let of_booking = AuditFilter {
        subject_id: Some(made.subject_id.clone()),
        ..AuditFilter::default()
    };
    assert_eq!(found(of_booking).await, 2);
    let of_buyer = AuditFilter {
        actor_id: Some(user_id(1).0),
        ..AuditFilter::default()
    };
    assert_eq!(found(of_buyer).await, 1);
    let of_kind = AuditFilter {
        subject_kind: Some("booking".to_owned()),
        tenant_id: Some(id(1)),
        ..AuditFilter::default()
    };
    assert_eq!(found(of_kind).await, 6);
}

async fn who_asked_is_written_down_where_it_is_known(bench: Bench) {
    with_show(&bench.store).await;
    let mut chain = Chain::default();
    let first = chain.reserve(1, 1, &[1]);
    let second = chain.reserve(1, 1, &[2]);
    chain.confirm(1, 1, first, &[1]);
    chain.release(1, 1, second, &[2]);
    chain.block(1, 0, &[5], 0);
    let service = Staff {
        user: user_id(70),
        tenant: Some(TenantId(id(1))),
    };
    let batch = ProjectionBatch {
        askers: vec![
            (2, Asker::Staff(service)),
            (3, Asker::Buyer(user_id(1))),
            (4, Asker::SomeStaff),
        ],
        ..chain.all()
    };
    bench.store.project(&batch).await.unwrap();
    let actors: Vec<(Option<Uuid>, String, Option<Uuid>)> = all(&bench)
        .await
        .into_iter()
        .map(|row| (row.actor.id, row.actor.role, row.actor.tenant_id))
        .collect();
    let buyer = (Some(user_id(1).0), "buyer".to_owned(), None);
    assert_eq!(
        actors,
        [
            buyer.clone(),
            buyer.clone(),
            (Some(user_id(70).0), "staff".to_owned(), Some(id(1))),
            buyer,
            (None, "staff".to_owned(), None),
        ]
    );
}

async fn a_projection_that_begins_again_writes_nothing_twice(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let booking = chain.reserve(1, 1, &[1]);
    chain.confirm(1, 1, booking, &[1]);
    store.project(&chain.all()).await.unwrap();
    store.project(&chain.all()).await.unwrap();
    let rows = all(&bench).await;
    assert_eq!(rows.len(), 2);
    // Someone empties the projection, and it is filled from the log.
    let empty = "DELETE FROM booking_seats; DELETE FROM bookings; DELETE FROM projector_watermarks";
    store.by_hand(empty).await.unwrap();
    chain.reserve(1, 2, &[2]);
    store.project(&chain.batch(0, 1)).await.unwrap();
    assert_eq!(all(&bench).await, rows);
    store.project(&chain.batch(0, 3)).await.unwrap();
    let now = all(&bench).await;
    assert_eq!(now[..2], rows);
    assert_eq!(now.len(), 3, "{now:?}");
    let report = store.verify_audit(None, &[]).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
}

async fn a_batch_that_is_refused_leaves_no_entry(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    chain.reserve(1, 1, &[1]);
    store.project(&chain.all()).await.unwrap();
    let rows = all(&bench).await;
    // A seat that has a holder.
    chain.reserve(1, 2, &[1]);
    store.project(&chain.batch(1, 2)).await.unwrap_err();
    assert_eq!(all(&bench).await, rows);
    let report = store.verify_audit(None, &[]).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
}

async fn what_staff_does_to_a_show_is_written_down(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    chain.block(1, 1, &[], 5);
    chain.push(Outcome::ShowClosed { show: show_id(1) });
    // One that the catalog does not have.
    chain.push(Outcome::ShowClosed { show: show_id(8) });
    chain.push(Outcome::ShowCancelled { show: show_id(1) });
    store.project(&chain.all()).await.unwrap();
    let rows = all(&bench).await;
    let said: Vec<_> = rows
        .iter()
        .map(|row| (row.action.as_str(), row.subject_id.clone(), row.tenant_id))
        .collect();
    let (known, unknown) = (show_id(1).0.to_string(), show_id(8).0.to_string());
    assert_eq!(
        said,
        [
            ("show.block", known.clone(), Some(id(1))),
            ("show.close", known.clone(), Some(id(1))),
            ("show.close", unknown, None),
            ("show.cancel", known, Some(id(1))),
        ]
    );
    assert_eq!(rows[0].detail["places"], 5);
    let report = store.verify_audit(None, &[]).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.chains, 2);
}

async fn thousands_of_bookings_are_links_of_a_chain(bench: Bench) {
    const BOOKINGS: Offset = 9_000;
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    for user in 0..BOOKINGS {
        chain.reserve_general(1, user, 1);
    }
    store.project(&chain.all()).await.unwrap();
    let report = store.verify_audit(None, &[]).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.chains, report.links), (1, 2));
    assert_eq!(report.entries, BOOKINGS);
    let mark = store.watermarks().await.unwrap();
    assert_eq!((mark[0].partition, mark[0].next_offset), (P, BOOKINGS));
}
