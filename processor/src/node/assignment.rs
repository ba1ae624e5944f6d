//! A member with what its driver knows of its log.

use onsale_schemas::{Entry, LogTimeMs, Offset, PartitionId};

use super::state::Shown;
use crate::checksum::checksum;
use crate::gauges::Places;
use crate::member::{Member, MemberAction};
use crate::replica::ReplicaRole;
use crate::snapshots::Cut;

/// A member with what its driver knows of its log.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) member: Member,
    pub(super) last_record_checksum: Option<u64>,
    pub(super) end_offset: Option<Offset>,
    pub(super) is_paused: bool,
    /// Time of the record that was read last, until it is known whether it was the newest.
    read_last_ms: Option<LogTimeMs>,
    /// Places of its shows, while it owns them; as they were counted last.
    places: Places,
}

impl Assignment {
    pub(super) fn new(member: Member, last_record_checksum: Option<u64>) -> Self {
        Self {
            member,
            last_record_checksum,
            end_offset: None,
            is_paused: false,
            read_last_ms: None,
            places: Places::default(),
        }
    }

    pub(super) fn shown(&self) -> Shown {
        Shown {
            status: self.member.status(),
            end_offset: self.end_offset,
            live_holds: self.member.machine().live_holds(),
            machine_ms: self.member.machine().log_time_ms(),
            places: self.places,
        }
    }

    /// Counts places anew. Those of a partition are shown by its owner alone, so that sums over
    /// nodes are right.
    pub(super) fn count_places(&mut self) {
        self.places = match self.member.role() {
            ReplicaRole::Owner { .. } => Places::of(self.member.machine()),
            ReplicaRole::Follower => Places::default(),
        };
    }

    pub(super) fn is_alive(&self) -> bool {
        self.member.next_wake_ms().is_some()
    }

    pub(super) fn take(&mut self, entry: Entry<'_>, now_ms: u64, actions: &mut Vec<MemberAction>) {
        let before = self.member.machine().next_offset();
        self.read_last_ms = Some(entry.log_time_ms);
        self.member.on_entry(entry, now_ms, actions);
        if self.member.machine().next_offset() != before {
            self.last_record_checksum = Some(checksum(entry.payload));
        }
    }

    /// Time of the record that was read last, once: the log ends with it.
    pub(super) fn take_newest_ms(&mut self) -> Option<LogTimeMs> {
        self.read_last_ms.take()
    }

    /// `None` where there is nothing to begin with.
    pub(super) fn cut(&self) -> Option<Cut> {
        let machine = self.member.machine_to_keep()?;
        Some(Cut::of(machine, self.last_record_checksum))
    }
}

/// Calls the member of a partition and keeps what it asks for. Members ask for little, mostly for
/// nothing, so their actions are collected one call at a time.
pub(super) fn on_assignment(
    assignments: &mut [Assignment],
    partition: PartitionId,
    actions: &mut Vec<(usize, MemberAction)>,
    call: impl FnOnce(&mut Assignment, &mut Vec<MemberAction>),
) {
    let found =
        assignments.binary_search_by_key(&partition, |assignment| assignment.member.machine().id());
    if let Ok(index) = found
        && let Some(assignment) = assignments.get_mut(index)
    {
        let mut asked = Vec::new();
        call(assignment, &mut asked);
        for action in asked {
            match (action, actions.last_mut()) {
                // Few large publications instead of one for every record.
                (MemberAction::Publish(more), Some((last, MemberAction::Publish(outcomes))))
                    if *last == index =>
                {
                    outcomes.extend(more);
                }
                (action, _) => actions.push((index, action)),
            }
        }
    }
}

/// Every member learns that the log cannot be reached.
pub(super) fn lose_log(
    assignments: &mut [Assignment],
    now_ms: u64,
    actions: &mut Vec<(usize, MemberAction)>,
) {
    for (index, assignment) in assignments.iter_mut().enumerate() {
        let mut asked = Vec::new();
        assignment.member.on_log_lost(now_ms, &mut asked);
        actions.extend(asked.into_iter().map(|action| (index, action)));
    }
}
