//! A log, a topic, and members that read both every few milliseconds.

use onsale_engine::{Limits, Partition};
use onsale_processor::member::{
    Alarm, Member, MemberAction, MemberSettings, Publication, SeenOutcome,
};
use onsale_processor::replica::{ReplicaRole, SnapshotPolicy, StopReason};
use onsale_schemas::{
    Command, Entry, Envelope, NodeName, OutcomeRecord, PartitionId, RequestId, codec,
};

pub(crate) const STEP_MS: u64 = 10;

pub(crate) fn settings() -> MemberSettings {
    let never = SnapshotPolicy {
        every_records: u64::MAX,
        every_ms: u64::MAX,
    };
    MemberSettings {
        unpublished_max: 1_000,
        snapshots_as_standby: never,
        snapshots_as_owner: never,
        ..MemberSettings::default()
    }
}

pub(crate) fn empty_machine() -> Partition {
    Partition::new(PartitionId(0), Limits::default())
}

pub(crate) struct Node {
    pub(crate) member: Member,
    pub(crate) paused: bool,
    /// What it asks to publish is dropped.
    pub(crate) mute: bool,
    pub(crate) roles: Vec<ReplicaRole>,
    pub(crate) appended: Vec<Command>,
    pub(crate) published: usize,
    pub(crate) cuts: Vec<u64>,
    pub(crate) alarms: Vec<Alarm>,
    pub(crate) stopped: Option<StopReason>,
    seen: usize,
}

pub(crate) struct Cluster {
    pub(crate) now: u64,
    pub(crate) log: Vec<(u64, Vec<u8>)>,
    pub(crate) topic: Vec<Publication>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) settings: MemberSettings,
}

impl Cluster {
    /// Nodes "n0", "n1", … with these ranks.
    pub(crate) fn new(ranks: usize, settings: MemberSettings) -> Self {
        let mut cluster = Self {
            now: 1_000_000,
            log: Vec::new(),
            topic: Vec::new(),
            nodes: Vec::new(),
            settings,
        };
        for rank in 0..ranks {
            let node = cluster.node(rank);
            cluster.nodes.push(node);
        }
        cluster
    }

    fn node(&self, rank: usize) -> Node {
        let member = Member::new(
            empty_machine(),
            NodeName(format!("n{rank}")),
            u32::try_from(rank).unwrap(),
            self.settings,
            self.topic_end(),
            self.now,
        );
        Node {
            member,
            paused: false,
            mute: false,
            roles: Vec::new(),
            appended: Vec::new(),
            published: 0,
            cuts: Vec::new(),
            alarms: Vec::new(),
            stopped: None,
            seen: self.topic.len(),
        }
    }

    fn topic_end(&self) -> Option<u64> {
        self.topic.iter().map(|seen| seen.offset).max()
    }

    /// The process is killed and starts again with nothing.
    pub(crate) fn restart(&mut self, node: usize) {
        self.nodes[node] = self.node(node);
    }

    /// A client's command.
    pub(crate) fn submit(&mut self) {
        let envelope = Envelope {
            request_id: Some(RequestId::from_bytes([9; 16])),
            idempotency: None,
            trace: None,
            command: Command::Barrier { machine_version: 1 },
            by: None,
        };
        self.log.push((self.now, codec::encode(&envelope).unwrap()));
    }

    pub(crate) fn append(&mut self, command: Command) {
        let payload = codec::encode(&Envelope::machine(command)).unwrap();
        self.log.push((self.now, payload));
    }

    pub(crate) fn run(&mut self, ms: u64) {
        let until = self.now + ms;
        while self.now < until {
            self.now += STEP_MS;
            for index in 0..self.nodes.len() {
                if !self.nodes[index].paused {
                    self.step(index);
                }
            }
        }
        self.check_topic();
    }

    pub(crate) fn step(&mut self, index: usize) {
        let now = self.now;
        let node = &mut self.nodes[index];
        let mut actions = Vec::new();
        while node.seen < self.topic.len() {
            let seen = &self.topic[node.seen];
            node.seen += 1;
            let seen = SeenOutcome {
                offset: seen.offset,
                digest: seen.digest,
                payload: &seen.payload,
            };
            node.member.on_outcome(seen, now, &mut actions);
        }
        while node.member.wants_entries() {
            let next = node.member.machine().next_offset();
            let Some((log_time_ms, payload)) = self.log.get(usize::try_from(next).unwrap()) else {
                node.member.on_end_of_log(next, now, &mut actions);
                break;
            };
            let entry = Entry {
                offset: next,
                log_time_ms: *log_time_ms,
                payload,
            };
            node.member.on_entry(entry, now, &mut actions);
        }
        node.member.on_time(now, &mut actions);
        assert!(node.stopped.is_none() || actions.is_empty(), "{actions:?}");
        for action in actions {
            match action {
                MemberAction::Append(command) => {
                    node.appended.push(command.clone());
                    let payload = codec::encode(&Envelope::machine(command)).unwrap();
                    self.log.push((now, payload));
                }
                MemberAction::Publish(outcomes) => {
                    assert!(!outcomes.is_empty());
                    node.published += outcomes.len();
                    if !node.mute {
                        self.topic.extend(outcomes);
                    }
                }
                MemberAction::CutSnapshot => node.cuts.push(node.member.machine().next_offset()),
                MemberAction::RoleChanged(role) => {
                    assert_eq!(node.member.role(), role);
                    node.roles.push(role);
                }
                MemberAction::Alarm(alarm) => node.alarms.push(alarm),
                MemberAction::Stop(reason) => node.stopped = Some(reason),
            }
        }
    }

    /// The publisher of a node failed and was created again; the tail of the topic was read.
    pub(crate) fn publisher_failed(&mut self, node: usize) {
        let mut actions = Vec::new();
        let end = self.topic_end();
        let node = &mut self.nodes[node];
        node.member.on_publish_failed(end, self.now, &mut actions);
        for action in actions {
            if let MemberAction::Publish(outcomes) = action {
                self.topic.extend(outcomes);
            }
        }
    }

    /// A reader that drops what it has seen never meets a gap.
    pub(crate) fn check_topic(&self) {
        let mut last = None;
        for seen in &self.topic {
            if Some(seen.offset) <= last {
                continue;
            }
            let record: OutcomeRecord = codec::decode(&seen.payload).unwrap();
            assert_eq!(record.offset, seen.offset);
            assert_eq!(record.previous, last, "a gap before {}", seen.offset);
            last = Some(seen.offset);
        }
    }

    pub(crate) fn owners(&self) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|&index| matches!(self.nodes[index].member.role(), ReplicaRole::Owner { .. }))
            .collect()
    }

    pub(crate) fn claims(&self) -> Vec<(String, u64)> {
        self.log
            .iter()
            .filter_map(
                |(_, payload)| match codec::decode::<onsale_schemas::Envelope>(payload) {
                    Ok(Envelope {
                        command: Command::Claim { node, epoch },
                        ..
                    }) => Some((node.0, epoch)),
                    _ => None,
                },
            )
            .collect()
    }

    pub(crate) fn claim_of(&mut self, node: &str) -> Command {
        Command::Claim {
            node: NodeName(node.to_owned()),
            epoch: self.nodes[0].member.machine().epoch() + 1,
        }
    }

    /// Everything that yielded an outcome is in the topic.
    pub(crate) fn is_all_published(&self) -> bool {
        self.nodes[self.owners()[0]].member.machine().last_outcome() == self.topic_end()
    }
}
