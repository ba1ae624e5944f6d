//! A connection of HTTP/2 whose client may send only a certain number of frames that ask for nothing.
//!
//! PING and SETTINGS have to be answered; WINDOW_UPDATE, PRIORITY, RST_STREAM, frames of unknown kinds
//! and DATA with next to nothing in it have to be looked at. No window and no limit of streams bounds
//! them, so this does: requests and what is written to the client earn it frames, and one that has used
//! up its allowance is read from no faster than the allowance grows again.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus::IntCounter;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::line::Line;
use super::prompt::HTTP2_PREFACE;
use super::watched::Watch;

/// Frames that a client earns by time alone.
const FRAMES_PER_SECOND: u32 = 256;
/// Frames that a client may save up.
const FRAMES_MAX: u32 = 1_024;
/// Frames that come with a request: its head, a body in small pieces, windows for its answer, its end.
const FRAMES_PER_REQUEST: u32 = 9;
/// Written bytes that earn one frame, as windows are opened again for what was read.
const WRITTEN_BYTES_PER_FRAME: usize = 1_024;
/// Any frame costs one more for each of this number of bytes.
const READ_BYTES_PER_FRAME: u32 = 1_024;
/// DATA of this size and more costs nothing: windows and the limits of bodies bound it.
const DATA_MIN_BYTES: u32 = 256;

const HEAD_BYTES: usize = 9;
const DATA: u8 = 0;
const PADDED: u8 = 0x8;

/// See the module. Connections of HTTP/1 pass.
pub(super) struct Frames {
    /// Counts the requests of the connection.
    line: Arc<Line>,
    began: Instant,
    parsed: Parsed,
    allowance: Allowance,
    /// Requests that have earned their frames.
    requests: u64,
    /// Written bytes that have not earned a frame yet.
    written_bytes: usize,
    alarm: Alarm,
    is_slowed: bool,
    slowed: IntCounter,
}

impl Frames {
    pub(super) fn new(line: Arc<Line>, slowed: IntCounter) -> Self {
        Self {
            line,
            began: Instant::now(),
            parsed: Parsed::Preface(0),
            allowance: Allowance::default(),
            requests: 0,
            written_bytes: 0,
            alarm: Alarm::default(),
            is_slowed: false,
            slowed,
        }
    }
}

impl Watch for Frames {
    fn poll_allowed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = self.began.elapsed();
        let requests = self.line.requests();
        let new = requests.saturating_sub(self.requests);
        self.requests = requests;
        let new = u32::try_from(new).unwrap_or(u32::MAX);
        self.allowance
            .earn(FRAMES_PER_REQUEST.saturating_mul(new), now);
        let Some(wait) = self.allowance.wait(now) else {
            return Poll::Ready(());
        };
        if !std::mem::replace(&mut self.is_slowed, true) {
            self.slowed.inc();
        }
        let at = self.began + now + wait;
        self.alarm.poll_at(at, context)
    }

    fn read(&mut self, bytes: &mut [u8]) {
        let now = self.began.elapsed();
        self.parsed
            .pass(bytes, |head| self.allowance.take(head, now));
    }

    fn written(&mut self, bytes: usize) {
        self.written_bytes += bytes;
        let frames = self.written_bytes / WRITTEN_BYTES_PER_FRAME;
        if frames > 0 {
            self.written_bytes %= WRITTEN_BYTES_PER_FRAME;
            let frames = u32::try_from(frames).unwrap_or(u32::MAX);
            self.allowance.earn(frames, self.began.elapsed());
        }
    }
}

/// Where in what the client sends the next byte stands.
enum Parsed {
    /// Behind this number of bytes of the preface.
    Preface(usize),
    /// In the head of a frame, of which this much has come.
    Head([u8; HEAD_BYTES], usize),
    /// In a frame, of which this number of bytes is to come.
    Payload(usize),
    /// In what is not HTTP/2.
    Other,
}

impl Parsed {
    /// Moves on behind `bytes`, with a call for each head of a frame that ends in them.
    fn pass(&mut self, mut bytes: &[u8], mut head_read: impl FnMut(&[u8; HEAD_BYTES])) {
        while !bytes.is_empty() {
            let (next, read) = match self {
                Self::Other => return,
                Self::Preface(come) => {
                    let expected = HTTP2_PREFACE.get(*come..).unwrap_or_default();
                    let read = expected.len().min(bytes.len());
                    if bytes[..read] != expected[..read] {
                        (Self::Other, read)
                    } else if read == expected.len() {
                        (Self::Head([0; HEAD_BYTES], 0), read)
                    } else {
                        (Self::Preface(*come + read), read)
                    }
                }
                Self::Head(head, come) => {
                    let read = (HEAD_BYTES - *come).min(bytes.len());
                    head[*come..*come + read].copy_from_slice(&bytes[..read]);
                    if *come + read == HEAD_BYTES {
                        head_read(head);
                        let length = usize::try_from(length(head)).unwrap_or(usize::MAX);
                        (Self::Payload(length), read)
                    } else {
                        (Self::Head(*head, *come + read), read)
                    }
                }
                Self::Payload(left) => {
                    let read = (*left).min(bytes.len());
                    if read == *left {
                        (Self::Head([0; HEAD_BYTES], 0), read)
                    } else {
                        (Self::Payload(*left - read), read)
                    }
                }
            };
            *self = next;
            bytes = &bytes[read..];
        }
    }
}

/// Bytes of a frame behind its head.
fn length(head: &[u8; HEAD_BYTES]) -> u32 {
    u32::from_be_bytes([0, head[0], head[1], head[2]])
}

const FRAME_EVERY_NS: u64 = 1_000_000_000 / FRAMES_PER_SECOND as u64;
const FRAME_EVERY: Duration = Duration::from_nanos(FRAME_EVERY_NS);
/// The time in which an empty allowance fills up.
const FILLED_IN: Duration = Duration::from_nanos(FRAME_EVERY_NS * FRAMES_MAX as u64);

/// How many frames a client may send, as the time up to which it has used up what it earned. Times are
/// counted from [`FILLED_IN`] before the connection began.
#[derive(Default)]
struct Allowance {
    used_up_to: Duration,
}

impl Allowance {
    /// A frame with this head was read.
    fn take(&mut self, head: &[u8; HEAD_BYTES], now: Duration) {
        let (length, kind, flags) = (length(head), head[3], head[4]);
        let is_body = kind == DATA && length >= DATA_MIN_BYTES && flags & PADDED == 0;
        if !is_body {
            let frames = 1 + length / READ_BYTES_PER_FRAME;
            self.used_up_to = self.used_up_to.max(now) + FRAME_EVERY.saturating_mul(frames);
        }
    }

    /// The client may send this number more.
    fn earn(&mut self, frames: u32, now: Duration) {
        let earned = FRAME_EVERY.saturating_mul(frames);
        self.used_up_to = self.used_up_to.saturating_sub(earned).max(now);
    }

    /// How long to wait before the next read; `None` where it may be done at once.
    fn wait(&self, now: Duration) -> Option<Duration> {
        let over = self.used_up_to.checked_sub(now + FILLED_IN)?;
        (!over.is_zero()).then_some(over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: u8 = 6;
    const WINDOW_UPDATE: u8 = 8;
    const START: Duration = Duration::ZERO;

    fn head(kind: u8, length: u32) -> [u8; HEAD_BYTES] {
        let [_, a, b, c] = length.to_be_bytes();
        [a, b, c, kind, 0, 0, 0, 0, 1]
    }

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let mut sent = HTTP2_PREFACE.to_vec();
        for (kind, length) in [(4, 0_u32), (PING, 8), (DATA, 1_000), (WINDOW_UPDATE, 4)] {
            sent.extend(head(kind, length));
            sent.extend(vec![7; usize::try_from(length).unwrap()]);
        }
        for piece in [1, 2, 9, 11, 24, 2_000] {
            let (mut parsed, mut kinds) = (Parsed::Preface(0), Vec::new());
            for bytes in sent.chunks(piece) {
                parsed.pass(bytes, |head| kinds.push(head[3]));
            }
            assert_eq!(
                kinds,
                [4, PING, DATA, WINDOW_UPDATE],
                "in pieces of {piece}"
            );
        }
        let mut parsed = Parsed::Preface(0);
        for bytes in [&b"PR"[..], b"OPFIND / HTTP/1.1\r\n", HTTP2_PREFACE, &sent] {
            parsed.pass(bytes, |_| unreachable!("HTTP/1 has no frames"));
        }
    }

    #[test]
    fn a_client_that_requests_nothing_is_slowed_down() {
        for (frame, fits) in [
            (head(PING, 8), FRAMES_MAX),
            (head(DATA, 0), FRAMES_MAX),
            (head(0xbe, 16_383), FRAMES_MAX / 16),
        ] {
            let mut allowance = Allowance::default();
            for _ in 0..fits {
                assert_eq!(allowance.wait(START), None);
                allowance.take(&frame, START);
            }
            assert_eq!(allowance.wait(START), None);
            allowance.take(&frame, START);
            let wait = allowance.wait(START).unwrap();
            assert_eq!(allowance.wait(wait), None);
            // A second earns what it earns, and no more.
            let mut sent = 0;
            while allowance.wait(wait + Duration::from_secs(1)).is_none() {
                allowance.take(&frame, wait + Duration::from_secs(1));
                sent += 1;
            }
            assert!(sent <= FRAMES_PER_SECOND + 1, "{sent}");
        }
    }

    #[test]
    fn large_bodies_requests_and_readers_are_not() {
        let mut allowance = Allowance::default();
        for _ in 0..100_000 {
            allowance.take(&head(DATA, 16_384), START);
        }
        for _ in 0..100_000 {
            // A small call: head, body, end of the stream, two windows.
            for (kind, length) in [(1, 90), (DATA, 60), (DATA, 0), (8, 4), (8, 4)] {
                allowance.take(&head(kind, length), START);
            }
            allowance.earn(FRAMES_PER_REQUEST, START);
            // What is read of a large answer or a stream opens two windows every 4 KiB.
            for _ in 0..2 {
                allowance.take(&head(WINDOW_UPDATE, 4), START);
            }
            allowance.earn(4, START);
            assert_eq!(allowance.wait(START), None);
        }
    }

    #[test]
    fn nothing_is_saved_up_beyond_the_allowance() {
        let mut allowance = Allowance::default();
        let later = Duration::from_secs(3_600);
        allowance.earn(u32::MAX, later);
        let mut sent = 0;
        while allowance.wait(later).is_none() {
            allowance.take(&head(PING, 8), later);
            sent += 1;
        }
        assert_eq!(sent, FRAMES_MAX + 1);
    }
}
