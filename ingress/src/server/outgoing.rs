//! Outgoing bodies of answers: in small pieces, and counted until the connection has written them,
//! so that a client that does not read them is noticed with any protocol.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::{Buf, Bytes};
use hyper::body::{Body as _, Frame, SizeHint};
use prometheus::IntGauge;

use super::addresses::Block;
use super::room::Busy;
use super::streams::Stream;

/// Largest piece that a connection gets at once, in bytes. HTTP/2 holds two of each stream.
pub(super) const PIECE_MAX_BYTES: usize = 16 << 10;

/// An answer that is under way.
pub(super) struct Outbound {
    /// Where unsent bytes are counted: the address that requested them.
    pub(super) block: Arc<Block>,
    /// Of the whole process.
    pub(super) unsent_in_all: IntGauge,
    /// Set where the client may ignore this answer while the connection makes progress: HTTP/2.
    pub(super) stream: Option<Arc<Stream>>,
    /// The connection is not idle meanwhile.
    pub(super) _busy: Busy,
}

impl Outbound {
    fn add(&self, bytes: usize) {
        self.block.add_unsent(bytes);
        self.unsent_in_all.add(signed(bytes));
    }

    fn take(&self, bytes: usize) {
        self.block.take_unsent(bytes);
        self.unsent_in_all.sub(signed(bytes));
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The body of an answer.
pub(super) struct Outgoing {
    body: Body,
    /// The rest of the frame that is being divided.
    rest: Bytes,
    /// Counted as unsent and not passed on yet.
    announced_bytes: usize,
    /// More than one piece: it ends once they are written, so that its stream can be reset until
    /// then.
    is_long: bool,
    handed_out: bool,
    outbound: Arc<Outbound>,
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
            is_long: false,
            handed_out: false,
            outbound: Arc::new(outbound),
        }
    }

    fn hand_out(&mut self) -> Piece {
        let size = self.rest.len().min(PIECE_MAX_BYTES);
        let bytes = self.rest.split_to(size);
        let announced = size.min(self.announced_bytes);
        self.announced_bytes -= announced;
        self.outbound.add(size - announced);
        if let Some(stream) = &self.outbound.stream {
            stream.hand_out();
        }
        self.is_long |= self.handed_out;
        self.handed_out = true;
        Piece {
            bytes,
            size,
            outbound: self.outbound.clone(),
        }
    }

    /// True while it must not end because pieces of it wait.
    fn is_held_open(&self) -> bool {
        self.is_long
            && self
                .outbound
                .stream
                .as_ref()
                .is_some_and(|stream| stream.waits())
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
                if this.is_held_open() {
                    // The task of the stream is woken when the last piece is written.
                    return Poll::Pending;
                }
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
        self.rest.is_empty() && self.body.is_end_stream() && !self.is_held_open()
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
    outbound: Arc<Outbound>,
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
        if let Some(stream) = &self.outbound.stream {
            stream.take(count);
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.outbound.take(self.size);
        if let Some(stream) = &self.outbound.stream {
            stream.put_away();
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::server::addresses::Addresses;
    use crate::server::room::Room;

    #[tokio::test]
    async fn a_body_is_counted_from_its_making_until_each_piece_is_written() {
        let addresses = Addresses::new(None);
        let block = addresses.block([127, 0, 0, 1].into());
        let unsent_in_all = IntGauge::new("unsent", "of the test").unwrap();
        let outbound = Outbound {
            block: block.clone(),
            unsent_in_all: unsent_in_all.clone(),
            stream: None,
            _busy: Room::new().enter(&Default::default()).begin(),
        };
        let bytes = vec![7; PIECE_MAX_BYTES + 10];
        let mut body = Outgoing::new(Body::from(bytes), outbound);
        assert_eq!(block.unsent_bytes(), PIECE_MAX_BYTES + 10);
        let size = body.size_hint().exact();
        assert_eq!(size, Some(PIECE_MAX_BYTES as u64 + 10));
        let first = body.frame().await.unwrap().unwrap().into_data().ok();
        let first = first.unwrap();
        assert_eq!(first.remaining(), PIECE_MAX_BYTES);
        assert!(!body.is_end_stream());
        assert_eq!(block.unsent_bytes(), PIECE_MAX_BYTES + 10);
        drop(first);
        assert_eq!(block.unsent_bytes(), 10);
        // The rest has no reader.
        drop(body);
        assert_eq!(block.unsent_bytes(), 0);
        assert_eq!(unsent_in_all.get(), 0);
    }
}
