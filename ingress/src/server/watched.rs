//! A connection with something that looks at what passes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Looks at what passes over a connection, and may hold up or end its reading.
pub(super) trait Watch: Unpin {
    /// Ready when the connection may be read from.
    fn poll_allowed(&mut self, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// These bytes were read. None are the end.
    fn read(&mut self, bytes: &mut [u8]);

    /// Ready when what has not come yet is waited for no longer.
    fn poll_given_up(&mut self, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    /// This many bytes were written.
    fn written(&mut self, _bytes: usize) {}
}

/// See the module.
pub(super) struct Watched<S, W> {
    stream: S,
    watch: W,
}

impl<S, W: Watch> Watched<S, W> {
    pub(super) fn new(stream: S, watch: W) -> Self {
        Self { stream, watch }
    }

    fn after_write(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.watch.written(*bytes);
        }
        written
    }
}

impl<S: AsyncRead + Unpin, W: Watch> AsyncRead for Watched<S, W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.watch.poll_allowed(context));
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_pending() {
            ready!(this.watch.poll_given_up(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let new = buffer.filled_mut().get_mut(before..).unwrap_or_default();
        this.watch.read(new);
        read
    }
}

impl<S: AsyncWrite + Unpin, W: Watch> AsyncWrite for Watched<S, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.after_write(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.after_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
