//! One life of the process: recovery, batches that are durable, then applied, then answered, and a
//! follower that projects and cuts snapshots at its own pace.

use std::rc::Rc;

use onsale_engine::{NullSink, Partition as Machine};
use onsale_log::journal::{Journal, JournalWriter};
use onsale_log::{AppendRecord, Appended, EntryBatch, LogError, LogReader, LogWriter};
use onsale_processor::recovery::checksum;
use onsale_processor::replica::{Action, Replica, ReplicaRole, SnapshotPolicy};
use onsale_schemas::{Entry, Envelope, NodeName, Offset, OutcomeRecord, PartitionId, codec};

use super::world::{READ_BYTES, Record, Step, World};
use crate::agreement;
use crate::snapshots::{self, Cut};

/// Records of one batch at most.
const BATCH_MAX: usize = 24;
/// Leaps of the clock to where something ends, at most this far, in milliseconds.
const LEAP_MAX_MS: u64 = 3 * 86_400_000;

/// What a process holds in memory.
struct Process {
    writer: JournalWriter,
    journal: Journal,
    owners: Vec<Replica>,
    followers: Vec<Replica>,
}

impl World {
    /// From the opening of the journal to the end of the process.
    pub(super) fn live_once(
        &mut self,
        writer: JournalWriter,
        journal: Journal,
        is_last: bool,
    ) -> Step {
        self.stats.torn_tails += u64::from(journal.torn_tail().is_some());
        self.check_log(&journal)?;
        let machines = self.recover(&journal)?;
        let mut owners = machines.clone();
        catch_up(&journal, &mut owners)?;
        for (index, machine) in owners.iter().enumerate() {
            self.check_digest(index, machine)?;
            machine
                .self_check()
                .map_err(|error| format!("self-check: {error}"))?;
        }
        let policy = SnapshotPolicy {
            every_records: self.rng.one_of([20, 100, 400]),
            every_ms: 60_000,
        };
        let replica =
            |machine, policy| Replica::new(machine, NodeName("embedded".to_owned()), policy);
        let mut process = Process {
            writer,
            journal,
            owners: owners.into_iter().map(|m| replica(m, None)).collect(),
            followers: machines
                .into_iter()
                .map(|m| replica(m, Some(policy)))
                .collect(),
        };
        if is_last {
            return self.come_to_rest(&mut process);
        }
        let batches = self.rng.below(120);
        for _ in 0..batches {
            if self.asks_left == 0 || !self.write_batch(&mut process)? {
                break;
            }
            for index in 0..self.partitions.len() {
                if self.rng.percent(40) {
                    let records_max = 1 + self.rng.index(60);
                    self.follow(&mut process, index, records_max)?;
                }
            }
            if self.rng.percent(2) {
                let index = self.rng.index(self.partitions.len());
                self.harm_snapshot(index);
            }
        }
        if self.rng.percent(20) {
            // An orderly stop, if the disk allows it: nothing is in doubt, and what was
            // acknowledged is durable.
            if self.rng.percent(30) {
                self.disk.fail_syncs_after(Some(0));
            }
            if process.writer.close().is_err() {
                self.stats.unclean_closings += 1;
            }
            return Ok(());
        }
        // The disk stays as it is now; what the process would still do does not count.
        self.die();
        Ok(())
    }

    /// The newest usable snapshot of each partition that is not ahead of the projection.
    fn recover(&mut self, journal: &Journal) -> Result<Vec<Machine>, String> {
        let mut machines = Vec::new();
        for index in 0..self.partitions.len() {
            let partition = &self.partitions[index];
            let limit = partition.database.watermark.next_offset;
            let (first, _) = journal.bounds(partition.id).map_err(|e| e.to_string())?;
            let mut found = None;
            for bytes in partition.snapshots.iter().rev() {
                let usable = snapshots::decode(bytes, partition.id, self.limits)
                    .ok()
                    .filter(|(header, _)| {
                        let last = header.next_offset.checked_sub(1);
                        let last = last.and_then(|last| partition.entry(last));
                        header.next_offset <= limit
                            && header.next_offset >= first
                            && last.map(|e| checksum(e.payload)) == header.last_record_checksum
                    });
                if let Some((_, machine)) = usable {
                    self.stats.restores += 1;
                    found = Some(machine);
                    break;
                }
                self.stats.snapshots_refused += 1;
            }
            let machine = match found {
                Some(machine) => machine,
                None if first == 0 => Machine::new(partition.id, self.limits),
                None => {
                    return Err(format!(
                        "partition {}: the log begins at {first} and no snapshot reaches it",
                        partition.id
                    ));
                }
            };
            self.trace.note(
                self.clock_ms,
                "recover",
                index,
                machine.next_offset(),
                machine.digest(),
            );
            machines.push(machine);
        }
        Ok(machines)
    }

    /// One batch; false when the process has to end.
    fn write_batch(&mut self, process: &mut Process) -> Result<bool, String> {
        self.pass_time();
        let mut batch = self.own_records(process)?;
        for _ in 0..=self.rng.index(BATCH_MAX) {
            if self.asks_left == 0 {
                break;
            }
            batch.push(self.next_command());
        }
        let records: Vec<AppendRecord<'_>> = batch
            .iter()
            .map(|(index, payload)| AppendRecord {
                partition: self.partitions[*index].id,
                payload,
            })
            .collect();
        let mut appended: Vec<Appended> = Vec::new();
        match process
            .writer
            .append(&records, self.clock_ms, &mut appended)
        {
            Ok(()) => {}
            Err(LogError::DiskFull(_)) => {
                self.stats.disk_full += 1;
                self.trace.note(self.clock_ms, "full", 0, 0, 0);
                return Ok(true);
            }
            Err(_) => {
                self.stats.batches_in_doubt += 1;
                self.doubt(batch);
                return Ok(false);
            }
        }
        for ((index, payload), position) in batch.into_iter().zip(appended) {
            self.apply(process, index, payload.into(), position)?;
        }
        Ok(true)
    }

    /// It is unknown whether these got into the log; the stamps follow the writer's rule.
    fn doubt(&mut self, batch: Vec<(usize, Vec<u8>)>) {
        let mut last: Vec<u64> = self
            .partitions
            .iter()
            .map(|partition| partition.log.last().map_or(0, |record| record.log_time_ms))
            .collect();
        for (index, payload) in batch {
            last[index] = last[index].max(self.clock_ms);
            let record = Record {
                log_time_ms: last[index],
                payload: payload.into(),
            };
            self.in_doubt.push((index, record));
        }
    }

    /// A durable record is applied and answered.
    fn apply(
        &mut self,
        process: &mut Process,
        index: usize,
        payload: Rc<[u8]>,
        position: Appended,
    ) -> Step {
        let partition = &mut self.partitions[index];
        if position.offset != partition.log.len() as u64 {
            return Err(format!(
                "appended at {} in place of the end",
                position.offset
            ));
        }
        let last_ms = partition.log.last().map_or(0, |record| record.log_time_ms);
        if position.log_time_ms != last_ms.max(self.clock_ms) {
            return Err(format!(
                "the record at {} is stamped {}, the one before it {last_ms}, the clock says {}",
                position.offset, position.log_time_ms, self.clock_ms
            ));
        }
        let record = Record {
            log_time_ms: position.log_time_ms,
            payload: Rc::clone(&payload),
        };
        partition.take(record, &mut self.stats)?;
        let entry = Entry {
            offset: position.offset,
            log_time_ms: position.log_time_ms,
            payload: &payload,
        };
        let (mut outcomes, mut actions) = (Vec::new(), Vec::new());
        let owner = &mut process.owners[index];
        owner.on_entry(entry, &mut outcomes, &mut actions);
        owner.on_tick_applied();
        if let Some(Action::Stop(reason)) = actions.pop() {
            return Err(reason.to_string());
        }
        partition.check_outcome(position.offset, outcomes.pop())?;
        self.stats.records += 1;
        self.stats.applied += 1;
        self.stats.answered += 1;
        let digest = process.owners[index].machine().digest();
        self.trace
            .note(self.clock_ms, "record", index, position.offset, digest);
        self.check_digest(index, process.owners[index].machine())
    }

    /// Claims and ticks of the owners.
    fn own_records(&mut self, process: &mut Process) -> Result<Vec<(usize, Vec<u8>)>, String> {
        let mut batch = Vec::new();
        let mut actions = Vec::new();
        for (index, owner) in process.owners.iter_mut().enumerate() {
            if owner.role() == ReplicaRole::Follower {
                actions.push(Action::Append(owner.claim()));
            }
            owner.on_time(self.clock_ms, &mut actions);
            for action in actions.drain(..) {
                if let Action::Append(command) = action {
                    let payload = codec::encode(&Envelope::machine(command));
                    batch.push((index, payload.map_err(|error| error.to_string())?));
                }
            }
        }
        Ok(batch)
    }

    fn next_command(&mut self) -> (usize, Vec<u8>) {
        self.asks_left -= 1;
        self.stats.asked += 1;
        let index = self.rng.index(self.partitions.len());
        let workload = &mut self.partitions[index].workload;
        workload.set_time(self.clock_ms);
        let record = workload.next_record();
        let leap_ms = record.log_time_ms.saturating_sub(self.clock_ms);
        if (1..LEAP_MAX_MS).contains(&leap_ms) && self.rng.percent(10) {
            self.stats.log_clock_forward += 1;
            self.clock_ms = record.log_time_ms;
        }
        (index, record.payload)
    }

    fn pass_time(&mut self) {
        self.clock_ms += self.rng.below(40);
        if self.rng.percent(1) {
            self.stats.log_clock_back += 1;
            self.clock_ms = self.clock_ms.saturating_sub(self.rng.below(100_000));
        }
    }

    /// The follower applies, projects, and cuts a snapshot when one is due.
    fn follow(&mut self, process: &mut Process, index: usize, records_max: usize) -> Step {
        let id = self.partitions[index].id;
        let from = process.followers[index].machine().next_offset();
        let mut batch = EntryBatch::default();
        process
            .journal
            .reader()
            .read(id, from, READ_BYTES, &mut batch)
            .map_err(|error| error.to_string())?;
        let mut outcomes: Vec<Rc<OutcomeRecord>> = Vec::new();
        let mut wants_snapshot = false;
        for entry in batch.iter().take(records_max) {
            let (mut emitted, mut actions) = (Vec::new(), Vec::new());
            let follower = &mut process.followers[index];
            follower.on_entry(entry, &mut emitted, &mut actions);
            wants_snapshot |= actions.contains(&Action::CutSnapshot);
            let emitted = emitted.pop();
            self.partitions[index].check_outcome(entry.offset, emitted.clone())?;
            outcomes.extend(emitted.map(Rc::new));
            self.stats.applied += 1;
            self.check_digest(index, process.followers[index].machine())?;
        }
        let partition = &mut self.partitions[index];
        partition.database.project(&outcomes)?;
        let machine = process.followers[index].machine();
        partition.database.advance(machine.next_offset());
        self.stats.projections += 1;
        if wants_snapshot {
            let cut = Cut {
                machine: machine.clone(),
                last_record_checksum: machine
                    .next_offset()
                    .checked_sub(1)
                    .and_then(|last| partition.entry(last))
                    .map(|entry| checksum(entry.payload)),
            };
            // Older snapshots and log may go now, so the watermark must not fall back behind this.
            partition.durable = partition.database.clone();
            partition.snapshots.push(snapshots::encode(&cut)?);
            let surplus = partition.snapshots.len().saturating_sub(snapshots::KEPT);
            partition.snapshots.drain(..surplus);
            self.stats.snapshots += 1;
            self.trim(process)?;
        }
        Ok(())
    }

    /// Deletes the part of the log that no kept snapshot needs.
    fn trim(&mut self, process: &Process) -> Step {
        let mut keep_from: Vec<(PartitionId, Offset)> = Vec::new();
        for partition in &self.partitions {
            let oldest = partition.snapshots.first();
            let is_safe = partition.snapshots.len() == snapshots::KEPT;
            let offset = oldest
                .filter(|_| is_safe)
                .and_then(|bytes| snapshots::decode(bytes, partition.id, self.limits).ok())
                .map_or(0, |(header, _)| header.next_offset);
            keep_from.push((partition.id, offset));
        }
        if self.rng.percent(5) {
            self.disk.fail_syncs_after(Some(0));
        }
        match process.journal.truncate_before(&keep_from) {
            Ok(segments) => self.stats.segments_deleted += segments as u64,
            // The disk may have a fault.
            Err(_) => self.stats.failed_trims += 1,
        }
        Ok(())
    }

    /// Follows everything that is left, and compares.
    fn come_to_rest(&mut self, process: &mut Process) -> Step {
        for index in 0..self.partitions.len() {
            let end = self.partitions[index].log.len() as u64;
            while process.followers[index].machine().next_offset() < end {
                let before = process.followers[index].machine().next_offset();
                self.follow(process, index, usize::MAX)?;
                if process.followers[index].machine().next_offset() == before {
                    return Err(format!("the follower gets no record at {before} of {end}"));
                }
            }
            let checker = self.partitions[index].truth.checker();
            checker.check_state().map_err(|d| d.to_string())?;
            for replica in [&process.owners[index], &process.followers[index]] {
                let machine = replica.machine();
                machine
                    .self_check()
                    .map_err(|error| format!("self-check: {error}"))?;
                agreement::compare(checker.model(), machine)?;
            }
        }
        Ok(())
    }

    fn check_digest(&mut self, index: usize, machine: &Machine) -> Step {
        self.partitions[index]
            .truth
            .digest(machine.next_offset(), machine.digest())
            .map_err(|why| format!("partition {index}: {why}"))
    }
}

impl super::world::Partition {
    fn check_outcome(&self, offset: Offset, found: Option<OutcomeRecord>) -> Step {
        let expected = self.truth.expected(offset).map(|e| &*e.record);
        if expected == found.as_ref() {
            return Ok(());
        }
        Err(format!(
            "offset {offset} yields {found:?}, by the model {expected:?}"
        ))
    }
}

/// Applies the rest of the log to every owner, in one pass over the log.
fn catch_up(journal: &Journal, owners: &mut [Machine]) -> Step {
    let starts: Vec<(PartitionId, Offset)> = owners
        .iter()
        .map(|owner| (owner.id(), owner.next_offset()))
        .collect();
    let mut scan = journal.scan(&starts).map_err(|error| error.to_string())?;
    let mut apply = |partition: PartitionId, entry: Entry<'_>| {
        if let Some(owner) = owners.get_mut(usize::from(partition.0)) {
            owner.apply(entry, &mut NullSink);
        }
    };
    while scan.next_chunk(&mut apply).map_err(|e| e.to_string())? > 0 {}
    Ok(())
}
