//! Records one after the other.

use onsale_schemas::{Command, Envelope, LogTimeMs, OutcomeRecord, RequestId, codec};

use super::actions::Actions;
use super::clock;
use super::layouts::id_bytes;
use super::newer;
use super::profile::{Action, Profile};
use super::rng::Rng;
use super::world::{SeenRequest, World};

/// A record that a log could hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Generated {
    /// The time that the log stamps on it.
    pub log_time_ms: LogTimeMs,
    /// The encoded envelope, or bytes that are none.
    pub payload: Vec<u8>,
}

/// A source of records.
///
/// It observes the machine's answers ([`Workload::observe`]) in order to return to bookings and
/// requests. [`Workload::next_record`] follows the seed; [`Workload::record_from`] builds each
/// record from its own number, so that a history can be reduced by leaving numbers out.
#[derive(Clone, Debug)]
pub struct Workload {
    profile: Profile,
    world: World,
    rng: Rng,
}

impl Workload {
    /// The workload of a seed.
    pub fn new(profile: Profile, seed: u64) -> Self {
        Self {
            world: World::new(&profile, seed),
            profile,
            rng: Rng::new(seed),
        }
    }

    /// The next record of the seed.
    pub fn next_record(&mut self) -> Generated {
        let choice = self.rng.next_u64();
        self.record_from(choice)
    }

    /// The record for a number, given what was seen so far.
    pub fn record_from(&mut self, choice: u64) -> Generated {
        let mut rng = Rng::new(choice);
        let log_time_ms = clock::next(&self.world, self.profile.pace, &mut rng);
        self.world.now = self.world.now.max(log_time_ms);
        Generated {
            log_time_ms,
            payload: self.payload(&mut rng),
        }
    }

    /// Sets the log's time, where something else stamps the records.
    pub fn set_time(&mut self, now: LogTimeMs) {
        self.world.now = now;
    }

    /// Takes the machine's answer in.
    pub fn observe(&mut self, record: &OutcomeRecord) {
        self.world.observe(record);
    }

    fn payload(&mut self, rng: &mut Rng) -> Vec<u8> {
        if self.profile.names_staff && !self.world.is_any_open() && rng.percent(60) {
            let machine_version = 2;
            return self.fresh(Command::Barrier { machine_version }, rng);
        }
        if let Some(open) = self.opening(rng) {
            let command = if self.profile.names_staff {
                self.command(Action::Open, rng)
            } else {
                Command::OpenShow(open)
            };
            return self.fresh(command, rng);
        }
        let total = self.profile.total_weight();
        match self.profile.action(rng.below(total)) {
            Action::Garbage => self.garbage(rng),
            Action::Repeat => self.repeat(rng),
            action => {
                let command = self.command(action, rng);
                self.fresh(command, rng)
            }
        }
    }

    /// Large shows are opened one after the other before anything else; of small ones the first
    /// must be open for anything to happen.
    fn opening(&self, rng: &mut Rng) -> Option<onsale_schemas::command::OpenShow> {
        let shows = &self.world.shows;
        if self.profile.large_shows {
            let closed = shows.iter().find(|show| !show.opened)?;
            return Some(closed.open.clone());
        }
        if self.world.is_any_open() || rng.percent(20) {
            return None;
        }
        rng.pick(shows).map(|show| show.open.clone())
    }

    fn command(&self, action: Action, rng: &mut Rng) -> Command {
        Actions {
            profile: &self.profile,
            world: &self.world,
            rng,
        }
        .command(action)
    }

    /// A new request, with or without a key.
    fn fresh(&mut self, command: Command, rng: &mut Rng) -> Vec<u8> {
        let machine = matches!(
            command,
            Command::Tick { .. }
                | Command::Claim { .. }
                | Command::Barrier { .. }
                | Command::ResetClock
        );
        if rng.percent(if machine { 90 } else { 8 }) {
            // A fingerprint without a request has no meaning, and must do no harm.
            let idempotency = rng.percent(10).then_some(1);
            return self.encode(None, idempotency, command, rng);
        }
        if rng.percent(50) {
            let id = RequestId::from_bytes(id_bytes(b'r', rng.next_u64()));
            return self.encode(Some(id), None, command, rng);
        }
        let id = RequestId::from_bytes(id_bytes(b'k', rng.below(self.profile.keys)));
        let fingerprint = rng.below(2);
        self.keyed(id, fingerprint, command, rng)
    }

    fn keyed(
        &mut self,
        id: RequestId,
        fingerprint: u64,
        command: Command,
        rng: &mut Rng,
    ) -> Vec<u8> {
        self.world.note_request(SeenRequest {
            id,
            fingerprint,
            at_ms: self.world.now,
            command: command.clone(),
        });
        self.encode(Some(id), Some(fingerprint), command, rng)
    }

    /// An earlier request: unchanged, with another body, or under a key without one.
    fn repeat(&mut self, rng: &mut Rng) -> Vec<u8> {
        let back = rng.index(self.world.requests.len());
        let Some(seen) = self.world.requests.iter().rev().nth(back).cloned() else {
            let command = self.command(Action::ReserveGeneral, rng);
            return self.fresh(command, rng);
        };
        match rng.below(10) {
            0 => self.keyed(seen.id, seen.fingerprint ^ 1, seen.command, rng),
            1 => {
                let other = self.command(Action::ReserveBest, rng);
                self.keyed(seen.id, seen.fingerprint, other, rng)
            }
            2 => self.encode(Some(seen.id), None, seen.command, rng),
            _ => self.encode(Some(seen.id), Some(seen.fingerprint), seen.command, rng),
        }
    }

    /// Random bytes, a truncated command, or one with a flipped bit.
    fn garbage(&mut self, rng: &mut Rng) -> Vec<u8> {
        let command = self.command(Action::ReserveSeats, rng);
        let mut bytes = self.encode(None, None, command, rng);
        let at = rng.index(bytes.len());
        match rng.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.push(0),
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.below(8);
                }
            }
            _ => bytes = rng.next_u64().to_le_bytes().to_vec(),
        }
        bytes
    }

    /// The encoded envelope; empty if it does not fit into a record.
    fn encode(
        &self,
        request_id: Option<RequestId>,
        idempotency: Option<u64>,
        command: Command,
        rng: &mut Rng,
    ) -> Vec<u8> {
        let by = if self.profile.names_staff {
            newer::staff(rng)
        } else {
            None
        };
        let envelope = Envelope {
            request_id,
            idempotency,
            trace: None,
            command,
            by,
        };
        codec::encode(&envelope).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use onsale_schemas::{Entry, Outcome, PartitionId};

    use super::*;
    use crate::model::{Model, ModelLimits};

    /// Number of the refusal by a full table.
    const FULL: u16 = 16;

    fn run(profile: Profile, seed: u64, records: u64) -> Vec<OutcomeRecord> {
        let mut workload = Workload::new(profile, seed);
        let limits = ModelLimits {
            machine_version_known: 2,
            ..ModelLimits::default()
        };
        let mut model = Model::new(PartitionId(0), limits);
        let mut outcomes = Vec::new();
        for offset in 0..records {
            let record = workload.next_record();
            let outcome = model.apply(Entry {
                offset,
                log_time_ms: record.log_time_ms,
                payload: &record.payload,
            });
            if let Some(outcome) = outcome {
                workload.observe(&outcome);
                outcomes.push(outcome);
            }
        }
        assert_eq!(model.check_invariants(), Ok(()));
        outcomes
    }

    #[test]
    fn a_seed_means_one_history() {
        let history = |seed| run(Profile::adversarial(), seed, 500);
        assert_eq!(history(3), history(3));
        assert_ne!(history(3), history(4));
    }

    /// A workload that never gets some answer does not test it.
    #[test]
    fn the_adversarial_mix_gets_every_answer_but_those_of_full_tables() {
        let mut refusals = BTreeSet::new();
        let mut answers = BTreeSet::new();
        let (mut replays, mut revived) = (0, 0);
        for seed in 0..40 {
            let mut records = run(Profile::adversarial_v2(), seed, 1_000);
            records.extend(run(Profile::unpaid(), seed, 600));
            for record in records {
                replays += u32::from(record.replay_of.is_some());
                match &record.outcome {
                    Outcome::Rejected(why) => {
                        refusals.insert(why.number());
                    }
                    other => {
                        let name = format!("{other:?}");
                        let end = name.find([' ', '(', '{']).unwrap_or(name.len());
                        answers.insert(name[..end].to_owned());
                        revived += u32::from(matches!(other, Outcome::Confirmed(c) if c.revived));
                    }
                }
            }
        }
        let all: BTreeSet<u16> = (1..=19).filter(|number| *number != FULL).collect();
        assert_eq!(refusals, all);
        assert_eq!(answers.len(), 18, "{answers:?}");
        assert!(replays > 100 && revived > 20, "{replays} {revived}");
    }

    #[test]
    fn an_on_sale_mostly_succeeds() {
        let outcomes = run(Profile::on_sale(4, 10_000), 1, 5_000);
        let held = outcomes
            .iter()
            .filter(|record| matches!(record.outcome, Outcome::Reserved(_)));
        assert!(held.count() > 2_000);
    }
}
