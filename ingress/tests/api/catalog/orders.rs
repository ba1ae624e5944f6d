//! `/events/{id}/orders`

use onsale_store::audit::AuditFilter;

use crate::support::{BUYER, EVENT, SHOW, World};

#[tokio::test]
async fn an_organizer_reads_and_searches_the_orders_of_an_event() {
    let world = World::new().await;
    let booking = world.booked(0).await;
    let path = format!("/api/v1/events/{EVENT}/orders");
    let read = async |query: &str| {
        let call = world.get(&format!("{path}?{query}")).by_role("organizer");
        call.send().await
    };
    let all = read("").await.data(200);
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(all[0]["booking_id"], booking.to_string());
    assert_eq!(all[0]["buyer"]["user_id"], BUYER.to_string());
    let none = uuid::Uuid::from_u128(9);
    for (query, count) in [
        (format!("search={booking}"), 1),
        (format!("search={none}"), 0),
        ("search=ABCDEFGH".to_owned(), 0),
        ("status=reserved".to_owned(), 1),
        ("status=confirmed".to_owned(), 0),
        (format!("show={SHOW}"), 1),
        (format!("show={none}"), 0),
        (format!("search={booking}&status=confirmed"), 0),
        (format!("cursor={}", booking.as_uuid().simple()), 0),
    ] {
        let found = read(&query).await.data(200);
        assert_eq!(found.as_array().unwrap().len(), count, "{query}");
    }
    for (query, field) in [
        ("search=what", "search"),
        ("status=lost", "status"),
        ("cursor=x", "cursor"),
        ("limit=0", "limit"),
        ("show=x", "show"),
    ] {
        let refused = read(query).await.error(400, "VALIDATION_ERROR");
        assert_eq!(refused["field"], field, "{query}");
    }
    // Whose orders were read is written down.
    let filter = AuditFilter {
        action: Some("event.read_orders".to_owned()),
        limit: 50,
        ..AuditFilter::default()
    };
    let trail = world.store.audit(&filter).await.unwrap();
    let first = trail.last().unwrap();
    assert_eq!(first.subject_id, EVENT.to_string());
    assert_eq!(first.detail["bookings"][0], booking.as_uuid().to_string());
}

#[tokio::test]
async fn orders_are_exported_as_a_table() {
    let world = World::new().await;
    let booking = world.booked(0).await;
    let path = format!("/api/v1/events/{EVENT}/orders/export");
    let reply = world.get(&path).by_role("organizer").send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    assert_eq!(reply.header("cache-control"), "no-store");
    let text = String::from_utf8(reply.bytes).unwrap();
    let lines: Vec<&str> = text.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("booking_id,status,show_id"), "{text}");
    assert!(
        lines[1].starts_with(&format!("{booking},reserved,{SHOW}")),
        "{text}"
    );
    assert_eq!(lines[1].split(',').count(), lines[0].split(',').count());
    let empty = world
        .get(&format!("{path}?status=confirmed"))
        .by_role("organizer");
    let empty = String::from_utf8(empty.send().await.bytes).unwrap();
    assert_eq!(empty.trim_end().lines().count(), 1, "{empty}");
    let filter = AuditFilter {
        action: Some("event.export_orders".to_owned()),
        limit: 9,
        ..AuditFilter::default()
    };
    assert_eq!(world.store.audit(&filter).await.unwrap().len(), 2);
    world
        .get(&path)
        .by_role("buyer")
        .send()
        .await
        .error(403, "FORBIDDEN");
}
