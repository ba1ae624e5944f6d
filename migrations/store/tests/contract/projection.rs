//! From outcomes to rows.

mod clocks;
mod refusals;

use onsale_schemas::outcome::Confirmed;
use onsale_schemas::{Outcome, PartitionId, Rejection};
use onsale_store::audit::Unaudited;
use onsale_store::booking::{BookingRow, BookingStatus, Watermark};
use onsale_store::catalog::ShowStatus;
use onsale_store::projection::ProjectionBatch;

use crate::build::{
    Chain, HOLD_MS, P, booking, booking_id, confirmed, ended, event_id, filter, show_id, time_of,
    user_id, with_show,
};
use crate::harness::{Bench, contract};

contract!(
    a_booking_goes_through_its_life,
    many_records_of_one_booking_are_one_row,
    a_seat_changes_hands_within_a_batch,
    a_late_confirm_takes_its_seats_back,
    an_extension_moves_the_end,
    a_repeated_batch_changes_nothing,
    an_overlapping_batch_adds_what_is_new,
    an_empty_batch_moves_the_watermark,
    replayed_answers_are_not_projected_again,
    shows_follow_their_outcomes,
    cancelling_a_show_ends_what_is_live,
    blocks_are_projected,
    partitions_have_watermarks_of_their_own,
    two_projectors_of_one_partition_do_no_harm,
    thousands_of_records_fit_into_a_batch,
);

fn status(row: &BookingRow) -> (BookingStatus, Option<u64>, Option<u64>) {
    (row.status, row.confirmed_at_ms, row.ended_at_ms)
}

/// Projects every record in a batch of its own.
async fn one_by_one(bench: &Bench, chain: &Chain) {
    for offset in 0..chain.next_offset {
        bench
            .store
            .project(&chain.batch(offset, offset + 1))
            .await
            .unwrap();
    }
}

async fn a_booking_goes_through_its_life(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let offset = chain.reserve(1, 1, &[7, 8]);
    one_by_one(&bench, &chain).await;
    let request_id = chain.outcomes[0].request_id;
    let mut expected = BookingRow {
        booking_id: booking_id(offset),
        request_id,
        event_id: event_id(1),
        show_id: show_id(1),
        user_id: user_id(1),
        zone: 0,
        seats: vec![7, 8],
        quantity: 2,
        unit_price: 250_000,
        currency: "THB".to_owned(),
        status: BookingStatus::Reserved,
        reserved_at_ms: time_of(offset),
        expires_at_ms: time_of(offset) + HOLD_MS,
        confirmed_at_ms: None,
        ended_at_ms: None,
        payment_reference: None,
        updated_offset: offset,
        order: None,
    };
    assert_eq!(booking(store, offset).await, expected);
    assert_eq!(bench.seat_holders().await.len(), 2);

    chain.confirm(1, 1, offset, &[7, 8]);
    store.project(&chain.batch(1, 2)).await.unwrap();
    expected.status = BookingStatus::Confirmed;
    expected.confirmed_at_ms = Some(time_of(1));
    expected.payment_reference = Some("pay-0".to_owned());
    expected.updated_offset = 1;
    assert_eq!(booking(store, offset).await, expected);
    assert_eq!(bench.seat_holders().await.len(), 2);

    chain.push(Outcome::Released {
        booking: ended(offset, 1, 1, &[7, 8]),
        was_confirmed: true,
    });
    store.project(&chain.batch(2, 3)).await.unwrap();
    expected.status = BookingStatus::Cancelled;
    expected.ended_at_ms = Some(time_of(2));
    expected.updated_offset = 2;
    assert_eq!(booking(store, offset).await, expected);
    assert!(bench.seat_holders().await.is_empty());
}

async fn many_records_of_one_booking_are_one_row(bench: Bench) {
    let mut chain = Chain::default();
    let offset = chain.reserve(1, 1, &[7]);
    chain.push(Outcome::Extended {
        booking: offset,
        show: show_id(1),
        user: user_id(1),
        expires_at_ms: 99,
    });
    chain.confirm(1, 1, offset, &[7]);
    chain.release(1, 1, offset, &[7]);
    let watermark = bench.store.project(&chain.all()).await.unwrap();
    assert_eq!(watermark, chain.watermark(4));
    let row = booking(&bench.store, offset).await;
    assert_eq!(
        status(&row),
        (BookingStatus::Cancelled, Some(time_of(2)), Some(time_of(3)))
    );
    assert_eq!((row.expires_at_ms, row.updated_offset), (99, 3));
    assert_eq!(row.payment_reference.as_deref(), Some("pay-0"));
    assert!(bench.seat_holders().await.is_empty());
}

async fn a_seat_changes_hands_within_a_batch(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let before = chain.reserve(1, 1, &[5]);
    store.project(&chain.all()).await.unwrap();
    chain.expire(1, 1, before, &[5]);
    let second = chain.reserve(1, 2, &[5]);
    chain.expire(1, 2, second, &[5]);
    let third = chain.reserve(1, 3, &[5]);
    store
        .project(&chain.batch(1, chain.next_offset))
        .await
        .unwrap();
    assert_eq!(
        status(&booking(store, before).await),
        (BookingStatus::Expired, None, Some(time_of(1)))
    );
    assert_eq!(
        status(&booking(store, second).await),
        (BookingStatus::Expired, None, Some(time_of(3)))
    );
    assert_eq!(booking(store, third).await.status, BookingStatus::Reserved);
    let holders = bench.seat_holders().await;
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].3, i64::try_from(third).unwrap());
}

async fn a_late_confirm_takes_its_seats_back(bench: Bench) {
    let store = &bench.store;
    for split in [true, false] {
        let mut chain = Chain::default();
        let offset = chain.reserve(1, 1, &[5, 6]);
        chain.expire(1, 1, offset, &[5, 6]);
        let at_ms = time_of(chain.next_offset);
        chain.push(Outcome::Confirmed(Confirmed {
            revived: true,
            ..confirmed(offset, 1, 1, &[5, 6], at_ms)
        }));
        // The same story in another partition and show, so that each split starts anew.
        let partition = PartitionId(if split { 3 } else { 4 });
        let cuts: &[u64] = if split { &[0, 1, 2, 3] } else { &[0, 1, 3] };
        for cut in cuts.windows(2) {
            let mut batch = chain.batch(cut[0], cut[1]);
            batch.partition = partition;
            for record in &mut batch.outcomes {
                for ended in &mut record.expired {
                    ended.show = show_id(u64::from(partition.0));
                }
                match &mut record.outcome {
                    Outcome::Reserved(reserved) => reserved.show = show_id(u64::from(partition.0)),
                    Outcome::Confirmed(confirmed) => {
                        confirmed.show = show_id(u64::from(partition.0));
                    }
                    _ => {}
                }
            }
            store.project(&batch).await.unwrap();
        }
        let id = onsale_schemas::BookingId::new(partition, offset);
        let row = store.booking(id).await.unwrap().unwrap();
        assert_eq!(
            status(&row),
            (BookingStatus::Confirmed, Some(time_of(2)), None)
        );
        let held = bench.seat_holders().await;
        let held = held.iter().filter(|row| row.2 == i64::from(partition.0));
        assert_eq!(held.count(), 2);
    }
}

async fn an_extension_moves_the_end(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let offset = chain.reserve(1, 1, &[5]);
    chain.push(Outcome::Extended {
        booking: offset,
        show: show_id(1),
        user: user_id(1),
        expires_at_ms: 1_900_000_000_000,
    });
    one_by_one(&bench, &chain).await;
    let row = booking(store, offset).await;
    assert_eq!(row.expires_at_ms, 1_900_000_000_000);
    assert_eq!(row.status, BookingStatus::Reserved);
    assert_eq!(row.updated_offset, 1);
}

async fn a_repeated_batch_changes_nothing(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let first = chain.reserve(1, 1, &[5]);
    chain.confirm(1, 1, first, &[5]);
    chain.block(1, 1, &[], 4);
    let batch = chain.all();
    let watermark = store.project(&batch).await.unwrap();
    let before = booking(store, first).await;
    for _ in 0..2 {
        assert_eq!(store.project(&batch).await.unwrap(), watermark);
    }
    assert_eq!(store.project(&chain.batch(0, 1)).await.unwrap(), watermark);
    assert_eq!(booking(store, first).await, before);
    assert_eq!(
        store.blocked_places(show_id(1)).await.unwrap(),
        (vec![], vec![(1, 4)])
    );
}

async fn an_overlapping_batch_adds_what_is_new(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    chain.reserve(1, 1, &[1]);
    chain.reserve(1, 1, &[2]);
    store.project(&chain.all()).await.unwrap();
    chain.reserve(1, 1, &[3]);
    let watermark = store.project(&chain.all()).await.unwrap();
    assert_eq!(watermark, chain.watermark(3));
    assert_eq!(store.bookings(&filter(user_id(1))).await.unwrap().len(), 3);
}

async fn an_empty_batch_moves_the_watermark(bench: Bench) {
    let store = &bench.store;
    let batch = ProjectionBatch {
        partition: P,
        from_offset: 0,
        next_offset: 50,
        log_time_ms: 77,
        outcomes: vec![],
        askers: vec![],
    };
    let expected = Watermark {
        partition: P,
        next_offset: 50,
        last_outcome: None,
        log_time_ms: 77,
    };
    assert_eq!(store.project(&batch).await.unwrap(), expected);
    assert_eq!(store.watermarks().await.unwrap(), vec![expected]);
}

async fn replayed_answers_are_not_projected_again(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let first = chain.reserve(1, 1, &[1]);
    let doomed = chain.reserve(1, 2, &[2]);
    // The answer of the first record once more; what expired on the way is new.
    let again = chain.outcomes[0].outcome.clone();
    chain.push_with(vec![ended(doomed, 1, 2, &[2])], again);
    chain.mark_replay(first);
    chain.confirm(1, 1, first, &[1]);
    let at_ms = time_of(chain.next_offset);
    chain.push(Outcome::Confirmed(Confirmed {
        first: false,
        payment_reference: "another".to_owned(),
        ..confirmed(first, 1, 1, &[1], at_ms)
    }));
    chain.push(Outcome::Rejected(Rejection::AlreadyConfirmed));
    store.project(&chain.all()).await.unwrap();
    let rows = store.bookings(&filter(user_id(1))).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].payment_reference.as_deref(), Some("pay-0"));
    assert_eq!(rows[0].updated_offset, 3);
    assert_eq!(
        status(&booking(store, doomed).await),
        (BookingStatus::Expired, None, Some(time_of(2)))
    );
    assert_eq!(bench.seat_holders().await.len(), 1);
}

async fn shows_follow_their_outcomes(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let opened = Outcome::ShowOpened {
        show: show_id(1),
        event: event_id(1),
    };
    let closed = Outcome::ShowClosed { show: show_id(1) };
    let cancelled = Outcome::ShowCancelled { show: show_id(1) };
    let amended = Outcome::ShowAmended { show: show_id(1) };
    // Outcomes of a show that is not in the catalog are no error: it may come from elsewhere.
    chain.push(Outcome::ShowOpened {
        show: show_id(8),
        event: event_id(1),
    });
    for (outcome, expected) in [
        (opened.clone(), ShowStatus::Open),
        (amended, ShowStatus::Open),
        (closed.clone(), ShowStatus::Closed),
        (opened, ShowStatus::Closed),
        (cancelled.clone(), ShowStatus::Cancelled),
        (closed, ShowStatus::Cancelled),
        (cancelled, ShowStatus::Cancelled),
    ] {
        chain.push(outcome.clone());
        store.project(&chain.all()).await.unwrap();
        let found = store.show(show_id(1)).await.unwrap().unwrap().status;
        assert_eq!(found, expected, "{outcome:?}");
    }
}

async fn cancelling_a_show_ends_what_is_live(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[1]);
    let held = chain.reserve(1, 2, &[2]);
    let expiring = chain.reserve(1, 3, &[3]);
    let late = chain.reserve(1, 4, &[4]);
    let elsewhere = chain.reserve(2, 1, &[1]);
    chain.confirm(1, 1, sold, &[1]);
    let early = chain.next_offset;
    store.project(&chain.all()).await.unwrap();
    chain.expire(1, 3, expiring, &[3]);
    chain.confirm(1, 4, late, &[4]);
    let fresh = chain.reserve(1, 5, &[3]);
    let at = chain.push(Outcome::ShowCancelled { show: show_id(1) });
    chain.push(Outcome::ShowCancelled { show: show_id(1) });
    store
        .project(&chain.batch(early, chain.next_offset))
        .await
        .unwrap();
    let cancelled = |confirmed| (BookingStatus::Cancelled, confirmed, Some(time_of(at)));
    assert_eq!(
        status(&booking(store, sold).await),
        cancelled(Some(time_of(5)))
    );
    assert_eq!(status(&booking(store, held).await), cancelled(None));
    assert_eq!(
        status(&booking(store, late).await),
        cancelled(Some(time_of(7)))
    );
    assert_eq!(status(&booking(store, fresh).await), cancelled(None));
    for offset in [sold, held, late, fresh] {
        assert_eq!(booking(store, offset).await.updated_offset, at);
    }
    assert_eq!(
        status(&booking(store, expiring).await),
        (BookingStatus::Expired, None, Some(time_of(6)))
    );
    assert_eq!(
        booking(store, elsewhere).await.status,
        BookingStatus::Reserved
    );
    let holders = bench.seat_holders().await;
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].3, i64::try_from(elsewhere).unwrap());
}

async fn blocks_are_projected(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    chain.block(1, 0, &[3, 1, 2], 3);
    chain.unblock(1, 0, &[2], 1);
    chain.block(1, 1, &[], 10);
    chain.unblock(1, 1, &[], 4);
    store.project(&chain.all()).await.unwrap();
    assert_eq!(
        store.blocked_places(show_id(1)).await.unwrap(),
        (vec![1, 3], vec![(1, 6)])
    );
    let from = chain.next_offset;
    chain.unblock(1, 0, &[1], 1);
    chain.block(1, 0, &[1, 3], 2);
    chain.unblock(1, 0, &[3], 1);
    chain.unblock(1, 1, &[], 6);
    store
        .project(&chain.batch(from, chain.next_offset))
        .await
        .unwrap();
    assert_eq!(
        store.blocked_places(show_id(1)).await.unwrap(),
        (vec![1], vec![])
    );
    assert_eq!(
        store.blocked_places(show_id(2)).await.unwrap(),
        (vec![], vec![])
    );
}

async fn partitions_have_watermarks_of_their_own(bench: Bench) {
    let store = &bench.store;
    let empty = |partition, next_offset| ProjectionBatch {
        partition: PartitionId(partition),
        from_offset: 0,
        next_offset,
        log_time_ms: 5,
        outcomes: vec![],
        askers: vec![],
    };
    store.project(&empty(2, 9)).await.unwrap();
    store.project(&empty(0, 4)).await.unwrap();
    let found: Vec<(u16, u64)> = store
        .watermarks()
        .await
        .unwrap()
        .iter()
        .map(|row| (row.partition.0, row.next_offset))
        .collect();
    assert_eq!(found, [(0, 4), (2, 9)]);
    let repaired = Watermark {
        partition: PartitionId(2),
        next_offset: 3,
        last_outcome: Some(1),
        log_time_ms: 8,
    };
    store
        .move_watermark(9, &repaired, false, Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(store.watermarks().await.unwrap()[1], repaired);
}

async fn two_projectors_of_one_partition_do_no_harm(bench: Bench) {
    let mut chain = Chain::default();
    for seat in 0..40 {
        chain.reserve(1, 1, &[seat]);
    }
    let batches: Vec<ProjectionBatch> = (0..8).map(|n| chain.batch(n * 5, n * 5 + 5)).collect();
    let run = |store: onsale_store::Store, batches: Vec<ProjectionBatch>| async move {
        for batch in &batches {
            // The other may be ahead; never may it be behind what this one has committed.
            store.project(batch).await.unwrap();
        }
    };
    let one = tokio::spawn(run(bench.store.clone(), batches.clone()));
    let other = tokio::spawn(run(bench.store.clone(), batches));
    one.await.unwrap();
    other.await.unwrap();
    assert_eq!(
        bench.store.watermarks().await.unwrap(),
        vec![chain.watermark(40)]
    );
    assert_eq!(bench.seat_holders().await.len(), 40);
}

async fn thousands_of_records_fit_into_a_batch(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    for n in 0..3_000u32 {
        chain.reserve(1, u64::from(n % 7), &[2 * n, 2 * n + 1]);
    }
    store.project(&chain.all()).await.unwrap();
    let from = chain.next_offset;
    for n in 0..3_000u32 {
        let (user, seats) = (u64::from(n % 7), [2 * n, 2 * n + 1]);
        if n % 3 == 0 {
            chain.confirm(1, user, u64::from(n), &seats);
        } else {
            chain.expire(1, user, u64::from(n), &seats);
        }
    }
    store
        .project(&chain.batch(from, chain.next_offset))
        .await
        .unwrap();
    assert_eq!(bench.seat_holders().await.len(), 2_000);
    let live = store.live_bookings(P, None, 10_000).await.unwrap();
    assert_eq!(live.len(), 1_000);
    assert!(
        live.iter()
            .all(|row| row.status == BookingStatus::Confirmed)
    );
}
