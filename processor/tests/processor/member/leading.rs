//! Heartbeats, claims and hand-overs.

use onsale_processor::replica::{ReplicaRole, SnapshotPolicy};
use onsale_schemas::command::{Admission, OpenShow, Pick, Reserve, ZoneLayout};
use onsale_schemas::{Command, EventId, ShowId, UserId};

use crate::member::cluster::{Cluster, STEP_MS, settings};

#[test]
fn on_the_first_start_only_the_preferred_owner_claims_at_once() {
    let mut cluster = Cluster::new(3, settings());
    cluster.run(2 * STEP_MS);
    assert_eq!(cluster.owners(), [0]);
    cluster.run(10_000);
    assert_eq!(cluster.claims(), [("n0".to_owned(), 1)]);
    assert_eq!(cluster.nodes[0].roles, [ReplicaRole::Owner { epoch: 1 }]);
    assert!(cluster.nodes[1].roles.is_empty());
}

#[test]
fn on_the_first_start_without_the_preferred_owner_the_next_one_claims_by_patience() {
    let mut cluster = Cluster::new(2, settings());
    cluster.nodes[0].paused = true;
    cluster.run(740);
    assert_eq!(cluster.claims(), []);
    cluster.run(40);
    assert_eq!(cluster.owners(), [1]);
}

#[test]
fn the_owner_ticks_steadily_with_one_tick_under_way() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(10_000);
    let ticks = cluster.nodes[0].appended.len() - 1;
    // One in 100 ms plus the step in which it is read back.
    assert!((85..=100).contains(&ticks), "{ticks}");
    assert_eq!(cluster.nodes[1].appended, []);
}

#[test]
fn a_tick_that_got_lost_is_asked_for_again() {
    let mut cluster = Cluster::new(1, settings());
    cluster.run(1_000);
    let at = cluster.log.len();
    while cluster.log.len() == at {
        cluster.run(STEP_MS);
    }
    // The newest record is a tick that no member has read.
    cluster.log.truncate(at);
    cluster.run(400);
    assert!(cluster.log.len() > at);
    assert_eq!(cluster.claims().len(), 1);
}

#[test]
fn a_hold_that_is_due_is_ticked_away_at_once() {
    let mut slow = settings();
    slow.tick_ms = 60_000;
    slow.patience_ms = 200_000;
    let mut cluster = Cluster::new(1, slow);
    cluster.run(100);
    let show = ShowId::from_bytes([1; 16]);
    cluster.append(Command::OpenShow(OpenShow {
        show,
        event: EventId::from_bytes([2; 16]),
        max_tickets_per_user: 0,
        sale_opens_at_ms: 0,
        sale_closes_at_ms: u64::MAX >> 1,
        hold_ms: 1_000,
        zones: vec![ZoneLayout {
            unit_price: 1,
            currency: "THB".parse().unwrap(),
            admission: Admission::General { capacity: 10 },
        }],
    }));
    cluster.append(Command::Reserve(Reserve {
        show,
        user: UserId::from_bytes([3; 16]),
        zone: 0,
        pick: Pick::General { quantity: 1 },
        expected_unit_price: None,
    }));
    cluster.run(900);
    assert_eq!(cluster.nodes[0].member.machine().live_holds(), 1);
    let before = cluster.log.len();
    cluster.run(150);
    assert_eq!(cluster.nodes[0].member.machine().live_holds(), 0);
    assert_eq!(cluster.log.len(), before + 1);
}

#[test]
fn a_standby_claims_when_the_owner_is_silent_and_takes_up_its_outcomes() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    // The owner falls silent before it has published anything of these.
    cluster.nodes[0].paused = true;
    for _ in 0..5 {
        cluster.submit();
    }
    cluster.run(600);
    assert_eq!(cluster.owners(), [0], "its patience is not over yet");
    cluster.run(300);
    assert_eq!(cluster.nodes[1].roles, [ReplicaRole::Owner { epoch: 2 }]);
    assert!(cluster.nodes[1].published >= 6);
    let last = cluster.nodes[1].member.machine().last_outcome();
    assert_eq!(cluster.topic.last().map(|seen| seen.offset), last);
}

#[test]
fn commands_of_clients_are_no_sign_of_life() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    cluster.nodes[0].paused = true;
    for _ in 0..90 {
        cluster.submit();
        cluster.run(STEP_MS);
    }
    assert_eq!(cluster.nodes[1].roles, [ReplicaRole::Owner { epoch: 2 }]);
}

#[test]
fn of_two_standbys_only_the_first_one_claims() {
    let mut cluster = Cluster::new(3, settings());
    cluster.run(1_000);
    cluster.nodes[0].paused = true;
    cluster.run(5_000);
    assert_eq!(cluster.claims().len(), 2);
    cluster.nodes[1].paused = true;
    cluster.run(5_000);
    assert_eq!(cluster.claims()[2], ("n2".to_owned(), 3));
}

#[test]
fn a_paused_owner_that_comes_back_steps_down_and_harms_nothing() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    cluster.nodes[0].paused = true;
    cluster.submit();
    cluster.run(2_000);
    // For the old one nothing has happened since: it still believes to own.
    assert_eq!(cluster.owners(), [0, 1]);
    cluster.submit();
    cluster.nodes[0].paused = false;
    cluster.run(10_000);
    assert_eq!(cluster.owners(), [1]);
    let roles = &cluster.nodes[0].roles;
    assert_eq!(
        *roles,
        [ReplicaRole::Owner { epoch: 1 }, ReplicaRole::Follower]
    );
    assert_eq!(cluster.claims().len(), 2, "it has owned once: no return");
    assert!(cluster.is_all_published());
    assert!(cluster.nodes.iter().all(|node| node.stopped.is_none()));
}

#[test]
fn a_standby_that_was_asleep_itself_does_not_blame_the_owner() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    cluster.nodes[1].paused = true;
    cluster.run(5_000);
    cluster.nodes[1].paused = false;
    // Nothing has come from the log yet when it looks at the clock first.
    let mut actions = Vec::new();
    cluster.nodes[1].member.on_time(cluster.now, &mut actions);
    assert_eq!(actions, []);
    cluster.run(5_000);
    assert_eq!(cluster.claims().len(), 1);
}

#[test]
fn patience_does_not_run_while_the_log_is_away() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    let member = &mut cluster.nodes[1].member;
    let mut actions = Vec::new();
    member.on_log_lost(cluster.now, &mut actions);
    for _ in 0..100 {
        cluster.now += 100;
        member.on_time(cluster.now, &mut actions);
    }
    assert_eq!(actions, []);
    let next_offset = member.machine().next_offset();
    member.on_end_of_log(next_offset, cluster.now, &mut actions);
    assert_eq!(actions, [], "patience begins anew");
    for _ in 0..8 {
        cluster.now += 100;
        member.on_time(cluster.now, &mut actions);
    }
    assert_eq!(actions.len(), 1, "{actions:?}");
}

#[test]
fn the_end_of_the_log_counts_only_when_everything_before_was_applied() {
    let mut cluster = Cluster::new(1, settings());
    let mut actions = Vec::new();
    let member = &mut cluster.nodes[0].member;
    member.on_end_of_log(3, cluster.now, &mut actions);
    assert_eq!(actions, []);
    assert!(!member.status().at_end_of_log);
    member.on_end_of_log(0, cluster.now, &mut actions);
    assert_eq!(actions.len(), 1);
}

#[test]
fn a_claim_that_got_lost_is_made_again_after_another_patience() {
    let mut cluster = Cluster::new(1, settings());
    cluster.run(STEP_MS);
    assert_eq!(cluster.claims().len(), 1);
    cluster.log.clear();
    cluster.run(490);
    assert_eq!(cluster.claims().len(), 0);
    cluster.run(30);
    assert_eq!(cluster.owners(), [0]);
}

#[test]
fn an_operators_hand_over_is_not_taken_back() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    let claim = cluster.claim_of("n1");
    cluster.append(claim);
    cluster.run(2 * STEP_MS);
    assert_eq!(cluster.owners(), [1]);
    cluster.run(20_000);
    assert_eq!(cluster.owners(), [1]);
    assert_eq!(cluster.claims().len(), 2);
    assert!(cluster.is_all_published());
}

#[test]
fn a_claim_for_a_node_that_is_away_is_taken_over_by_patience() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    let claim = cluster.claim_of("nobody");
    cluster.append(claim);
    cluster.run(2_000);
    assert_eq!(cluster.owners(), [0]);
    assert_eq!(cluster.claims().last(), Some(&("n0".to_owned(), 3)));
}

#[test]
fn the_preferred_owner_returns_once() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    cluster.nodes[0].paused = true;
    cluster.run(2_000);
    assert_eq!(cluster.nodes[1].roles, [ReplicaRole::Owner { epoch: 2 }]);
    cluster.restart(0);
    cluster.run(1_900);
    assert_eq!(
        cluster.owners(),
        [1],
        "not before it is at the end for long"
    );
    cluster.run(300);
    assert_eq!(cluster.owners(), [0]);
    let claim = cluster.claim_of("n1");
    cluster.append(claim);
    cluster.run(20_000);
    assert_eq!(cluster.owners(), [1], "never again in this life");
    assert!(cluster.is_all_published());
}

#[test]
fn a_node_that_owned_before_its_restart_claims_at_once_in_a_new_epoch() {
    let mut cluster = Cluster::new(2, settings());
    cluster.nodes[0].paused = true;
    cluster.run(3_000);
    assert_eq!(cluster.owners(), [1]);
    cluster.restart(1);
    cluster.run(2 * STEP_MS);
    assert_eq!(
        cluster.nodes[1].roles,
        [ReplicaRole::Owner { epoch: 2 }],
        "what is replayed makes no owner"
    );
    assert_eq!(cluster.claims().len(), 2);
}

#[test]
fn ticks_of_an_older_epoch_are_no_sign_of_life() {
    let mut cluster = Cluster::new(2, settings());
    cluster.run(1_000);
    cluster.nodes[0].paused = true;
    for _ in 0..90 {
        cluster.append(Command::Tick { epoch: 0 });
        cluster.run(STEP_MS);
    }
    assert_eq!(cluster.nodes[1].roles, [ReplicaRole::Owner { epoch: 2 }]);
}

#[test]
fn the_standby_cuts_snapshots_and_the_owner_rarely() {
    let mut with_snapshots = settings();
    with_snapshots.snapshots_as_standby = SnapshotPolicy {
        every_records: 10,
        every_ms: u64::MAX,
    };
    with_snapshots.snapshots_as_owner = SnapshotPolicy {
        every_records: 50,
        every_ms: u64::MAX,
    };
    let mut cluster = Cluster::new(2, with_snapshots);
    cluster.run(12_000);
    let cuts = [0, 1].map(|node: usize| cluster.nodes[node].cuts.len());
    assert!(cuts[0] >= 1 && cuts[1] > 4 * cuts[0], "{cuts:?}");
}

#[test]
fn a_member_wakes_itself_in_time() {
    let mut cluster = Cluster::new(2, settings());
    for _ in 0..200 {
        cluster.run(STEP_MS);
        for node in &cluster.nodes {
            let wake = node.member.next_wake_ms().unwrap();
            assert!(wake <= cluster.now + 250, "sleeps past its own patience");
        }
    }
    // Called only when it asked to be, the standby still takes over.
    cluster.nodes[0].paused = true;
    let started = cluster.now;
    let mut actions = Vec::new();
    let member = &mut cluster.nodes[1].member;
    while actions.is_empty() {
        cluster.now = member.next_wake_ms().unwrap().max(cluster.now + 1);
        member.on_time(cluster.now, &mut actions);
        assert!(cluster.now < started + 2_000, "never claimed");
    }
    assert!(cluster.now >= started + 600, "{}", cluster.now - started);
}
