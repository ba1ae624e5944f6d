//! The core thread: takes all that is waiting, appends it with one `fdatasync` for every partition
//! together, applies it, answers. What arrives meanwhile is the next batch, so batches grow with
//! load by themselves and there is no linger timer.

mod answers;
mod shortage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use onsale_log::{AppendRecord, Appended, LogError, LogWriter, OutcomeBatch, Reply, SubmitError};
use onsale_schemas::codec::{self, CodecError};
use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;
use onsale_schemas::{Command, Entry, Envelope, PartitionId, RequestId, Staff};
use tokio::sync::{broadcast, oneshot};

use self::answers::Answers;
use self::shortage::Shortage;
use super::handle::{ResetRefused, ToCore};
use super::state::{DIGEST_SAMPLE_EVERY_RECORDS, EmbeddedState, OwnerPosition};
use crate::clock::ClockBefore;
use crate::metrics::Metrics;
use crate::replica::{Action, Replica, ReplicaRole, StopReason};

/// Records of one batch.
const BATCH_RECORDS_MAX: usize = 4_096;
/// Bytes of one batch, frames included, where the log takes so much.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// What a record costs the log beside its payload, in bytes; more than any of our logs needs.
const RECORD_OVERHEAD_BYTES: usize = 64;
/// Longest sleep of an idle core, in milliseconds. Only bounds how late a stop is noticed.
const IDLE_MAX_MS: u64 = 500;
/// How long the core's own records wait after the log was found short of something, in milliseconds.
const SHORTAGE_PAUSE_MS: u64 = 250;

/// Why the core stopped without being asked. The process has to end: what was appended last is
/// unknown until the log is opened again.
#[derive(Debug, thiserror::Error)]
pub(super) enum CoreError {
    /// The log cannot be written.
    #[error("the log cannot be written: {0}")]
    Log(LogError),
    /// Going on would be wrong.
    #[error(transparent)]
    Stop(#[from] StopReason),
    /// A record of our own cannot be encoded.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl From<LogError> for CoreError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

/// A record of the batch at hand.
#[derive(Debug)]
struct Waiting {
    partition: PartitionId,
    payload: Vec<u8>,
    /// `None` for records of the core itself.
    reply: Option<oneshot::Sender<Reply>>,
}

/// The owner of every partition.
#[derive(Debug)]
pub(super) struct Core<W> {
    replicas: Vec<Replica>,
    writer: W,
    queue: Receiver<ToCore>,
    answers: Answers,
    feed: broadcast::Sender<Arc<OutcomeBatch>>,
    shared: Arc<EmbeddedState>,
    metrics: Metrics,
    batch: Vec<Waiting>,
    batch_bytes: usize,
    batch_bytes_max: usize,
    appended: Vec<Appended>,
    actions: Vec<Action>,
    paused_until_ms: u64,
    /// The clock before a reset whose record is in the batch at hand.
    reset: Option<ClockBefore>,
}

impl<W: LogWriter> Core<W> {
    pub(super) fn new(
        replicas: Vec<Replica>,
        writer: W,
        queue: Receiver<ToCore>,
        feed: broadcast::Sender<Arc<OutcomeBatch>>,
        shared: Arc<EmbeddedState>,
        metrics: Metrics,
        log_batch_bytes_max: usize,
    ) -> Self {
        let answers = Answers::new(replicas.len(), metrics.clone());
        Self {
            replicas,
            writer,
            queue,
            answers,
            feed,
            shared,
            metrics,
            batch: Vec::with_capacity(BATCH_RECORDS_MAX),
            batch_bytes: 0,
            // The last record that is taken may be as large as a record can be.
            batch_bytes_max: log_batch_bytes_max
                .saturating_sub(RECORD_SIZE_MAX_BYTES + RECORD_OVERHEAD_BYTES)
                .min(BATCH_BYTES_MAX),
            appended: Vec::with_capacity(BATCH_RECORDS_MAX),
            actions: Vec::new(),
            paused_until_ms: 0,
            reset: None,
        }
    }

    /// Claims every partition and serves until a stop is asked for; what is queued by then is still
    /// appended and answered.
    pub(super) fn run(mut self) -> Result<(), CoreError> {
        for index in 0..self.replicas.len() {
            self.publish_position(index);
        }
        self.look_at_time()?;
        self.write_batch()?;
        self.shared.set_serving(true);
        while !self.shared.is_stopping() {
            self.wait_for_work();
            self.look_at_time()?;
            self.write_batch()?;
        }
        self.shared.set_serving(false);
        loop {
            self.take_waiting();
            if self.batch.is_empty() {
                return Ok(());
            }
            self.write_batch()?;
        }
    }

    /// Sleeps until there is a message or a hold runs out, then takes all that is waiting.
    fn wait_for_work(&mut self) {
        let now_ms = self.shared.clock().now_ms();
        let wake_ms = self.replicas.iter().filter_map(Replica::next_wake_ms).min();
        let sleep_ms = wake_ms
            .map_or(IDLE_MAX_MS, |at| {
                at.max(self.paused_until_ms).saturating_sub(now_ms)
            })
            .min(IDLE_MAX_MS);
        match self.queue.recv_timeout(Duration::from_millis(sleep_ms)) {
            Ok(message) => self.take(message),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        self.take_waiting();
    }

    fn take_waiting(&mut self) {
        while self.batch.len() < BATCH_RECORDS_MAX && self.batch_bytes < self.batch_bytes_max {
            let Ok(message) = self.queue.try_recv() else {
                break;
            };
            self.take(message);
        }
    }

    fn take(&mut self, message: ToCore) {
        match message {
            ToCore::Submit(submission) => {
                if usize::from(submission.partition.0) >= self.replicas.len() {
                    // The edge computes partitions from our own count, so this is a program error
                    // there; it is answered rather than trusted.
                    drop(submission.reply.send(Err(SubmitError::Unavailable)));
                    return;
                }
                self.batch_bytes += submission.payload.len() + RECORD_OVERHEAD_BYTES;
                self.batch.push(Waiting {
                    partition: submission.partition,
                    payload: submission.payload,
                    reply: Some(submission.reply),
                });
            }
            ToCore::Inspect(inspect) => {
                let seats = self
                    .replicas
                    .get(usize::from(inspect.partition.0))
                    .and_then(|replica| replica.machine().show_seats(inspect.show));
                drop(inspect.reply.send(seats));
            }
            ToCore::ResetClock(asked) => {
                let pending = self.reset_clock(asked.request, asked.by);
                drop(asked.reply.send(pending));
            }
        }
    }

    /// Sets machine time to the clock of this machine, with a record in every partition that says so.
    fn reset_clock(
        &mut self,
        request: RequestId,
        by: Staff,
    ) -> Result<Vec<oneshot::Receiver<Reply>>, ResetRefused> {
        let command = Command::ResetClock;
        let needed = command.machine_version();
        for replica in &self.replicas {
            let (partition, version) =
                (replica.machine().id(), replica.machine().machine_version());
            if version < needed {
                return Err(ResetRefused::Version {
                    partition,
                    version,
                    needed,
                });
            }
        }
        let envelope = Envelope {
            request_id: Some(request),
            by: Some(by),
            ..Envelope::machine(command)
        };
        let payload = codec::encode(&envelope).map_err(|error| {
            tracing::error!(%error, "a command of this node cannot be encoded");
            ResetRefused::Submit(SubmitError::Unavailable)
        })?;
        let before = self.shared.clock().reset();
        self.writer.set_back(self.shared.clock().now_ms());
        // Of two resets in a batch, what was before the first.
        self.reset.get_or_insert(before);
        // It was set by the clock before.
        self.paused_until_ms = 0;
        let mut pending = Vec::with_capacity(self.replicas.len());
        for replica in &self.replicas {
            let (reply, received) = oneshot::channel();
            self.batch_bytes += payload.len() + RECORD_OVERHEAD_BYTES;
            self.batch.push(Waiting {
                partition: replica.machine().id(),
                payload: payload.clone(),
                reply: Some(reply),
            });
            pending.push(received);
        }
        Ok(pending)
    }

    /// Lets every replica look at the clock and adds what it wants appended; claims what is not
    /// owned.
    fn look_at_time(&mut self) -> Result<(), CoreError> {
        let now_ms = self.shared.clock().now_ms();
        if now_ms < self.paused_until_ms {
            return Ok(());
        }
        for index in 0..self.replicas.len() {
            if self.replicas[index].role() == ReplicaRole::Follower {
                // At start, and again where a full disk kept the claim out of the log.
                let claim = self.replicas[index].claim();
                self.push_own(index, claim)?;
                self.raise_version(index)?;
            }
            let mut actions = std::mem::take(&mut self.actions);
            self.replicas[index].on_time(now_ms, &mut actions);
            let result = self.perform(index, &mut actions);
            self.actions = actions;
            result?;
        }
        Ok(())
    }

    /// Asks for all rules that this program knows where the log has older ones: no other program
    /// reads it. Behind the claim and in its batch, so before anything is served.
    fn raise_version(&mut self, index: usize) -> Result<(), CoreError> {
        let machine = self.replicas[index].machine();
        let machine_version = machine.machine_version_known();
        if machine.machine_version() < machine_version {
            self.push_own(index, Command::Barrier { machine_version })?;
        }
        Ok(())
    }

    fn perform(&mut self, index: usize, actions: &mut Vec<Action>) -> Result<(), CoreError> {
        for action in actions.drain(..) {
            match action {
                Action::Append(command) => self.push_own(index, command)?,
                Action::Stop(reason) => return Err(reason.into()),
                // The follower has the snapshot policy; the owner never gets one.
                Action::CutSnapshot => {}
            }
        }
        Ok(())
    }

    fn push_own(&mut self, index: usize, command: Command) -> Result<(), CoreError> {
        let payload = codec::encode(&Envelope::machine(command))?;
        let partition = self.replicas[index].machine().id();
        self.batch_bytes += payload.len() + RECORD_OVERHEAD_BYTES;
        self.batch.push(Waiting {
            partition,
            payload,
            reply: None,
        });
        Ok(())
    }

    /// Durable, then applied, then answered.
    fn write_batch(&mut self) -> Result<(), CoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let records: Vec<AppendRecord<'_>> = self
            .batch
            .iter()
            .map(|waiting| AppendRecord {
                partition: waiting.partition,
                payload: &waiting.payload,
            })
            .collect();
        self.appended.clear();
        // Never the wall clock itself: it may leap, and a leap ends holds and sales for good.
        let now_ms = self.shared.clock().now_ms();
        let result = self.writer.append(&records, now_ms, &mut self.appended);
        if let Some(before) = self.reset.take()
            && result.is_err()
        {
            self.shared.clock().undo(before);
        }
        match result {
            Ok(()) => {
                self.note_ends();
                self.note(Shortage::Disk, None);
                self.note(Shortage::Descriptors, None);
            }
            Err(LogError::DiskFull(error)) => {
                self.note(Shortage::Disk, Some(&error));
                self.refuse_batch(SubmitError::DiskFull);
                return Ok(());
            }
            Err(LogError::NoDescriptors(error)) => {
                self.note(Shortage::Descriptors, Some(&error));
                self.refuse_batch(SubmitError::NoDescriptors);
                return Ok(());
            }
            Err(
                error @ (LogError::UnknownPartition { .. }
                | LogError::RecordTooLarge { .. }
                | LogError::BatchTooLarge { .. }),
            ) => {
                tracing::error!(%error, "a batch that the log does not take was refused");
                self.refuse_batch(SubmitError::Unavailable);
                return Ok(());
            }
            // What is on disk is unknown now: the waiting senders are dropped, which says so.
            Err(error) => return Err(error.into()),
        }
        let durable = Instant::now();
        let result = self.apply_batch();
        self.observe(started, durable);
        self.batch.clear();
        self.batch_bytes = 0;
        self.shared.announce_batch();
        result
    }

    /// Says how far the log is, before any record in it is announced.
    fn note_ends(&self) {
        for (waiting, position) in self.batch.iter().zip(&self.appended) {
            let end = position.offset + 1;
            self.shared.set_log_end(waiting.partition, end);
        }
    }

    fn apply_batch(&mut self) -> Result<(), CoreError> {
        self.answers.feeding = self.feed.receiver_count() > 0;
        let mut actions = std::mem::take(&mut self.actions);
        for (waiting, position) in self.batch.iter_mut().zip(&self.appended) {
            let index = usize::from(waiting.partition.0);
            let replica = &mut self.replicas[index];
            let entry = Entry {
                offset: position.offset,
                log_time_ms: position.log_time_ms,
                payload: &waiting.payload,
            };
            self.answers.index = index;
            self.answers.waiting = waiting.reply.take();
            let own = self.answers.waiting.is_none();
            replica.on_entry(entry, &mut self.answers, &mut actions);
            if own {
                replica.on_tick_applied();
            }
            self.answers.touched[index] = true;
            let next_offset = replica.machine().next_offset();
            if next_offset.is_multiple_of(DIGEST_SAMPLE_EVERY_RECORDS) {
                let digest = replica.machine().digest();
                self.shared
                    .leave_digest(waiting.partition, next_offset, digest);
            }
            if let Some(Action::Stop(reason)) = actions.pop() {
                return Err(reason.into());
            }
        }
        self.actions = actions;
        for index in 0..self.replicas.len() {
            if std::mem::take(&mut self.answers.touched[index]) {
                self.publish_position(index);
                let records = std::mem::take(&mut self.answers.feed[index]);
                if !records.is_empty() {
                    let partition = self.replicas[index].machine().id();
                    // An error means that nothing listens any more, which is fine.
                    drop(
                        self.feed
                            .send(Arc::new(OutcomeBatch { partition, records })),
                    );
                }
            }
        }
        Ok(())
    }

    fn publish_position(&self, index: usize) {
        let machine = self.replicas[index].machine();
        let position = OwnerPosition {
            next_offset: machine.next_offset(),
            log_time_ms: machine.log_time_ms(),
            digest: machine.digest(),
            epoch: machine.epoch(),
            live_holds: u64::from(machine.live_holds()),
        };
        self.shared.set_owner(machine.id(), position);
    }

    fn refuse_batch(&mut self, why: SubmitError) {
        for waiting in self.batch.drain(..) {
            if let Some(reply) = waiting.reply {
                drop(reply.send(Err(why)));
            }
        }
        self.batch_bytes = 0;
    }

    /// Says once that the log is short of something and once that it is not any more.
    fn note(&mut self, of: Shortage, found: Option<&std::io::Error>) {
        let shared = &self.shared;
        let was_short = match of {
            Shortage::Disk => shared.is_disk_full(),
            Shortage::Descriptors => shared.is_short_of_descriptors(),
        };
        let is_short = found.is_some();
        match found {
            Some(error) => {
                if !was_short {
                    tracing::error!(%error, "{}", of.begins());
                }
                self.paused_until_ms = shared.clock().now_ms() + SHORTAGE_PAUSE_MS;
            }
            None if was_short => tracing::info!("{}", of.ends()),
            None => return,
        }
        let gauge = match of {
            Shortage::Disk => {
                shared.set_disk_full(is_short);
                &self.metrics.log_disk_full
            }
            Shortage::Descriptors => {
                shared.set_short_of_descriptors(is_short);
                &self.metrics.log_descriptors_short
            }
        };
        gauge.set(i64::from(is_short));
    }

    fn observe(&self, started: Instant, durable: Instant) {
        let records = self.batch.len() as f64;
        let metrics = &self.metrics;
        metrics.journal_batch_records.observe(records);
        metrics
            .journal_append_seconds
            .observe((durable - started).as_secs_f64());
        metrics.journal_bytes.inc_by(self.batch_bytes as u64);
        metrics
            .engine_apply_seconds
            .observe(durable.elapsed().as_secs_f64() / records);
        metrics
            .append_to_answer_seconds
            .observe(started.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests;
