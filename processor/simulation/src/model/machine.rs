//! The order of steps within one record: time, expiry, forgetting, decoding, idempotency, command.

use onsale_schemas::limits::EXPIRIES_PER_ENTRY_MAX;
use onsale_schemas::outcome::{EndedBooking, Replayed};
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{
    Command, Entry, Envelope, LogTimeMs, NodeName, Offset, Outcome, OutcomeRecord, PartitionId,
    Rejection, ShowId, ShowSeats, Staff, codec,
};

use super::bookings::{Booking, BookingState, Bookings};
use super::cooldown::Cooldowns;
use super::documents::Documents;
use super::events::Events;
use super::idempotency::{Answers, Lookup};
use super::references::References;
use super::shows::{Show, Shows};
use super::users::Users;

/// The highest machine version that the shipped program knows.
pub const MACHINE_VERSION_KNOWN: u16 = 3;
/// The one that every log begins with.
const MACHINE_VERSION_FIRST: u16 = 1;

/// How many rows the tables of a partition may have, as configured for the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ModelLimits {
    /// Shows.
    pub shows_max: u32,
    /// Bookings, live and ended ones that are still kept.
    pub bookings_max: u32,
    /// Remembered idempotent answers.
    pub remembered_answers_max: u32,
    /// Claimed payment references.
    pub references_max: u32,
    /// Bytes of all catalog documents.
    pub documents_max_bytes: u64,
    /// Codes of all shows that are not cancelled.
    pub codes_max: u32,
    /// The highest version of the rules that a barrier may raise.
    pub machine_version_known: u16,
}

impl Default for ModelLimits {
    fn default() -> Self {
        Self {
            shows_max: 100_000,
            bookings_max: 8_000_000,
            remembered_answers_max: 8_000_000,
            references_max: 8_000_000,
            documents_max_bytes: 256 << 20,
            codes_max: 2_000_000,
            machine_version_known: MACHINE_VERSION_KNOWN,
        }
    }
}

/// The naive machine of one partition.
#[derive(Clone, Debug)]
pub struct Model {
    pub(super) partition: PartitionId,
    pub(super) limits: ModelLimits,
    pub(super) next_offset: Offset,
    pub(super) now: LogTimeMs,
    pub(super) owner: Option<NodeName>,
    pub(super) epoch: u64,
    pub(super) machine_version: u16,
    pub(super) unsupported_version: Option<u16>,
    pub(super) last_outcome: Option<Offset>,
    pub(super) shows: Shows,
    pub(super) bookings: Bookings,
    pub(super) users: Users,
    pub(super) answers: Answers,
    pub(super) events: Events,
    pub(super) references: References,
    pub(super) documents: Documents,
    pub(super) cooldowns: Cooldowns,
    /// The staff on whose behalf the record being applied comes.
    pub(super) by: Option<Staff>,
    /// Log time of the record being applied.
    record_time_ms: LogTimeMs,
    /// Holds that expired at the record being applied.
    pub(super) expired: Vec<EndedBooking>,
    /// True when the last sweep stopped at its bound, which alone excuses holds past their end.
    pub(super) sweep_was_cut: bool,
}

impl Model {
    /// The state before the first record.
    pub fn new(partition: PartitionId, limits: ModelLimits) -> Self {
        Self {
            partition,
            limits,
            next_offset: 0,
            now: 0,
            owner: None,
            epoch: 0,
            machine_version: MACHINE_VERSION_FIRST,
            unsupported_version: None,
            last_outcome: None,
            shows: Shows::default(),
            bookings: Bookings::default(),
            users: Users::default(),
            answers: Answers::default(),
            events: Events::default(),
            references: References::default(),
            documents: Documents::default(),
            cooldowns: Cooldowns::default(),
            by: None,
            record_time_ms: 0,
            expired: Vec::new(),
            sweep_was_cut: false,
        }
    }

    /// Applies the record at [`Model::next_offset`]; another offset is the caller's mistake.
    pub fn apply(&mut self, entry: Entry<'_>) -> Option<OutcomeRecord> {
        debug_assert_eq!(entry.offset, self.next_offset, "records come in order");
        self.next_offset = entry.offset.saturating_add(1);
        self.record_time_ms = entry.log_time_ms;
        self.now = self.now.max(entry.log_time_ms);
        let log_time_ms = self.now;

        self.sweep();
        self.bookings.forget(self.now);
        self.answers.forget(self.now);
        self.references.forget(self.now);

        let (request_id, replay_of, outcome) = match codec::decode::<Envelope>(entry.payload) {
            Ok(envelope) if envelope.machine_version() <= self.machine_version => {
                self.by = envelope.by;
                let (replay_of, outcome) = self.answer(entry.offset, &envelope);
                (envelope.request_id, replay_of, outcome)
            }
            Ok(_) | Err(_) => (None, None, Outcome::Nothing),
        };

        let expired = std::mem::take(&mut self.expired);
        if request_id.is_none() && outcome == Outcome::Nothing && expired.is_empty() {
            return None;
        }
        let previous = self.last_outcome.replace(entry.offset);
        Some(OutcomeRecord {
            offset: entry.offset,
            previous,
            log_time_ms,
            request_id,
            replay_of,
            expired,
            outcome,
        })
    }

    /// Expires due holds in order of (end, offset). Each counts with its zones; the first one that
    /// would make them too many for one record, and all after it, have to wait.
    fn sweep(&mut self) {
        self.sweep_was_cut = false;
        while let Some(offset) = self.bookings.first_due(self.now) {
            let entries = self.bookings.get(offset).map_or(0, |due| due.ended().len());
            if self.expired.len() + entries > EXPIRIES_PER_ENTRY_MAX {
                self.sweep_was_cut = true;
                return;
            }
            self.expire(offset);
        }
    }

    /// Ends one hold by its time.
    pub(super) fn expire(&mut self, offset: Offset) {
        let now = self.now;
        self.end(offset, BookingState::Expired { at_ms: now });
        if let Some(booking) = self.bookings.get(offset).cloned() {
            self.expired.extend(booking.ended());
            self.note_unpaid(&booking);
        }
    }

    /// Frees the places of a live booking and puts it into `state`.
    pub(super) fn end(&mut self, offset: Offset, state: BookingState) {
        let Some(booking) = self.bookings.get(offset) else {
            return;
        };
        if let Some(show) = self.shows.get_mut(booking.show) {
            show.give_back(booking);
        }
        self.users
            .subtract(booking.event, booking.user, booking.quantity());
        self.bookings.set_state(offset, state);
    }

    /// Runs the command unless its answer is remembered.
    fn answer(&mut self, offset: Offset, envelope: &Envelope) -> (Option<Replayed>, Outcome) {
        let (Some(request), Some(fingerprint)) = (envelope.request_id, envelope.idempotency) else {
            return (None, self.run(offset, &envelope.command));
        };
        match self.answers.look_up(request, fingerprint) {
            Lookup::Same { first, outcome } => return (Some(first), outcome),
            Lookup::OtherBody => {
                return (None, Outcome::Rejected(Rejection::IdempotencyKeyReused));
            }
            Lookup::Unknown => {}
        }
        if self.answers.len() >= self.limits.remembered_answers_max as usize {
            let table = FullTable::Idempotency;
            return (None, Outcome::Rejected(Rejection::Full { table }));
        }
        let outcome = self.run(offset, &envelope.command);
        let transient = matches!(&outcome, Outcome::Rejected(why) if why.is_transient());
        if !transient {
            let first = Replayed {
                offset,
                log_time_ms: self.now,
            };
            self.answers
                .remember(request, fingerprint, first, outcome.clone());
        }
        (None, outcome)
    }

    /// Runs a command for the first time.
    fn run(&mut self, offset: Offset, command: &Command) -> Outcome {
        let result = match command {
            Command::OpenShow(open) => self.open_show(open),
            Command::AmendShow(amend) => self.amend_show(amend),
            Command::CloseShow { show } => self.close_show(*show),
            Command::CancelShow { show } => self.cancel_show(*show),
            Command::Reserve(reserve) => self.reserve(offset, reserve),
            Command::Confirm(confirm) => self.confirm(confirm, None),
            Command::Release { booking, by } => self.release(*booking, *by),
            Command::Extend { booking, by_ms } => self.extend(*booking, *by_ms),
            Command::Return { booking } => self.give_back(*booking),
            Command::Block(block) => self.block(block),
            Command::Unblock(block) => self.unblock(block),
            Command::Tick { .. } => Ok(Outcome::Nothing),
            Command::Claim { node, epoch } => Ok(self.claim(node, *epoch)),
            Command::Barrier { machine_version } => Ok(self.barrier(*machine_version)),
            Command::OpenShowV2(open) => self.open_show_v2(open),
            Command::AmendEvent(amend) => self.amend_event(amend),
            Command::CancelEvent { event } => self.cancel_event(*event),
            Command::ConfirmV2(paid) => self.confirm(&paid.confirm, paid.paid),
            Command::ClaimReference(claim) => self.claim_reference(claim),
            Command::Describe(describe) => self.describe(describe),
            Command::ResetClock => Ok(self.reset_clock(self.record_time_ms)),
            Command::OpenShowV3(open) => self.open_show_v3(open),
            Command::SetOffer(set) => self.set_offer(set),
            Command::CreateCodes(create) => self.create_codes(offset, create),
            Command::AmendCodes(amend) => self.amend_codes(amend),
            Command::EndCodes { show, which } => self.end_codes(*show, *which),
            Command::ReserveV2(reserve) => self.reserve_v2(offset, reserve),
            Command::ReturnPlaces(places) => self.return_places(places),
            Command::AddSeats(add) => self.add_seats(add),
            Command::TakeSeats(block) => self.take_seats(block),
        };
        result.unwrap_or_else(Outcome::Rejected)
    }

    fn claim(&mut self, node: &NodeName, epoch: u64) -> Outcome {
        if epoch <= self.epoch {
            return Outcome::Nothing;
        }
        self.epoch = epoch;
        self.owner = Some(node.clone());
        Outcome::Claimed {
            node: node.clone(),
            epoch,
        }
    }

    fn barrier(&mut self, given: u16) -> Outcome {
        if given > self.limits.machine_version_known {
            self.unsupported_version = self.unsupported_version.max(Some(given));
        } else {
            self.machine_version = self.machine_version.max(given);
        }
        Outcome::BarrierPassed {
            machine_version: self.machine_version,
        }
    }

    /// Its partition.
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// Offset of the first record not yet applied.
    pub fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// Machine time in milliseconds: the highest log time so far.
    pub fn log_time_ms(&self) -> LogTimeMs {
        self.now
    }

    /// Epoch of the owner; 0 before the first claim.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The node that claimed the partition last with a higher epoch.
    pub fn owner(&self) -> Option<&NodeName> {
        self.owner.as_ref()
    }

    /// The version of the rules in force.
    pub fn machine_version(&self) -> u16 {
        self.machine_version
    }

    /// The highest version that a barrier requested and the model does not know.
    pub fn unsupported_version(&self) -> Option<u16> {
        self.unsupported_version
    }

    /// Offset of the last record that had an outcome.
    pub fn last_outcome(&self) -> Option<Offset> {
        self.last_outcome
    }

    /// Answers within their window.
    pub fn remembered_answers(&self) -> usize {
        self.answers.len()
    }

    /// The seats of a show.
    pub fn show_seats(&self, show: ShowId) -> Option<ShowSeats> {
        let show = self.shows.get(show)?;
        Some(show.seats_view(self.next_offset))
    }

    /// A show.
    pub fn show(&self, show: ShowId) -> Option<&Show> {
        self.shows.get(show)
    }

    /// All shows, ascending by id.
    pub fn shows(&self) -> impl Iterator<Item = &Show> {
        self.shows.iter()
    }

    /// A booking that is live or still kept.
    pub fn booking(&self, offset: Offset) -> Option<&Booking> {
        self.bookings.get(offset)
    }

    /// All bookings that are live or still kept, ascending by offset.
    pub fn bookings(&self) -> impl Iterator<Item = &Booking> {
        self.bookings.iter()
    }

    /// Bookings that have their places: held or confirmed, ascending by offset.
    pub fn live_bookings(&self) -> impl Iterator<Item = &Booking> {
        self.bookings.iter().filter(|booking| booking.is_live())
    }
}

#[cfg(test)]
mod tests;
