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
        let is_raising = self.profile.sells_orders && !self.profile.awaits_barrier;
        let is_behind = is_raising && self.world.machine_version < 3;
        if is_behind && self.world.is_any_open() && rng.percent(8) {
            let machine_version = rng.one_of([2, 3, 3]);
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
        self.world.note_asked(&command);
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
mod tests;
