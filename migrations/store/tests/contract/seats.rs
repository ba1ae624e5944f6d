//! The seats of a show, to start a live view from.

use onsale_schemas::{Outcome, SeatStatus};

use crate::build::{Chain, counts, show_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    an_unopened_show_has_no_seats,
    seats_and_counts_are_of_the_watermark,
);

async fn an_unopened_show_has_no_seats(bench: Bench) {
    let store = &bench.store;
    assert_eq!(store.show_seats(show_id(1)).await.unwrap(), None);
    with_show(store).await;
    assert_eq!(store.show_seats(show_id(1)).await.unwrap(), None);
}

async fn seats_and_counts_are_of_the_watermark(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    open(&bench, &mut chain).await;
    let sold = chain.reserve(1, 1, &[4]);
    chain.reserve(1, 2, &[2, 3]);
    chain.confirm(1, 1, sold, &[4]);
    chain.block(1, 2, &[30], 1);
    chain.block(1, 1, &[], 7);
    store.project(&chain.all()).await.unwrap();
    let seats = store.show_seats(show_id(1)).await.unwrap().unwrap();
    assert_eq!(seats.next_offset, chain.next_offset);
    assert!(!seats.cancelled);
    assert_eq!(
        seats.unavailable,
        [
            (2, SeatStatus::Held),
            (3, SeatStatus::Held),
            (4, SeatStatus::Sold),
            (30, SeatStatus::Blocked)
        ]
    );
    assert_eq!(
        seats.zones,
        [
            counts(27, 2, 1, 0),
            counts(993, 0, 0, 7),
            counts(4, 0, 0, 1)
        ]
    );
}

async fn open(bench: &Bench, chain: &mut Chain) {
    let show = with_show(&bench.store).await;
    chain.push(Outcome::ShowOpened {
        show: show.show_id,
        event: show.event_id,
    });
}
