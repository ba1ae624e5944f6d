//! What a seed's world is like.

use onsale_processor::member::MemberSettings;
use onsale_processor::replica::SnapshotPolicy;

use super::upgrade;
use crate::workload::Rng;

/// How many of the worlds that are upgraded to the newest rules have clients that use these all along.
const ASK_AHEAD_PERCENT: u64 = 60;

/// Sizes, speeds and how much goes wrong.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) partitions: usize,
    pub(super) processors: usize,
    /// Processors that follow a partition.
    pub(super) replicas: u32,
    pub(super) ingresses: usize,
    pub(super) projectors: usize,
    pub(super) settings: MemberSettings,
    /// Mean time between two commands of clients, in milliseconds.
    pub(super) ask_every_ms: u64,
    /// Longest delay between a node and the broker, in milliseconds.
    pub(super) latency_max_ms: u64,
    /// Longest time between two polls of a process, in milliseconds.
    pub(super) poll_max_ms: u64,
    /// Most records read per poll.
    pub(super) entries_per_poll: usize,
    /// Mean time between two faults, in milliseconds; `None` for a calm world.
    pub(super) fault_every_ms: Option<u64>,
    /// One action in this many is the last one of its process; 0 for none.
    pub(super) crash_one_in: u64,
    pub(super) duplicate_percent: u64,
    pub(super) lost_ack_percent: u64,
    pub(super) lost_append_percent: u64,
    /// Idempotency keys of clients.
    pub(super) keys: u64,
    /// The log's clock leaps to where something ends, after one command in this many.
    pub(super) leap_percent: u64,
    /// The nodes are upgraded one by one, to rules that the old program does not know.
    pub(super) is_upgraded_running: bool,
    /// Clients use the commands of those rules all along: before the barrier, around and behind it.
    pub(super) asks_ahead: bool,
    /// The world ends with a barrier that this program does not know.
    pub(super) ends_with_upgrade: bool,
}

impl Plan {
    pub(super) fn new(rng: &mut Rng, machine_version: u16) -> Self {
        let processors = rng.one_of([2, 3, 3]);
        let ask_every_ms = rng.one_of([2, 6, 15]);
        let latency_max_ms = rng.one_of([3, 20, 120]);
        let poll_max_ms = rng.one_of([10, 25]);
        // A buffer that holds less than what is in flight can never keep up.
        let under_way = 16 * (latency_max_ms + 2 * poll_max_ms) / ask_every_ms;
        let unpublished_max = rng.one_of([8, 40, 400, 10_000]).max(under_way);
        let every_records = rng.one_of([15, 60, 300]);
        let tick_ms = rng.one_of([50, 100]);
        let mut plan = Self {
            partitions: rng.one_of([1, 2, 3]),
            processors,
            replicas: if rng.percent(50) { 2 } else { 3 },
            ingresses: rng.one_of([1, 2]),
            projectors: rng.one_of([1, 2]),
            settings: MemberSettings {
                tick_ms,
                patience_ms: rng.one_of([300, 500]),
                stagger_ms: 250,
                unpublished_max: usize::try_from(unpublished_max).unwrap_or(usize::MAX),
                snapshots_as_standby: SnapshotPolicy {
                    every_records,
                    every_ms: 5_000,
                },
                snapshots_as_owner: SnapshotPolicy {
                    every_records: 4 * every_records,
                    every_ms: 20_000,
                },
            },
            ask_every_ms,
            latency_max_ms,
            poll_max_ms,
            // Nor can one that reads more slowly than clients ask and retry.
            entries_per_poll: rng
                .one_of([7, 60, 1_000])
                .max(usize::try_from(6 * poll_max_ms / ask_every_ms).unwrap_or(usize::MAX)),
            fault_every_ms: rng.one_of([None, Some(150), Some(400), Some(1_500)]),
            crash_one_in: rng.one_of([0, 400, 3_000]),
            duplicate_percent: rng.one_of([0, 1, 5]),
            lost_ack_percent: rng.one_of([0, 2, 10]),
            lost_append_percent: rng.one_of([0, 1, 4]),
            keys: rng.one_of([10, 300, u64::MAX]),
            leap_percent: rng.one_of([5, 25]),
            is_upgraded_running: rng.percent(30),
            asks_ahead: false,
            ends_with_upgrade: rng.percent(15),
        };
        // Nothing is drawn for the others, so that their seeds keep their histories.
        if plan.is_upgraded_running && upgrade::may_ask_ahead(machine_version) {
            plan.asks_ahead = rng.percent(ASK_AHEAD_PERCENT);
        }
        plan
    }
}
