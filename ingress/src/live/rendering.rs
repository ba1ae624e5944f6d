//! The state of a show as it is sent, rendered once for all its readers.
//!
//! A large state is rendered at most once in a number of ticks; a stream that begins with an older
//! one gets the changes since then behind it. What readers still hold of states that the others
//! have left behind is bounded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use onsale_schemas::Offset;
use serde::Deserialize;

use super::frame;
use super::view::View;
use crate::charts::Chart;
use crate::envelope;
use crate::prepared::Prepared;

/// Bytes of renderings that readers may hold all together. A slow reader holds one that
/// others have left behind; above this, new readers get the last one there is.
const RENDERED_MAX_BYTES: usize = 128 << 20;
/// A larger state is not rendered for every reader that asks.
const FRESH_MAX_BYTES: usize = 128 << 10;
/// This many bytes of a state are rendered per tick: one of ten times as many every ten ticks.
const RENDER_PER_TICK_BYTES: usize = 1 << 20;

/// How a state is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Every seat that is not free, by its id.
    #[default]
    Full,
    /// Bits by seat.
    Compact,
}

/// How many there are.
pub(super) const FORMATS: usize = 2;

impl Format {
    /// Its place in a list of all.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Full => 0,
            Self::Compact => 1,
        }
    }
}

/// The bytes of renderings that are alive, over all shows.
#[derive(Clone, Default)]
pub(super) struct Alive(Arc<AtomicUsize>);

/// Bytes that count as alive until the last holder drops them.
struct Counted {
    bytes: Vec<u8>,
    alive: Alive,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Alive {
    /// True while another rendering of about this size is within the bound.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.0.load(Ordering::Relaxed).saturating_add(bytes) <= RENDERED_MAX_BYTES
    }

    fn count(&self, bytes: Vec<u8>) -> Bytes {
        self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        Bytes::from_owner(Counted {
            bytes,
            alive: self.clone(),
        })
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A state as of one version.
pub(super) struct Rendering {
    pub(super) version: Offset,
    /// When it was created, in ticks of its show.
    tick: u64,
    /// As the event of a stream.
    pub(super) event: Bytes,
    /// Its JSON, which lies within the event.
    json: Bytes,
    answer: OnceLock<Arc<Prepared>>,
    alive: Alive,
}

impl Rendering {
    pub(super) fn new(
        chart: &Chart,
        view: &View,
        format: Format,
        tick: u64,
        alive: &Alive,
    ) -> Self {
        let version = view.version();
        let mut bytes = frame::head(Some(version), "state").into_bytes();
        let begin = bytes.len();
        frame::write_state(&mut bytes, chart, view, format);
        let end = bytes.len();
        bytes.extend_from_slice(frame::EVENT_END);
        let event = alive.count(bytes);
        Self {
            version,
            tick,
            json: event.slice(begin..end),
            event,
            answer: OnceLock::new(),
            alive: alive.clone(),
        }
    }

    /// True while readers at `tick` may be given it though there is something newer.
    pub(super) fn is_fresh(&self, tick: u64) -> bool {
        let size = self.event.len();
        let ticks = size.div_ceil(RENDER_PER_TICK_BYTES);
        size > FRESH_MAX_BYTES
            && self
                .tick
                .saturating_add(u64::try_from(ticks).unwrap_or(u64::MAX))
                > tick
    }

    /// As the answer to a request.
    pub(super) fn answer(&self) -> Arc<Prepared> {
        let answer = self.answer.get_or_init(|| {
            let mut bytes = Vec::new();
            envelope::write_begin(&mut bytes, &self.json);
            Arc::new(Prepared::new(self.alive.count(bytes)))
        });
        answer.clone()
    }
}
