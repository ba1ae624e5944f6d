//! A reader's stream of server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use onsale_schemas::Offset;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::frame::event;
use super::rendering::Format;
use super::show::{LiveShow, Note};
use crate::error::ApiError;
use crate::tally::Counted;

/// A comment is sent after this long without news, so that proxies keep the connection and a reader
/// that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a reader holds while it is connected.
type Admission = (OwnedSemaphorePermit, Vec<Counted>);

struct Reader {
    show: Arc<LiveShow>,
    format: Format,
    /// What is sent before anything new.
    first: VecDeque<Bytes>,
    version: Offset,
    notes: Receiver<Note>,
    closing: CancellationToken,
    ended: bool,
    _permit: Admission,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.show.reader_left();
    }
}

/// The body of a stream; an error while the view is being started.
pub(crate) fn stream(
    show: Arc<LiveShow>,
    last: Option<Offset>,
    format: Format,
    closing: CancellationToken,
    permit: Admission,
) -> Result<Body, ApiError> {
    let opened = show.open(last, format)?;
    let mut first = opened.first;
    // Shows the reader that it is connected even if there is nothing new to send.
    first.push_front(Bytes::from_static(b"retry: 1000\n\n"));
    let reader = Reader {
        show,
        format,
        first,
        version: opened.version,
        notes: opened.notes,
        closing,
        ended: false,
        _permit: permit,
    };
    Ok(Body::from_stream(futures::stream::unfold(
        reader,
        |mut reader| async move {
            let bytes = reader.next().await?;
            Some((Ok::<_, Infallible>(bytes), reader))
        },
    )))
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.first.pop_front() {
                return Some(bytes);
            }
            if self.ended {
                return None;
            }
            let received = tokio::select! {
                biased;
                () = self.closing.cancelled() => None,
                received = tokio::time::timeout(KEEP_ALIVE, self.notes.recv()) => Some(received),
            };
            match received {
                Some(Ok(Ok(Note::Frame(frame)))) => {
                    // What the first state contained already.
                    if frame.version > self.version {
                        self.version = frame.version;
                        self.first.push_back(frame.bytes.clone());
                    }
                }
                Some(Ok(Ok(Note::State(version, states)))) => {
                    self.version = version;
                    self.first.push_back(states[self.format.index()].clone());
                }
                Some(Ok(Err(RecvError::Lagged(frames)))) => {
                    self.ended = true;
                    return Some(event(
                        None,
                        "dropped",
                        format!(
                            "{{\"reason\":\"{frames} events behind\",\"resume_from\":{}}}",
                            self.version
                        )
                        .as_bytes(),
                    ));
                }
                None | Some(Ok(Ok(Note::End) | Err(RecvError::Closed))) => {
                    self.ended = true;
                    return Some(event(None, "closed", b"{\"reason\":\"reconnect\"}"));
                }
                Some(Err(_)) => return Some(Bytes::from_static(b": keep-alive\n\n")),
            }
        }
    }
}
