//! What the driver shows to the rest of the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use onsale_schemas::{LogTimeMs, Offset, PartitionId};

use crate::clock::BrokerClock;
use crate::gauges::Places;
use crate::member::MemberStatus;

/// A node that stood still says so for this long.
const STALL_TOLD_FOR: Duration = Duration::from_secs(60);

/// State shared between the driver and its observers.
#[derive(Debug, Default)]
pub(super) struct NodeState {
    members: Mutex<Vec<Shown>>,
    broker: Mutex<BrokerClock>,
    stopping: AtomicBool,
    failed: Mutex<Option<String>>,
    stalled: Mutex<Option<(Instant, u64)>>,
    /// Partitions whose log begins after the newest snapshot.
    unfounded: Mutex<Vec<(PartitionId, Offset)>>,
}

/// One member, as the driver last showed it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) status: MemberStatus,
    /// Where the log ended when the member last stood there.
    pub(super) end_offset: Option<Offset>,
    /// Live holds.
    pub(super) live_holds: u32,
    /// Machine time.
    pub(super) machine_ms: LogTimeMs,
    /// Places of its shows, where it owns them.
    pub(super) places: Places,
}

impl NodeState {
    pub(super) fn show(&self, members: Vec<Shown>) {
        *lock(&self.members) = members;
    }

    pub(super) fn shown(&self) -> Vec<Shown> {
        lock(&self.members).clone()
    }

    pub(super) fn show_broker(&self, clock: BrokerClock) {
        *lock(&self.broker) = clock;
    }

    pub(super) fn broker(&self) -> BrokerClock {
        *lock(&self.broker)
    }

    pub(super) fn partitions(&self) -> Vec<PartitionId> {
        let members = lock(&self.members);
        members.iter().map(|shown| shown.status.partition).collect()
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn fail(&self, why: String) {
        lock(&self.failed).get_or_insert(why);
    }

    pub(super) fn note_stall(&self, stood_ms: u64) {
        *lock(&self.stalled) = Some((Instant::now(), stood_ms));
    }

    /// For how long it stood still not long ago, in milliseconds.
    pub(super) fn stalled_ms(&self) -> Option<u64> {
        let stalled = *lock(&self.stalled);
        let (at, stood_ms) = stalled?;
        (at.elapsed() < STALL_TOLD_FOR).then_some(stood_ms)
    }

    pub(super) fn show_unfounded(&self, unfounded: Vec<(PartitionId, Offset)>) {
        *lock(&self.unfounded) = unfounded;
    }

    /// Partitions that could not be started from what there is, each with where its log begins.
    pub(super) fn unfounded(&self) -> Vec<(PartitionId, Offset)> {
        lock(&self.unfounded).clone()
    }

    pub(super) fn failure(&self) -> Option<String> {
        lock(&self.failed).clone()
    }
}

/// A thread that panicked while it held one of these locks leaves plain values behind that are
/// still right to read.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
