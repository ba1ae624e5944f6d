//! The model and the engine side by side, and an engine that lives through snapshots.

use onsale_engine::{self as engine, BookingView, Limits, Partition};
use onsale_schemas::{Command, Entry, Envelope, OutcomeRecord, PartitionId, RequestId, codec};
use onsale_simulation::model::{Booking, BookingState, Model, ModelLimits};
use onsale_simulation::workload::Generated;

const PARTITION: PartitionId = PartitionId(5);

/// What one step may do beside applying a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Also {
    /// Let the engine recompute all it counts.
    pub(crate) audit: bool,
    /// Put the second engine through a snapshot.
    pub(crate) snapshot: bool,
}

/// All that must agree.
pub(crate) struct Pair {
    model: Model,
    limits: ModelLimits,
    engine: Partition,
    /// Applies the same, but is now and then replaced by its own snapshot.
    restored: Partition,
}

impl Pair {
    pub(crate) fn new(limits: ModelLimits) -> Self {
        Self {
            model: Model::new(PARTITION, limits),
            limits,
            engine: Partition::new(PARTITION, engine_limits(limits)),
            restored: Partition::new(PARTITION, engine_limits(limits)),
        }
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// Applies a record everywhere and compares all that can be seen.
    pub(crate) fn step(
        &mut self,
        record: &Generated,
        also: Also,
    ) -> Result<Option<OutcomeRecord>, String> {
        let entry = Entry {
            offset: self.model.next_offset(),
            log_time_ms: record.log_time_ms,
            payload: &record.payload,
        };
        let outcome = apply(&mut self.engine, entry)?;
        let restored = apply(&mut self.restored, entry)?;
        let expected = self.model.apply(entry);
        if expected != outcome {
            return Err(difference(expected.as_ref(), outcome.as_ref()));
        }
        same("outcome after snapshots", &outcome, &restored)?;
        self.compare_state()?;
        if also.audit {
            self.engine.audit().map_err(|error| error.to_string())?;
            self.compare_bookings(&self.engine)?;
            self.compare_bookings(&self.restored)?;
            self.model
                .check_invariants()
                .map_err(|broken| format!("model: {broken}"))?;
        }
        if also.snapshot {
            self.snapshot()?;
        }
        Ok(outcome)
    }

    /// A command of a client who gave no key.
    pub(crate) fn command(
        &mut self,
        log_time_ms: u64,
        command: Command,
    ) -> Result<OutcomeRecord, String> {
        let envelope = Envelope {
            request_id: Some(RequestId::from_bytes([9; 16])),
            idempotency: None,
            trace: None,
            command,
        };
        self.envelope(log_time_ms, &envelope)?
            .ok_or_else(|| "a client was not answered".to_owned())
    }

    pub(crate) fn envelope(
        &mut self,
        log_time_ms: u64,
        envelope: &Envelope,
    ) -> Result<Option<OutcomeRecord>, String> {
        let payload = codec::encode(envelope).map_err(|error| error.to_string())?;
        let record = Generated {
            log_time_ms,
            payload,
        };
        self.step(&record, Also::default())
    }

    fn compare_state(&self) -> Result<(), String> {
        let (model, engine) = (&self.model, &self.engine);
        same("next offset", &model.next_offset(), &engine.next_offset())?;
        same("time", &model.log_time_ms(), &engine.log_time_ms())?;
        same("epoch", &model.epoch(), &engine.epoch())?;
        same("owner", &model.owner(), &engine.owner())?;
        let versions = (model.machine_version(), model.unsupported_version());
        let engine_versions = (engine.machine_version(), engine.unsupported_version());
        same("versions", &versions, &engine_versions)?;
        let last = model.last_outcome();
        same("last outcome", &last, &engine.last_outcome())?;
        for show in model.shows() {
            let id = show.id();
            same("seats", &model.show_seats(id), &engine.show_seats(id))?;
        }
        same("digest", &engine.digest(), &self.restored.digest())
    }

    /// Every booking that is kept, with all that is known of it.
    fn compare_bookings(&self, engine: &Partition) -> Result<(), String> {
        let mut views: Vec<_> = engine.bookings().collect();
        views.sort_by_key(|view| view.booking);
        let bookings: Vec<_> = self.model.bookings().collect();
        same("number of bookings", &bookings.len(), &views.len())?;
        for (booking, view) in bookings.iter().zip(&views) {
            same("booking", &view_of(booking), view)?;
        }
        let stats = engine.stats();
        let live = self.model.live_bookings().count();
        let engine_live = usize::try_from(stats.live_holds + stats.confirmed);
        same("live bookings", &Ok(live), &engine_live)
    }

    /// The image of a clone, read back, takes the place of the second engine. It must be the same
    /// bytes that the engine which was never replaced gives.
    fn snapshot(&mut self) -> Result<(), String> {
        let bytes = image(&self.restored.clone())?;
        if bytes != image(&self.engine)? {
            return Err("the image depends on the snapshots before it".to_owned());
        }
        self.restored = Partition::decode_image(PARTITION, engine_limits(self.limits), &bytes)
            .map_err(|error| error.to_string())?;
        self.restored.audit().map_err(|error| error.to_string())
    }
}

/// A booking of the model in the engine's words.
fn view_of(booking: &Booking) -> BookingView {
    let (state, confirmed_at_ms) = match booking.state {
        BookingState::Held => (engine::BookingState::Reserved, None),
        BookingState::Confirmed { at_ms, .. } => (engine::BookingState::Confirmed, Some(at_ms)),
        BookingState::Cancelled { .. } => (engine::BookingState::Cancelled, None),
        BookingState::Expired { .. } => (engine::BookingState::Expired, None),
    };
    BookingView {
        booking: booking.offset,
        show: booking.show,
        event: booking.event,
        user: booking.user,
        zone: booking.zone,
        seats: booking.seats.clone(),
        quantity: booking.quantity,
        unit_price: booking.unit_price,
        currency: booking.currency,
        state,
        reserved_at_ms: booking.reserved_at_ms,
        expires_at_ms: booking.expires_at_ms,
        confirmed_at_ms,
        ended_at_ms: booking.ended_at_ms(),
    }
}

fn image(engine: &Partition) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    engine
        .encode_image(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn apply(engine: &mut Partition, entry: Entry<'_>) -> Result<Option<OutcomeRecord>, String> {
    let mut records: Vec<OutcomeRecord> = Vec::new();
    engine.apply(entry, &mut records);
    let record = records.pop();
    if records.is_empty() {
        Ok(record)
    } else {
        Err(format!("offset {} has several outcomes", entry.offset))
    }
}

fn engine_limits(limits: ModelLimits) -> Limits {
    Limits {
        shows_max: limits.shows_max,
        bookings_max: limits.bookings_max,
        remembered_answers_max: limits.remembered_answers_max,
    }
}

/// Two outcomes in as few words as tell them apart.
fn difference(model: Option<&OutcomeRecord>, engine: Option<&OutcomeRecord>) -> String {
    let (Some(model), Some(engine)) = (model, engine) else {
        let expired = |record: Option<&OutcomeRecord>| record.map(|record| record.expired.len());
        return format!(
            "only one of them has an outcome; holds expired by the model: {:?}, by the engine: {:?}",
            expired(model),
            expired(engine),
        );
    };
    let [in_model, in_engine] = [model, engine].map(|record| {
        let bookings = record.expired.iter().map(|ended| ended.booking);
        bookings.collect::<Vec<_>>()
    });
    if in_model != in_engine {
        let first = in_model.iter().zip(&in_engine).position(|(a, b)| a != b);
        let first = first.unwrap_or(in_model.len().min(in_engine.len()));
        return format!(
            "offset {}: the model expires {} holds, the engine {}; from number {first} on {:?} and {:?}",
            model.offset,
            in_model.len(),
            in_engine.len(),
            in_model.get(first),
            in_engine.get(first),
        );
    }
    format!("outcome of the model: {model:?}, of the engine: {engine:?}")
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, model: &T, engine: &T) -> Result<(), String> {
    if model == engine {
        Ok(())
    } else {
        Err(format!("{what}: {model:?} is not {engine:?}"))
    }
}
