//! Room for new connections: who is closed for them where as many are open as may be.
//!
//! Whoever has asked for nothing yet goes first, and then whoever asks for nothing now; of each the
//! one that has been so for longest. A client that asks is never closed for one that may.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Connections on which nothing is asked for.
pub(super) struct Room {
    idle: Mutex<Idle>,
    /// Another one has become idle.
    became_idle: Notify,
}

#[derive(Default)]
struct Idle {
    next: u64,
    by_turn: BTreeMap<Turn, Arc<Seat>>,
}

/// The order in which connections are closed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Turn {
    has_asked: bool,
    number: u64,
}

/// The place of a connection.
pub(super) struct Seat {
    room: Arc<Room>,
    state: Mutex<State>,
    leave: CancellationToken,
}

#[derive(Default)]
struct State {
    /// Requests and answers that are under way.
    in_flight: usize,
    has_asked: bool,
    /// Set while the connection is idle.
    turn: Option<Turn>,
    /// It was told to end, or has ended.
    is_leaving: bool,
}

/// A connection that is known until this is dropped.
pub(super) struct Seated(Arc<Seat>);

/// A request or its answer is under way until this is dropped.
pub(super) struct Busy(Arc<Seat>);

impl Room {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            became_idle: Notify::new(),
        })
    }

    /// A new connection, which has asked for nothing. It is told to end with all others by `closing`.
    pub(super) fn enter(self: &Arc<Self>, closing: &CancellationToken) -> Seated {
        let seat = Arc::new(Seat {
            room: self.clone(),
            state: Mutex::default(),
            leave: closing.child_token(),
        });
        seat.rest(&mut seat.state.lock());
        Seated(seat)
    }

    /// Tells a connection to end for a new one; false when each of them is being asked for something.
    pub(super) fn make(&self) -> bool {
        loop {
            let Some((turn, seat)) = self.idle.lock().by_turn.pop_first() else {
                return false;
            };
            let mut state = seat.state.lock();
            // A request may have come meanwhile.
            if state.turn == Some(turn) {
                state.turn = None;
                state.is_leaving = true;
                drop(state);
                seat.leave.cancel();
                return true;
            }
        }
    }

    /// Completes when another connection may have become idle.
    pub(super) async fn became_idle(&self) {
        self.became_idle.notified().await;
    }
}

impl Seat {
    /// Completes when the connection has to end, for another one or with all others.
    pub(super) async fn told_to_leave(&self) {
        self.leave.cancelled().await;
    }

    /// True once a request has come.
    pub(super) fn has_asked(&self) -> bool {
        self.state.lock().has_asked
    }

    /// True while a request or its answer is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.state.lock().in_flight > 0
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

    /// Nothing is asked for from now on.
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

impl std::ops::Deref for Seated {
    type Target = Arc<Seat>;

    fn deref(&self) -> &Arc<Seat> {
        &self.0
    }
}

impl Drop for Seated {
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
        if state.in_flight == 0 && !state.is_leaving {
            self.0.rest(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_told(seated: &Seated) -> bool {
        seated.leave.is_cancelled()
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
            assert!(is_told(goes));
            assert!(!is_told(stays));
        }
        assert!(!room.make());
        assert!(!is_told(&asking));
    }

    #[test]
    fn a_connection_is_busy_until_its_last_answer_is_gone() {
        let room = Room::new();
        let seated = room.enter(&CancellationToken::new());
        let answers = [seated.begin(), seated.begin()];
        assert!(!room.make());
        let [first, second] = answers;
        drop(first);
        assert!(!room.make());
        drop(second);
        assert!(room.make());
        // It ends, and is not told again.
        drop(seated.begin());
        assert!(!room.make());
    }

    #[test]
    fn nothing_is_kept_of_a_connection_that_ended() {
        let room = Room::new();
        let seated = room.enter(&CancellationToken::new());
        let answer = seated.begin();
        drop(seated);
        drop(answer);
        drop(room.enter(&CancellationToken::new()));
        assert!(room.idle.lock().by_turn.is_empty());
        assert!(!room.make());
    }
}
