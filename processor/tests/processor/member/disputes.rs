//! What stops a member.

use onsale_engine::{Limits, MACHINE_VERSION_KNOWN, NullSink, Partition};
use onsale_processor::member::{Alarm, Member, MemberAction, Publication, SeenOutcome};
use onsale_processor::replica::StopReason;
use onsale_schemas::{
    Command, Entry, Envelope, NodeName, Outcome, OutcomeRecord, PartitionId, codec,
};

use crate::member::cluster::{Cluster, empty_machine, settings};

/// A cluster whose standby is behind the others by some outcomes in log and topic.
fn behind() -> Cluster {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(500);
    cluster.nodes[1].paused = true;
    for _ in 0..10 {
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
        let stopped = cluster.nodes[1].member.status().stopped;
        cluster.nodes[1].stopped = stopped;
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

/// Digests of another state, from one outcome on.
#[test]
fn another_state() {
    for stop in stops_with(|topic| topic.iter_mut().skip(2).for_each(|seen| seen.digest ^= 1)) {
        assert!(
            matches!(stop, Some(StopReason::DigestMismatch { .. })),
            "{stop:?}"
        );
    }
}

#[test]
fn other_bytes_from_one_outcome_on() {
    let change = |topic: &mut Vec<Publication>| {
        let changed = topic.iter_mut().skip(2);
        changed.for_each(|seen| seen.payload.push(0));
    };
    for stop in stops_with(change) {
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

/// One foreign record in the topic, of any kind and in any place, stops no member.
#[test]
fn one_foreign_outcome_stops_no_member() {
    type Change = fn(&mut Vec<Publication>);
    // (what, change of the topic)
    let table: [(&str, Change); 8] = [
        ("another digest", |topic| topic[2].digest ^= 1),
        ("other bytes", |topic| topic[2].payload.push(0)),
        ("no outcome at all", |topic| {
            let mut foreign = topic[2].clone();
            foreign.payload = b"nonsense".to_vec();
            topic.insert(2, foreign);
        }),
        (
            "one that has the right place, before the real one",
            |topic| {
                let mut foreign = topic[2].clone();
                foreign.digest ^= 1;
                topic.insert(2, foreign);
            },
        ),
        ("one after the real one", |topic| {
            let mut foreign = topic[2].clone();
            foreign.digest ^= 1;
            topic.insert(3, foreign);
        }),
        ("one that names no real outcome", |topic| {
            topic.insert(3, forged(1_000, Some(900)));
        }),
        (
            "one that names the right one before it and a later record",
            |topic| {
                let last = topic[2].offset;
                topic.insert(3, forged(last + 1_000, Some(last)));
            },
        ),
        ("one for a record that yields none", |topic| {
            // The last outcomes are followed by ticks, which yield nothing.
            let last = topic[topic.len() - 1].offset;
            topic.push(forged(last + 1, Some(last)));
        }),
    ];
    for (what, change) in table {
        assert_eq!(stops_with(change), [None, None], "{what}");
    }
}

/// Outcome in form, but not of this log.
fn forged(offset: u64, previous: Option<u64>) -> Publication {
    let record = OutcomeRecord {
        offset,
        previous,
        log_time_ms: 1,
        request_id: None,
        replay_of: None,
        expired: Vec::new(),
        outcome: Outcome::Nothing,
    };
    Publication {
        offset,
        log_time_ms: 1,
        digest: 7,
        payload: codec::encode(&record).unwrap(),
        asker: None,
    }
}

/// What a member passes over it says, and its own outcomes get into the topic all the same.
#[test]
fn an_owner_passes_over_what_is_not_its_own_and_goes_on() {
    let mut cluster = Cluster::new(1, settings());
    cluster.run(1_000);
    cluster.nodes[0].mute = true;
    cluster.submit();
    cluster.run(10);
    let own = cluster.nodes[0].member.machine().last_outcome().unwrap();
    let published = cluster.nodes[0].member.status().published;
    let foreign = forged(own, published);
    let seen = SeenOutcome {
        offset: own,
        digest: foreign.digest,
        payload: &foreign.payload,
    };
    let mut actions = Vec::new();
    let member = &mut cluster.nodes[0].member;
    member.on_outcome(seen, cluster.now, &mut actions);
    assert!(
        matches!(&actions[..], [MemberAction::Alarm(Alarm::Disputed { offset, .. })] if *offset == own),
        "{actions:?}"
    );
    assert_eq!(member.status().published, published);
    cluster.nodes[0].mute = false;
    cluster.publisher_failed(0);
    cluster.submit();
    cluster.run(500);
    assert!(cluster.is_all_published());
    assert_eq!(cluster.nodes[0].stopped, None);
}

/// A few foreign records that follow one another do not hide that the topic goes on elsewhere.
#[test]
fn what_goes_on_beside_foreign_records_still_stops_a_member() {
    let mut cluster = Cluster::new(1, settings());
    cluster.run(1_000);
    cluster.nodes[0].mute = true;
    cluster.submit();
    cluster.run(10);
    let now = cluster.now;
    let member = &mut cluster.nodes[0].member;
    let mut see = |offset, previous| {
        let publication = forged(offset, Some(previous));
        let seen = SeenOutcome {
            offset,
            digest: publication.digest,
            payload: &publication.payload,
        };
        member.on_outcome(seen, now, &mut Vec::new());
        member.status().stopped
    };
    let foreign = [(70_001, 70_000), (70_002, 70_001)];
    let elsewhere = [(60_001, 60_000), (60_002, 60_001), (60_003, 60_002)];
    for (offset, previous) in foreign.into_iter().chain(elsewhere) {
        assert_eq!(see(offset, previous), None, "{offset}");
    }
    let stopped = see(60_004, 60_003);
    assert!(
        matches!(stopped, Some(StopReason::OutcomeMissing { .. })),
        "{stopped:?}"
    );
}

#[test]
fn a_record_that_is_not_a_command_is_reported_and_has_no_effect() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    for garbage in [&b"nonsense"[..], b"", &[0x01, 1], &[0xA5; 20]] {
        cluster.log.push((cluster.now, garbage.to_vec()));
    }
    cluster.submit();
    cluster.run(500);
    for node in &cluster.nodes {
        assert_eq!(node.stopped, None);
        assert_eq!(node.alarms.len(), 4, "{:?}", node.alarms);
    }
    assert!(cluster.is_all_published());
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
    assert_eq!(actions, [], "it is reported once, and nothing follows");
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
fn a_machine_that_contains_unpublished_outcomes() {
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
    let is_alarm = |action: &MemberAction| matches!(action, MemberAction::Alarm(_));
    assert!(!actions.iter().any(is_alarm), "{actions:?}");
}
