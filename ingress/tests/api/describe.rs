//! The catalog on its way into the log.

use std::sync::atomic::Ordering;
use std::time::Duration;

use onsale_schemas::Command;

use crate::support::World;

/// Long enough for several looks at the catalog.
const A_WHILE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn what_is_not_projected_yet_is_not_handed_in_again() {
    let world = World::new().await;
    world.operations.projected.store(0, Ordering::SeqCst);
    let described = tokio::time::timeout(A_WHILE, world.ingress.clone().describe_catalog());
    assert!(
        described.await.is_err(),
        "it goes on until the process stops"
    );
    let documents: Vec<_> = world
        .log
        .seen()
        .into_iter()
        .filter_map(|envelope| match envelope.command {
            Command::Describe(describe) => Some(describe.subject),
            _ => None,
        })
        .collect();
    assert!(!documents.is_empty());
    for (place, subject) in documents.iter().enumerate() {
        assert!(!documents[..place].contains(subject), "{documents:?}");
    }
    assert!(world.operations.waits.load(Ordering::SeqCst) > 0);
}
