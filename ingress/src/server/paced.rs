//! A connection whose client has to take what it is sent.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use prometheus::IntCounter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// How long a connection that ends is still read from, so that what the client was sending does not
/// make the system take the answer back from it.
const LINGER: Duration = Duration::from_secs(2);
/// How much is read then, in bytes.
const LINGER_MAX_BYTES: usize = 1 << 20;
const LINGER_CHUNK_BYTES: usize = 4_096;

/// How slowly a client may take what it is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long a write may wait for room.
    pub(super) timeout: Duration,
    /// How much has to be taken in every such time while a write waits, in bytes.
    pub(super) bytes_min: usize,
}

/// Ends the connection when its client takes nothing, or too little, of what there is to write. A
/// connection on which nothing is to be written may be quiet for ever as far as this is concerned.
///
/// The system's own buffer is small (see `SEND_BUFFER_BYTES`), so what it takes the client has
/// taken, but for that much.
pub(super) struct Paced {
    stream: TcpStream,
    pace: Pace,
    /// Set while writes find no room.
    blocked: Option<Blocked>,
    lingering: Option<Lingering>,
    stalled: IntCounter,
}

struct Blocked {
    taken_bytes: usize,
    window: Pin<Box<Sleep>>,
}

struct Lingering {
    left_bytes: usize,
    /// Something came after our end: the client is still sending.
    is_sent_to: bool,
    deadline: Pin<Box<Sleep>>,
}

impl Paced {
    pub(super) fn new(stream: TcpStream, pace: Pace, stalled: IntCounter) -> Self {
        Self {
            stream,
            pace,
            blocked: None,
            lingering: None,
            stalled,
        }
    }

    /// What became of a write of so many bytes.
    fn after_write(
        &mut self,
        context: &mut Context<'_>,
        offered: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(taken)) if taken < offered => {
                if let Some(blocked) = &mut self.blocked {
                    blocked.taken_bytes = blocked.taken_bytes.saturating_add(taken);
                }
                written
            }
            Poll::Ready(_) => {
                self.blocked = None;
                written
            }
            Poll::Pending => {
                let pace = self.pace;
                let blocked = self.blocked.get_or_insert_with(|| Blocked {
                    taken_bytes: 0,
                    window: Box::pin(tokio::time::sleep(pace.timeout)),
                });
                while blocked.window.as_mut().poll(context).is_ready() {
                    if blocked.taken_bytes < pace.bytes_min.max(1) {
                        self.stalled.inc();
                        return Poll::Ready(Err(io::Error::new(
                            io::ErrorKind::TimedOut,
                            "the client does not take what it asked for",
                        )));
                    }
                    blocked.taken_bytes = 0;
                    let next = Instant::now() + pace.timeout;
                    blocked.window.as_mut().reset(next);
                }
                Poll::Pending
            }
        }
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.after_write(context, bytes.len(), written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Says that nothing more comes. Bytes that the client sent and nobody read would make the
    /// system reset the connection, and the client might lose the answer that tells it why; so they
    /// are read, where there are any, until it has seen the end.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        let lingering = this.lingering.get_or_insert_with(|| Lingering {
            left_bytes: LINGER_MAX_BYTES,
            is_sent_to: false,
            deadline: Box::pin(tokio::time::sleep(LINGER)),
        });
        loop {
            let mut chunk = [0; LINGER_CHUNK_BYTES];
            let mut buffer = ReadBuf::new(&mut chunk);
            match Pin::new(&mut this.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    lingering.is_sent_to = true;
                    let read = buffer.filled().len();
                    match lingering.left_bytes.checked_sub(read) {
                        Some(left) => lingering.left_bytes = left,
                        None => return Poll::Ready(Ok(())),
                    }
                }
                // Its end has come, or the connection is gone.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending if lingering.is_sent_to => {
                    ready!(lingering.deadline.as_mut().poll(context));
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending => return Poll::Ready(Ok(())),
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.after_write(context, offered, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
