//! The second layer: a batch that an engine gone wrong might yield never passes.

use onsale_schemas::outcome::Confirmed;
use onsale_schemas::{Outcome, PartitionId};
use onsale_store::StoreError;
use onsale_store::audit::Unaudited;
use onsale_store::projection::ProjectionBatch;

use crate::build::{Chain, booking, booking_id, confirmed, time_of};
use crate::harness::{Bench, contract};

/// No other number of a message looks like it.
const SEAT: u32 = 43_210;

contract!(
    two_holders_in_two_batches,
    two_holders_in_one_batch,
    two_holders_of_whom_one_ends_in_the_batch,
    a_holder_confirmed_while_another_holds,
    two_holders_on_two_partitions,
    a_repair_cannot_sell_twice,
);

async fn refused(bench: &Bench, batch: &ProjectionBatch) {
    let before = bench.store.watermarks().await.unwrap();
    let holders = bench.seat_holders().await;
    let error = bench.store.project(batch).await.unwrap_err();
    assert!(matches!(error, StoreError::DoubleSale(_)), "{error}");
    assert!(
        error.to_string().contains(&SEAT.to_string()),
        "names the seat: {error}"
    );
    assert_eq!(bench.store.watermarks().await.unwrap(), before);
    assert_eq!(bench.seat_holders().await, holders);
}

async fn two_holders_in_two_batches(bench: Bench) {
    let mut chain = Chain::default();
    chain.reserve(1, 1, &[SEAT]);
    bench.store.project(&chain.all()).await.unwrap();
    let second = chain.reserve(1, 2, &[4, SEAT]);
    refused(&bench, &chain.batch(1, 2)).await;
    assert_eq!(bench.store.booking(booking_id(second)).await.unwrap(), None);
}

async fn two_holders_in_one_batch(bench: Bench) {
    let mut chain = Chain::default();
    chain.reserve(1, 1, &[SEAT]);
    chain.reserve(1, 2, &[SEAT]);
    refused(&bench, &chain.all()).await;
}

async fn two_holders_of_whom_one_ends_in_the_batch(bench: Bench) {
    let mut chain = Chain::default();
    let first = chain.reserve(1, 1, &[SEAT]);
    chain.reserve(1, 2, &[SEAT]);
    chain.release(1, 1, first, &[SEAT]);
    refused(&bench, &chain.all()).await;
    // The same with the first one projected before.
    bench.store.project(&chain.batch(0, 1)).await.unwrap();
    refused(&bench, &chain.batch(1, 3)).await;
}

async fn a_holder_confirmed_while_another_holds(bench: Bench) {
    let mut chain = Chain::default();
    let first = chain.reserve(1, 1, &[SEAT]);
    chain.expire(1, 1, first, &[SEAT]);
    chain.reserve(1, 2, &[SEAT]);
    let early = chain.next_offset;
    let at_ms = time_of(early);
    chain.push(Outcome::Confirmed(Confirmed {
        revived: true,
        ..confirmed(first, 1, 1, &[SEAT], at_ms)
    }));
    refused(&bench, &chain.all()).await;
    bench.store.project(&chain.batch(0, early)).await.unwrap();
    refused(&bench, &chain.batch(early, early + 1)).await;
    assert_eq!(booking(&bench.store, first).await.payment_reference, None);
}

async fn two_holders_on_two_partitions(bench: Bench) {
    let mut chain = Chain::default();
    chain.reserve(1, 1, &[SEAT]);
    bench.store.project(&chain.all()).await.unwrap();
    let mut elsewhere = chain.all();
    elsewhere.partition = PartitionId(8);
    refused(&bench, &elsewhere).await;
}

async fn a_repair_cannot_sell_twice(bench: Bench) {
    let mut chain = Chain::default();
    let first = chain.reserve(1, 1, &[SEAT]);
    bench.store.project(&chain.all()).await.unwrap();
    let mut row = booking(&bench.store, first).await;
    row.booking_id = booking_id(77);
    row.updated_offset = 77;
    let error = bench
        .store
        .repair_bookings(&[row], Unaudited::Unattended)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::DoubleSale(_)), "{error}");
    assert_eq!(bench.store.booking(booking_id(77)).await.unwrap(), None);
}
