//! Changes of shows: written down, accepted by the log, taken over by the projector.

use onsale_schemas::{Offset, Outcome, Rejection, RequestId};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{Noted, ShowChange, ShowRow, ShowStatus};

use crate::build::{Chain, event_id, id, show_id, time_of, with_show};
use crate::harness::{Bench, contract};

contract!(
    an_accepted_change_reaches_the_catalog_once,
    changes_are_taken_over_in_the_order_of_the_log,
    what_the_log_did_not_accept_never_counts,
    a_repetition_changes_nothing,
    a_closed_sale_is_opened_again,
    an_id_stands_for_one_change,
    old_changes_are_forgotten,
);

fn amended() -> Outcome {
    Outcome::ShowAmended { show: show_id(1) }
}

fn priced(price: i64) -> ShowChange {
    ShowChange {
        prices: vec![(1, price)],
        ..ShowChange::default()
    }
}

async fn found(bench: &Bench) -> ShowRow {
    bench.store.show(show_id(1)).await.unwrap().unwrap()
}

/// Writes a change down and pushes the outcome that accepts it; returns its offset.
async fn accepted(bench: &Bench, chain: &mut Chain, change: &ShowChange) -> Offset {
    let offset = chain.push(amended());
    let request = chain.outcomes.last().unwrap().request_id.unwrap();
    let store = &bench.store;
    assert!(
        store
            .propose_change(request, show_id(1), change, 1, Unaudited::Unattended)
            .await
            .unwrap()
            .is_there()
    );
    offset
}

async fn an_accepted_change_reaches_the_catalog_once(bench: Bench) {
    let store = &bench.store;
    let before = with_show(store).await;
    let mut chain = Chain::default();
    let everything = ShowChange {
        name: Some("Matinée".to_owned()),
        starts_at_ms: Some(1_900_000_000_000),
        sale_opens_at_ms: Some(1),
        sale_closes_at_ms: Some(1_899_000_000_000),
        closes_by_default: Some(true),
        hold_ms: Some(1_000),
        max_tickets_per_user: Some(9),
        prices: vec![(0, 7), (2, 8)],
    };
    accepted(&bench, &mut chain, &everything).await;
    assert_eq!(found(&bench).await, before, "the log has not accepted it");
    store.project(&chain.all()).await.unwrap();
    let mut wanted = ShowRow {
        name: Some("Matinée".to_owned()),
        starts_at_ms: 1_900_000_000_000,
        sale_opens_at_ms: 1,
        sale_closes_at_ms: 1_899_000_000_000,
        closes_by_default: true,
        hold_ms: 1_000,
        ..before
    };
    wanted.zones[0].unit_price = 7;
    wanted.zones[2].unit_price = 8;
    assert_eq!(found(&bench).await, wanted);
    let event = store.event(event_id(1)).await.unwrap().unwrap();
    assert_eq!(event.max_tickets_per_user, 9);

    // The same batch again, as after a crash of its sender; later changes stay.
    accepted(&bench, &mut chain, &priced(5)).await;
    store.project(&chain.all()).await.unwrap();
    store.project(&chain.batch(0, 1)).await.unwrap();
    store.project(&chain.all()).await.unwrap();
    wanted.zones[1].unit_price = 5;
    assert_eq!(found(&bench).await, wanted);
}

async fn changes_are_taken_over_in_the_order_of_the_log(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    for price in [5, 6, 7] {
        accepted(&bench, &mut chain, &priced(price)).await;
    }
    store.project(&chain.all()).await.unwrap();
    assert_eq!(found(&bench).await.zones[1].unit_price, 7);
}

async fn what_the_log_did_not_accept_never_counts(bench: Bench) {
    let store = &bench.store;
    let before = with_show(store).await;
    let mut chain = Chain::default();
    accepted(&bench, &mut chain, &priced(5)).await;
    chain.outcomes[0].outcome = Outcome::Rejected(Rejection::ShowCancelled);
    // Written down, and then a crash before it was submitted.
    let lost = RequestId(id(77));
    assert!(
        store
            .propose_change(lost, show_id(1), &priced(6), 1, Unaudited::Unattended)
            .await
            .unwrap()
            .is_there()
    );
    // Of a program that writes the catalog itself.
    chain.push(amended());
    chain.push(amended());
    chain.outcomes[2].request_id = None;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(found(&bench).await, before);
}

async fn a_repetition_changes_nothing(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let first = accepted(&bench, &mut chain, &priced(5)).await;
    accepted(&bench, &mut chain, &priced(6)).await;
    store.project(&chain.all()).await.unwrap();
    // The first request once more: written down again, and answered from memory by the log.
    accepted(&bench, &mut chain, &priced(5)).await;
    chain.mark_replay(first);
    let again = chain.outcomes.last().unwrap().request_id.unwrap();
    store.project(&chain.all()).await.unwrap();
    assert_eq!(found(&bench).await.zones[1].unit_price, 6);
    // Nothing of it is left: the id is free.
    let other = store
        .propose_change(again, show_id(1), &priced(8), 1, Unaudited::Unattended)
        .await;
    assert_eq!(other.unwrap(), Noted::New);
}

async fn a_closed_sale_is_opened_again(bench: Bench) {
    let store = &bench.store;
    let closes_at = with_show(store).await.sale_closes_at_ms;
    let mut chain = Chain::default();
    chain.push(Outcome::ShowOpened {
        show: show_id(1),
        event: event_id(1),
    });
    let closed = Outcome::ShowClosed { show: show_id(1) };
    let until = |sale_closes_at_ms| ShowChange {
        sale_closes_at_ms: Some(sale_closes_at_ms),
        ..ShowChange::default()
    };
    let at = chain.push(closed.clone());
    store.project(&chain.all()).await.unwrap();
    let row = found(&bench).await;
    assert_eq!(
        (row.status, row.sale_closes_at_ms),
        (ShowStatus::Closed, time_of(at))
    );
    // A later close moves nothing, and neither a price nor an end that is past opens a sale.
    chain.push(closed.clone());
    accepted(&bench, &mut chain, &priced(5)).await;
    accepted(&bench, &mut chain, &until(time_of(at) - 1)).await;
    store.project(&chain.all()).await.unwrap();
    let row = found(&bench).await;
    assert_eq!(
        (row.status, row.sale_closes_at_ms),
        (ShowStatus::Closed, time_of(at) - 1)
    );
    accepted(&bench, &mut chain, &until(closes_at)).await;
    store.project(&chain.all()).await.unwrap();
    let row = found(&bench).await;
    assert_eq!(
        (row.status, row.sale_closes_at_ms),
        (ShowStatus::Open, closes_at)
    );
    // Within one batch the order of the log counts.
    let from = chain.next_offset;
    accepted(&bench, &mut chain, &until(closes_at + 1)).await;
    let at = chain.push(closed.clone());
    store
        .project(&chain.batch(from, chain.next_offset))
        .await
        .unwrap();
    let row = found(&bench).await;
    assert_eq!(
        (row.status, row.sale_closes_at_ms),
        (ShowStatus::Closed, time_of(at))
    );
    let from = chain.next_offset;
    chain.push(closed);
    accepted(&bench, &mut chain, &until(closes_at)).await;
    store
        .project(&chain.batch(from, chain.next_offset))
        .await
        .unwrap();
    assert_eq!(found(&bench).await.status, ShowStatus::Open);
}

async fn an_id_stands_for_one_change(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let request = RequestId(id(1));
    let propose = |change: ShowChange| async move {
        store
            .propose_change(request, show_id(1), &change, 1, Unaudited::Unattended)
            .await
            .unwrap()
    };
    assert_eq!(propose(priced(5)).await, Noted::New);
    assert_eq!(propose(priced(5)).await, Noted::Known);
    assert_eq!(propose(priced(6)).await, Noted::Other);
    let endless = ShowChange {
        starts_at_ms: Some(u64::MAX),
        ..ShowChange::default()
    };
    let error = store
        .propose_change(
            RequestId(id(2)),
            show_id(1),
            &endless,
            1,
            Unaudited::Unattended,
        )
        .await
        .unwrap_err();
    assert!(error.to_string().contains("starts_at_ms"), "{error}");
}

async fn old_changes_are_forgotten(bench: Bench) {
    let store = &bench.store;
    let before = with_show(store).await;
    let mut chain = Chain::default();
    accepted(&bench, &mut chain, &priced(5)).await;
    assert_eq!(store.forget_changes(1).await.unwrap(), 0);
    assert_eq!(store.forget_changes(2).await.unwrap(), 1);
    store.project(&chain.all()).await.unwrap();
    assert_eq!(found(&bench).await, before);
}
