//! The replica as a step function: what it asks its driver to do.

use onsale_engine::{Limits, NullSink, Partition};
use onsale_processor::replica::{Action, Replica, ReplicaRole, SnapshotPolicy, StopReason};
use onsale_schemas::command::{Admission, OpenShow, Pick, Reserve, ZoneLayout};
use onsale_schemas::{
    Command, Entry, Envelope, EventId, NodeName, PartitionId, ShowId, UserId, codec,
};

const SHOW: ShowId = ShowId::from_bytes([1; 16]);

struct Driver {
    replica: Replica,
    actions: Vec<Action>,
}

impl Driver {
    fn new(node: &str, snapshots: Option<SnapshotPolicy>) -> Self {
        let machine = Partition::new(PartitionId(0), Limits::default());
        let replica = Replica::new(machine, NodeName(node.to_owned()), snapshots);
        Self {
            replica,
            actions: Vec::new(),
        }
    }

    fn apply(&mut self, log_time_ms: u64, command: Command) -> Vec<Action> {
        let payload = codec::encode(&Envelope::machine(command)).unwrap();
        let offset = self.replica.machine().next_offset();
        let entry = Entry {
            offset,
            log_time_ms,
            payload: &payload,
        };
        self.replica
            .on_entry(entry, &mut NullSink, &mut self.actions);
        std::mem::take(&mut self.actions)
    }

    fn at(&mut self, now_ms: u64) -> Vec<Action> {
        self.replica.on_time(now_ms, &mut self.actions);
        std::mem::take(&mut self.actions)
    }

    fn hold_until_2_000(&mut self) {
        let zones = vec![ZoneLayout {
            unit_price: 1,
            currency: "THB".parse().unwrap(),
            admission: Admission::General { capacity: 10 },
        }];
        self.apply(
            1_000,
            Command::OpenShow(OpenShow {
                show: SHOW,
                event: EventId::from_bytes([2; 16]),
                max_tickets_per_user: 0,
                sale_opens_at_ms: 0,
                sale_closes_at_ms: u64::MAX >> 1,
                hold_ms: 1_000,
                zones,
            }),
        );
        self.apply(
            1_000,
            Command::Reserve(Reserve {
                show: SHOW,
                user: UserId::from_bytes([3; 16]),
                zone: 0,
                pick: Pick::General { quantity: 1 },
                expected_unit_price: None,
            }),
        );
        assert_eq!(self.replica.machine().live_holds(), 1);
    }
}

#[test]
fn a_claim_makes_the_owner_and_a_higher_one_of_another_node_unmakes_it() {
    let mut driver = Driver::new("a", None);
    let claim = driver.replica.claim();
    driver.apply(1, claim);
    assert_eq!(driver.replica.role(), ReplicaRole::Owner { epoch: 1 });
    let stale = Command::Claim {
        node: NodeName("b".to_owned()),
        epoch: 1,
    };
    driver.apply(2, stale);
    assert_eq!(driver.replica.role(), ReplicaRole::Owner { epoch: 1 });
    driver.apply(
        3,
        Command::Claim {
            node: NodeName("b".to_owned()),
            epoch: 2,
        },
    );
    assert_eq!(driver.replica.role(), ReplicaRole::Follower);
}

#[test]
fn only_the_owner_ticks_and_only_when_a_hold_is_due() {
    let mut follower = Driver::new("a", None);
    follower.hold_until_2_000();
    assert_eq!(follower.at(5_000), []);
    assert_eq!(follower.replica.next_wake_ms(), None);

    let mut owner = Driver::new("a", None);
    let claim = owner.replica.claim();
    owner.apply(1, claim);
    owner.hold_until_2_000();
    assert_eq!(owner.replica.next_wake_ms(), Some(2_000));
    assert_eq!(owner.at(1_999), []);
    let tick = Action::Append(Command::Tick { epoch: 1 });
    assert_eq!(owner.at(2_000), std::slice::from_ref(&tick));
    // Not again while it is on its way, but again when it seems lost.
    assert_eq!(owner.at(2_001), []);
    assert_eq!(owner.at(2_300), [tick]);
    owner.apply(2_300, Command::Tick { epoch: 1 });
    owner.replica.on_tick_applied();
    assert_eq!(owner.replica.machine().live_holds(), 0);
    assert_eq!(owner.at(9_000), []);
}

#[test]
fn snapshots_are_asked_for_by_records_and_by_time() {
    let policy = SnapshotPolicy {
        every_records: 3,
        every_ms: 1_000,
    };
    let mut driver = Driver::new("a", Some(policy));
    assert_eq!(driver.at(0), []);
    let tick = || Command::Tick { epoch: 0 };
    assert_eq!(driver.apply(1, tick()), []);
    assert_eq!(driver.apply(2, tick()), []);
    assert_eq!(driver.apply(3, tick()), [Action::CutSnapshot]);
    assert_eq!(driver.at(1_000), [], "nothing new since the last one");
    assert_eq!(driver.apply(4, tick()), []);
    assert_eq!(driver.at(1_999), []);
    assert_eq!(driver.at(2_000), [Action::CutSnapshot]);
}

#[test]
fn a_version_that_this_program_does_not_know_stops_it() {
    let mut driver = Driver::new("a", None);
    let actions = driver.apply(
        1,
        Command::Barrier {
            machine_version: 99,
        },
    );
    assert!(matches!(
        actions[..],
        [Action::Stop(StopReason::UnsupportedVersion {
            asked: 99,
            ..
        })]
    ));
}

#[test]
fn nothing_is_kept_of_a_machine_that_met_an_unknown_version_after_a_snapshot_was_asked_for() {
    let policy = SnapshotPolicy {
        every_records: 1,
        every_ms: u64::MAX,
    };
    let mut driver = Driver::new("a", Some(policy));
    let asked = driver.apply(1, Command::Tick { epoch: 0 });
    assert_eq!(asked, [Action::CutSnapshot]);
    assert!(driver.replica.machine_to_keep().is_some());
    // Of the same batch, so that the snapshot is not cut yet.
    driver.apply(
        2,
        Command::Barrier {
            machine_version: 99,
        },
    );
    assert!(driver.replica.machine_to_keep().is_none());
}

#[test]
fn another_digest_at_the_same_offset_stops_it() {
    let mut driver = Driver::new("a", None);
    driver.apply(1, Command::Tick { epoch: 0 });
    let digest = driver.replica.machine().digest();
    assert_eq!(driver.replica.compare_digest(1, digest), Ok(()));
    assert!(driver.replica.compare_digest(1, digest ^ 1).is_err());
    assert_eq!(
        driver.replica.compare_digest(2, digest ^ 1),
        Ok(()),
        "not the same position"
    );
}
