//! One step of the machine: one record in, at most one outcome record out.

use onsale_schemas::command::ConfirmV2;
use onsale_schemas::envelope::Envelope;
use onsale_schemas::outcome::{EndedBooking, Replayed};
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{
    Command, Entry, LogTimeMs, Offset, Outcome, OutcomeRecord, Rejection, RequestId, codec,
};

use crate::asked::Asked;
use crate::batch::Prepared;
use crate::limits::{HOUSEKEEPING_PER_ENTRY_MAX, HOUSEKEEPING_PER_ENTRY_MIN};
use crate::partition::Partition;
use crate::sink::OutcomeSink;
use crate::state::State;

mod add_seats;
mod amend_codes;
mod amend_event;
mod amend_show;
mod barrier;
mod block;
mod cancel_event;
mod cancel_show;
mod claim;
mod claim_reference;
mod close_show;
mod confirm;
mod create_codes;
mod describe;
mod end_codes;
mod extend;
mod open_show;
mod open_show_v2;
mod open_show_v3;
mod order;
mod places;
mod plans;
mod release;
mod reserve;
mod reserve_v2;
mod reset_clock;
mod return_booking;
mod return_places;
mod set_offer;
mod take_seats;
mod unblock;

pub(crate) use plans::are_rows_valid;

/// What a command comes to.
type Verdict = Result<Outcome, Rejection>;

/// As [`Verdict`] for the most frequent commands: they write their outcome in its place, because
/// moving it around costs more than building it.
type Done = Result<(), Rejection>;

impl Partition {
    /// Applies the record at [`Partition::next_offset`]. Total: whatever the payload, it has a
    /// defined effect, the same on every replica.
    ///
    /// Holds that are due expire first; then the command is looked at. Times in outcomes are machine
    /// times: the log time of the record, or the latest one before it if the log's clock went back.
    pub fn apply(&mut self, entry: Entry<'_>, sink: &mut impl OutcomeSink) {
        let mut record = Prepared::default();
        record.read(&entry);
        self.step(&mut record, sink);
    }

    /// Applies a record that was decoded.
    #[inline]
    pub(crate) fn step(&mut self, prepared: &mut Prepared, sink: &mut impl OutcomeSink) {
        let offset = prepared.offset;
        debug_assert_eq!(offset, self.next_offset, "records come in log order");
        self.next_offset = offset.saturating_add(1);
        let state = &mut self.state;
        state.now = state.now.max(prepared.log_time_ms);

        let mut record = OutcomeRecord {
            offset,
            previous: None,
            log_time_ms: state.now,
            request_id: None,
            replay_of: None,
            expired: Vec::new(),
            outcome: Outcome::Nothing,
        };
        state.pass_time(&mut record.expired);
        // What older programs cannot read counts as unreadable until all have been replaced.
        let version = state.machine_version;
        let readable = |envelope: &&mut Envelope| envelope.machine_version() <= version;
        let envelope = prepared.envelope.as_mut().filter(readable);
        let is_decoded = envelope.is_some();
        if let Some(envelope) = envelope {
            let log_time_ms = prepared.log_time_ms;
            state.answer(envelope, prepared.hint, log_time_ms, &mut record);
        }

        let silent = record.request_id.is_none()
            && matches!(record.outcome, Outcome::Nothing)
            && record.expired.is_empty();
        if silent {
            self.digest.silent(offset, record.log_time_ms, is_decoded);
            return;
        }
        record.previous = self.last_outcome.replace(offset);
        self.digest.outcome(&record, is_decoded);
        sink.emit(record);
    }
}

impl State {
    /// What the passing of time does: due holds expire, and what is past its time is forgotten.
    #[inline]
    fn pass_time(&mut self, expired: &mut Vec<EndedBooking>) {
        if !self.expiry.is_quiet(self.now) {
            self.sweep_due(expired);
        }
        if !self.is_house_in_order() {
            let steps = HOUSEKEEPING_PER_ENTRY_MAX
                .saturating_sub(expired.len())
                .max(HOUSEKEEPING_PER_ENTRY_MIN);
            self.keep_house(steps);
        }
    }

    /// Answers a command: from memory if it was answered before under the same idempotency key.
    #[inline]
    fn answer(
        &mut self,
        envelope: &mut Envelope,
        hint: u32,
        log_time_ms: LogTimeMs,
        record: &mut OutcomeRecord,
    ) {
        let Envelope {
            request_id,
            idempotency,
            trace: _,
            command,
            by,
        } = envelope;
        let asked = Asked {
            hint,
            log_time_ms,
            by: by.as_ref(),
        };
        record.request_id = *request_id;
        match (*request_id, *idempotency) {
            (Some(id), Some(fingerprint)) => {
                self.answer_once(id, fingerprint, command, &asked, record);
            }
            _ => self.run(command, &asked, record),
        }
    }

    /// Answers a command that must run once under its idempotency key.
    fn answer_once(
        &mut self,
        id: RequestId,
        fingerprint: u64,
        command: &mut Command,
        asked: &Asked<'_>,
        record: &mut OutcomeRecord,
    ) {
        if let Some((replay_of, outcome)) = self.remembered(id, fingerprint) {
            record.replay_of = replay_of;
            record.outcome = outcome;
            return;
        }
        if self.has_room_for_answer() {
            self.run(command, asked, record);
        } else {
            record.outcome = Outcome::Rejected(Rejection::Full {
                table: FullTable::Idempotency,
            });
        }
        let outcome = &record.outcome;
        let is_transient =
            matches!(outcome, Outcome::Rejected(rejection) if rejection.is_transient());
        if !is_transient {
            let written = self
                .answers
                .remember(id, fingerprint, record.offset, self.now, outcome);
            debug_assert!(written.is_ok(), "every outcome can be encoded");
        }
    }

    /// The answer to a request that was answered within the window.
    fn remembered(&self, id: RequestId, fingerprint: u64) -> Option<(Option<Replayed>, Outcome)> {
        let (head, body) = self.answers.find(&id, self.now)?;
        if head.fingerprint != fingerprint {
            return Some((None, Outcome::Rejected(Rejection::IdempotencyKeyReused)));
        }
        let outcome = codec::decode_body::<Outcome>(body);
        debug_assert!(outcome.is_ok(), "remembered answers decode");
        let replayed = Replayed {
            offset: head.offset,
            log_time_ms: head.log_time_ms,
        };
        Some((Some(replayed), outcome.ok()?))
    }

    /// Runs a command.
    #[inline]
    fn run(&mut self, command: &mut Command, asked: &Asked<'_>, record: &mut OutcomeRecord) {
        let done = match command {
            Command::Reserve(command) => {
                self.reserve(record.offset, command, asked.hint, &mut record.outcome)
            }
            Command::ReserveV2(command) => {
                self.reserve_v2(record.offset, command, asked.hint, &mut record.outcome)
            }
            Command::Confirm(command) => self.confirm(command, None, asked, record),
            Command::ConfirmV2(ConfirmV2 { confirm, paid }) => {
                self.confirm(confirm, *paid, asked, record)
            }
            Command::Release { booking, by } => self.release(*booking, by, asked, record),
            rare => self
                .run_rare(rare, record.offset, asked, &mut record.expired)
                .map(|outcome| record.outcome = outcome),
        };
        if let Err(rejection) = done {
            record.outcome = Outcome::Rejected(rejection);
        }
    }

    fn run_rare(
        &mut self,
        command: &Command,
        offset: Offset,
        asked: &Asked<'_>,
        expired: &mut Vec<EndedBooking>,
    ) -> Verdict {
        match command {
            // Not rare, and run above.
            Command::Reserve(_)
            | Command::ReserveV2(_)
            | Command::Confirm(_)
            | Command::ConfirmV2(_)
            | Command::Release { .. } => Ok(Outcome::Nothing),
            Command::Extend { booking, by_ms } => self.extend(*booking, *by_ms, asked, expired),
            Command::Return { booking } => self.return_booking(*booking, asked, expired),
            Command::Tick { epoch: _ } => Ok(Outcome::Nothing),
            Command::OpenShow(command) => self.open_show(command, asked),
            Command::AmendShow(command) => self.amend_show(command, asked),
            Command::CloseShow { show } => self.close_show(*show, asked),
            Command::CancelShow { show } => self.cancel_show(*show, asked),
            Command::Block(command) => self.block(command.clone(), asked),
            Command::Unblock(command) => self.unblock(command.clone(), asked),
            Command::Claim { node, epoch } => Ok(self.claim(node.clone(), *epoch)),
            Command::Barrier { machine_version } => Ok(self.barrier(*machine_version)),
            Command::OpenShowV2(command) => self.open_show_v2(command, asked),
            Command::AmendEvent(command) => self.amend_event(command, asked),
            Command::CancelEvent { event } => self.cancel_event(*event, asked),
            Command::ClaimReference(command) => self.claim_reference(command),
            Command::Describe(command) => self.describe(command),
            Command::ResetClock => Ok(self.reset_clock(asked.log_time_ms)),
            Command::OpenShowV3(command) => self.open_show_v3(command, asked),
            Command::SetOffer(command) => self.set_offer(command, asked),
            Command::CreateCodes(command) => self.create_codes(command, offset, asked),
            Command::AmendCodes(command) => self.amend_codes(command, asked),
            Command::EndCodes { show, which } => self.end_codes(*show, which, asked),
            Command::ReturnPlaces(command) => self.return_places(command, asked, expired),
            Command::AddSeats(command) => self.add_seats(command, asked),
            Command::TakeSeats(command) => self.take_seats(command.clone(), asked),
        }
    }
}
