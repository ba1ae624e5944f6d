//! Planned events, in order of time and then of planning.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use onsale_log::waiters::WaiterId;
use onsale_processor::member::Publication;
use onsale_schemas::Offset;

/// Something that happens at some time.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A processor looks at log, topic and clock.
    PollProcessor { node: usize, life: u64 },
    /// A processor's process begins.
    StartProcessor { node: usize },
    /// A publisher hands over what it has.
    Flush {
        node: usize,
        partition: usize,
        session: u64,
    },
    /// What a publisher that is gone had in flight.
    LateFlush {
        partition: usize,
        items: Vec<Publication>,
    },
    /// A snapshot is written.
    SnapshotWritten {
        node: usize,
        life: u64,
        partition: usize,
        bytes: Rc<[u8]>,
    },
    /// A record reaches the log.
    Append {
        partition: usize,
        /// In the order of being sent.
        number: u64,
        payload: Rc<[u8]>,
        from: Source,
    },
    /// An ingress learns the result of its record.
    Reported { asking: Asking, report: Report },
    /// A client wants something.
    Ask,
    /// A client has waited long enough.
    Timeout { ask: usize, attempt: u32 },
    /// An ingress reads the topic.
    PollIngress { ingress: usize, life: u64 },
    /// An ingress begins.
    StartIngress { ingress: usize },
    /// A projector reads the topic.
    PollProjector { projector: usize, life: u64 },
    /// A projector begins.
    StartProjector { projector: usize },
    /// Something goes wrong.
    Fault,
    /// A node gets the next program.
    Upgrade { node: usize },
    /// The next rules are asked for.
    Barrier { partition: usize },
}

/// Whose record it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// No one waits.
    Nobody,
    /// A processor; an unsent record is lost with it.
    Processor { node: usize, life: u64 },
    /// An ingress for a client.
    Ask(Asking),
}

/// A client that waits at an ingress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    pub(super) ask: usize,
    pub(super) ingress: usize,
    /// The life of the ingress; a later one knows nothing of it.
    pub(super) life: u64,
    pub(super) waiter_id: WaiterId,
}

/// What a producer reports about a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Report {
    /// It stands here.
    At(Offset),
    /// It may be in the log or not.
    Unknown,
    /// It is not in the log.
    Refused,
}

#[derive(Debug)]
struct Planned {
    at_ms: u64,
    number: u64,
    event: Event,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ms, self.number).cmp(&(other.at_ms, other.number))
    }
}

/// All that is planned.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Planned>>,
    number: u64,
}

impl Queue {
    pub(super) fn plan(&mut self, at_ms: u64, event: Event) {
        self.number += 1;
        self.heap.push(Reverse(Planned {
            at_ms,
            number: self.number,
            event,
        }));
    }

    /// The next event that happens up to then.
    pub(super) fn next_until(&mut self, until_ms: u64) -> Option<(u64, Event)> {
        let Reverse(next) = self.heap.peek()?;
        if next.at_ms > until_ms {
            return None;
        }
        self.heap
            .pop()
            .map(|Reverse(planned)| (planned.at_ms, planned.event))
    }
}
