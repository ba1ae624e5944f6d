//! What stops the projection, and what it refuses.

use onsale_schemas::Outcome;
use onsale_store::StoreError;
use onsale_store::catalog::ShowStatus;

use crate::build::{Chain, P, filter, show_id, user_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    a_gap_stops_the_projection,
    a_broken_chain_stops_the_projection,
    a_batch_that_contradicts_itself_is_refused,
    a_failed_batch_leaves_nothing_behind,
    a_change_of_an_unknown_booking_stops_the_projection,
);

async fn a_gap_stops_the_projection(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    for seat in 0..4 {
        chain.reserve(1, 1, &[seat]);
    }
    let error = store.project(&chain.batch(1, 2)).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Gap {
                partition: P,
                expected: 0,
                found: 1
            }
        ),
        "{error}"
    );
    assert!(store.watermarks().await.unwrap().is_empty());
    store.project(&chain.batch(0, 2)).await.unwrap();
    let error = store.project(&chain.batch(3, 4)).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Gap {
                expected: 2,
                found: 3,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(store.watermarks().await.unwrap(), vec![chain.watermark(2)]);
}

async fn a_broken_chain_stops_the_projection(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    for seat in 0..5 {
        chain.reserve(1, 1, &[seat]);
    }
    store.project(&chain.batch(0, 1)).await.unwrap();
    // An outcome was lost inside the batch, at its beginning, or of what was projected before.
    let mut inside = chain.batch(1, 5);
    inside.outcomes.remove(1);
    let mut beginning = chain.batch(1, 5);
    beginning.outcomes.remove(0);
    let mut earlier = chain.batch(1, 5);
    earlier.outcomes[0].previous = None;
    for batch in [inside, beginning, earlier] {
        let error = store.project(&batch).await.unwrap_err();
        assert!(matches!(error, StoreError::Gap { .. }), "{error}");
    }
    assert_eq!(store.watermarks().await.unwrap(), vec![chain.watermark(1)]);
    store.project(&chain.batch(1, 5)).await.unwrap();
}

async fn a_batch_that_contradicts_itself_is_refused(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    for seat in 0..3 {
        chain.reserve(1, 1, &[seat]);
    }
    let mut backwards = chain.all();
    backwards.outcomes.reverse();
    let mut beyond = chain.all();
    beyond.next_offset = 2;
    let mut before = chain.all();
    before.from_offset = 1;
    let mut inverted = chain.batch(0, 0);
    inverted.from_offset = 1;
    for batch in [backwards, beyond, before, inverted] {
        let error = store.project(&batch).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error}");
    }
    assert!(store.watermarks().await.unwrap().is_empty());
}

async fn a_failed_batch_leaves_nothing_behind(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    chain.push(Outcome::ShowClosed { show: show_id(1) });
    chain.reserve(1, 1, &[1]);
    chain.block(1, 0, &[9], 1);
    // More is unblocked than is blocked, which no row can say.
    chain.unblock(1, 1, &[], 1);
    with_show(store).await;
    let error = store.project(&chain.all()).await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_)), "{error}");
    assert!(store.watermarks().await.unwrap().is_empty());
    assert!(
        store
            .bookings(&filter(user_id(1)))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(bench.seat_holders().await.is_empty());
    let show = store.show(show_id(1)).await.unwrap().unwrap();
    assert_eq!(show.status, ShowStatus::Opening);
}

async fn a_change_of_an_unknown_booking_stops_the_projection(bench: Bench) {
    let mut chain = Chain::default();
    chain.ticks(5);
    chain.confirm(1, 1, 2, &[4]);
    let error = bench.store.project(&chain.all()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    assert!(bench.store.watermarks().await.unwrap().is_empty());
}
