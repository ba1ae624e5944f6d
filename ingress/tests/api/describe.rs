//! The catalog as documents in the log.

use std::sync::atomic::Ordering;
use std::time::Duration;

use onsale_schemas::command::Subject;
use onsale_schemas::partitioning::partition_of;
use onsale_schemas::{Command, Envelope, EventId};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::EventRow;
use onsale_store::document::Document;

use crate::support::{EVENT, World, event};

#[tokio::test]
async fn documents_are_handed_in_once_however_long_their_projection_takes() {
    let world = World::new().await;
    world.operations.projected.store(0, Ordering::SeqCst);
    let describing = tokio::spawn(world.ingress.clone().describe_catalog());
    // Three passes.
    while world.operations.waits.load(Ordering::SeqCst) < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    describing.abort();
    let seen = world.log.seen();
    let documents = seen
        .iter()
        .filter(|envelope| matches!(envelope.command, Command::Describe(_)));
    // The event; its show is not open yet.
    assert_eq!(documents.count(), 1);
}

#[tokio::test]
async fn a_partition_whose_projection_stands_still_holds_up_no_other() {
    const PARTITIONS: u16 = 2;
    let world = World::new().await;
    world.log.partitions.store(PARTITIONS, Ordering::SeqCst);
    let standing = partition_of(EVENT, PARTITIONS);
    world.operations.standing.lock().insert(standing);
    let other = (1..)
        .map(|byte| EventId::from_bytes([byte; 16]))
        .find(|id| partition_of(*id, PARTITIONS) != standing)
        .unwrap();
    let row = EventRow {
        event_id: other,
        ..event()
    };
    world.store.add_event(&row).await.unwrap();
    let describing = tokio::spawn(world.ingress.clone().describe_catalog());
    let documents = |of: EventId, seen: &[Envelope]| {
        let is_of = |envelope: &&Envelope| {
            matches!(&envelope.command, Command::Describe(describe)
                if describe.subject == Subject::Event(of))
        };
        seen.iter().filter(is_of).count()
    };
    // Nothing notes here that the log has the other one, so every pass hands it in.
    let mut seen = world.log.seen();
    while documents(other, &seen) < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        seen = world.log.seen();
    }
    describing.abort();
    assert_eq!(documents(EVENT, &seen), 1);
}

/// A database that was lost is on its way to what the log has: the rows of that time are not its newest ones.
#[tokio::test]
async fn nothing_is_described_before_the_log_of_before_is_projected() {
    const LOG_END: u64 = 50;
    let world = World::new().await;
    world.log.began_at.store(LOG_END, Ordering::SeqCst);
    world.operations.projected.store(0, Ordering::SeqCst);
    let describing = tokio::spawn(world.ingress.clone().describe_catalog());
    // It may look at the row as often as it likes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let later = EventRow {
        name: "Later".to_owned(),
        ..event()
    };
    let written = world.store.update_event(&later, Unaudited::Unattended);
    assert!(written.await.unwrap());
    world.operations.projected.store(LOG_END, Ordering::SeqCst);
    let first = loop {
        let mut seen = world.log.seen().into_iter();
        let first = seen.find_map(|envelope| match envelope.command {
            Command::Describe(describe) => Some(describe),
            _ => None,
        });
        if let Some(first) = first {
            break first;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    describing.abort();
    let document = Document::decode(&first.document).unwrap();
    assert_eq!(document.event.row.name, "Later");
}
