//! `/events/{id}/orders`

use onsale_schemas::outcome::{Confirmed, Reserved};
use onsale_schemas::{BookingId, Outcome, PartitionId, SeatList, UserId};
use onsale_store::audit::AuditFilter;
use serde_json::Value;
use uuid::Uuid;

use super::walked;
use crate::accounts::{EMAIL, config, register};
use crate::support::{BUYER, EVENT, NOW_MS, SHOW, ScriptedLog, World};

/// A hold of one seat.
fn reserved(booking: u64, user: UserId) -> Outcome {
    Outcome::Reserved(Reserved {
        booking,
        show: SHOW,
        event: EVENT,
        user,
        zone: 0,
        seats: SeatList::from_iter([u32::try_from(booking).unwrap()]),
        quantity: 1,
        unit_price: 250_000,
        currency: "THB".parse().unwrap(),
        expires_at_ms: NOW_MS + 600_000,
    })
}

/// That it was paid.
fn confirmed(booking: u64, user: UserId) -> Outcome {
    Outcome::Confirmed(Confirmed {
        booking,
        show: SHOW,
        user,
        zone: 0,
        seats: SeatList::from_iter([u32::try_from(booking).unwrap()]),
        quantity: 1,
        payment_reference: format!("paid-{booking}"),
        confirmed_at_ms: NOW_MS,
        first: true,
        revived: false,
    })
}

/// Projects outcomes as all that the log has.
async fn project(world: &World, outcomes: Vec<Outcome>) {
    let records = (0_u64..).zip(outcomes).map(|(offset, outcome)| {
        let mut record = ScriptedLog::record(offset, outcome);
        record.previous = offset.checked_sub(1);
        record
    });
    world.project(0, records.collect()).await;
}

/// The bookings of a page of orders, in its order.
fn ids(page: &Value) -> Vec<String> {
    let orders = page.as_array().unwrap().iter();
    orders
        .map(|order| order["booking_id"].as_str().unwrap().to_owned())
        .collect()
}

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

/// What people have at hand who ask for their order: the code on their ticket, and their address.
#[tokio::test]
async fn an_order_is_found_by_its_code_and_by_the_address_of_its_buyer() {
    let world = World::with(|all| all.accounts = config()).await;
    let person = register(&world).await;
    let person: Uuid = person["user"]["user_id"].as_str().unwrap().parse().unwrap();
    let person = UserId(person);
    let outcomes = vec![
        reserved(0, BUYER),
        reserved(1, person),
        reserved(2, person),
        confirmed(0, BUYER),
        confirmed(1, person),
    ];
    project(&world, outcomes).await;
    let [of_buyer, paid, held] =
        [0, 1, 2].map(|offset| BookingId::new(PartitionId(0), offset).to_string());
    let path = format!("/api/v1/events/{EVENT}/orders");
    let found = async |query: String| {
        let call = world.get(&format!("{path}?{query}")).by_role("organizer");
        ids(&call.send().await.data(200))
    };
    // As their buyers read them.
    let code = async |booking: &str, user: UserId| {
        let read = world.get(&format!("/api/v1/bookings/{booking}"));
        let read = read.by_user(user, "buyer").send().await.data(200);
        read["confirmation_code"].as_str().unwrap().to_owned()
    };
    for (booking, user) in [(&of_buyer, BUYER), (&paid, person)] {
        let code = code(booking, user).await;
        let (first, second) = code.split_at(4);
        let said = format!("{}-{}", first.to_lowercase(), second.to_lowercase());
        for typed in [code.clone(), said, format!("%20{code}")] {
            assert_eq!(
                found(format!("search={typed}")).await,
                std::slice::from_ref(booking)
            );
        }
        let confirmed = format!("search={code}&status=confirmed&show={SHOW}");
        assert_eq!(found(confirmed).await, std::slice::from_ref(booking));
        for elsewhere in [
            "status=reserved".to_owned(),
            format!("show={}", Uuid::from_u128(9)),
        ] {
            let query = format!("search={code}&{elsewhere}");
            assert_eq!(found(query).await, Vec::<String>::new(), "{elsewhere}");
        }
    }
    let address = EMAIL.replace('@', "%40");
    for (query, expected) in [
        (
            format!("search={address}"),
            vec![held.clone(), paid.clone()],
        ),
        (
            format!("search={}", address.to_uppercase()),
            vec![held.clone(), paid.clone()],
        ),
        (
            format!("search={address}&status=confirmed"),
            vec![paid.clone()],
        ),
        (format!("search={address}&limit=1"), vec![held]),
        ("search=somebody%40example.test".to_owned(), Vec::new()),
    ] {
        assert_eq!(found(query.clone()).await, expected, "{query}");
    }
    // What was typed is nobody's to read in an error.
    let wrong = world.get(&format!("{path}?search=no%40one%40"));
    let wrong = wrong.by_role("organizer").send().await;
    assert_eq!(wrong.error(400, "VALIDATION_ERROR")["field"], "search");
    assert!(!wrong.json().to_string().contains("no@one"));
}

#[tokio::test]
async fn the_orders_of_an_event_are_walked_page_by_page() {
    let world = World::new().await;
    let outcomes = (0..7).map(|booking| reserved(booking, BUYER)).collect();
    project(&world, outcomes).await;
    let path = format!("/api/v1/events/{EVENT}/orders");
    for (limit, pages) in [(2, 4), (3, 3), (7, 1)] {
        let page = |cursor: &str| {
            world
                .get(&format!("{path}?limit={limit}{cursor}"))
                .by_role("organizer")
        };
        let walked = walked(page, pages).await;
        let mut seen = Vec::new();
        for page in &walked {
            let found = ids(&page.data(200));
            assert!(found.len() <= limit, "{found:?}");
            seen.extend(found);
        }
        assert_eq!(walked.len(), pages, "{limit} on a page");
        // Each once, and the last one first.
        let all: Vec<String> = (0..7)
            .rev()
            .map(|offset| BookingId::new(PartitionId(0), offset).to_string())
            .collect();
        assert_eq!(seen, all, "{limit} on a page");
    }
}
