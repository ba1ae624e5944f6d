//! The model and the engine side by side, and an engine that is restored from snapshots.

use onsale_engine::{Limits, Partition};
use onsale_schemas::{Command, Entry, Envelope, OutcomeRecord, PartitionId, RequestId, codec};
use onsale_simulation::agreement::{self, same};
use onsale_simulation::model::{Model, ModelLimits};
use onsale_simulation::workload::Generated;

const PARTITION: PartitionId = PartitionId(5);

/// What one step may do beside applying a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Also {
    /// Make the engine recompute everything it counts.
    pub(crate) self_check: bool,
    /// Restore the second engine from a snapshot.
    pub(crate) snapshot: bool,
}

/// All that must agree.
pub(crate) struct Pair {
    model: Model,
    limits: ModelLimits,
    engine: Partition,
    /// Applies the same records, but is now and then replaced by its own snapshot.
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

    /// Applies a record everywhere and compares everything visible.
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
        agreement::compare_views(&self.model, &self.engine)?;
        same("digest", &self.engine.digest(), &self.restored.digest())?;
        if also.self_check {
            self.engine
                .self_check()
                .map_err(|error| error.to_string())?;
            agreement::compare_bookings(&self.model, &self.engine)?;
            agreement::compare_bookings(&self.model, &self.restored)?;
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
            by: None,
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

    /// The image of a clone, read back, replaces the second engine. It must have the same bytes as
    /// that of the engine which was never replaced.
    fn snapshot(&mut self) -> Result<(), String> {
        let bytes = image(&self.restored.clone())?;
        if bytes != image(&self.engine)? {
            return Err("the image depends on the snapshots before it".to_owned());
        }
        self.restored = Partition::decode_image(PARTITION, engine_limits(self.limits), &bytes)
            .map_err(|error| error.to_string())?;
        self.restored
            .self_check()
            .map_err(|error| error.to_string())
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
        references_max: limits.references_max,
        documents_max_bytes: limits.documents_max_bytes,
        codes_max: limits.codes_max,
        machine_version_known: limits.machine_version_known,
    }
}

/// Two outcomes in just enough words to distinguish them.
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
