//! The catalog as documents in the log.

use std::sync::atomic::Ordering;
use std::time::Duration;

use onsale_schemas::Command;

use crate::support::World;

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
