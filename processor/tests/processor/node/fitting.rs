//! A database that does not fit the log on Kafka is named, and not written into.

use std::sync::Arc;

use onsale_log::kafka::NodesPublisher;
use onsale_processor::fit::Misfit;
use onsale_processor::node::Node;
use onsale_processor::node::database;
use onsale_processor::node::status::NodeStatus;
use onsale_schemas::command::{Describe, Subject};
use onsale_schemas::{Command, NodeName, Offset, Outcome, PartitionId};
use onsale_store::audit::AuditFilter;
use onsale_store::document::CatalogCursor;
use onsale_store::store::LogMark;

use crate::node::foreign::delete_of_before;
use crate::node::projecting::{caught_up, projection};
use crate::node::support::{ALL, PARTITIONS, PATIENCE, World, event_id, owns, show_row, until};

/// Brings the database back to where it was after the first four outcomes of each partition.
fn set_back(world: &World) {
    let published = world.published();
    for (partition, published) in ALL.iter().zip(&published) {
        let (last, time_ms) = (published[3].offset, published[3].log_time_ms);
        world.tamper(&format!(
            "DELETE FROM booking_seats WHERE partition = {partition} AND booking_offset > {last}; \
             DELETE FROM bookings WHERE partition = {partition} AND booking_offset > {last}; \
             UPDATE projector_watermarks SET next_offset = {last} + 1, last_outcome = {last}, \
                 log_time_ms = {time_ms} WHERE partition = {partition}; \
             DELETE FROM log_marks"
        ));
    }
}

/// What is projected, without the catalog.
const EMPTY: &str = "DELETE FROM booking_seats; DELETE FROM bookings; \
    DELETE FROM projector_watermarks; DELETE FROM log_marks; DELETE FROM log_identity";

/// Node one owns everything and has sold; the database has all of it, and no projector.
async fn sold() -> Option<(World, Arc<Node>)> {
    let mut world = World::new().await?;
    let one = world.start_alone().await;
    let first = projection(&world).await;
    world.sell(10);
    world.check_outcomes().await;
    caught_up(&world, &first).await;
    assert_eq!(first.problems(), Vec::<String>::new());
    first.stop().await;
    Some((world, one))
}

/// How many entries of an action the audit trail has.
async fn told(world: &World, action: &str) -> usize {
    let filter = AuditFilter {
        action: Some(action.to_owned()),
        limit: 1_000,
        ..AuditFilter::default()
    };
    world.store.audit(&filter).await.unwrap().len()
}

async fn misfit(world: &World) -> Option<Misfit> {
    let found = database::look(&world.kafka, world.log(), &world.store).await;
    found.unwrap().map(|found| found.misfit)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_of_another_log_is_named_and_left_alone() {
    let Some((mut world, one)) = sold().await else {
        return;
    };
    assert_eq!(misfit(&world).await, None);
    let ours = world.store.log_identity().await.unwrap();
    assert_eq!(ours, Some(world.topics.log_id), "it is written down");
    let before = world.store.watermarks().await.unwrap();
    world.store.set_log_identity([7; 16], &[]).await.unwrap();
    world.sell(5);
    world.check_outcomes().await;
    let second = projection(&world).await;
    let problems = second.problems();
    assert!(
        problems[0].contains("the database belongs to log 0707"),
        "{problems:?}"
    );
    assert!(
        matches!(misfit(&world).await, Some(Misfit::OtherLog { .. })),
        "for doctor and verify"
    );
    assert_eq!(world.store.watermarks().await.unwrap(), before);
    assert_eq!(world.store.log_identity().await.unwrap(), Some([7; 16]));

    // It is the right one after all.
    let ours = world.topics.log_id;
    world.store.set_log_identity(ours, &[]).await.unwrap();
    until("it goes on", || second.problems().is_empty()).await;
    caught_up(&world, &second).await;
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.differences, []);
    second.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_seen_another_record_is_named() {
    let Some((world, one)) = sold().await else {
        return;
    };
    let mark = LogMark {
        partition: ALL[0],
        offset: 1,
        checksum: 1,
    };
    let ours = world.topics.log_id;
    world.store.set_log_identity(ours, &[mark]).await.unwrap();
    let second = projection(&world).await;
    let problems = second.problems();
    assert!(problems[0].contains("another record"), "{problems:?}");
    second.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_is_named_and_filled_from_the_outcomes() {
    let Some((world, one)) = sold().await else {
        return;
    };
    world.tamper(EMPTY);
    let found = misfit(&world).await;
    assert!(matches!(found, Some(Misfit::Empty { .. })), "{found:?}");
    let second = projection(&world).await;
    caught_up(&world, &second).await;
    assert_eq!(second.problems(), Vec::<String>::new());
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.differences, []);
    assert_eq!(misfit(&world).await, None);
    second.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_older_than_the_outcomes_that_are_kept_is_named_until_it_is_repaired() {
    let Some((mut world, one)) = sold().await else {
        return;
    };
    // As from a copy of its first day.
    set_back(&world);
    world.tamper(
        "UPDATE audit_projected AS a SET next_offset = w.next_offset FROM projector_watermarks AS w \
         WHERE w.partition = a.partition",
    );
    let before = told(&world, "booking.reserve").await;
    let passed_over = world.published();
    let passed_over = passed_over.iter().flat_map(|records| &records[4..]);
    let passed_over = passed_over
        .filter(|record| matches!(record.outcome, Outcome::Reserved(_)))
        .count();
    assert_ne!(passed_over, 0);
    delete_of_before(&world, &[world.kafka.outcomes_topic()], 8).await;
    let second = projection(&world).await;
    let problems = second.problems();
    assert!(
        problems[0].contains("the database is older than the log")
            && problems[0].contains("onsale reconcile --report FILE"),
        "{problems:?}"
    );
    let found = misfit(&world).await;
    assert!(matches!(found, Some(Misfit::Older { .. })), "{found:?}");

    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_ne!(report.differences, []);
    let applied = one
        .apply_reconciliation(&report, &world.store, None, None)
        .await;
    let applied = applied.unwrap();
    assert!(
        applied.projection_moved && applied.left.is_empty(),
        "{applied:?}"
    );
    // What nobody projects any more has its entries from the log.
    let written = told(&world, "booking.reserve").await - before;
    assert_eq!((written, told(&world, "trail.gap").await), (passed_over, 0));
    until("it goes on", || second.problems().is_empty()).await;
    let repaired = ALL.map(|partition| second.projected().offset(partition));
    world.sell(5);
    until("it projects on", || {
        let mut all = ALL.iter().zip(repaired);
        all.all(|(partition, repaired)| second.projected().offset(*partition) > repaired)
    })
    .await;
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.differences, []);
    second.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_been_further_is_named_and_brought_forward() {
    let Some((world, one)) = sold().await else {
        return;
    };
    // As a projector announces once a second.
    let projected: Vec<_> = world.store.watermarks().await.unwrap();
    let projected = projected
        .iter()
        .map(|mark| (mark.partition, mark.next_offset));
    announce(&world, projected.collect());
    assert_eq!(misfit(&world).await, None, "it is where it was");
    set_back(&world);
    let found = misfit(&world).await;
    assert!(matches!(found, Some(Misfit::Older { .. })), "{found:?}");

    let second = projection(&world).await;
    caught_up(&world, &second).await;
    assert_eq!(second.problems(), Vec::<String>::new());
    assert_eq!(misfit(&world).await, None);
    let report = one.reconcile(&ALL, &world.store, None).await.unwrap();
    assert_eq!(report.differences, []);

    // Of another log, whose topics had the same names.
    announce(&world, vec![(ALL[0], 1_000_000)]);
    assert_eq!(misfit(&world).await, None);
    second.stop().await;
    one.stop().await;
}

/// Announces how far a projector has come.
fn announce(world: &World, projected: Vec<(PartitionId, Offset)>) {
    let status = NodeStatus {
        node: NodeName("projector".to_owned()),
        roles: vec!["projector".to_owned()],
        version: String::new(),
        url: String::new(),
        operations_url: String::new(),
        clock_ms: 0,
        disk_free_bytes: None,
        problems: Vec::new(),
        partitions: Vec::new(),
        projected,
        stopping: false,
        clocks: Vec::new(),
        run: String::new(),
        log_partitions: 0,
        foreign: Vec::new(),
    };
    let publisher = NodesPublisher::new(&world.kafka).unwrap();
    publisher.publish("projector", &serde_json::to_vec(&status).unwrap());
    publisher.flush(PATIENCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_that_the_catalog_lacks_are_named_until_they_are_there() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let one = world.start_alone().await;
    let first = projection(&world).await;
    world.check_outcomes().await;
    caught_up(&world, &first).await;
    describe_all(&mut world).await;
    world.check_outcomes().await;
    caught_up(&world, &first).await;
    one.look_at_catalog(world.store.clone());
    let lacks = |node: &Node| {
        node.warnings()
            .iter()
            .any(|why| why.contains("the catalog lacks"))
    };
    first.stop().await;
    one.stop().await;

    world.tamper("DELETE FROM zones; DELETE FROM shows");
    let again = world.start("one").await;
    again.look_at_catalog(world.store.clone());
    until("it says what is missing", || lacks(&again)).await;
    let named = again
        .warnings()
        .iter()
        .any(|why| why.contains("2 of 2 shows"));
    assert!(named, "{:?}", again.warnings());
    until("it owns", || ALL.iter().all(|p| owns(&again, *p))).await;
    let second = projection(&world).await;
    let report = again.reconcile(&ALL, &world.store, None).await.unwrap();
    let applied = again
        .apply_reconciliation(&report, &world.store, None, None)
        .await;
    assert_eq!(applied.unwrap().left, Vec::<String>::new());
    until("they are there", || !lacks(&again)).await;
    second.stop().await;
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_that_only_a_backup_brings_back_are_named_and_hold_up_nothing() {
    let Some(world) = World::new().await else {
        return;
    };
    let one = world.start_alone().await;
    world.check_outcomes().await;
    one.stop().await;
    world.tamper("DELETE FROM zones; DELETE FROM shows");
    let again = world.start("one").await;
    again.look_at_catalog(world.store.clone());
    let lacks = || {
        let said = "lacks 2 of 2 shows of which the log has no document";
        again.warnings().iter().any(|why| why.contains(said))
    };
    until("it says what is missing", lacks).await;
    until("nothing is held up", || again.problems().is_empty()).await;
    for partition in ALL {
        world.store.add_show(&show_row(partition)).await.unwrap();
    }
    until("they are there", || !lacks()).await;
    again.stop().await;
}

/// Appends the document of every event and show.
async fn describe_all(world: &mut World) {
    for partition in ALL {
        world.append(partition, Command::Barrier { machine_version: 2 });
    }
    let documents = world
        .store
        .undescribed(PARTITIONS, &[], CatalogCursor::default(), 10)
        .await
        .unwrap();
    assert_eq!(documents.len(), 2 * ALL.len());
    for document in documents {
        let subject = document.subject();
        let (Subject::Event(event) | Subject::Show { event, .. }) = subject;
        let of = ALL
            .into_iter()
            .find(|partition| event_id(*partition) == event);
        let document = document.encode().unwrap();
        world.append(
            of.unwrap(),
            Command::Describe(Describe { subject, document }),
        );
    }
}
