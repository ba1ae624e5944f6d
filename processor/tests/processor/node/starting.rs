//! Where nodes start from.

use onsale_processor::node::Node;
use onsale_store::Store;

use crate::node::foreign::recreate;
use crate::node::projecting::{caught_up, projection};
use crate::node::support::{ALL, World, owned_by_either, until};

/// The offsets of the snapshots that a node knows, ascending by partition.
fn snapshots(node: &Node) -> Vec<Option<u64>> {
    node.status()
        .iter()
        .map(|on_node| on_node.snapshot.map(|snapshot| snapshot.next_offset))
        .collect()
}

async fn at_the_end(node: &Node) {
    until("the node is at the end of the log", || {
        node.status().iter().all(|on_node| on_node.is_at_end)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_starts_from_its_disk_without_the_database() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let one = world.start_alone().await;
    world.sell(20);
    world.check_outcomes().await;
    let written = one.snapshot(None).await.unwrap();
    assert_eq!(written.len(), ALL.len());
    one.stop().await;
    world.sell(5);

    // Nothing listens on that port.
    let down = Store::connect_lazily("postgres://nobody@127.0.0.1:1/none", 2);
    let one = world.start_with("one", &down.await.unwrap()).await;
    let expected: Vec<_> = written.iter().map(|w| Some(w.next_offset)).collect();
    assert_eq!(snapshots(&one), expected);
    at_the_end(&one).await;
    world.check_outcomes().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_and_their_disks_gone_the_database_and_the_log_bring_them_back() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let (one, two) = world.start_both().await;
    world.sell(20);
    world.check_outcomes().await;
    let written = two.snapshot(None).await.unwrap();
    let offsets: Vec<_> = written.iter().map(|w| Some(w.next_offset)).collect();
    one.stop().await;
    two.stop().await;
    for name in ["one", "two"] {
        std::fs::remove_dir_all(world.snapshots_dir(name)).unwrap();
    }
    // Commands that no processor answers.
    world.sell(15);

    let one = world.start("one").await;
    assert_eq!(snapshots(&one), offsets, "from the database");
    let two = world.start("two").await;
    assert_eq!(snapshots(&two), offsets, "from the database");
    at_the_end(&one).await;
    at_the_end(&two).await;
    owned_by_either(&one, &two).await;
    world.check_outcomes().await;
    // Both hold the same state as a replay of the whole log.
    let digests = async |node: &Node| {
        let machines = node.machines().await.unwrap();
        machines
            .iter()
            .map(|machine| machine.stats().held)
            .collect::<Vec<_>>()
    };
    assert_eq!(digests(&one).await, [35, 35]);
    assert_eq!(digests(&two).await, [35, 35]);
    one.stop().await;
    two.stop().await;
}

/// The same ids would be given again to other bookings.
#[tokio::test(flavor = "multi_thread")]
async fn no_node_sells_on_a_log_that_was_lost_under_its_snapshots() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let one = world.start_alone().await;
    let projector = projection(&world).await;
    world.sell(20);
    world.check_outcomes().await;
    caught_up(&world, &projector).await;
    one.snapshot(None).await.unwrap();
    projector.stop().await;
    one.stop().await;

    let refused = async |world: &World, name: &str| {
        let refusal = world.try_start(name, &world.store).await;
        refusal.unwrap_err().to_string()
    };
    // Another cluster or prefix, or the same one created anew.
    let log_id = std::mem::replace(&mut world.topics.log_id, [7; 16]);
    let said = refused(&world, "one").await;
    assert!(
        said.contains("and this log is 0707") && said.contains("kafka.topic_prefix"),
        "{said}"
    );
    world.topics.log_id = log_id;

    recreate(&world).await;
    let said = refused(&world, "one").await;
    let recreated = "the log ends at 0: the log was lost, recreated or set back";
    assert!(said.contains(recreated) && said.contains("/one/"), "{said}");
    // A new disk changes nothing: the database has them too.
    let said = refused(&world, "two").await;
    assert!(
        said.contains(recreated) && said.contains("the database"),
        "{said}"
    );
    // And neither does a database that does not answer.
    let down = Store::connect_lazily("postgres://nobody@127.0.0.1:1/none", 2)
        .await
        .unwrap();
    let said = world.try_start("one", &down).await.unwrap_err().to_string();
    assert!(said.contains(recreated), "{said}");

    // A new log, a new database and empty folders.
    let fresh = World::new().await.unwrap();
    fresh.start_alone().await.stop().await;
}
