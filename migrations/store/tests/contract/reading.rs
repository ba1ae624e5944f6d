//! Reading bookings.

use onsale_schemas::{BookingId, Outcome, PartitionId, RequestId};
use onsale_store::Store;
use onsale_store::booking::{BookingFilter, BookingStatus};

use crate::build::{Chain, P, booking, booking_id, confirmed, filter, id, time_of, user_id};
use crate::harness::{Bench, contract};

contract!(
    a_booking_is_found_by_id_and_request,
    bookings_are_filtered,
    bookings_are_paged_by_cursor,
    live_bookings_are_paged,
    live_bookings_are_found_behind_many_that_have_ended,
    bookings_of_one_moment_are_ordered_by_id,
);

async fn a_booking_is_found_by_id_and_request(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    chain.ticks(7);
    let offset = chain.reserve(1, 1, &[4, 2]);
    store.project(&chain.all()).await.unwrap();
    let row = booking(store, offset).await;
    assert_eq!(row.seats, [4, 2], "in the order that was asked for");
    let request = row.request_id.unwrap();
    assert_eq!(store.booking_of_request(request).await.unwrap(), Some(row));
    assert_eq!(
        store.booking_of_request(RequestId(id(1))).await.unwrap(),
        None
    );
    assert_eq!(store.booking(booking_id(offset + 1)).await.unwrap(), None);
    for unknown in [
        BookingId::new(PartitionId(4), offset),
        BookingId::new(P, u64::MAX),
    ] {
        assert_eq!(store.booking(unknown).await.unwrap(), None);
    }
}

async fn listed(store: Store, filter: BookingFilter) -> Vec<u64> {
    let rows = store.bookings(&filter).await.unwrap();
    rows.iter().map(|row| row.booking_id.offset()).collect()
}

async fn live(store: Store, after: Option<u64>, limit: u32) -> Vec<u64> {
    let rows = store.live_bookings(P, after, limit).await.unwrap();
    rows.iter().map(|row| row.booking_id.offset()).collect()
}

async fn bookings_are_filtered(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let confirmed = chain.reserve(1, 1, &[1]);
    let held = chain.reserve(1, 1, &[2]);
    let gone = chain.reserve(1, 1, &[3]);
    let other = chain.reserve(1, 2, &[4]);
    chain.confirm(1, 1, confirmed, &[1]);
    chain.release(1, 1, gone, &[3]);
    store.project(&chain.all()).await.unwrap();
    let listed = |filter| listed(store.clone(), filter);
    let base = filter(user_id(1));
    assert_eq!(listed(base.clone()).await, [gone, held, confirmed]);
    assert_eq!(listed(filter(user_id(2))).await, [other]);
    assert!(listed(filter(user_id(3))).await.is_empty());
    let with_status = |status| BookingFilter {
        status: Some(status),
        ..base.clone()
    };
    assert_eq!(listed(with_status(BookingStatus::Reserved)).await, [held]);
    assert_eq!(
        listed(with_status(BookingStatus::Confirmed)).await,
        [confirmed]
    );
    assert_eq!(listed(with_status(BookingStatus::Cancelled)).await, [gone]);
    assert!(listed(with_status(BookingStatus::Expired)).await.is_empty());
    let end = booking(store, held).await.expires_at_ms;
    let pending = |expires_after_ms| BookingFilter {
        expires_after_ms: Some(expires_after_ms),
        ..with_status(BookingStatus::Reserved)
    };
    assert_eq!(listed(pending(end - 1)).await, [held]);
    assert!(listed(pending(end)).await.is_empty());
    assert!(listed(pending(u64::MAX)).await.is_empty());
}

async fn bookings_are_paged_by_cursor(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    for seat in 0..25 {
        chain.reserve(1, 1, &[seat]);
    }
    store.project(&chain.all()).await.unwrap();
    let mut seen = Vec::new();
    let mut page = BookingFilter {
        limit: 10,
        ..filter(user_id(1))
    };
    loop {
        let rows = store.bookings(&page).await.unwrap();
        let Some(last) = rows.last() else { break };
        page.after = Some((last.reserved_at_ms, last.booking_id));
        seen.extend(rows.iter().map(|row| row.booking_id.offset()));
    }
    assert_eq!(seen, (0..25).rev().collect::<Vec<u64>>());
}

async fn bookings_of_one_moment_are_ordered_by_id(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    for seat in 0..12 {
        chain.reserve(1, 1, &[seat]);
    }
    for record in &mut chain.outcomes {
        record.log_time_ms = time_of(0);
    }
    store.project(&chain.all()).await.unwrap();
    let rows = store.bookings(&filter(user_id(1))).await.unwrap();
    let ids: Vec<BookingId> = rows.iter().map(|row| row.booking_id).collect();
    assert_eq!(ids.len(), 12);
    assert!(ids.is_sorted_by(|a, b| a > b));
    for (position, row) in rows.iter().enumerate() {
        let after = store
            .bookings(&BookingFilter {
                after: Some((row.reserved_at_ms, row.booking_id)),
                ..filter(user_id(1))
            })
            .await
            .unwrap();
        assert_eq!(after, rows[position + 1..]);
    }
}

async fn live_bookings_are_paged(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let first = chain.reserve(1, 1, &[0]);
    let ended = chain.reserve(1, 1, &[1]);
    let second = chain.reserve(1, 2, &[2]);
    let third = chain.reserve_general(1, 2, 3);
    chain.release(1, 1, ended, &[1]);
    let at_ms = time_of(chain.next_offset);
    chain.push(Outcome::Confirmed(confirmed(second, 1, 2, &[2], at_ms)));
    store.project(&chain.all()).await.unwrap();
    let live = |after, limit| live(store.clone(), after, limit);
    assert_eq!(live(None, 2).await, [first, second]);
    assert_eq!(live(Some(second), 2).await, [third]);
    assert!(live(Some(third), 2).await.is_empty());
    assert!(live(Some(u64::MAX), 2).await.is_empty());
    assert!(
        store
            .live_bookings(PartitionId(9), None, 5)
            .await
            .unwrap()
            .is_empty()
    );
}

/// More bookings than a statement passes, three of them live.
const MANY_POSTGRES: &str = "INSERT INTO bookings (partition, booking_offset, booking_id, event_id, \
    show_id, user_id, zone, seats, quantity, unit_price, currency, status, reserved_at_ms, \
    expires_at_ms, ended_at_ms, updated_offset) \
    SELECT 3, n, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, '{}', \
    1, 0, 'THB', CASE WHEN n IN (0, 60000, 120000) THEN 'reserved' ELSE 'expired' END, 0, 0, \
    CASE WHEN n NOT IN (0, 60000, 120000) THEN 0 END, n FROM generate_series(0, 120000) AS n";
const MANY_SQLITE: &str = "WITH RECURSIVE numbers (n) AS \
    (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 120000) \
    INSERT INTO bookings (partition, booking_offset, booking_id, event_id, show_id, user_id, zone, \
    seats, quantity, unit_price, currency, status, reserved_at_ms, expires_at_ms, ended_at_ms, \
    updated_offset) \
    SELECT 3, n, randomblob(16), randomblob(16), randomblob(16), randomblob(16), 0, '[]', 1, 0, \
    'THB', CASE WHEN n IN (0, 60000, 120000) THEN 'reserved' ELSE 'expired' END, 0, 0, \
    CASE WHEN n NOT IN (0, 60000, 120000) THEN 0 END, n FROM numbers";

async fn live_bookings_are_found_behind_many_that_have_ended(bench: Bench) {
    let many = if bench.url.starts_with("sqlite") {
        MANY_SQLITE
    } else {
        MANY_POSTGRES
    };
    bench.tamper(many).await;
    let live = |after, limit| live(bench.store.clone(), after, limit);
    assert_eq!(live(None, 9).await, [0, 60_000, 120_000]);
    assert_eq!(live(None, 2).await, [0, 60_000]);
    assert_eq!(live(Some(0), 1).await, [60_000]);
    assert_eq!(live(Some(60_000), 1).await, [120_000]);
    assert!(live(Some(120_000), 1).await.is_empty());
}
