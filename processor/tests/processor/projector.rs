//! The projector against a real SQLite store: order, repeats, a gap, a double sale.

use std::time::Duration;

use onsale_processor::metrics::Metrics;
use onsale_processor::projector::{Projected, Projector, Stopped};
use onsale_schemas::outcome::Reserved;
use onsale_schemas::{
    BookingId, EventId, Outcome, OutcomeRecord, PartitionId, SeatList, ShowId, UserId,
};
use onsale_store::Store;
use onsale_store::audit::Unaudited;
use onsale_store::booking::{BookingStatus, Watermark};
use onsale_store::projection::ProjectionBatch;
use tokio::sync::mpsc;

const PARTITION: PartitionId = PartitionId(0);
/// Far more than a write takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn store(folder: &tempfile::TempDir) -> Store {
    let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
    let store = Store::connect(&url, 2).await.unwrap();
    store.migrate().await.unwrap();
    store
}

fn reserved(offset: u64, seat: u32) -> OutcomeRecord {
    OutcomeRecord {
        offset,
        previous: offset.checked_sub(1),
        log_time_ms: 1_000 + offset,
        request_id: None,
        replay_of: None,
        expired: Vec::new(),
        outcome: Outcome::Reserved(Reserved {
            booking: offset,
            show: ShowId::from_bytes([1; 16]),
            event: EventId::from_bytes([2; 16]),
            user: UserId::from_bytes([3; 16]),
            zone: 0,
            seats: SeatList::from(&[seat][..]),
            quantity: 1,
            unit_price: 100,
            currency: "THB".parse().unwrap(),
            expires_at_ms: 601_000,
        }),
    }
}

fn batch(outcomes: Vec<OutcomeRecord>) -> ProjectionBatch {
    let from_offset = outcomes.first().unwrap().offset;
    let last = outcomes.last().unwrap();
    ProjectionBatch {
        partition: PARTITION,
        from_offset,
        next_offset: last.offset + 1,
        log_time_ms: last.log_time_ms,
        outcomes,
        askers: Vec::new(),
    }
}

/// Runs a projector over these batches to its end.
async fn project(store: &Store, from: u64, batches: Vec<ProjectionBatch>) -> Projected {
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    let (projector, projected) = Projector::new(store.clone(), metrics, vec![from]);
    let (sender, receiver) = mpsc::channel(batches.len());
    for batch in batches {
        sender.try_send(batch).unwrap();
    }
    drop(sender);
    projector.run(receiver).await;
    projected
}

async fn is_live(store: &Store, offset: u64) -> bool {
    let row = store
        .booking(BookingId::new(PARTITION, offset))
        .await
        .unwrap();
    row.is_some_and(|row| row.status == BookingStatus::Reserved)
}

#[tokio::test]
async fn batches_in_order_are_projected_and_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let batches = vec![
        batch(vec![reserved(0, 1), reserved(1, 2)]),
        batch(vec![reserved(2, 3)]),
    ];
    let projected = project(&store, 0, batches).await;
    assert_eq!(projected.offset(PARTITION), 3);
    assert!(
        !projected.is_stopped(),
        "the end of its input is no failure"
    );
    assert!(projected.wait_for(PARTITION, 2, Duration::ZERO).await);
    assert!(
        !projected
            .wait_for(PARTITION, 3, Duration::from_millis(20))
            .await
    );
    assert!(is_live(&store, 2).await);
}

#[tokio::test]
async fn what_comes_twice_has_one_effect() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let first = batch(vec![reserved(0, 1), reserved(1, 2)]);
    let overlapping = batch(vec![reserved(1, 2), reserved(2, 3)]);
    let projected = project(&store, 0, vec![first.clone(), first, overlapping]).await;
    assert_eq!(projected.offset(PARTITION), 3);
    assert!(!projected.is_stopped());
}

#[tokio::test]
async fn a_gap_stops_it_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let batches = vec![batch(vec![reserved(0, 1)]), batch(vec![reserved(2, 3)])];
    let projected = project(&store, 0, batches).await;
    assert!(projected.is_stopped());
    assert_eq!(projected.offset(PARTITION), 1);
    assert!(!is_live(&store, 2).await);
}

/// The engine's rule broken on purpose: the database is the layer behind it.
#[tokio::test]
async fn a_double_sale_stops_it_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let batches = vec![batch(vec![reserved(0, 7)]), batch(vec![reserved(1, 7)])];
    let projected = project(&store, 0, batches).await;
    assert!(projected.is_stopped());
    assert!(!is_live(&store, 1).await);
    // The seat's first holder is not harmed: projected before or not at all, never half.
    let at = projected.offset(PARTITION);
    assert_eq!(is_live(&store, 0).await, at == 1);
}

#[tokio::test]
async fn it_goes_on_once_the_database_was_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    let stopped = metrics.projector_stopped.clone();
    let (projector, projected) = Projector::new(store.clone(), metrics, vec![0]);
    let (sender, receiver) = mpsc::channel(8);
    let task = tokio::spawn(projector.run(receiver));
    sender.send(batch(vec![reserved(0, 7)])).await.unwrap();
    assert!(projected.wait_for(PARTITION, 0, PATIENCE).await);
    sender.send(batch(vec![reserved(1, 7)])).await.unwrap();
    assert_eq!(projected.clone().refused().await, Some(PARTITION));
    assert_eq!(projected.stopped(), Some(Stopped::Refused(PARTITION)));
    assert_eq!(stopped.get(), 1);
    // What comes meanwhile is not projected, whatever it is.
    sender.send(batch(vec![reserved(2, 8)])).await.unwrap();

    // As reconciliation does it: the rows, and how far they are there.
    let mut rows = vec![
        store
            .booking(BookingId::new(PARTITION, 0))
            .await
            .unwrap()
            .unwrap(),
    ];
    rows[0].status = BookingStatus::Cancelled;
    rows[0].ended_at_ms = Some(1_001);
    store
        .repair_bookings(&rows, Unaudited::Unattended)
        .await
        .unwrap();
    let watermark = Watermark {
        partition: PARTITION,
        next_offset: 3,
        last_outcome: Some(2),
        log_time_ms: 1_002,
    };
    store
        .move_watermark(1, &watermark, false, Unaudited::Unattended)
        .await
        .unwrap();
    assert!(projected.repaired().await);
    assert_eq!(projected.stopped(), None);
    assert_eq!(projected.offset(PARTITION), 3);
    assert_eq!(stopped.get(), 0);
    sender.send(batch(vec![reserved(3, 9)])).await.unwrap();
    assert!(projected.wait_for(PARTITION, 3, PATIENCE).await);
    assert!(is_live(&store, 3).await);
    assert!(!is_live(&store, 2).await);

    // One whose input has ended has nothing to go on with.
    drop(sender);
    task.await.unwrap();
    assert!(!projected.repaired().await);
}

/// Whatever ends the task early counts as stopped, also a panic or an abort.
#[tokio::test]
async fn a_projector_that_is_torn_down_counts_as_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    let (projector, projected) = Projector::new(store, metrics, vec![0]);
    let (_sender, receiver) = mpsc::channel(1);
    let task = tokio::spawn(projector.run(receiver));
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(projected.is_stopped());
}

#[tokio::test]
async fn one_that_is_alone_stops_at_a_watermark_that_it_has_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let first = batch(vec![reserved(0, 1), reserved(1, 2)]);
    store.project(&first).await.unwrap();
    let run = async |from: u64, next: ProjectionBatch| {
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let (projector, projected) = Projector::new(store.clone(), metrics, vec![from]);
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(next).unwrap();
        let running = tokio::spawn(projector.alone().run(receiver));
        let mut seen = projected.clone();
        tokio::select! {
            refused = seen.refused() => assert_eq!(refused, Some(PARTITION)),
            _ = projected.wait_for(PARTITION, 1, PATIENCE) => {}
        }
        drop(sender);
        running.await.unwrap();
        projected
    };
    // Someone has moved it: what it covers may not be there.
    let projected = run(1, batch(vec![reserved(1, 2)])).await;
    assert_eq!(projected.stopped(), Some(Stopped::Refused(PARTITION)));
    assert_eq!(projected.offset(PARTITION), 1);
    // The same again from where it is known to be is no harm.
    let projected = run(2, first).await;
    assert_eq!(projected.stopped(), None);
    assert_eq!(projected.offset(PARTITION), 2);
}
