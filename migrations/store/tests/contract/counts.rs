//! Counts with their position.

use onsale_schemas::{Outcome, PartitionId};
use onsale_store::StoreError;
use onsale_store::store::{BuyersTickets, Tickets};

use crate::build::{Chain, HOLD_MS, P, counts, event_id, show_id, time_of, user_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    places_are_as_of_the_last_outcome,
    places_of_a_cancelled_show_are_free,
    more_places_than_there_are_is_an_error,
    tickets_are_by_event_and_buyer,
);

async fn places_are_as_of_the_last_outcome(bench: Bench) {
    let store = &bench.store;
    assert_eq!(store.show_places(show_id(1)).await.unwrap(), None);
    with_show(store).await;
    let free = store.show_places(show_id(1)).await.unwrap().unwrap();
    assert_eq!((free.as_of, free.cancelled), (0, false));
    assert_eq!((free.event_id, free.partition), (event_id(1), P));
    let available: Vec<u32> = free.zones.iter().map(|zone| zone.available).collect();
    assert_eq!(available, [30, 1_000, 5]);
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[0, 1]);
    chain.reserve(1, 1, &[2]);
    chain.reserve_general(1, 2, 5);
    chain.confirm(1, 1, sold, &[0, 1]);
    chain.block(1, 0, &[29], 1);
    chain.block(1, 2, &[30, 34], 2);
    chain.block(1, 1, &[], 7);
    store.project(&chain.all()).await.unwrap();
    let places = store.show_places(show_id(1)).await.unwrap().unwrap();
    assert_eq!(places.as_of, chain.next_offset);
    assert_eq!(
        places.zones,
        [
            counts(26, 1, 2, 1),
            counts(988, 5, 0, 7),
            counts(3, 0, 0, 2)
        ]
    );
}

async fn places_of_a_cancelled_show_are_free(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    chain.reserve(1, 1, &[0, 1]);
    chain.push(Outcome::ShowCancelled { show: show_id(1) });
    store.project(&chain.all()).await.unwrap();
    let places = store.show_places(show_id(1)).await.unwrap().unwrap();
    assert!(places.cancelled);
    assert_eq!(places.zones[0].available, 30);
}

async fn more_places_than_there_are_is_an_error(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    chain.block(1, 1, &[], 1_001);
    store.project(&chain.all()).await.unwrap();
    let error = store.show_places(show_id(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
}

async fn tickets_are_by_event_and_buyer(bench: Bench) {
    let store = &bench.store;
    let everybody = [1, 2, 3, 4].map(user_id);
    let none = store.buyers_tickets(P, &everybody).await.unwrap();
    assert_eq!(none, BuyersTickets::default());
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[0, 1]);
    chain.confirm(1, 1, sold, &[0, 1]);
    let second = chain.reserve(1, 2, &[2]);
    let third = chain.reserve(1, 2, &[3, 4]);
    let gone = chain.reserve(1, 3, &[9]);
    chain.release(1, 3, gone, &[9]);
    chain.confirm(1, 2, third, &[3, 4]);
    store.project(&chain.all()).await.unwrap();
    let found = store.buyers_tickets(P, &everybody).await.unwrap();
    assert_eq!(found.as_of, chain.next_offset);
    let event = event_id(1);
    let tickets = |places, first_hold_ends_ms| Tickets {
        places,
        first_hold_ends_ms,
    };
    assert_eq!(
        found.tickets.into_iter().collect::<Vec<_>>(),
        [
            ((event, user_id(1)), tickets(2, None)),
            (
                (event, user_id(2)),
                tickets(3, Some(time_of(second) + HOLD_MS))
            ),
        ]
    );
    let nobody = store.buyers_tickets(P, &[]).await.unwrap();
    assert_eq!(nobody.as_of, chain.next_offset);
    assert!(nobody.tickets.is_empty());
    let other = PartitionId(9);
    assert_eq!(
        store.buyers_tickets(other, &everybody).await.unwrap(),
        BuyersTickets::default()
    );
}
