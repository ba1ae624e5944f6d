//! Room for new connections: which ones are closed when the maximum is open.
//!
//! Connections without any request so far go first, then idle ones; of each the one that has been
//! idle for the longest. A connection with a request in progress is never closed for a new one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use futures::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Idle connections.
pub(super) struct Room {
    idle: Mutex<Idle>,
    /// Another one has become idle.
    became_idle: Notify,
}

#[derive(Default)]
struct Idle {
    next: u64,
    by_turn: BTreeMap<Turn, Arc<Slot>>,
}

/// The order in which connections are closed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Turn {
    has_asked: bool,
    number: u64,
}

/// The place of a connection.
pub(super) struct Slot {
    room: Arc<Room>,
    state: Mutex<State>,
    leave: CancellationToken,
    /// Woken when the last request or answer in progress is over.
    rested: AtomicWaker,
}

#[derive(Default)]
struct State {
    /// Requests and answers in progress.
    in_flight: usize,
    has_asked: bool,
    /// Set while the connection is idle.
    turn: Option<Turn>,
    /// It was asked to end, or has ended.
    is_leaving: bool,
}

/// A connection that is registered until this is dropped.
pub(super) struct OccupiedSlot(Arc<Slot>);

/// A request or its answer is in progress until this is dropped.
pub(super) struct Busy(Arc<Slot>);

impl Room {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            became_idle: Notify::new(),
        })
    }

    /// A new connection without a request. `closing` ends it together with all others.
    pub(super) fn enter(self: &Arc<Self>, closing: &CancellationToken) -> OccupiedSlot {
        let slot = Arc::new(Slot {
            room: self.clone(),
            state: Mutex::default(),
            leave: closing.child_token(),
            rested: AtomicWaker::new(),
        });
        slot.rest(&mut slot.state.lock());
        OccupiedSlot(slot)
    }

    /// Ends a connection for a new one; false when all of them have requests in progress.
    pub(super) fn make(&self) -> bool {
        loop {
            let Some((turn, slot)) = self.idle.lock().by_turn.pop_first() else {
                return false;
            };
            let mut state = slot.state.lock();
            // A request may have arrived meanwhile.
            if state.turn == Some(turn) {
                state.turn = None;
                state.is_leaving = true;
                drop(state);
                slot.leave.cancel();
                return true;
            }
        }
    }

    /// Completes when another connection may have become idle.
    pub(super) async fn became_idle(&self) {
        self.became_idle.notified().await;
    }
}

impl Slot {
    /// Completes when the connection has to end, for another one or with all others.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.cancelled().await;
    }

    /// True once a request has come.
    pub(super) fn has_asked(&self) -> bool {
        self.state.lock().has_asked
    }

    /// True while a request or its answer is in progress.
    pub(super) fn is_busy(&self) -> bool {
        self.state.lock().in_flight > 0
    }

    /// Wakes a task once nothing is in progress any more; of several only the last that asked.
    pub(super) fn wake_at_rest(&self, waker: &Waker) {
        self.rested.register(waker);
    }

    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        let mut state = self.state.lock();
        state.in_flight += 1;
        state.has_asked = true;
        if let Some(turn) = state.turn.take() {
            self.room.idle.lock().by_turn.remove(&turn);
        }
        Busy(self.clone())
    }

    /// The connection is idle from now on.
    fn rest(self: &Arc<Self>, state: &mut State) {
        let mut idle = self.room.idle.lock();
        let turn = Turn {
            has_asked: state.has_asked,
            number: idle.next,
        };
        idle.next += 1;
        idle.by_turn.insert(turn, self.clone());
        drop(idle);
        state.turn = Some(turn);
        self.room.became_idle.notify_one();
    }
}

impl std::ops::Deref for OccupiedSlot {
    type Target = Arc<Slot>;

    fn deref(&self) -> &Arc<Slot> {
        &self.0
    }
}

impl Drop for OccupiedSlot {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.is_leaving = true;
        if let Some(turn) = state.turn.take() {
            self.0.room.idle.lock().by_turn.remove(&turn);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.in_flight -= 1;
        if state.in_flight > 0 {
            return;
        }
        if !state.is_leaving {
            self.0.rest(&mut state);
        }
        drop(state);
        self.0.rested.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_asked_to_leave(occupied: &OccupiedSlot) -> bool {
        occupied.leave.is_cancelled()
    }

    #[test]
    fn who_never_asked_goes_first_then_who_has_been_idle_for_longest() {
        let room = Room::new();
        let closing = CancellationToken::new();
        let [asked, asking, silent, younger] = [0; 4].map(|_| room.enter(&closing));
        let _busy = asking.begin();
        drop(asked.begin());
        for (goes, stays) in [(&silent, &younger), (&younger, &asked), (&asked, &asking)] {
            assert!(room.make());
            assert!(is_asked_to_leave(goes));
            assert!(!is_asked_to_leave(stays));
        }
        assert!(!room.make());
        assert!(!is_asked_to_leave(&asking));
    }

    #[test]
    fn a_connection_is_busy_until_its_last_answer_is_gone() {
        let room = Room::new();
        let occupied = room.enter(&CancellationToken::new());
        let answers = [occupied.begin(), occupied.begin()];
        assert!(!room.make());
        let [first, second] = answers;
        drop(first);
        assert!(!room.make());
        drop(second);
        assert!(room.make());
        // It ends, and is not asked again.
        drop(occupied.begin());
        assert!(!room.make());
    }

    #[test]
    fn nothing_is_kept_of_a_connection_that_ended() {
        let room = Room::new();
        let occupied = room.enter(&CancellationToken::new());
        let answer = occupied.begin();
        drop(occupied);
        drop(answer);
        drop(room.enter(&CancellationToken::new()));
        assert!(room.idle.lock().by_turn.is_empty());
        assert!(!room.make());
    }
}
