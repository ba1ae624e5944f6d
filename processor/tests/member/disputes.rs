//! What stops a member.

use onsale_engine::{Limits, MACHINE_VERSION_KNOWN, NullSink, Partition};
use onsale_processor::member::{Member, MemberAction, Publication, SeenOutcome};
use onsale_processor::replica::StopReason;
use onsale_schemas::{Command, Entry, Envelope, NodeName, PartitionId, codec};

use crate::cluster::{Cluster, empty_machine, settings};

/// A cluster whose standby is behind the others by some outcomes in log and topic.
fn behind() -> Cluster {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(500);
    cluster.nodes[1].paused = true;
    for _ in 0..5 {
        cluster.submit();
    }
    cluster.run(500);
    cluster
}

/// The standby reads the topic after it was changed: before the log, and after it.
fn stops_with(change: impl Fn(&mut Vec<Publication>)) -> [Option<StopReason>; 2] {
    [true, false].map(|topic_first| {
        let mut cluster = behind();
        change(&mut cluster.topic);
        if !topic_first {
            // It applies everything while it cannot see the topic.
            let topic = cluster.topic.split_off(1);
            cluster.nodes[0].paused = true;
            cluster.nodes[1].paused = false;
            cluster.run(100);
            cluster.topic.extend(topic);
        }
        cluster.nodes[0].paused = true;
        cluster.nodes[1].paused = false;
        let mut actions = Vec::new();
        if topic_first {
            for seen in &cluster.topic {
                let seen = SeenOutcome {
                    offset: seen.offset,
                    digest: seen.digest,
                    payload: &seen.payload,
                };
                cluster.nodes[1]
                    .member
                    .on_outcome(seen, cluster.now, &mut actions);
            }
        }
        for _ in 0..10 {
            if cluster.nodes[1].stopped.is_none() {
                cluster.nodes[1].paused = false;
                run_unchecked(&mut cluster);
            }
        }
        let node = &cluster.nodes[1];
        assert!(node.stopped.is_none() || !node.member.wants_entries());
        assert_eq!(node.stopped, node.member.status().stopped);
        assert_eq!(node.stopped.is_some(), node.member.next_wake_ms().is_none());
        node.stopped.clone()
    })
}

/// The topic is wrong on purpose here.
fn run_unchecked(cluster: &mut Cluster) {
    let topic = cluster.topic.clone();
    cluster.step(1);
    cluster.now += 10;
    assert!(cluster.topic.len() >= topic.len());
}

#[test]
fn nothing_is_wrong_with_a_true_topic() {
    assert_eq!(stops_with(|_| ()), [None, None]);
}

#[test]
fn another_digest() {
    for stop in stops_with(|topic| topic[2].digest ^= 1) {
        assert!(
            matches!(stop, Some(StopReason::DigestMismatch { .. })),
            "{stop:?}"
        );
    }
}

#[test]
fn other_bytes() {
    for stop in stops_with(|topic| topic[2].payload.push(0)) {
        assert!(
            matches!(stop, Some(StopReason::OutcomeMismatch { .. })),
            "{stop:?}"
        );
    }
}

#[test]
fn an_outcome_left_out() {
    for stop in stops_with(|topic| drop(topic.remove(2))) {
        assert!(
            matches!(stop, Some(StopReason::OutcomeMissing { .. })),
            "{stop:?}"
        );
    }
}

#[test]
fn an_outcome_of_a_record_that_has_none() {
    // The last outcomes are followed by ticks, which yield nothing.
    let stops = stops_with(|topic| {
        let mut extra = topic[topic.len() - 1].clone();
        extra.offset += 1;
        topic.push(extra);
    });
    for stop in stops {
        assert!(
            matches!(stop, Some(StopReason::OutcomeUnknown { .. })),
            "{stop:?}"
        );
    }
}

#[test]
fn an_owner_that_reads_back_something_else_than_its_own() {
    let mut cluster = Cluster::new(1, settings());
    cluster.run(1_000);
    cluster.nodes[0].mute = true;
    cluster.submit();
    cluster.run(10);
    let offset = cluster.nodes[0].member.machine().last_outcome().unwrap();
    let seen = SeenOutcome {
        offset,
        digest: 1,
        payload: b"",
    };
    let mut actions = Vec::new();
    let member = &mut cluster.nodes[0].member;
    member.on_outcome(seen, cluster.now, &mut actions);
    assert!(matches!(
        actions[..],
        [MemberAction::Stop(StopReason::DigestMismatch {
            owner: 1,
            ..
        })]
    ));
}

#[test]
fn a_gap_in_the_log() {
    let mut cluster = Cluster::new(1, settings());
    let mut actions = Vec::new();
    let entry = Entry {
        offset: 2,
        log_time_ms: 1,
        payload: b"",
    };
    let member = &mut cluster.nodes[0].member;
    member.on_entry(entry, cluster.now, &mut actions);
    let reason = StopReason::LogGap {
        expected: 0,
        got: 2,
    };
    assert_eq!(actions, [MemberAction::Stop(reason)]);
    actions.clear();
    member.on_end_of_log(0, cluster.now, &mut actions);
    assert_eq!(actions, [], "it is told once, and nothing follows");
}

#[test]
fn a_version_that_this_program_does_not_know() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    cluster.append(Command::Barrier {
        machine_version: 99,
    });
    cluster.run(100);
    for node in &cluster.nodes {
        assert!(matches!(
            node.stopped,
            Some(StopReason::UnsupportedVersion { asked: 99, .. })
        ));
    }
}

#[test]
fn a_machine_that_contains_what_nobody_published() {
    let mut machine = empty_machine();
    let mut cluster = Cluster::new(1, settings());
    cluster.submit();
    let (log_time_ms, payload) = &cluster.log[0];
    let entry = Entry {
        offset: 0,
        log_time_ms: *log_time_ms,
        payload,
    };
    machine.apply(entry, &mut NullSink);
    let start = |published| {
        let node = NodeName("n0".to_owned());
        let mut actions = Vec::new();
        let mut member = Member::new(machine.clone(), node, 0, settings(), published, 0);
        member.on_time(0, &mut actions);
        actions
    };
    let reason = StopReason::AheadOfOutcomes {
        last_outcome: 0,
        published: None,
    };
    assert_eq!(start(None), [MemberAction::Stop(reason)]);
    assert_eq!(start(Some(0)), []);
}

/// While a cluster is upgraded: a node of the next program has published what the new rules say
/// before this one comes to where they begin.
#[test]
fn rules_of_the_next_program_are_no_dispute() {
    let command = Command::Barrier {
        machine_version: MACHINE_VERSION_KNOWN + 1,
    };
    let payload = codec::encode(&Envelope::machine(command)).unwrap();
    let barrier = Entry {
        offset: 0,
        log_time_ms: 1,
        payload: &payload,
    };
    let next = Limits {
        machine_version_known: MACHINE_VERSION_KNOWN + 1,
        ..Limits::default()
    };
    let mut newer = Partition::new(PartitionId(0), next);
    let mut outcomes = Vec::new();
    newer.apply(barrier, &mut outcomes);
    let theirs = codec::encode(&outcomes[0]).unwrap();
    let older = Partition::new(PartitionId(0), Limits::default());
    let name = NodeName("older".to_owned());
    let mut member = Member::new(older, name, 0, settings(), None, 0);
    let mut actions = Vec::new();
    let seen = SeenOutcome {
        offset: 0,
        digest: newer.digest(),
        payload: &theirs,
    };
    member.on_outcome(seen, 1, &mut actions);
    member.on_entry(barrier, 2, &mut actions);
    let stopped = member.status().stopped;
    assert!(
        matches!(stopped, Some(StopReason::UnsupportedVersion { .. })),
        "{stopped:?}"
    );
}
