//! One show's view and its readers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use onsale_log::OutcomeBatch;
use onsale_schemas::{EventId, Offset, PartitionId, SeatIndex, ShowId, ShowSeats, ZoneIndex};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{broadcast, watch};

use super::frame::{self, Frame, ZoneAvailability};
use super::rendering::{Alive, FORMATS, Format, Rendering};
use super::view::{Effect, View};
use crate::charts::Chart;
use crate::error::ApiError;
use crate::prepared::Prepared;

/// Frames that a reader may be behind before it is dropped.
const READER_BEHIND_MAX_FRAMES: usize = 64;
/// Frames kept for readers that come back.
const HISTORY_MAX_FRAMES: usize = 256;
/// Bytes of those frames.
const HISTORY_MAX_BYTES: usize = 1 << 20;
/// Batches queued while the view is being started.
const WAITING_MAX_BATCHES: usize = 8_192;
/// Ticks after the last reader left until the history is dropped (one minute).
const HISTORY_IDLE_MAX_TICKS: u32 = 600;

/// What is sent to readers of a stream.
#[derive(Clone)]
pub(super) enum Note {
    /// Changes.
    Frame(Arc<Frame>),
    /// The view was started again: its full state.
    State(Offset, [Bytes; FORMATS]),
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
    pub(super) show: ShowId,
    pub(super) event: EventId,
    pub(super) partition: PartitionId,
    /// Seats that it counts for among all views.
    pub(super) seats: u32,
    /// Another one when the show gets or loses places.
    chart: RwLock<Arc<Chart>>,
    inner: Mutex<Inner>,
    phase: watch::Sender<Phase>,
    notes: broadcast::Sender<Note>,
    gates: Box<[ZoneGate]>,
    version: AtomicU64,
    /// A buyer has been answered that the record before this offset released places: until the view
    /// has seen it, nothing is refused early.
    freed_before: AtomicU64,
    /// The view has seen places released by the record before this offset.
    seen_freed_before: AtomicU64,
    readers: AtomicUsize,
    alive: Alive,
    /// Tick at which it was last used.
    pub(super) used_at_tick: AtomicU64,
}

/// What the precheck knows about a zone.
#[derive(Default)]
pub(crate) struct ZoneGate {
    /// Free places as last seen.
    pub(crate) available: AtomicU32,
    /// Places as last seen, free or not.
    pub(crate) total: AtomicU32,
    /// Reservations that were submitted and not answered yet.
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
    /// Version up to which frames exist; `None` without readers.
    framed: Option<Offset>,
    /// Version at which the chart became another one: who has no later version has not seen it.
    charted: Option<Offset>,
    idle_ticks: u32,
    /// The last rendering in each format.
    rendered: [Option<Arc<Rendering>>; FORMATS],
    /// Counts ticks, for the age of renderings.
    tick: u64,
}

/// A reader's start.
pub(super) struct Opened {
    pub(super) first: VecDeque<Bytes>,
    pub(super) version: Offset,
    pub(super) notes: broadcast::Receiver<Note>,
}

impl LiveShow {
    pub(super) fn new(chart: Arc<Chart>, alive: Alive) -> Self {
        Self {
            show: chart.show,
            event: chart.event,
            partition: chart.partition,
            seats: chart.seats(),
            gates: chart.zones.iter().map(|_| ZoneGate::default()).collect(),
            chart: RwLock::new(chart),
            inner: Mutex::default(),
            phase: watch::Sender::new(Phase::Starting),
            notes: broadcast::Sender::new(READER_BEHIND_MAX_FRAMES),
            version: AtomicU64::new(0),
            freed_before: AtomicU64::new(0),
            seen_freed_before: AtomicU64::new(0),
            readers: AtomicUsize::new(0),
            alive,
            used_at_tick: AtomicU64::new(0),
        }
    }

    /// The chart that it is shown with.
    pub(crate) fn chart(&self) -> Arc<Chart> {
        self.chart.read().clone()
    }

    /// Goes on with the chart of a show that has got or lost places, if it is a newer one: readers get
    /// the whole state again, with the new zones and counts.
    pub(crate) fn renew(&self, chart: &Arc<Chart>) {
        if !chart.is_newer_than(&self.chart.read()) {
            return;
        }
        // Nothing is rendered meanwhile.
        let mut inner = self.inner.lock();
        {
            let mut shown = self.chart.write();
            if !chart.is_newer_than(&shown) {
                return;
            }
            *shown = chart.clone();
        }
        inner.rendered = Default::default();
        inner.charted = inner.view.as_ref().map(View::version);
        if inner.view.is_some() {
            self.announce(&mut inner);
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
                return Err(ApiError::overloaded(
                    "Live availability was reset; try again.",
                ));
            }
        }
    }

    /// The whole availability as an answer that its readers share.
    pub(crate) fn answer(&self, format: Format) -> Result<Arc<Prepared>, ApiError> {
        let rendering = {
            let mut inner = self.inner.lock();
            self.render(&mut inner, format)?
        };
        Ok(rendering.answer())
    }

    /// The state as it is or was a moment ago. A large one is rendered at most once in a number of
    /// ticks, and if readers hold too many older ones, the last one has to do.
    fn render(&self, inner: &mut Inner, format: Format) -> Result<Arc<Rendering>, ApiError> {
        let Some(view) = &inner.view else {
            return Err(ApiError::overloaded(
                "Live availability is still starting for this show; try again.",
            ));
        };
        let kept = &mut inner.rendered[format.index()];
        if let Some(kept) = kept
            && (kept.version == view.version()
                || kept.is_fresh(inner.tick)
                || !self.alive.has_room(kept.event.len()))
        {
            return Ok(kept.clone());
        }
        if !self.alive.has_room(0) {
            return Err(ApiError::overloaded(
                "Too many clients have not read their answers; try again later.",
            ));
        }
        let made = Rendering::new(&self.chart(), view, format, inner.tick, &self.alive);
        let made = Arc::new(made);
        *kept = Some(made.clone());
        Ok(made)
    }

    /// The counts of every zone.
    pub(crate) fn zones(&self) -> Option<Vec<ZoneAvailability>> {
        let inner = self.inner.lock();
        let view = inner.view.as_ref()?;
        Some(frame::zones(&self.chart(), view))
    }

    /// The gate of a zone, while the view has seen everything that this process has answered.
    pub(crate) fn gate(&self, zone: ZoneIndex) -> Option<&ZoneGate> {
        self.gates.get(usize::from(zone))
    }

    /// The version seen, unless a buyer was answered by something newer that released places.
    pub(crate) fn as_of(&self) -> Option<Offset> {
        let version = self.version.load(Ordering::Acquire);
        (version > 0 && version >= self.freed_before.load(Ordering::Acquire)).then_some(version)
    }

    /// A record just before this offset released places, as a buyer was answered or the view has
    /// seen.
    pub(crate) fn freed_before(&self) -> Offset {
        let answered = self.freed_before.load(Ordering::Acquire);
        answered.max(self.seen_freed_before.load(Ordering::Acquire))
    }

    /// Which of these seats are not free as last seen; `None` while the view is being started.
    pub(crate) fn taken(&self, seats: &[SeatIndex]) -> Option<Vec<SeatIndex>> {
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

    /// A buyer is about to be answered that the record at `offset` released places.
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
        inner.rendered = Default::default();
        inner.waiting.clear();
        inner.overflowed = false;
        inner.history.clear();
        inner.history_bytes = 0;
        inner.framed = None;
        inner.charted = None;
        self.version.store(0, Ordering::Release);
        self.phase.send_replace(Phase::Starting);
        inner.generation
    }

    /// There is nothing to show, or no longer.
    pub(super) fn gone(&self, error: ApiError) {
        let mut inner = self.inner.lock();
        inner.generation += 1;
        inner.view = None;
        inner.waiting = Vec::new();
        self.version.store(0, Ordering::Release);
        self.phase.send_replace(Phase::Gone(error));
        // An error means that there are no readers.
        let _ = self.notes.send(Note::End);
    }

    /// Applies the seed; false when it is too old or records were lost, so that another is needed.
    pub(super) fn seeded(&self, generation: u64, seed: &ShowSeats) -> bool {
        let mut inner = self.inner.lock();
        if inner.generation != generation {
            // Another task seeds the later generation.
            return true;
        }
        let mut view = View::new(seed, self.event, self.chart().seats());
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
        self.announce(&mut inner);
        self.phase.send_replace(Phase::Live);
        true
    }

    /// Sends the whole state to the readers, if there are any.
    fn announce(&self, inner: &mut Inner) {
        if self.readers() == 0 {
            return;
        }
        let states = [Format::Full, Format::Compact]
            .map(|format| self.render(inner, format).map(|made| made.event.clone()));
        // An error means that there are no readers.
        let _ = self
            .notes
            .send(match (states, inner.view.as_ref().map(View::version)) {
                ([Ok(full), Ok(compact)], Some(version)) => {
                    self.start_frames(inner, version);
                    Note::State(version, [full, compact])
                }
                // They come back and ask again.
                _ => Note::End,
            });
    }

    /// Applies the records of a batch; true when the view has to be restarted.
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
            gate.total.store(frame::total(counts), Ordering::Release);
            gate.available.store(counts.available, Ordering::Release);
        }
        self.seen_freed_before
            .fetch_max(view.freed_before(), Ordering::AcqRel);
        self.version.store(view.version(), Ordering::Release);
    }

    /// Builds one frame of what changed since the last tick, for all readers.
    pub(super) fn tick(&self) {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        inner.tick += 1;
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
        let frame = Arc::new(frame::delta(&self.chart(), view, framed));
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

    /// Opens a stream: after `last` if the history reaches back to it, else with the full state.
    /// Counts the reader; an error while the view is being started.
    pub(super) fn open(&self, last: Option<Offset>, format: Format) -> Result<Opened, ApiError> {
        let mut inner = self.inner.lock();
        let starting = || {
            ApiError::overloaded("Live availability is still starting for this show; try again.")
        };
        let version = inner.view.as_ref().ok_or_else(starting)?.version();
        let notes = self.notes.subscribe();
        if let Some(first) = last.and_then(|last| resume(&inner, last)) {
            let version = inner.framed.unwrap_or(version);
            self.readers.fetch_add(1, Ordering::Relaxed);
            return Ok(Opened {
                first,
                version,
                notes,
            });
        }
        // One that is older than the view will do where the frames since then are at hand.
        let kept = inner.rendered[format.index()].take();
        inner.rendered[format.index()] =
            kept.filter(|kept| kept.version == version || since(&inner, kept.version).is_some());
        let rendering = self.render(&mut inner, format)?;
        self.start_frames(&mut inner, rendering.version);
        let mut first = VecDeque::from([rendering.event.clone()]);
        let mut version = rendering.version;
        for frame in since(&inner, version).into_iter().flatten() {
            first.push_back(frame.bytes.clone());
            version = frame.version;
        }
        self.readers.fetch_add(1, Ordering::Relaxed);
        Ok(Opened {
            first,
            version,
            notes,
        })
    }
}

/// The frames after `last`, a version that a reader has, when none is missing.
fn resume(inner: &Inner, last: Offset) -> Option<VecDeque<Bytes>> {
    // Frames do not tell of zones and rows that the chart has got.
    if inner.framed? < last || inner.charted.is_some_and(|charted| last <= charted) {
        return None;
    }
    let frames = since(inner, last)?;
    Some(frames.map(|frame| frame.bytes.clone()).collect())
}

/// The frames after `version`, when none is missing. Later ones follow them.
fn since(inner: &Inner, version: Offset) -> Option<impl Iterator<Item = &Arc<Frame>>> {
    let framed = inner.framed?;
    let reaches_back = framed <= version
        || inner
            .history
            .front()
            .is_some_and(|oldest| oldest.from <= version);
    let later = move |frame: &&Arc<Frame>| frame.version > version;
    reaches_back.then(|| inner.history.iter().filter(later))
}

#[cfg(test)]
mod tests;
