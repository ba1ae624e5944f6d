//! The step of the machine: one record in, at most one outcome record out.

use onsale_schemas::envelope::Envelope;
use onsale_schemas::outcome::{EndedBooking, Replayed};
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{Command, Entry, Offset, Outcome, OutcomeRecord, Rejection, RequestId, codec};

use crate::limits::{HOUSEKEEPING_PER_ENTRY_MAX, HOUSEKEEPING_PER_ENTRY_MIN};
use crate::partition::Partition;
use crate::sink::OutcomeSink;
use crate::state::State;

mod amend_show;
mod barrier;
mod block;
mod cancel_show;
mod claim;
mod close_show;
mod confirm;
mod extend;
mod open_show;
mod places;
mod release;
mod reserve;
mod return_booking;
mod unblock;

/// What a command comes to.
type Verdict = Result<Outcome, Rejection>;

/// What a record comes to besides the holds it expired.
struct Answer {
    request_id: Option<RequestId>,
    replay_of: Option<Replayed>,
    outcome: Outcome,
}

impl Partition {
    /// Applies the record at [`Partition::next_offset`]. Total: whatever the payload, it has a
    /// defined effect, the same on every replica.
    ///
    /// Holds that are due expire first; then the command is looked at. Times in outcomes are machine
    /// times: the log time of the record, or the latest one before it if the log's clock went back.
    pub fn apply(&mut self, entry: Entry<'_>, sink: &mut impl OutcomeSink) {
        let Entry {
            offset,
            log_time_ms,
            payload,
        } = entry;
        debug_assert_eq!(offset, self.next_offset, "records come in log order");
        self.next_offset = offset.saturating_add(1);
        let state = &mut self.state;
        state.now = state.now.max(log_time_ms);

        let mut expired = Vec::new();
        state.sweep_due(&mut expired);
        let steps = HOUSEKEEPING_PER_ENTRY_MAX
            .saturating_sub(expired.len())
            .max(HOUSEKEEPING_PER_ENTRY_MIN);
        state.keep_house(steps);

        let decoded = codec::decode_envelope(payload).ok();
        let is_decoded = decoded.is_some();
        let answer = decoded.map_or(
            Answer {
                request_id: None,
                replay_of: None,
                outcome: Outcome::Nothing,
            },
            |envelope| state.answer(offset, envelope, &mut expired),
        );

        let silent = answer.request_id.is_none()
            && matches!(answer.outcome, Outcome::Nothing)
            && expired.is_empty();
        if silent {
            self.digest.silent(offset, state.now, is_decoded);
            return;
        }
        let record = OutcomeRecord {
            offset,
            previous: self.last_outcome.replace(offset),
            log_time_ms: state.now,
            request_id: answer.request_id,
            replay_of: answer.replay_of,
            expired,
            outcome: answer.outcome,
        };
        self.digest.outcome(&record, is_decoded);
        sink.emit(record);
    }
}

impl State {
    /// Answers a command: from memory if it was answered before under the same idempotency key.
    #[inline]
    fn answer(
        &mut self,
        offset: Offset,
        envelope: Envelope,
        expired: &mut Vec<EndedBooking>,
    ) -> Answer {
        let Envelope {
            request_id,
            idempotency,
            trace: _,
            command,
        } = envelope;
        let (Some(id), Some(fingerprint)) = (request_id, idempotency) else {
            return Answer {
                request_id,
                replay_of: None,
                outcome: self.run(offset, command, expired),
            };
        };
        if let Some(answer) = self.remembered(id, fingerprint) {
            return answer;
        }
        let outcome = if self.has_room_for_answer() {
            self.run(offset, command, expired)
        } else {
            Outcome::Rejected(Rejection::Full {
                table: FullTable::Idempotency,
            })
        };
        let is_transient =
            matches!(&outcome, Outcome::Rejected(rejection) if rejection.is_transient());
        if !is_transient {
            let written = self
                .answers
                .remember(id, fingerprint, offset, self.now, &outcome);
            debug_assert!(written.is_ok(), "every outcome can be encoded");
        }
        Answer {
            request_id,
            replay_of: None,
            outcome,
        }
    }

    /// The answer to a request that was answered within the window.
    fn remembered(&self, id: RequestId, fingerprint: u64) -> Option<Answer> {
        let (head, body) = self.answers.find(&id, self.now)?;
        if head.fingerprint != fingerprint {
            return Some(Answer {
                request_id: Some(id),
                replay_of: None,
                outcome: Outcome::Rejected(Rejection::IdempotencyKeyReused),
            });
        }
        let outcome = codec::decode_body::<Outcome>(body);
        debug_assert!(outcome.is_ok(), "remembered answers are ours");
        Some(Answer {
            request_id: Some(id),
            replay_of: Some(Replayed {
                offset: head.offset,
                log_time_ms: head.log_time_ms,
            }),
            outcome: outcome.ok()?,
        })
    }

    /// Runs a command.
    #[inline]
    fn run(
        &mut self,
        offset: Offset,
        command: Command,
        expired: &mut Vec<EndedBooking>,
    ) -> Outcome {
        let verdict = match command {
            Command::Reserve(command) => self.reserve(offset, command),
            Command::Confirm(command) => self.confirm(command, expired),
            Command::Release { booking, by } => self.release(booking, &by, expired),
            Command::Extend { booking, by_ms } => self.extend(booking, by_ms, expired),
            Command::Return { booking } => self.return_booking(booking, expired),
            Command::Tick { epoch: _ } => Ok(Outcome::Nothing),
            Command::OpenShow(command) => self.open_show(&command),
            Command::AmendShow(command) => self.amend_show(&command),
            Command::CloseShow { show } => self.close_show(show),
            Command::CancelShow { show } => self.cancel_show(show),
            Command::Block(command) => self.block(command),
            Command::Unblock(command) => self.unblock(command),
            Command::Claim { node, epoch } => Ok(self.claim(node, epoch)),
            Command::Barrier { machine_version } => Ok(self.barrier(machine_version)),
        };
        verdict.unwrap_or_else(Outcome::Rejected)
    }
}
