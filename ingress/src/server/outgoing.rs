//! Bodies of answers on their way out: in small pieces, counted until the connection has written
//! them, and dated, so that a client that does not take them is noticed whatever it speaks.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf, Bytes};
use hyper::body::{Body as _, Frame, SizeHint};
use parking_lot::Mutex;
use prometheus::IntGauge;
use tokio::time::Instant;

/// Largest piece that a connection is given at once, in bytes. HTTP/2 holds two of each stream.
pub(super) const PIECE_MAX_BYTES: usize = 16 << 10;

/// Bytes of answers that were asked for from one address and are not written yet.
#[derive(Debug, Default)]
pub(super) struct Unsent(AtomicUsize);

impl Unsent {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the bodies of one connection have in common.
#[derive(Clone)]
pub(super) struct Outbound {
    pub(super) unsent: Arc<Unsent>,
    /// Of the whole process.
    pub(super) unsent_in_all: IntGauge,
    /// Where streams can stall while the connection does not: HTTP/2.
    pub(super) dates: Option<Arc<Dates>>,
}

impl Outbound {
    fn add(&self, bytes: usize) {
        self.unsent.0.fetch_add(bytes, Ordering::Relaxed);
        self.unsent_in_all.add(signed(bytes));
    }

    fn take(&self, bytes: usize) {
        self.unsent.0.fetch_sub(bytes, Ordering::Relaxed);
        self.unsent_in_all.sub(signed(bytes));
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// When each piece that is under way was handed out.
#[derive(Debug, Default)]
pub(super) struct Dates(Mutex<Pieces>);

#[derive(Debug, Default)]
struct Pieces {
    next: u64,
    /// By number, which is by age.
    handed_out: BTreeMap<u64, Instant>,
}

impl Dates {
    fn enter(&self) -> u64 {
        let mut pieces = self.0.lock();
        let number = pieces.next;
        pieces.next += 1;
        pieces.handed_out.insert(number, Instant::now());
        number
    }

    fn leave(&self, number: u64) {
        self.0.lock().handed_out.remove(&number);
    }

    fn oldest(&self) -> Option<Instant> {
        self.0.lock().handed_out.values().next().copied()
    }

    /// Completes once a piece has waited for so long. HTTP/2's windows make it wait without a write
    /// that could be seen to wait.
    pub(super) async fn stalled(&self, timeout: Duration) {
        loop {
            let now = Instant::now();
            let due = self.oldest().unwrap_or(now) + timeout;
            if due <= now {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

/// The body of an answer.
pub(super) struct Outgoing {
    body: Body,
    /// What is left of the frame that is being cut up.
    rest: Bytes,
    /// Counted as unsent and not handed out yet.
    announced_bytes: usize,
    outbound: Outbound,
}

impl Outgoing {
    pub(super) fn new(body: Body, outbound: Outbound) -> Self {
        let announced_bytes = body.size_hint().exact().unwrap_or(0);
        let announced_bytes = usize::try_from(announced_bytes).unwrap_or(0);
        outbound.add(announced_bytes);
        Self {
            body,
            rest: Bytes::new(),
            announced_bytes,
            outbound,
        }
    }

    fn hand_out(&mut self) -> Piece {
        let size = self.rest.len().min(PIECE_MAX_BYTES);
        let bytes = self.rest.split_to(size);
        let announced = size.min(self.announced_bytes);
        self.announced_bytes -= announced;
        self.outbound.add(size - announced);
        Piece {
            bytes,
            size,
            number: self.outbound.dates.as_ref().map(|dates| dates.enter()),
            outbound: self.outbound.clone(),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.outbound.take(self.announced_bytes);
    }
}

impl hyper::body::Body for Outgoing {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
        let this = &mut *self;
        while this.rest.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(context)?) else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) => this.rest = data,
                Err(frame) => {
                    let trailers = frame.into_trailers().map(Frame::trailers);
                    return Poll::Ready(trailers.ok().map(Ok));
                }
            }
        }
        Poll::Ready(Some(Ok(Frame::data(this.hand_out()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let of_body = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower().saturating_add(rest));
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

/// A part of a body, counted until it is written.
pub(super) struct Piece {
    bytes: Bytes,
    size: usize,
    number: Option<u64>,
    outbound: Outbound,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.outbound.take(self.size);
        if let (Some(dates), Some(number)) = (&self.outbound.dates, self.number) {
            dates.leave(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn outbound() -> Outbound {
        Outbound {
            unsent: Arc::default(),
            unsent_in_all: IntGauge::new("unsent", "of the test").unwrap(),
            dates: Some(Arc::default()),
        }
    }

    #[tokio::test]
    async fn a_body_is_counted_from_its_making_until_each_piece_is_written() {
        let outbound = outbound();
        let bytes = vec![7; PIECE_MAX_BYTES + 10];
        let mut body = Outgoing::new(Body::from(bytes), outbound.clone());
        assert_eq!(outbound.unsent.bytes(), PIECE_MAX_BYTES + 10);
        let size = body.size_hint().exact();
        assert_eq!(size, Some(PIECE_MAX_BYTES as u64 + 10));
        let first = body.frame().await.unwrap().unwrap().into_data().ok();
        let first = first.unwrap();
        assert_eq!(first.remaining(), PIECE_MAX_BYTES);
        assert!(!body.is_end_stream());
        assert_eq!(outbound.unsent.bytes(), PIECE_MAX_BYTES + 10);
        drop(first);
        assert_eq!(outbound.unsent.bytes(), 10);
        // Nobody wants the rest.
        drop(body);
        assert_eq!(outbound.unsent.bytes(), 0);
        assert_eq!(outbound.unsent_in_all.get(), 0);
    }

    #[tokio::test]
    async fn a_piece_that_nobody_takes_stalls_and_a_quiet_body_does_not() {
        let outbound = outbound();
        let dates = outbound.dates.clone().unwrap();
        let mut body = Outgoing::new(Body::from("a"), outbound);
        assert!(dates.oldest().is_none());
        let piece = body.frame().await.unwrap().unwrap().into_data().ok();
        // Ends: the test would hang otherwise.
        dates.stalled(Duration::from_millis(1)).await;
        drop(piece);
        assert!(dates.oldest().is_none());
    }
}
