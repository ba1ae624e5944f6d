//! One show's view together with those who look at it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use onsale_log::OutcomeBatch;
use onsale_schemas::{Offset, SeatIndex, SeatList, ShowSeats, ZoneIndex};
use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};

use super::frame::{self, Frame, ZoneAvailability};
use super::view::{Effect, View};
use crate::charts::Chart;
use crate::error::ApiError;

/// Frames that a reader may be behind before it is dropped.
const READER_BEHIND_MAX_FRAMES: usize = 64;
/// Frames kept for readers that come back.
const HISTORY_MAX_FRAMES: usize = 256;
/// Bytes of those frames.
const HISTORY_MAX_BYTES: usize = 1 << 20;
/// Batches that wait while the view is being started.
const WAITING_MAX_BATCHES: usize = 8_192;
/// Ticks after the last reader left until the history is dropped (one minute).
const HISTORY_IDLE_MAX_TICKS: u32 = 600;
/// A rendered state with more unavailable seats than this is used again for a while.
const RENDER_FRESH_MAX_SEATS: usize = 4_096;

/// What readers of a stream are sent.
#[derive(Clone)]
pub(super) enum Note {
    /// Changes.
    Frame(Arc<Frame>),
    /// The view was started again: its full state.
    State(Offset, Bytes),
    /// There is no view any more.
    End,
}

/// Whether a view can be read.
#[derive(Clone)]
enum Phase {
    Starting,
    Live,
    Gone(ApiError),
}

/// See the module.
pub(crate) struct LiveShow {
    pub(crate) chart: Arc<Chart>,
    inner: Mutex<Inner>,
    phase: watch::Sender<Phase>,
    notes: broadcast::Sender<Note>,
    gates: Box<[ZoneGate]>,
    version: AtomicU64,
    /// A buyer was told of places set free by the record before this offset: until the view has
    /// seen it, nothing is refused early.
    freed_before: AtomicU64,
    /// The view has seen places set free by the record before this offset.
    seen_freed_before: AtomicU64,
    readers: AtomicUsize,
    /// Tick at which it was last asked for.
    pub(super) used_at_tick: AtomicU64,
}

/// What the precheck knows of a zone.
#[derive(Default)]
pub(crate) struct ZoneGate {
    /// Free places as last seen.
    pub(crate) available: AtomicU32,
    /// Reservations that were handed in and not answered yet.
    pub(crate) in_flight: AtomicU32,
}

#[derive(Default)]
struct Inner {
    view: Option<View>,
    /// Counts starts, so that a seed asked for before a reset is not used after it.
    generation: u64,
    waiting: Vec<Arc<OutcomeBatch>>,
    overflowed: bool,
    history: VecDeque<Arc<Frame>>,
    history_bytes: usize,
    /// Version up to which frames were made; `None` while nobody reads.
    framed: Option<Offset>,
    idle_ticks: u32,
    rendered: Option<(Offset, Bytes)>,
    unavailable_at_render: usize,
}

/// A reader's start.
pub(super) struct Opened {
    pub(super) first: VecDeque<Bytes>,
    pub(super) version: Offset,
    pub(super) notes: broadcast::Receiver<Note>,
}

impl LiveShow {
    pub(super) fn new(chart: Arc<Chart>) -> Self {
        Self {
            gates: chart.zones.iter().map(|_| ZoneGate::default()).collect(),
            chart,
            inner: Mutex::default(),
            phase: watch::Sender::new(Phase::Starting),
            notes: broadcast::Sender::new(READER_BEHIND_MAX_FRAMES),
            version: AtomicU64::new(0),
            freed_before: AtomicU64::new(0),
            seen_freed_before: AtomicU64::new(0),
            readers: AtomicUsize::new(0),
            used_at_tick: AtomicU64::new(0),
        }
    }

    /// Returns once the view can be read.
    pub(crate) async fn ready(&self) -> Result<(), ApiError> {
        let mut phase = self.phase.subscribe();
        loop {
            match &*phase.borrow_and_update() {
                Phase::Live => return Ok(()),
                Phase::Gone(error) => return Err(error.clone()),
                Phase::Starting => {}
            }
            if phase.changed().await.is_err() {
                return Err(ApiError::overloaded("The view was dropped; try again."));
            }
        }
    }

    /// The whole availability as JSON.
    pub(crate) fn json(&self) -> Option<Bytes> {
        let mut inner = self.inner.lock();
        self.render(&mut inner).map(|(_, bytes)| bytes)
    }

    fn render(&self, inner: &mut Inner) -> Option<(Offset, Bytes)> {
        let view = inner.view.as_ref()?;
        if let Some((version, bytes)) = &inner.rendered
            && (*version == view.version() || inner.unavailable_at_render > RENDER_FRESH_MAX_SEATS)
        {
            return Some((*version, bytes.clone()));
        }
        let bytes = Bytes::from(frame::full_json(&self.chart, view));
        let rendered = (view.version(), bytes);
        inner.unavailable_at_render = view.unavailable().count();
        inner.rendered = Some(rendered.clone());
        Some(rendered)
    }

    /// The counts of every zone.
    pub(crate) fn zones(&self) -> Option<Vec<ZoneAvailability>> {
        let inner = self.inner.lock();
        let view = inner.view.as_ref()?;
        Some(frame::zones(&self.chart, view))
    }

    /// The gate of a zone, while the view has seen everything that this process told anybody.
    pub(crate) fn gate(&self, zone: ZoneIndex) -> Option<&ZoneGate> {
        self.gates.get(usize::from(zone))
    }

    /// The version seen, unless a buyer was told of something newer that set places free.
    pub(crate) fn as_of(&self) -> Option<Offset> {
        let version = self.version.load(Ordering::Acquire);
        (version > 0 && version >= self.freed_before.load(Ordering::Acquire)).then_some(version)
    }

    /// Places were set free by a record just before this offset, as a buyer was told or the view has
    /// seen.
    pub(crate) fn freed_before(&self) -> Offset {
        let told = self.freed_before.load(Ordering::Acquire);
        told.max(self.seen_freed_before.load(Ordering::Acquire))
    }

    /// Which of these seats are not free as last seen; `None` while the view is being started.
    pub(crate) fn taken(&self, seats: &SeatList) -> Option<Vec<SeatIndex>> {
        let inner = self.inner.lock();
        let view = inner.view.as_ref()?;
        Some(
            seats
                .iter()
                .copied()
                .filter(|seat| view.status(*seat).is_some())
                .collect(),
        )
    }

    /// A buyer is about to be told that the record at `offset` set places free.
    pub(crate) fn freed_at(&self, offset: Offset) {
        self.freed_before.fetch_max(offset + 1, Ordering::AcqRel);
    }

    pub(super) fn readers(&self) -> usize {
        self.readers.load(Ordering::Relaxed)
    }

    pub(super) fn reader_left(&self) {
        self.readers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Starts again: records are kept until the seed arrives. Returns the generation to seed.
    pub(super) fn restart(&self) -> u64 {
        let mut inner = self.inner.lock();
        inner.generation += 1;
        inner.view = None;
        inner.rendered = None;
        inner.waiting.clear();
        inner.overflowed = false;
        inner.history.clear();
        inner.history_bytes = 0;
        inner.framed = None;
        self.version.store(0, Ordering::Release);
        self.phase.send_replace(Phase::Starting);
        inner.generation
    }

    /// There is nothing to see (any more).
    pub(super) fn gone(&self, error: ApiError) {
        let mut inner = self.inner.lock();
        inner.generation += 1;
        inner.view = None;
        inner.waiting = Vec::new();
        self.version.store(0, Ordering::Release);
        self.phase.send_replace(Phase::Gone(error));
        // An error means that nobody reads.
        let _ = self.notes.send(Note::End);
    }

    /// Puts the seed in; false when it is too old or records were lost, so that another is needed.
    pub(super) fn seeded(&self, generation: u64, seed: &ShowSeats) -> bool {
        let mut inner = self.inner.lock();
        if inner.generation != generation {
            // Somebody else seeds the later generation.
            return true;
        }
        let mut view = View::new(seed, self.chart.seats());
        let mut effect = Effect::None;
        for batch in std::mem::take(&mut inner.waiting) {
            for record in &batch.records {
                if view.apply(record) == Effect::Reseed {
                    effect = Effect::Reseed;
                }
            }
        }
        if effect == Effect::Reseed || std::mem::take(&mut inner.overflowed) {
            return false;
        }
        self.publish(&view);
        inner.view = Some(view);
        if self.readers() > 0
            && let Some((version, json)) = self.render(&mut inner)
        {
            self.start_frames(&mut inner, version);
            let bytes = frame::event(Some(version), "state", &json);
            let _ = self.notes.send(Note::State(version, bytes));
        }
        self.phase.send_replace(Phase::Live);
        true
    }

    /// Takes the records of a batch into account; true when the view has to be started again.
    pub(super) fn apply(&self, batch: &Arc<OutcomeBatch>) -> bool {
        let mut inner = self.inner.lock();
        let Some(view) = &mut inner.view else {
            if inner.waiting.len() < WAITING_MAX_BATCHES {
                inner.waiting.push(batch.clone());
            } else {
                inner.overflowed = true;
            }
            return false;
        };
        let mut changed = false;
        for record in &batch.records {
            match view.apply(record) {
                Effect::None => {}
                Effect::Changed => changed = true,
                Effect::Reseed => return true,
            }
        }
        if changed {
            self.publish(view);
        }
        false
    }

    fn publish(&self, view: &View) {
        for (gate, counts) in self.gates.iter().zip(view.zones()) {
            gate.available.store(counts.available, Ordering::Release);
        }
        self.seen_freed_before
            .fetch_max(view.freed_before(), Ordering::AcqRel);
        self.version.store(view.version(), Ordering::Release);
    }

    /// Makes one frame of what changed since the last tick, for all readers.
    pub(super) fn tick(&self) {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        // A large state is rendered at most once per tick.
        if inner.unavailable_at_render > RENDER_FRESH_MAX_SEATS {
            inner.rendered = None;
        }
        let (Some(framed), Some(view)) = (inner.framed, &mut inner.view) else {
            return;
        };
        if self.readers() > 0 {
            inner.idle_ticks = 0;
        } else {
            inner.idle_ticks += 1;
            if inner.idle_ticks > HISTORY_IDLE_MAX_TICKS {
                view.track_changes(false);
                inner.framed = None;
                inner.history.clear();
                inner.history_bytes = 0;
                return;
            }
        }
        if view.version() == framed {
            return;
        }
        let frame = Arc::new(frame::delta(&self.chart, view, framed));
        inner.framed = Some(frame.version);
        inner.history_bytes += frame.bytes.len();
        inner.history.push_back(frame.clone());
        while inner.history.len() > HISTORY_MAX_FRAMES || inner.history_bytes > HISTORY_MAX_BYTES {
            match inner.history.pop_front() {
                Some(oldest) => inner.history_bytes -= oldest.bytes.len(),
                None => break,
            }
        }
        let _ = self.notes.send(Note::Frame(frame));
    }

    fn start_frames(&self, inner: &mut Inner, version: Offset) {
        if let Some(view) = &mut inner.view
            && inner.framed.is_none()
        {
            view.track_changes(true);
            inner.framed = Some(version);
        }
        inner.idle_ticks = 0;
    }

    /// Opens a stream: after `last` where the history reaches back to it, else with the full
    /// state. Counts the reader; `None` while the view is being started.
    pub(super) fn open(&self, last: Option<Offset>) -> Option<Opened> {
        let mut inner = self.inner.lock();
        let version = inner.view.as_ref()?.version();
        let notes = self.notes.subscribe();
        if let Some(first) = last.and_then(|last| resume(&inner, last)) {
            let version = inner.framed.unwrap_or(version);
            self.readers.fetch_add(1, Ordering::Relaxed);
            return Some(Opened {
                first,
                version,
                notes,
            });
        }
        // A reused rendering is older than the view; frames since then must reach the reader, so
        // it has to be a fresh one.
        inner.rendered = inner
            .rendered
            .take()
            .filter(|(rendered, _)| *rendered == version);
        let (version, json) = self.render(&mut inner)?;
        self.start_frames(&mut inner, version);
        self.readers.fetch_add(1, Ordering::Relaxed);
        Some(Opened {
            first: VecDeque::from([frame::event(Some(version), "state", &json)]),
            version,
            notes,
        })
    }
}

/// The frames after `last`, when none is missing.
fn resume(inner: &Inner, last: Offset) -> Option<VecDeque<Bytes>> {
    let framed = inner.framed?;
    let reaches_back = inner
        .history
        .front()
        .map_or(framed == last, |oldest| oldest.from <= last);
    if !reaches_back || last > framed {
        return None;
    }
    Some(
        inner
            .history
            .iter()
            .filter(|frame| frame.version > last)
            .map(|frame| frame.bytes.clone())
            .collect(),
    )
}
