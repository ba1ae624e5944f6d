//! What an engine gone wrong might yield of orders never passes.

use onsale_schemas::outcome::{Line, PriceRule};
use onsale_store::StoreError;

use super::{all_parts, line, lines, part};
use crate::build::{Chain, booking, booking_id};
use crate::harness::{Bench, contract};

contract!(
    a_seat_of_any_line_is_not_sold_twice,
    a_seat_that_was_given_back_alone_is_sold_again,
    a_revived_order_takes_no_seat_of_another,
    an_order_without_lines_is_refused,
    an_order_that_nobody_reserved_is_refused,
);

async fn refused(bench: &Bench, chain: &Chain, from: u64) {
    let watermarks = bench.store.watermarks().await.unwrap();
    let holders = bench.seat_holders().await;
    let batch = chain.batch(from, chain.next_offset);
    let error = bench.store.project(&batch).await.unwrap_err();
    assert!(matches!(error, StoreError::DoubleSale(_)), "{error}");
    assert_eq!(bench.store.watermarks().await.unwrap(), watermarks);
    assert_eq!(bench.seat_holders().await, holders);
}

async fn a_seat_of_any_line_is_not_sold_twice(bench: Bench) {
    // Each seat of its lines in turn.
    for seat in [5, 4, 9] {
        let mut chain = Chain::default();
        let order = chain.reserve_order(1, lines(2));
        chain.reserve(1, 2, &[seat]);
        refused(&bench, &chain, 0).await;
        chain.outcomes.truncate(1);
        chain.next_offset = 1;
        bench.store.project(&chain.all()).await.unwrap();
        chain.reserve_order(
            2,
            vec![line(1, 0, &[], 1, PriceRule::Type), seat_line(seat)],
        );
        refused(&bench, &chain, 1).await;
        assert_eq!(bench.store.booking(booking_id(1)).await.unwrap(), None);
        // Also where the first one ends in the batch.
        chain.release_order(order, all_parts());
        refused(&bench, &chain, 1).await;
        bench
            .tamper(
                "DELETE FROM booking_seats; DELETE FROM bookings; DELETE FROM projector_watermarks",
            )
            .await;
    }
    let mut chain = Chain::default();
    chain.reserve_order(1, vec![seat_line(3), seat_line(3)]);
    refused(&bench, &chain, 0).await;
}

fn seat_line(seat: u32) -> Line {
    line(0, 2, &[seat], 1, PriceRule::Type)
}

async fn a_seat_that_was_given_back_alone_is_sold_again(bench: Bench) {
    let mut chain = Chain::default();
    let order = chain.reserve_order(1, vec![line(0, 1, &[5, 4], 2, PriceRule::Type)]);
    chain.confirm_order(order, vec![part(0, &[5, 4], 2)], false);
    let left = vec![line(0, 1, &[5], 1, PriceRule::Type)];
    chain.give_back(order, vec![part(0, &[4], 1)], left);
    chain.reserve(1, 2, &[4]);
    bench.store.project(&chain.all()).await.unwrap();
    chain.reserve(1, 3, &[5]);
    refused(&bench, &chain, 4).await;
}

async fn a_revived_order_takes_no_seat_of_another(bench: Bench) {
    let mut chain = Chain::default();
    let order = chain.reserve_order(1, lines(2));
    chain.expire_order(order, all_parts());
    chain.reserve(1, 2, &[9]);
    let early = chain.next_offset;
    chain.confirm_order(order, all_parts(), true);
    refused(&bench, &chain, 0).await;
    bench.store.project(&chain.batch(0, early)).await.unwrap();
    refused(&bench, &chain, early).await;
    assert_eq!(booking(&bench.store, order).await.payment_reference, None);
}

async fn an_order_without_lines_is_refused(bench: Bench) {
    let mut chain = Chain::default();
    chain.reserve_order(1, Vec::new());
    let error = bench.store.project(&chain.all()).await.unwrap_err();
    assert!(matches!(error, StoreError::Invalid(_)), "{error}");
}

async fn an_order_that_nobody_reserved_is_refused(bench: Bench) {
    let mut ended = Chain::default();
    ended.expire_order(0, all_parts());
    let mut confirmed = Chain::default();
    confirmed.confirm_order(0, all_parts(), false);
    let mut returned = Chain::default();
    returned.give_back(0, vec![part(1, &[], 1)], lines(1));
    for chain in [ended, confirmed, returned] {
        let what = format!("{:?}", chain.outcomes);
        let error = bench.store.project(&chain.all()).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{what}: {error}");
    }
}
