//! Streams of HTTP/2: each is reset separately when its client does not read its answer.
//!
//! Its windows make a stream wait without a write that could be seen to wait, and behind a proxy the
//! streams of one connection are those of many clients.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::task::AtomicWaker;
use hyper::rt::Executor;
use parking_lot::Mutex;
use prometheus::IntCounter;
use tokio::time::{Instant, Sleep};

use super::line::Line;
use crate::patience::{Pace, Patience};

/// A stream whose time is up is checked again after this fraction of the time-out, if its
/// connection made no progress meanwhile.
const LOOKED_AT_AGAIN_PART: u32 = 20;

tokio::task_local! {
    static CURRENT: Arc<Stream>;
}

/// An answer in progress on HTTP/2.
pub(super) struct Stream {
    line: Arc<Line>,
    state: Mutex<State>,
    /// A piece was written or discarded.
    changed: AtomicWaker,
}

struct State {
    patience: Patience,
    /// Pieces that were passed on and are not written.
    pieces: usize,
}

impl Stream {
    fn new(line: Arc<Line>, pace: Pace) -> Self {
        line.stream_begins();
        Self {
            line,
            state: Mutex::new(State {
                patience: Patience::new(pace),
                pieces: 0,
            }),
            changed: AtomicWaker::new(),
        }
    }

    /// The stream that this task serves; `None` if it serves no single one, as with HTTP/1.
    pub(super) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// A piece waits for the client.
    pub(super) fn hand_out(&self) {
        let now = self.line.now();
        let mut state = self.state.lock();
        state.pieces += 1;
        if state.pieces == 1 {
            state.patience.wait(now);
            self.line.stream_waits();
        }
    }

    /// So much of a piece goes to the client.
    pub(super) fn take(&self, bytes: usize) {
        let now = self.line.now();
        self.state.lock().patience.take(bytes, now);
        self.line.moved(now);
    }

    /// A piece was written or discarded.
    pub(super) fn put_away(&self) {
        let now = self.line.now();
        let mut state = self.state.lock();
        state.pieces -= 1;
        if state.pieces == 0 {
            state.patience.rest(now);
            self.line.stream_rests();
        }
        drop(state);
        self.changed.wake();
    }

    /// True while a piece waits. The task of the stream is woken once that is over.
    pub(super) fn waits(&self) -> bool {
        self.state.lock().pieces > 0
    }

    fn due(&self) -> Option<Duration> {
        self.state.lock().patience.due()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.line.stream_ends();
    }
}

/// Runs the streams of one connection and ends those that stall.
#[derive(Clone)]
pub(super) struct Streams {
    pub(super) line: Arc<Line>,
    pub(super) pace: Pace,
    /// Streams that were reset.
    pub(super) stalled: IntCounter,
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let stream = Arc::new(Stream::new(self.line.clone(), self.pace));
        let streams = self.clone();
        tokio::spawn(CURRENT.scope(stream.clone(), async move {
            streams.run(&stream, future).await;
        }));
    }
}

impl Streams {
    async fn run(&self, stream: &Stream, future: impl Future<Output = ()>) {
        // Dropped to reset the stream; its waiting pieces are discarded with it.
        let mut future = pin!(Some(future));
        let mut alarm = Alarm::default();
        poll_fn(|context| {
            stream.changed.register(context.waker());
            if let Some(running) = future.as_mut().as_pin_mut()
                && running.poll(context).is_ready()
            {
                future.set(None);
            }
            if future.is_none() && !stream.waits() {
                return Poll::Ready(());
            }
            ready!(alarm.poll(stream, self.pace.timeout, context));
            // What waits after the end of its stream cannot be discarded separately. That is an
            // answer of one piece, for which the client has less room than any client that intends
            // to read it.
            if future.is_none() || self.line.is_stuck(self.pace.timeout) {
                self.line.end();
            } else {
                self.stalled.inc();
            }
            future.set(None);
            Poll::Ready(())
        })
        .await;
    }
}

/// Fires when the client of a stream has read too little for too long.
#[derive(Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    fn poll(&mut self, stream: &Stream, timeout: Duration, context: &mut Context<'_>) -> Poll<()> {
        // Set for a time that has become too early, it costs nothing until then.
        if let Some(sleep) = &mut self.0 {
            ready!(sleep.as_mut().poll(context));
        }
        let Some(due) = stream.due() else {
            return Poll::Pending;
        };
        let left = due.saturating_sub(stream.line.now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        match &mut self.0 {
            Some(sleep) => {
                let soonest = timeout / LOOKED_AT_AGAIN_PART;
                sleep.as_mut().reset(Instant::now() + left.max(soonest));
                sleep.as_mut().poll(context)
            }
            None => {
                let sleep = self.0.insert(Box::pin(tokio::time::sleep(left)));
                sleep.as_mut().poll(context)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(20);

    fn streams() -> Streams {
        Streams {
            line: Arc::new(Line::new()),
            pace: Pace {
                timeout: TIMEOUT,
                bytes_per_second: 1_024,
            },
            stalled: IntCounter::new("stalled", "of the test").unwrap(),
        }
    }

    /// A stream of the connection that hands out a piece, which stays where it is.
    fn stuck(streams: &Streams, has_ended: bool) -> tokio::task::JoinHandle<()> {
        let streams = streams.clone();
        tokio::spawn(async move {
            let stream = Stream::new(streams.line.clone(), streams.pace);
            let work = async {
                stream.hand_out();
                if !has_ended {
                    std::future::pending::<()>().await;
                }
            };
            streams.run(&stream, work).await;
            stream.put_away();
        })
    }

    async fn has_ended(line: &Line) -> bool {
        tokio::select! {
            biased;
            () = line.ended() => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn a_stream_that_stalls_is_reset_beside_those_that_do_not() {
        let streams = streams();
        // Has nothing to tell.
        let _quiet = Stream::new(streams.line.clone(), streams.pace);
        stuck(&streams, false).await.unwrap();
        assert_eq!(streams.stalled.get(), 1);
        assert!(!has_ended(&streams.line).await);
    }

    #[tokio::test]
    async fn a_connection_on_which_nothing_moves_ends() {
        let streams = streams();
        let all = [stuck(&streams, false), stuck(&streams, false)];
        streams.line.ended().await;
        for one in all {
            one.await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_outlives_its_stream_ends_the_connection() {
        let streams = streams();
        let quiet = Stream::new(streams.line.clone(), streams.pace);
        stuck(&streams, true).await.unwrap();
        assert!(has_ended(&streams.line).await);
        drop(quiet);
    }

    #[tokio::test]
    async fn a_stream_is_not_to_blame_for_a_slow_line() {
        let streams = streams();
        let _quiet = Stream::new(streams.line.clone(), streams.pace);
        streams.line.block();
        let mut stuck = stuck(&streams, false);
        let early = tokio::time::timeout(5 * TIMEOUT, &mut stuck).await;
        assert!(early.is_err());
        streams.line.unblock();
        stuck.await.unwrap();
        assert_eq!(streams.stalled.get(), 1);
    }

    #[tokio::test]
    async fn a_task_knows_its_stream() {
        let streams = streams();
        assert!(Stream::current().is_none());
        let (sender, received) = tokio::sync::oneshot::channel();
        streams.execute(async move {
            let _ = sender.send(Stream::current().is_some());
        });
        assert_eq!(received.await, Ok(true));
    }
}
