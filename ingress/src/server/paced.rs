//! A connection whose client has to read what it is sent.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use prometheus::IntCounter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::alarm::Alarm;
use super::line::Line;
use crate::patience::{Pace, Patience};

/// How long a closing connection is still read, so that what the client was sending does not make
/// the system discard the answer.
const LINGER: Duration = Duration::from_secs(2);
/// How much is read in that time, in bytes.
const LINGER_MAX_BYTES: usize = 1 << 20;
const LINGER_CHUNK_BYTES: usize = 4_096;

/// Closes the connection when its client reads nothing, or too little, of what there is to write. A
/// connection with nothing to write may be quiet forever as far as this is concerned.
///
/// The system gets little at a time beyond what is in flight (see `UNSENT_MAX_BYTES`), so what it
/// accepts the client has read, except for that much, and it reports in steps that are no larger.
pub(super) struct Paced<S> {
    stream: S,
    /// What its streams know of it.
    line: Arc<Line>,
    began: Instant,
    patience: Patience,
    /// Set once a write has found no room.
    alarm: Alarm,
    lingering: Option<Lingering>,
    stalled: IntCounter,
}

struct Lingering {
    left_bytes: usize,
    /// Something arrived after the server's end: the client is still sending.
    is_sent_to: bool,
    deadline: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, line: Arc<Line>, pace: Pace, stalled: IntCounter) -> Self {
        Self {
            stream,
            line,
            began: Instant::now(),
            patience: Patience::new(pace),
            alarm: Alarm::default(),
            lingering: None,
            stalled,
        }
    }

    /// Notes the result of a write.
    fn after_write(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() && self.patience.is_whole() {
            return written;
        }
        let now = self.began.elapsed();
        match written {
            Poll::Ready(written) => {
                self.patience.take(*written.as_ref().unwrap_or(&0), now);
                self.patience.rest(now);
                self.line.unblock();
                Poll::Ready(written)
            }
            Poll::Pending => {
                self.patience.wait(now);
                self.line.block();
                ready!(self.poll_impatient(context, now));
                self.stalled.inc();
                Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the client does not read its answer",
                )))
            }
        }
    }

    /// Ready when a write has waited for too long.
    fn poll_impatient(&mut self, context: &mut Context<'_>, now: Duration) -> Poll<()> {
        let Some(due) = self.patience.due() else {
            return Poll::Pending;
        };
        if due <= now {
            return Poll::Ready(());
        }
        let at = self.began + due;
        self.alarm.poll_at(at, context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Paced<S> {
    /// Signals the end. Unread bytes from the client would make the system reset the connection,
    /// and the client might lose the answer that says why; so they are read until it has seen the
    /// end.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        let lingering = self.lingering.get_or_insert_with(|| Lingering {
            left_bytes: LINGER_MAX_BYTES,
            is_sent_to: false,
            deadline: Box::pin(tokio::time::sleep(LINGER)),
        });
        loop {
            let mut chunk = [0; LINGER_CHUNK_BYTES];
            let mut buffer = ReadBuf::new(&mut chunk);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
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
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.line.write_begins();
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.after_write(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.line.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The client may not have all of its answer before this is over.
        self.line.write_begins();
        ready!(self.poll_end(context))?;
        self.line.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.line.write_begins();
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.after_write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up_and_its_line_stands_still() {
        let (server, mut client) = tokio::io::duplex(1_024);
        let line = Arc::new(Line::new());
        let stalled = IntCounter::new("stalled", "of the test").unwrap();
        let pace = Pace {
            timeout: TIMEOUT,
            bytes_per_second: 1,
        };
        let mut paced = Paced::new(server, line.clone(), pace, stalled.clone());
        // One that waited and was read.
        let bytes = [7; 2_048];
        let mut chunk = [0; 2_048];
        let (written, read) = tokio::join!(paced.write_all(&bytes), client.read_exact(&mut chunk));
        written.unwrap();
        read.unwrap();
        assert!(paced.patience.due().is_none());
        assert!(line.is_unflushed());
        paced.flush().await.unwrap();
        assert!(!line.is_unflushed());
        let error = paced.write_all(&bytes).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(stalled.get(), 1);
        let stopped = line.now();
        tokio::time::sleep(TIMEOUT).await;
        assert_eq!(line.now(), stopped);
        // The current answer is still sent.
        client.read_exact(&mut chunk[..1_024]).await.unwrap();
        paced.write_all(&bytes[..1_024]).await.unwrap();
        assert!(paced.patience.due().is_none());
    }
}
