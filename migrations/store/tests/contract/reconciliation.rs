//! Sums and repairs.

use onsale_store::StoreError;
use onsale_store::audit::Unaudited;
use onsale_store::booking::{
    BookingRepair, BookingStatus, ExpectedProjection, Watermark, ZoneSums,
};
use onsale_store::catalog::{EventStatus, ShowStatus};

use crate::build::{Chain, booking, booking_id, event, event_id, show_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    sums_are_by_zone,
    places_of_no_zone_are_told,
    bookings_are_repaired,
    seats_change_hands_in_a_repair,
    a_booking_is_moved_by_a_repair,
    bookings_are_removed_and_seats_written_again,
    zones_are_repaired,
    repaired_zones_are_counted,
    an_event_is_repaired,
    usage_is_added_up_again,
    blocks_are_repaired,
    a_repair_ends_where_a_projector_is_at_work,
);

async fn sums_are_by_zone(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[0, 1]);
    chain.reserve(1, 1, &[2]);
    chain.reserve_general(1, 2, 5);
    let gone = chain.reserve(1, 3, &[9]);
    chain.confirm(1, 1, sold, &[0, 1]);
    chain.release(1, 3, gone, &[9]);
    // The last seat of zone 0 and the first and last of zone 2.
    chain.block(1, 0, &[29], 1);
    chain.block(1, 2, &[30, 34], 2);
    chain.block(1, 1, &[], 7);
    store.project(&chain.all()).await.unwrap();
    let sums = |held, sold, blocked| ZoneSums {
        held,
        sold,
        blocked,
    };
    assert_eq!(
        store.zone_sums(show_id(1)).await.unwrap(),
        [sums(1, 2, 1), sums(5, 0, 7), sums(0, 0, 2)]
    );
    assert!(store.zone_sums(show_id(2)).await.unwrap().is_empty());
}

async fn places_of_no_zone_are_told(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    chain.block(1, 2, &[35], 1);
    store.project(&chain.all()).await.unwrap();
    let error = store.zone_sums(show_id(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
}

async fn bookings_are_repaired(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let stays = chain.reserve(1, 1, &[1]);
    let wrong = chain.reserve(1, 2, &[2, 3]);
    store.project(&chain.all()).await.unwrap();
    let untouched = booking(store, stays).await;
    let mut ended = booking(store, wrong).await;
    ended.status = BookingStatus::Expired;
    ended.ended_at_ms = Some(5);
    ended.updated_offset = 9;
    let mut missing = booking(store, stays).await;
    missing.booking_id = booking_id(7);
    missing.request_id = None;
    missing.seats = vec![3, 8];
    missing.quantity = 2;
    missing.status = BookingStatus::Confirmed;
    missing.confirmed_at_ms = Some(6);
    missing.payment_reference = Some("found".to_owned());
    missing.updated_offset = 9;
    let repair = [missing.clone(), ended.clone()];
    for _ in 0..2 {
        store
            .repair_bookings(&repair, Unaudited::Unattended)
            .await
            .unwrap();
        assert_eq!(booking(store, wrong).await, ended);
        assert_eq!(booking(store, 7).await, missing);
        assert_eq!(booking(store, stays).await, untouched);
        let seats: Vec<(i64, i64)> = bench
            .seat_holders()
            .await
            .iter()
            .map(|row| (row.1, row.3))
            .collect();
        assert_eq!(seats, [(1, 0), (3, 7), (8, 7)]);
    }
    store
        .repair_bookings(BookingRepair::default(), Unaudited::Unattended)
        .await
        .unwrap();
}

async fn seats_change_hands_in_a_repair(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let one = chain.reserve(1, 1, &[1]);
    let other = chain.reserve(1, 2, &[2]);
    store.project(&chain.all()).await.unwrap();
    let (mut first, mut second) = (booking(store, one).await, booking(store, other).await);
    std::mem::swap(&mut first.seats, &mut second.seats);
    store
        .repair_bookings(&[first, second], Unaudited::Unattended)
        .await
        .unwrap();
    let seats: Vec<(i64, i64)> = bench
        .seat_holders()
        .await
        .iter()
        .map(|row| (row.1, row.3))
        .collect();
    assert_eq!(seats, [(1, 1), (2, 0)]);
}

async fn a_booking_is_moved_by_a_repair(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let offset = chain.reserve(1, 1, &[1]);
    store.project(&chain.all()).await.unwrap();
    let mut moved = booking(store, offset).await;
    moved.show_id = show_id(2);
    moved.seats = vec![4];
    store
        .repair_bookings(&[moved.clone()], Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(booking(store, offset).await, moved);
    let holders = bench.seat_holders().await;
    assert_eq!(holders.len(), 1, "the seat in the wrong show is free");
    assert_eq!(holders[0].0, show_id(2).0.simple().to_string());
}

async fn bookings_are_removed_and_seats_written_again(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let stays = chain.reserve(1, 1, &[1, 2]);
    let extra = chain.reserve(1, 2, &[3]);
    store.project(&chain.all()).await.unwrap();
    bench
        .tamper("UPDATE booking_seats SET seat = 9 WHERE seat = 2")
        .await;
    let holders = vec![(1, booking_id(stays)), (2, booking_id(stays))];
    let repair = BookingRepair {
        rows: Vec::new(),
        removed: vec![booking_id(extra)],
        holders: [(show_id(1), holders.clone())].into(),
        projected: None,
    };
    store
        .repair_bookings(repair, Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(store.booking(booking_id(extra)).await.unwrap(), None);
    assert_eq!(store.seat_holders(show_id(1)).await.unwrap(), holders);
    assert_eq!(bench.seat_holders().await.len(), 2);
}

async fn zones_are_repaired(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    assert!(store.zones_of_shows().await.unwrap().is_empty(), "it opens");
    let open = store.set_show_status(show_id(1), ShowStatus::Open, Unaudited::Unattended);
    assert!(open.await.unwrap());
    let right = store.show(show_id(1)).await.unwrap().unwrap();
    let zones = store.zones_of_shows().await.unwrap()[&show_id(1)];
    assert!(zones.are_all(Some(3)) && zones.are_all(None) && !zones.are_all(Some(4)));
    assert_eq!((zones.event, zones.is_cancelled), (right.event_id, false));
    assert!(store.cancelled_events().await.unwrap().is_empty());
    for (sql, is_seen) in [
        ("DELETE FROM zones", true),
        ("DELETE FROM zones WHERE zone = 1", true),
        ("DELETE FROM zones WHERE zone = 2", false),
    ] {
        bench.tamper(sql).await;
        let zones = store.zones_of_shows().await.unwrap()[&show_id(1)];
        assert!(!zones.are_all(Some(3)), "{sql}");
        assert_eq!(zones.are_all(None), !is_seen, "{sql}");
        let described = store.opened_document(show_id(1)).await.unwrap();
        assert_eq!(described.is_none(), is_seen, "{sql}");
        store
            .repair_zones(&right, Unaudited::Unattended)
            .await
            .unwrap();
        assert_eq!(store.show(show_id(1)).await.unwrap().unwrap(), right);
    }
}

async fn repaired_zones_are_counted(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let right = store.show(show_id(1)).await.unwrap().unwrap();
    for sql in [
        "DELETE FROM zones",
        "UPDATE zones SET places = places - 1, layout = '{}' WHERE zone = 0",
        "UPDATE organizer_usage SET seats = 0, layout_bytes = 0",
    ] {
        bench.tamper(sql).await;
        assert!(store.usage_differs().await.unwrap(), "{sql}");
        store
            .repair_zones(&right, Unaudited::Unattended)
            .await
            .unwrap();
        assert!(!store.usage_differs().await.unwrap(), "{sql}");
    }
}

async fn an_event_is_repaired(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    for (cancelled, status) in [
        (true, EventStatus::Cancelled),
        (false, EventStatus::Published),
    ] {
        let repaired = store.repair_event(event_id(1), Some(3), cancelled, Unaudited::Unattended);
        assert!(repaired.await.unwrap());
        let row = store.event(event_id(1)).await.unwrap().unwrap();
        assert_eq!((row.max_tickets_per_user, row.status), (3, status));
    }
    let nothing = store.repair_event(event_id(9), None, true, Unaudited::Unattended);
    assert!(!nothing.await.unwrap());
}

async fn usage_is_added_up_again(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    assert!(!store.usage_differs().await.unwrap());
    for sql in [
        "DELETE FROM organizer_usage",
        "UPDATE organizer_usage SET seats = seats + 1",
        "UPDATE organizer_usage SET layout_bytes = 0",
    ] {
        bench.tamper(sql).await;
        assert!(store.usage_differs().await.unwrap(), "{sql}");
        store.repair_usage(Unaudited::Unattended).await.unwrap();
        assert!(!store.usage_differs().await.unwrap(), "{sql}");
    }
}

async fn blocks_are_repaired(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    chain.block(1, 0, &[1, 2], 2);
    chain.block(1, 1, &[], 4);
    chain.block(2, 0, &[1], 1);
    store.project(&chain.all()).await.unwrap();
    store
        .repair_blocks(
            show_id(1),
            &[9, 2, 9],
            &[(1, 5), (3, 1)],
            Unaudited::Unattended,
        )
        .await
        .unwrap();
    assert_eq!(
        store.blocked_places(show_id(1)).await.unwrap(),
        (vec![2, 9], vec![(1, 5), (3, 1)])
    );
    assert_eq!(
        store.blocked_places(show_id(2)).await.unwrap(),
        (vec![1], vec![])
    );
    store
        .repair_blocks(show_id(1), &[], &[], Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(
        store.blocked_places(show_id(1)).await.unwrap(),
        (vec![], vec![])
    );
}

/// A projector that comes back in the middle of a repair ends it: nothing that it wrote is undone.
async fn a_repair_ends_where_a_projector_is_at_work(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let kept = chain.reserve(1, 1, &[1]);
    store.project(&chain.all()).await.unwrap();
    let mark = store.watermarks().await.unwrap()[0];
    let repair = |offset, is_held| BookingRepair {
        removed: vec![booking_id(kept)],
        projected: Some(ExpectedProjection {
            offsets: vec![(mark.partition, offset)],
            is_held,
        }),
        ..BookingRepair::default()
    };
    let behind = Watermark {
        next_offset: mark.next_offset + 5,
        ..mark
    };
    let is_refused = |result: Result<(), StoreError>| matches!(result, Err(StoreError::ProjectionMoved { found, .. }) if found == mark.next_offset);
    for is_held in [false, true] {
        let elsewhere = repair(mark.next_offset - 1, is_held);
        let refused = store.repair_bookings(elsewhere, Unaudited::Unattended);
        assert!(is_refused(refused.await), "{is_held}");
    }
    let moved = store.move_watermark(mark.next_offset + 1, &behind, false, Unaudited::Unattended);
    assert!(is_refused(moved.await));
    assert_eq!(store.watermarks().await.unwrap(), [mark]);
    assert!(store.booking(booking_id(kept)).await.unwrap().is_some());

    for is_held in [true, false] {
        let here = repair(mark.next_offset, is_held);
        let repaired = store.repair_bookings(here, Unaudited::Unattended);
        repaired.await.unwrap();
    }
    assert_eq!(store.booking(booking_id(kept)).await.unwrap(), None);
    let moved = store.move_watermark(mark.next_offset, &behind, false, Unaudited::Unattended);
    moved.await.unwrap();
    assert_eq!(store.watermarks().await.unwrap(), [behind]);
}
