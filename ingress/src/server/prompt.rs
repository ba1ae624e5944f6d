//! A connection whose client has to show its protocol in time.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What a connection of HTTP/2 begins with; everything else is HTTP/1.
pub(crate) const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Closes the connection when the bytes that distinguish HTTP/1 from HTTP/2 do not arrive in time.
/// The server's own time-outs start only after that.
pub(crate) struct Prompt<S> {
    stream: S,
    /// `None` once it is told.
    waiting: Option<Waiting>,
}

struct Waiting {
    /// Bytes received that match the preface.
    alike: usize,
    deadline: Pin<Box<Sleep>>,
}

impl<S> Prompt<S> {
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            waiting: Some(Waiting {
                alike: 0,
                deadline: Box::pin(tokio::time::sleep(patience)),
            }),
        }
    }
}

impl Waiting {
    /// True when these next bytes show which protocol the client uses.
    fn is_told_by(&mut self, bytes: &[u8]) -> bool {
        let expected = HTTP2_PREFACE.get(self.alike..).unwrap_or_default();
        let alike = bytes
            .iter()
            .zip(expected)
            .take_while(|(byte, expected)| byte == expected)
            .count();
        self.alike += alike;
        alike < bytes.len() || self.alike == HTTP2_PREFACE.len()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let Some(waiting) = &mut this.waiting else {
            return read;
        };
        if read.is_pending() {
            ready!(waiting.deadline.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let new = buffer.filled().get(before..).unwrap_or_default();
        if waiting.is_told_by(new) {
            this.waiting = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
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
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_spoken_is_told_by_the_first_byte_that_differs_or_the_whole_preface() {
        let told = |pieces: &[&[u8]]| {
            let mut waiting = Waiting {
                alike: 0,
                deadline: Box::pin(tokio::time::sleep(Duration::ZERO)),
            };
            let mut told = false;
            for piece in pieces {
                told = waiting.is_told_by(piece);
            }
            told
        };
        assert!(told(&[b"G"]));
        assert!(!told(&[b"P"]));
        assert!(told(&[b"P", b"O"]));
        assert!(!told(&[b"PRI * HTTP/2.0\r\n"]));
        assert!(told(&[HTTP2_PREFACE]));
        assert!(told(&[&HTTP2_PREFACE[..9], &HTTP2_PREFACE[9..]]));
        assert!(told(&[&[HTTP2_PREFACE, b"more"].concat()]));
        assert!(!told(&[b""]), "an end without a byte shows nothing");
    }
}
