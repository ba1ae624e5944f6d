//! Owners come and go; the outcomes stay one chain.

use onsale_schemas::{NodeName, PartitionId};

use crate::node::support::{ALL, World, owns, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_where_the_owner_stopped() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let (one, two) = world.start_both().await;
    world.sell(20);
    world.check_outcomes().await;

    // No hand-over: it is just gone, with commands on their way.
    world.sell(5);
    one.stop().await;
    world.sell(20);
    until("the other one owns everything", || {
        ALL.iter().all(|p| owns(&two, *p))
    })
    .await;
    world.check_outcomes().await;
    let epochs: Vec<u64> = two.status().iter().map(|on_node| on_node.epoch).collect();

    // It comes back, follows, and gets the partitions back that it is preferred for.
    let one = world.start("one").await;
    let preferred: Vec<PartitionId> = ALL
        .into_iter()
        .filter(|p| {
            let names = [NodeName("one".to_owned()), NodeName("two".to_owned())];
            onsale_processor::member::ranks::rank(*p, &names[0], &names) == Some(0)
        })
        .collect();
    until("preferred owners have returned", || {
        preferred.iter().all(|p| owns(&one, *p) && !owns(&two, *p))
    })
    .await;
    world.sell(10);
    world.check_outcomes().await;
    let later: Vec<u64> = one.status().iter().map(|on_node| on_node.epoch).collect();
    assert!(
        later
            .iter()
            .zip(&epochs)
            .all(|(later, before)| later >= before)
    );
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_handed_over_and_back() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let (one, two) = world.start_both().await;
    for _ in 0..3 {
        for (from, to, name) in [(&one, &two, "two"), (&two, &one, "one")] {
            world.sell(3);
            let name = NodeName(name.to_owned());
            from.hand_over(ALL.into_iter().map(|p| (p, name.clone())).collect())
                .await;
            // The call itself waits: the previous owner owns nothing afterwards.
            assert!(ALL.iter().all(|p| !owns(from, *p)));
            until("they were taken over", || ALL.iter().all(|p| owns(to, *p))).await;
        }
    }
    world.check_outcomes().await;
    one.stop().await;
    two.stop().await;
}
