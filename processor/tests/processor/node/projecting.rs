//! The projector role behind nodes, and reconciliation while everything moves.

use onsale_processor::metrics::Metrics;
use onsale_processor::node::projection::Projection;
use onsale_processor::reconcile::Finding;
use onsale_schemas::command::AmendShow;
use onsale_schemas::{Actor, BookingId, Command, Outcome, OutcomeRecord};
use onsale_store::audit::Unaudited;
use onsale_store::booking::BookingStatus;
use onsale_store::catalog::ShowChange;
use prometheus::Registry;

use crate::node::support::{ALL, World, show_id, until};

pub(crate) async fn projection(world: &World) -> Projection {
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let (kafka, store) = (world.kafka.clone(), world.store.clone());
    Projection::start(kafka, world.log(), store, metrics, None).await
}

/// Waits until everything that is published by now is projected.
pub(crate) async fn caught_up(world: &World, projection: &Projection) {
    let published = world.published();
    until("the projection has caught up", || {
        ALL.iter().zip(&published).all(|(partition, published)| {
            let last = published.last().map_or(0, |record| record.offset + 1);
            projection.projected().offset(*partition) >= last
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_goes_on_where_the_database_stands() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let one = world.start_alone().await;
    let first = projection(&world).await;
    world.sell(10);
    world.check_outcomes().await;
    caught_up(&world, &first).await;
    first.stop().await;

    // Two of them at once, behind what was missed.
    world.sell(10);
    world.check_outcomes().await;
    let second = projection(&world).await;
    let third = projection(&world).await;
    world.sell(10);
    world.check_outcomes().await;
    caught_up(&world, &second).await;
    assert_eq!(second.problems(), Vec::<String>::new());
    assert_eq!(third.problems(), Vec::<String>::new());
    for partition in ALL {
        let seats = world.store.show_seats(show_id(partition)).await.unwrap();
        let seats = seats.unwrap();
        assert_eq!((seats.zones[0].held, seats.unavailable.len()), (30, 30));
        assert_eq!(seats.zones[0].available, 1_970);
        assert!(seats.next_offset > 30);
    }
    second.stop().await;
    third.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_shows_reach_the_catalog() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let one = world.start_alone().await;
    let change = ShowChange {
        name: Some("Late show".to_owned()),
        hold_ms: Some(1_000),
        prices: vec![(0, 250)],
        ..ShowChange::default()
    };
    let (request, show) = (world.next_request(), show_id(ALL[0]));
    let proposed = world
        .store
        .propose_change(request, show, &change, 1, Unaudited::Unattended)
        .await;
    assert!(proposed.unwrap().is_there());
    let amend = AmendShow {
        show,
        max_tickets_per_user: None,
        sale_opens_at_ms: None,
        sale_closes_at_ms: None,
        hold_ms: change.hold_ms,
        prices: change.prices,
    };
    world.append(ALL[0], Command::AmendShow(amend));
    world.check_outcomes().await;
    // The one that handed it in may be gone by now: the projector takes it over.
    let projection = projection(&world).await;
    caught_up(&world, &projection).await;
    let row = world.store.show(show).await.unwrap().unwrap();
    assert_eq!((row.hold_ms, row.zones[0].unit_price), (1_000, 250));
    assert_eq!(row.name.as_deref(), Some("Late show"));
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.differences, []);
    projection.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_are_found_and_repaired_while_the_sale_goes_on() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let one = world.start_alone().await;
    let projection = projection(&world).await;
    world.sell(20);
    world.check_outcomes().await;
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.differences, []);
    assert_eq!(report.checked.bookings, 40);
    assert_eq!(report.projection_behind, None);

    caught_up(&world, &projection).await;
    world.tamper(
        "DELETE FROM booking_seats WHERE partition = 0 AND booking_offset = \
         (SELECT MIN(booking_offset) FROM bookings WHERE partition = 0)",
    );
    world.tamper(
        "DELETE FROM bookings WHERE partition = 0 AND booking_offset = \
         (SELECT MIN(booking_offset) FROM bookings WHERE partition = 0)",
    );
    let store = world.store.clone();
    let selling = std::thread::spawn(move || {
        world.sell(30);
        world
    });
    // Compared while it goes on.
    let report = one.reconcile(&ALL, &store, None).await.unwrap();
    let world = selling.join().unwrap();
    let kinds: Vec<&str> = report
        .differences
        .iter()
        .map(|difference| difference.finding.kind())
        .collect();
    assert!(kinds.contains(&"booking_missing"), "{kinds:?}");
    assert!(report.differences.iter().all(|difference| matches!(
        difference.finding,
        Finding::BookingMissing { .. } | Finding::ZoneSumsDiffer { .. }
    )));
    let mut only_bookings = report.clone();
    only_bookings
        .differences
        .retain(|difference| matches!(difference.finding, Finding::BookingMissing { .. }));
    let applied = one
        .apply_reconciliation(&only_bookings, &world.store, None, None)
        .await
        .unwrap();
    assert_eq!((applied.repaired, applied.left.len()), (1, 0));
    assert!(!applied.projection_moved);
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.differences, []);
    assert_eq!(projection.problems(), Vec::<String>::new());
    projection.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_goes_on_once_the_database_was_repaired() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let one = world.start_alone().await;
    let first = projection(&world).await;
    world.sell(5);
    world.check_outcomes().await;
    caught_up(&world, &first).await;
    // Another holder on every seat: whatever is sold next is sold twice by the database.
    world.tamper(
        "INSERT INTO booking_seats (show_id, seat, partition, booking_offset) \
         SELECT s.show_id, n, s.partition, 1000000 FROM shows AS s, \
         generate_series(0, 1999) AS n WHERE s.partition = 0 ON CONFLICT DO NOTHING",
    );
    world.sell(5);
    world.check_outcomes().await;
    until("it has stopped", || !first.problems().is_empty()).await;
    assert!(first.projected().is_stopped());

    world.tamper("DELETE FROM booking_seats WHERE booking_offset = 1000000");
    // Another one brings the database to where the outcomes are.
    let second = projection(&world).await;
    caught_up(&world, &second).await;
    until("it goes on", || first.problems().is_empty()).await;
    second.stop().await;
    world.sell(5);
    world.check_outcomes().await;
    caught_up(&world, &first).await;
    assert_eq!(first.problems(), Vec::<String>::new());
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.differences, []);
    first.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_ended_bookings_that_were_deleted_are_found_and_repaired() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let one = world.start_alone().await;
    let projection = projection(&world).await;
    world.sell(3);
    world.check_outcomes().await;
    let ended = ALL.map(|partition| {
        let published = world.published();
        let published = &published[usize::from(partition.0)];
        let reserved = |record: &OutcomeRecord| matches!(record.outcome, Outcome::Reserved(_));
        let booking = published.iter().find(|record| reserved(record)).unwrap();
        let booking = booking.offset;
        let by = Actor::Staff;
        world.append(partition, Command::Release { booking, by });
        booking
    });
    world.check_outcomes().await;
    caught_up(&world, &projection).await;
    for (partition, booking) in ALL.iter().zip(ended) {
        let row = world.store.booking(BookingId::new(*partition, booking));
        let row = row.await.unwrap().unwrap();
        assert_eq!(row.status, BookingStatus::Cancelled);
        world.tamper(&format!(
            "DELETE FROM bookings WHERE partition = {partition} AND booking_offset = {booking}"
        ));
    }
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.checked.ended, 2);
    let missing: Vec<BookingId> = report
        .differences
        .iter()
        .map(|difference| match difference.finding {
            Finding::BookingMissing { booking_id, .. } => booking_id,
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        missing,
        [
            BookingId::new(ALL[0], ended[0]),
            BookingId::new(ALL[1], ended[1])
        ]
    );
    let applied = one
        .apply_reconciliation(&report, &world.store, None, None)
        .await;
    assert_eq!(applied.unwrap().repaired, 2);
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.differences, []);
    projection.stop().await;
    one.stop().await;
}
