//! What the streams of one connection have in common: its clock, and whether it moves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A connection, as its streams see it.
#[derive(Debug)]
pub(super) struct Line {
    began: Instant,
    state: Mutex<State>,
    ended: Notify,
    requests: AtomicU64,
    /// Set from a write to the flush behind it.
    is_unflushed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// Since when its writes find no room, by the time since it began.
    blocked_since: Option<Duration>,
    /// How long they did before.
    blocked: Duration,
    /// When the client last took a piece of a stream, by [`Line::now`].
    moved_at: Duration,
    streams: usize,
    /// Streams of which something waits for the client.
    waiting: usize,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            state: Mutex::default(),
            ended: Notify::new(),
            requests: AtomicU64::new(0),
            is_unflushed: AtomicBool::new(false),
        }
    }

    /// Time, which stands still while writes of the connection find no room: a stream is not to blame
    /// for a slow line, and how slow that may be is seen to where it is written to.
    pub(super) fn now(&self) -> Duration {
        let elapsed = self.began.elapsed();
        self.state.lock().at(elapsed)
    }

    /// A write finds no room.
    pub(super) fn block(&self) {
        let elapsed = self.began.elapsed();
        self.state.lock().block(elapsed);
    }

    /// Writes find room again.
    pub(super) fn unblock(&self) {
        let elapsed = self.began.elapsed();
        self.state.lock().unblock(elapsed);
    }

    /// Something is to be written.
    pub(super) fn write_begins(&self) {
        self.is_unflushed.store(true, Ordering::Relaxed);
    }

    /// The system has all that was to be written.
    pub(super) fn flushed(&self) {
        self.is_unflushed.store(false, Ordering::Relaxed);
    }

    /// True when the system does not have all that was to be written. Only the task that runs the
    /// connection can know it.
    pub(super) fn is_unflushed(&self) -> bool {
        self.is_unflushed.load(Ordering::Relaxed)
    }

    /// A request begins.
    pub(super) fn request_begins(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that have begun.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn stream_begins(&self) {
        self.state.lock().streams += 1;
    }

    pub(super) fn stream_ends(&self) {
        self.state.lock().streams -= 1;
    }

    pub(super) fn stream_waits(&self) {
        self.state.lock().waiting += 1;
    }

    pub(super) fn stream_rests(&self) {
        self.state.lock().waiting -= 1;
    }

    /// The client took a piece of a stream.
    pub(super) fn moved(&self, now: Duration) {
        self.state.lock().moved_at = now;
    }

    /// True when the client has taken nothing of any stream for that long, and each has something that waits.
    pub(super) fn is_stuck(&self, timeout: Duration) -> bool {
        let elapsed = self.began.elapsed();
        self.state.lock().is_stuck(elapsed, timeout)
    }

    /// Ends the connection with all its streams.
    pub(super) fn end(&self) {
        self.ended.notify_one();
    }

    /// Completes when the connection has to end.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}

impl State {
    fn at(&self, elapsed: Duration) -> Duration {
        let counted = self.blocked_since.unwrap_or(elapsed);
        counted.saturating_sub(self.blocked)
    }

    fn block(&mut self, elapsed: Duration) {
        self.blocked_since.get_or_insert(elapsed);
    }

    fn unblock(&mut self, elapsed: Duration) {
        if let Some(since) = self.blocked_since.take() {
            self.blocked += elapsed.saturating_sub(since);
        }
    }

    fn is_stuck(&self, elapsed: Duration, timeout: Duration) -> bool {
        let still = self.at(elapsed).saturating_sub(self.moved_at);
        self.waiting >= self.streams && still >= timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn its_clock_stands_still_while_writes_find_no_room() {
        let mut state = State::default();
        assert_eq!(state.at(SECOND), SECOND);
        state.block(SECOND);
        state.block(2 * SECOND);
        assert_eq!(state.at(2 * SECOND), SECOND);
        state.unblock(3 * SECOND);
        state.unblock(4 * SECOND);
        assert_eq!(state.at(4 * SECOND), 2 * SECOND);
    }

    #[test]
    fn it_is_stuck_when_all_its_streams_wait_and_nothing_moves() {
        let mut state = State {
            streams: 2,
            waiting: 1,
            ..State::default()
        };
        let is_stuck = |state: &State, at: u32| state.is_stuck(at * SECOND, SECOND);
        assert!(!is_stuck(&state, 5), "one has nothing to tell");
        state.waiting = 2;
        assert!(is_stuck(&state, 5));
        state.moved_at = 5 * SECOND;
        assert!(!is_stuck(&state, 5));
        state.block(5 * SECOND);
        assert!(!is_stuck(&state, 9), "the line is slow");
        state.unblock(9 * SECOND);
        assert!(is_stuck(&state, 10));
    }
}
