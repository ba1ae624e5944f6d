//! Whatever writes bookings, what is counted of orders follows: phases, codes and zones.

use onsale_schemas::Outcome;
use onsale_schemas::outcome::PriceRule;
use onsale_store::Scope;
use onsale_store::audit::Unaudited;
use onsale_store::booking::{BookingRepair, BookingStatus};
use onsale_store::retention::Kind;

use super::{CODE, all_parts, counted, line, lines, part};
use crate::build::{Chain, booking, booking_id, show_id, user_id, with_show};
use crate::harness::{Bench, contract};
use crate::retention::{LATER_MS, as_of_later, forgotten};

contract!(
    a_cancelled_show_has_no_orders,
    a_repair_writes_orders_just_as_given,
    a_repair_makes_plain_what_is_plain,
    what_was_deleted_by_hand_is_written_again,
    deleted_bookings_take_theirs_along,
    orders_of_a_show_long_over_go_with_their_counts,
    orders_of_others_are_counted_together,
    buyers_see_the_counts_and_no_order_of_another,
);

async fn a_cancelled_show_has_no_orders(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let offset = chain.reserve_order(1, lines(2));
    store.project(&chain.all()).await.unwrap();
    chain.push(Outcome::ShowCancelled { show: show_id(1) });
    store.project(&chain.batch(1, 2)).await.unwrap();
    let row = booking(store, offset).await;
    assert_eq!(row.status, BookingStatus::Cancelled);
    assert!(row.order.is_some());
    assert_eq!(counted(&bench).await, ([(0, 0), (0, 0)], 0, 0, vec![]));
}

async fn a_repair_writes_orders_just_as_given(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let offset = chain.reserve_order(1, lines(2));
    store.project(&chain.all()).await.unwrap();
    let right = booking(store, offset).await;
    bench.tamper("UPDATE bookings SET order_lines = '[]'").await;
    assert_eq!(
        counted(&bench).await,
        ([(0, 0), (0, 0)], 0, 1, vec![4, 5, 9])
    );
    store
        .repair_bookings(std::slice::from_ref(&right), Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(booking(store, offset).await, right);
    let held = ([(3, 0), (2, 0)], 3, 1, vec![4, 5, 9]);
    assert_eq!(counted(&bench).await, held);
    // What no projection would write the database refuses from anyone.
    for wrong in [
        "UPDATE bookings SET order_lines = 'null'",
        "UPDATE bookings SET order_lines = NULL",
        "UPDATE bookings SET order_tax = NULL",
        "UPDATE bookings SET order_total = -1",
        "UPDATE bookings SET quantity = 0",
        "UPDATE bookings SET quantity = 2",
    ] {
        assert!(bench.try_tamper(wrong).await.is_err(), "{wrong}");
    }
    let mut other = right.clone();
    other.status = BookingStatus::Expired;
    other.ended_at_ms = Some(5);
    other.updated_offset = 9;
    let repair = [other.clone()];
    store
        .repair_bookings(&repair, Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(booking(store, offset).await, other);
    assert_eq!(counted(&bench).await, ([(0, 0), (0, 0)], 0, 0, vec![]));
    let columns = right.differences(&other);
    assert_eq!(columns.len(), 3, "{columns:?}");
}

async fn a_repair_makes_plain_what_is_plain(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let one = chain.reserve_order(1, lines(2));
    let other = chain.reserve(1, 1, &[7]);
    store.project(&chain.all()).await.unwrap();
    let (mut order, mut plain) = (booking(store, one).await, booking(store, other).await);
    std::mem::swap(&mut order.order, &mut plain.order);
    std::mem::swap(&mut order.seats, &mut plain.seats);
    std::mem::swap(&mut order.quantity, &mut plain.quantity);
    let columns = order.differences(&booking(store, one).await);
    assert!(
        columns
            .iter()
            .any(|column| column.starts_with("order_code: ")),
        "{columns:?}"
    );
    store
        .repair_bookings(&[order.clone(), plain.clone()], Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(booking(store, one).await, order);
    assert_eq!(booking(store, other).await, plain);
    let held = ([(4, 0), (2, 0)], 3, 1, vec![4, 5, 7, 9]);
    assert_eq!(counted(&bench).await, held);
    let repair = BookingRepair {
        removed: vec![booking_id(other)],
        ..BookingRepair::default()
    };
    store
        .repair_bookings(repair, Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(counted(&bench).await, ([(1, 0), (0, 0)], 0, 0, vec![7]));
}

async fn what_was_deleted_by_hand_is_written_again(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    chain.reserve_order(1, lines(2));
    let gone = chain.reserve_order(1, vec![line(1, 0, &[], 4, PriceRule::Zone)]);
    chain.release_order(gone, vec![part(1, &[], 4)]);
    store.project(&chain.all()).await.unwrap();
    let held = ([(3, 0), (2, 0)], 3, 1, vec![4, 5, 9]);
    assert_eq!(counted(&bench).await, held);
    bench
        .tamper("DELETE FROM order_phases; DELETE FROM order_codes")
        .await;
    // As deploy/README.md has it.
    bench
        .tamper("UPDATE bookings SET order_lines = order_lines WHERE order_lines IS NOT NULL")
        .await;
    assert_eq!(counted(&bench).await, held);
}

/// As retention deletes them, sold ones too.
async fn deleted_bookings_take_theirs_along(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let offset = chain.reserve_order(1, lines(2));
    chain.confirm_order(offset, all_parts(), false);
    store.project(&chain.all()).await.unwrap();
    bench
        .tamper("DELETE FROM booking_seats; DELETE FROM bookings")
        .await;
    assert_eq!(counted(&bench).await, ([(0, 0), (0, 0)], 0, 0, vec![]));
    let rows = "SELECT CAST(phase AS text) FROM order_phases \
                UNION ALL SELECT CAST(phase AS text) FROM phase_places \
                UNION ALL SELECT CAST(uses AS text) FROM code_uses \
                UNION ALL SELECT CAST(booking_offset AS text) FROM order_codes";
    assert_eq!(bench.texts(rows).await, [""; 0]);
}

async fn orders_of_a_show_long_over_go_with_their_counts(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let offset = chain.reserve_order(1, lines(2));
    chain.confirm_order(offset, all_parts(), false);
    store.project(&chain.all()).await.unwrap();
    as_of_later(&bench).await;
    assert_eq!(forgotten(store, Kind::Bookings, LATER_MS).await, 1);
    assert_eq!(counted(&bench).await, ([(0, 0), (0, 0)], 0, 0, vec![]));
    // What the log says of it later has no row to change.
    let parts = vec![part(1, &[], 1)];
    chain.give_back(offset, parts, lines(1));
    store.project(&chain.batch(2, 3)).await.unwrap();
    assert_eq!(store.booking(booking_id(offset)).await.unwrap(), None);
    assert_eq!(counted(&bench).await, ([(0, 0), (0, 0)], 0, 0, vec![]));
}

async fn orders_of_others_are_counted_together(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    for user in 1..=3 {
        chain.reserve_order(user, vec![line(1, 0, &[], 2, PriceRule::Phase(7))]);
    }
    let other = vec![
        line(1, 0, &[], 1, PriceRule::Phase(7)),
        line(1, 1, &[], 3, PriceRule::Phase(7)),
        line(0, 1, &[3], 1, PriceRule::Phase(0)),
    ];
    chain.reserve_order(1, other);
    store.project(&chain.all()).await.unwrap();
    let phases = store.phase_counts(show_id(1)).await.unwrap();
    assert_eq!(phases, [(0, 1), (7, 10)]);
    let uses = |user| store.code_uses(show_id(1), CODE, Some(user_id(user)));
    assert_eq!(uses(1).await.unwrap(), (4, 2));
    assert_eq!(uses(2).await.unwrap(), (4, 1));
    assert_eq!(uses(9).await.unwrap(), (4, 0));
}

/// A quote is asked for by whom the policies of PostgreSQL bind.
async fn buyers_see_the_counts_and_no_order_of_another(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    for user in [1, 2] {
        chain.reserve_order(user, vec![line(1, 0, &[], 2, PriceRule::Phase(7))]);
    }
    store.project(&chain.all()).await.unwrap();
    let buyer = Scope::Caller {
        tenant: None,
        user: Some(user_id(1).0),
    };
    for scope in [buyer, Scope::PUBLIC] {
        let seen = store.within(scope);
        assert_eq!(seen.phase_counts(show_id(1)).await.unwrap(), [(7, 4)]);
        let uses = seen.code_uses(show_id(1), CODE, Some(user_id(1))).await;
        let of_user = u32::from(scope == buyer);
        if bench.url.starts_with("sqlite") {
            assert_eq!(uses.unwrap(), (2, 1));
        } else {
            assert_eq!(uses.unwrap(), (2, of_user), "{scope:?}");
        }
    }
}
