//! What is kept until it is read back.

use onsale_processor::member::MemberAction;
use onsale_schemas::Entry;

use crate::member::cluster::{Cluster, STEP_MS, empty_machine, settings};

#[test]
fn a_publisher_that_failed_gives_again_what_the_topic_lacks() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    cluster.nodes[0].mute = true;
    for _ in 0..5 {
        cluster.submit();
    }
    cluster.run(200);
    let before = cluster.topic.len();
    cluster.nodes[0].mute = false;
    cluster.publisher_failed(0);
    assert_eq!(cluster.topic.len(), before + 5);
    cluster.run(200);
    assert!(cluster.is_all_published());
    assert_eq!(cluster.nodes[0].member.status().unpublished, 0);
    assert_eq!(cluster.nodes[1].member.status().unpublished, 0);
}

#[test]
fn a_failed_publisher_does_not_repeat_what_others_have_published() {
    let mut cluster = Cluster::new(1, settings());
    cluster.run(1_000);
    cluster.nodes[0].mute = true;
    for _ in 0..5 {
        cluster.submit();
    }
    cluster.run(20);
    assert_eq!(cluster.nodes[0].member.status().unpublished, 5);
    let mut actions = Vec::new();
    let last = cluster.nodes[0].member.machine().last_outcome();
    let third = last.map(|last| last - 2);
    let node = &mut cluster.nodes[0];
    node.member
        .on_publish_failed(third, cluster.now, &mut actions);
    let [MemberAction::Publish(outcomes)] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(outcomes.len(), 2);
    // Nothing is given twice to the same publisher.
    actions.clear();
    node.member.on_time(cluster.now, &mut actions);
    assert_eq!(actions, []);
}

#[test]
fn a_full_buffer_stops_reading_and_is_published_without_an_owner() {
    let mut small = settings();
    small.unpublished_max = 10;
    let mut cluster = Cluster::new(2, small);
    cluster.run(1_000);
    // Nothing of the owner gets into the topic, though it goes on ticking.
    cluster.nodes[0].mute = true;
    for _ in 0..25 {
        cluster.submit();
    }
    cluster.run(100);
    assert!(!cluster.nodes[1].member.wants_entries());
    assert_eq!(cluster.nodes[1].published, 0);
    cluster.run(10_000);
    assert!(cluster.nodes[1].published >= 20);
    assert!(cluster.nodes[1].member.wants_entries());
    assert_eq!(cluster.claims().len(), 1, "no silence, so no claim");
}

#[test]
fn a_cluster_that_was_down_for_long_comes_back_with_small_buffers() {
    let mut small = settings();
    small.unpublished_max = 10;
    let mut cluster = Cluster::new(2, small);
    for _ in 0..2_000 {
        cluster.submit();
    }
    // 200 bufferfuls, of which only the first has to wait for patience.
    cluster.run(10_000);
    assert!(cluster.is_all_published());
    assert_eq!(cluster.claims(), [("n0".to_owned(), 1)]);
    assert!(cluster.nodes.iter().all(|node| node.stopped.is_none()));
}

#[test]
fn a_restarted_member_publishes_only_what_the_topic_lacks() {
    let mut cluster = Cluster::new(1, settings());
    for _ in 0..20 {
        cluster.submit();
    }
    cluster.run(1_000);
    let before = cluster.topic.len();
    cluster.restart(0);
    cluster.run(1_000);
    assert!(cluster.is_all_published());
    // Its new claim.
    assert_eq!(cluster.topic.len(), before + 1);
}

#[test]
fn outcomes_that_come_before_their_records_are_compared_later() {
    let mut cluster = Cluster::new(1, settings());
    for _ in 0..20 {
        cluster.submit();
    }
    cluster.run(1_000);
    let mut late = Cluster::new(1, settings());
    late.topic.clone_from(&cluster.topic);
    late.run(STEP_MS);
    assert_eq!(late.nodes[0].member.status().published, Some(20));
    late.nodes[0].appended.clear();
    late.log.clone_from(&cluster.log);
    late.run(STEP_MS);
    assert_eq!(late.nodes[0].stopped, None);
    assert_eq!(late.nodes[0].member.status().unpublished, 0);
}

#[test]
fn a_record_that_comes_again_is_dropped() {
    let mut cluster = Cluster::new(1, settings());
    cluster.submit();
    cluster.run(1_000);
    let (log_time_ms, payload) = cluster.log[0].clone();
    let digest = cluster.nodes[0].member.machine().digest();
    let entry = Entry {
        offset: 0,
        log_time_ms,
        payload: &payload,
    };
    let mut actions = Vec::new();
    let member = &mut cluster.nodes[0].member;
    member.on_entry(entry, cluster.now, &mut actions);
    assert_eq!((actions, member.machine().digest()), (vec![], digest));
    assert_ne!(digest, empty_machine().digest());
}
