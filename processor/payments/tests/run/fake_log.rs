//! A log with one booking that does what the machine does with it, and loses replies when it is told to.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use onsale_log::{CommandLog, OutcomeBatch, Submission, SubmitError};
use onsale_schemas::command::{Confirm, Currency};
use onsale_schemas::outcome::{Confirmed, EndedBooking};
use onsale_schemas::{
    Command, Envelope, Offset, Outcome, OutcomeRecord, PartitionId, Rejection, RequestId, SeatList,
    ShowId, ShowSeats, UserId, codec,
};
use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::{HOLD_ENDS_MS, NOW_MS, PRICE, SHOW, USER};

/// Where the booking stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Booking {
    Held,
    /// With its places sold to somebody else.
    Expired,
    Sold(String),
    Returned,
}

pub(crate) struct State {
    pub(crate) booking: Booking,
    pub(crate) hold_ends_ms: u64,
    /// Replies that are still to be lost, though the command is in the log.
    pub(crate) lost: u32,
    /// Commands that are still to be turned away.
    pub(crate) refused: u32,
    /// How often a booking became sold, and was returned.
    pub(crate) sales: u32,
    pub(crate) returns: u32,
    pub(crate) extensions: u32,
    remembered: HashMap<RequestId, Outcome>,
    offset: Offset,
}

pub(crate) struct FakeLog {
    pub(crate) state: Mutex<State>,
    feed: broadcast::Sender<Arc<OutcomeBatch>>,
}

impl FakeLog {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                booking: Booking::Held,
                hold_ends_ms: HOLD_ENDS_MS,
                lost: 0,
                refused: 0,
                sales: 0,
                returns: 0,
                extensions: 0,
                remembered: HashMap::new(),
                offset: 100,
            }),
            feed: broadcast::Sender::new(4),
        }
    }
}

impl State {
    fn decide(&mut self, envelope: &Envelope) -> Outcome {
        let request = envelope.request_id.unwrap();
        if let Some(outcome) = self.remembered.get(&request) {
            return outcome.clone();
        }
        let outcome = self.apply(&envelope.command);
        if envelope.idempotency.is_some() {
            self.remembered.insert(request, outcome.clone());
        }
        outcome
    }

    fn apply(&mut self, command: &Command) -> Outcome {
        match command {
            Command::ClaimReference(claim) => Outcome::ReferenceClaimed(claim.clone()),
            Command::ConfirmV2(confirm) => {
                let currency: Currency = "THB".parse().unwrap();
                if confirm.paid != Some((PRICE, currency)) {
                    let total = PRICE;
                    return Outcome::Rejected(Rejection::AmountDiffers { total, currency });
                }
                self.confirm(&confirm.confirm)
            }
            Command::Extend { booking, by_ms } => match self.booking {
                Booking::Held => {
                    self.hold_ends_ms += u64::from(*by_ms);
                    self.extensions += 1;
                    Outcome::Extended {
                        booking: *booking,
                        show: SHOW,
                        user: USER,
                        expires_at_ms: self.hold_ends_ms,
                    }
                }
                Booking::Sold(_) => Outcome::Rejected(Rejection::AlreadyConfirmed),
                Booking::Expired => Outcome::Rejected(Rejection::ReservationExpired),
                Booking::Returned => Outcome::Rejected(Rejection::AlreadyCancelled),
            },
            Command::Return { booking } => {
                if self.booking == Booking::Returned {
                    return Outcome::Rejected(Rejection::AlreadyCancelled);
                }
                let was_confirmed = matches!(self.booking, Booking::Sold(_));
                self.booking = Booking::Returned;
                self.returns += 1;
                Outcome::Released {
                    booking: ended(*booking),
                    was_confirmed,
                }
            }
            other => panic!("payments ask for nothing of the kind: {other:?}"),
        }
    }

    fn confirm(&mut self, confirm: &Confirm) -> Outcome {
        let first = match &self.booking {
            Booking::Held => true,
            Booking::Sold(reference) if *reference == confirm.payment_reference => false,
            Booking::Sold(_) => return Outcome::Rejected(Rejection::AlreadyConfirmed),
            Booking::Expired => return Outcome::Rejected(Rejection::ReservationExpired),
            Booking::Returned => return Outcome::Rejected(Rejection::AlreadyCancelled),
        };
        if first {
            self.booking = Booking::Sold(confirm.payment_reference.clone());
            self.sales += 1;
        }
        let facts = ended(confirm.booking);
        Outcome::Confirmed(Confirmed {
            booking: facts.booking,
            show: facts.show,
            user: facts.user,
            zone: facts.zone,
            seats: facts.seats,
            quantity: facts.quantity,
            payment_reference: confirm.payment_reference.clone(),
            confirmed_at_ms: NOW_MS,
            first,
            revived: false,
        })
    }
}

fn ended(booking: Offset) -> EndedBooking {
    EndedBooking {
        booking,
        show: SHOW,
        user: UserId(USER.0),
        zone: 0,
        seats: SeatList::from_iter([0]),
        quantity: 1,
    }
}

#[async_trait]
impl CommandLog for FakeLog {
    fn partitions(&self) -> u16 {
        1
    }

    fn began_at(&self, _partition: PartitionId) -> Offset {
        0
    }

    async fn may_hold(&self, _partition: PartitionId, _offset: Offset) -> bool {
        true
    }

    fn submit(&self, submission: Submission) -> Result<(), SubmitError> {
        let envelope: Envelope = codec::decode(&submission.payload).unwrap();
        assert!(envelope.by.is_some(), "the trail says who asks");
        let mut state = self.state.lock();
        if state.refused > 0 {
            state.refused -= 1;
            return Err(SubmitError::QueueFull);
        }
        let outcome = state.decide(&envelope);
        state.offset += 1;
        let record = OutcomeRecord {
            offset: state.offset,
            previous: None,
            log_time_ms: NOW_MS,
            request_id: envelope.request_id,
            replay_of: None,
            expired: Vec::new(),
            outcome,
        };
        if state.lost > 0 {
            // The sender is dropped: nobody knows.
            state.lost -= 1;
            return Ok(());
        }
        // Whoever asked may have gone.
        let _ = submission.reply.send(Ok(record));
        Ok(())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<OutcomeBatch>> {
        self.feed.subscribe()
    }

    async fn show_seats(
        &self,
        _partition: PartitionId,
        _show: ShowId,
    ) -> Result<Option<ShowSeats>, SubmitError> {
        Ok(None)
    }
}
