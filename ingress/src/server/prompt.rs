//! A connection whose client has to show its protocol in time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use super::watched::Watch;

/// What a connection of HTTP/2 begins with; everything else is HTTP/1.
pub(crate) const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Closes the connection when the bytes that distinguish HTTP/1 from HTTP/2 do not arrive in time.
/// The server's own time-outs start only after that.
pub(crate) struct Prompt {
    /// `None` once they have arrived.
    waiting: Option<Waiting>,
}

struct Waiting {
    /// Bytes received that match the preface.
    alike: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Prompt {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            waiting: Some(Waiting {
                alike: 0,
                deadline: Box::pin(tokio::time::sleep(patience)),
            }),
        }
    }
}

impl Waiting {
    /// True when these next bytes show which protocol the client uses.
    fn is_recognized_by(&mut self, bytes: &[u8]) -> bool {
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

impl Watch for Prompt {
    fn read(&mut self, bytes: &mut [u8]) {
        let waiting = self.waiting.as_mut();
        if waiting.is_some_and(|waiting| waiting.is_recognized_by(bytes)) {
            self.waiting = None;
        }
    }

    fn poll_given_up(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.waiting {
            Some(waiting) => waiting.deadline.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_protocol_is_recognized_by_the_first_byte_that_differs_or_the_whole_preface() {
        let recognized = |pieces: &[&[u8]]| {
            let mut waiting = Waiting {
                alike: 0,
                deadline: Box::pin(tokio::time::sleep(Duration::ZERO)),
            };
            let mut recognized = false;
            for piece in pieces {
                recognized = waiting.is_recognized_by(piece);
            }
            recognized
        };
        assert!(recognized(&[b"G"]));
        assert!(!recognized(&[b"P"]));
        assert!(recognized(&[b"P", b"O"]));
        assert!(!recognized(&[b"PRI * HTTP/2.0\r\n"]));
        assert!(recognized(&[HTTP2_PREFACE]));
        assert!(recognized(&[&HTTP2_PREFACE[..9], &HTTP2_PREFACE[9..]]));
        assert!(recognized(&[&[HTTP2_PREFACE, b"more"].concat()]));
        assert!(!recognized(&[b""]), "an end without a byte shows nothing");
    }
}
