//! A log with scripted answers.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use async_trait::async_trait;
use onsale_log::{CommandLog, OutcomeBatch, Reply, Submission, SubmitError};
use onsale_schemas::command::{Admission, Confirm, Pick, Reserve};
use onsale_schemas::order::{Item, PickV2, ReserveV2, ReturnPlaces};
use onsale_schemas::outcome::{
    Confirmed, EndedBooking, Line, PlacesReturned, PriceRule, Replayed, Reserved, ReservedV2,
    ZonePlaces,
};
use onsale_schemas::seating::{AddSeats, Addition};
use onsale_schemas::{
    Actor, Command, Envelope, Offset, Outcome, OutcomeRecord, PartitionId, Rejection, SeatList,
    ShowId, ShowSeats, codec,
};
use parking_lot::Mutex;
use tokio::sync::{broadcast, oneshot};

use super::machine::Machine;

/// Log time of every record.
pub(crate) const LOG_TIME_MS: u64 = 1_700_000_000_000;

/// What to do with the next command.
pub(crate) enum Script {
    /// Answer with this.
    Answer(Outcome),
    /// Answer with this, as a replay of the first record.
    Replay(Outcome),
    /// Keep the reply until [`ScriptedLog::release`].
    Hold,
    /// Drop the reply.
    Drop,
    /// Do not take it.
    Refuse(SubmitError),
    /// Take it and then say that it is not in the log.
    Fail(SubmitError),
}

impl Script {
    pub(crate) fn reject(rejection: Rejection) -> Self {
        Self::Answer(Outcome::Rejected(rejection))
    }
}

#[derive(Default)]
struct State {
    scripts: VecDeque<Script>,
    /// For claims of payment references, which come before every confirmation.
    claims: VecDeque<Script>,
    seen: Vec<(PartitionId, Envelope)>,
    held: Vec<(OutcomeRecord, oneshot::Sender<Reply>)>,
    seats: HashMap<ShowId, ShowSeats>,
    next_offset: u64,
    /// Decides what has no script, where there is one.
    machine: Option<Machine>,
}

pub(crate) struct ScriptedLog {
    /// Where the log ended when the process began.
    pub(crate) began_at: AtomicU64,
    pub(crate) partitions: AtomicU16,
    is_shared: bool,
    state: Mutex<State>,
    feed: broadcast::Sender<Arc<OutcomeBatch>>,
}

impl ScriptedLog {
    pub(crate) fn new() -> Self {
        Self::of_a_process(false)
    }

    /// One whose answers the machine gives.
    pub(crate) fn deciding() -> Self {
        let log = Self::of_a_process(false);
        let machine = Machine::new();
        {
            let mut state = log.state.lock();
            state.next_offset = machine.next_offset();
            state.machine = Some(machine);
        }
        log
    }

    /// Does something with the machine that decides.
    pub(crate) fn machine<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        let mut state = self.state.lock();
        let machine = state.machine.as_mut().expect("a log that decides");
        let result = act(machine);
        let next_offset = machine.next_offset();
        state.next_offset = next_offset;
        result
    }

    /// One that other processes hand commands to as well.
    pub(crate) fn shared() -> Self {
        Self::of_a_process(true)
    }

    fn of_a_process(is_shared: bool) -> Self {
        Self {
            began_at: AtomicU64::new(0),
            partitions: AtomicU16::new(1),
            is_shared,
            state: Mutex::new(State {
                next_offset: 100,
                ..State::default()
            }),
            feed: broadcast::Sender::new(16),
        }
    }

    /// What to do with the next command that has no script yet.
    pub(crate) fn next(&self, script: Script) {
        self.state.lock().scripts.push_back(script);
    }

    /// What to do with the next claim of a payment reference; without it they are granted.
    pub(crate) fn next_claim(&self, script: Script) {
        self.state.lock().claims.push_back(script);
    }

    /// All commands handed in.
    pub(crate) fn seen(&self) -> Vec<Envelope> {
        let state = self.state.lock();
        state
            .seen
            .iter()
            .map(|(_, envelope)| envelope.clone())
            .collect()
    }

    /// The last command handed in for a client.
    pub(crate) fn last(&self) -> Envelope {
        let mut seen = self.seen();
        seen.retain(|envelope| !matches!(envelope.command, Command::Describe(_)));
        seen.pop().expect("a command was handed in")
    }

    /// Gives the replies that were held.
    pub(crate) fn release(&self) {
        for (record, reply) in std::mem::take(&mut self.state.lock().held) {
            let _ = reply.send(Ok(record));
        }
    }

    /// The held records, whose replies are lost now.
    pub(crate) fn lose_held(&self) -> Vec<OutcomeRecord> {
        std::mem::take(&mut self.state.lock().held)
            .into_iter()
            .map(|(record, _)| record)
            .collect()
    }

    pub(crate) fn set_seats(&self, seats: ShowSeats) {
        self.state.lock().seats.insert(seats.show, seats);
    }

    pub(crate) fn publish(&self, records: Vec<OutcomeRecord>) {
        let batch = OutcomeBatch {
            partition: PartitionId(0),
            records,
        };
        let _ = self.feed.send(Arc::new(batch));
    }

    /// A record of the feed.
    pub(crate) fn record(offset: u64, outcome: Outcome) -> OutcomeRecord {
        OutcomeRecord {
            offset,
            previous: None,
            log_time_ms: LOG_TIME_MS,
            request_id: None,
            replay_of: None,
            expired: Vec::new(),
            outcome,
        }
    }
}

#[async_trait]
impl CommandLog for ScriptedLog {
    fn partitions(&self) -> u16 {
        self.partitions.load(Ordering::SeqCst)
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn began_at(&self, _partition: PartitionId) -> Offset {
        self.began_at.load(Ordering::SeqCst)
    }

    async fn may_hold(&self, _partition: PartitionId, offset: Offset) -> bool {
        offset < self.state.lock().next_offset
    }

    fn submit(&self, submission: Submission) -> Result<(), SubmitError> {
        let envelope: Envelope = codec::decode(&submission.payload).expect("a whole envelope");
        assert_eq!(envelope.request_id, Some(submission.request_id));
        let mut state = self.state.lock();
        let script = match &envelope.command {
            Command::ClaimReference(_) => state.claims.pop_front(),
            _ => state.scripts.pop_front(),
        };
        if script.is_none()
            && let Some(machine) = &mut state.machine
        {
            let record = machine.apply(&submission.payload);
            state.next_offset = record.offset + 1;
            state.seen.push((submission.partition, envelope));
            drop(state);
            self.publish(vec![record.clone()]);
            let _ = submission.reply.send(Ok(record));
            return Ok(());
        }
        let script =
            script.unwrap_or_else(|| Script::Answer(granted(&envelope.command, state.next_offset)));
        if let Script::Refuse(error) = script {
            return Err(error);
        }
        let offset = state.next_offset;
        state.next_offset += 1;
        let mut record = Self::record(offset, granted(&envelope.command, offset));
        record.request_id = envelope.request_id;
        state.seen.push((submission.partition, envelope));
        match script {
            Script::Answer(outcome) => {
                record.outcome = outcome;
                let _ = submission.reply.send(Ok(record));
            }
            Script::Replay(outcome) => {
                record.outcome = outcome;
                record.replay_of = Some(Replayed {
                    offset: 1,
                    log_time_ms: LOG_TIME_MS - 60_000,
                });
                let _ = submission.reply.send(Ok(record));
            }
            Script::Hold => state.held.push((record, submission.reply)),
            Script::Fail(error) => {
                let _ = submission.reply.send(Err(error));
            }
            Script::Drop | Script::Refuse(_) => {}
        }
        Ok(())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<OutcomeBatch>> {
        self.feed.subscribe()
    }

    async fn show_seats(
        &self,
        _partition: PartitionId,
        show: ShowId,
    ) -> Result<Option<ShowSeats>, SubmitError> {
        let state = self.state.lock();
        Ok(match &state.machine {
            Some(machine) => machine.show_seats(show),
            None => state.seats.get(&show).cloned(),
        })
    }
}

/// What a log that has no reason to refuse would say.
fn granted(command: &Command, offset: u64) -> Outcome {
    match command {
        Command::OpenShow(open) => Outcome::ShowOpened {
            show: open.show,
            event: open.event,
        },
        Command::OpenShowV3(open) => Outcome::ShowOpened {
            show: open.show.show.show,
            event: open.show.show.event,
        },
        Command::OpenShowV2(open) => Outcome::ShowOpened {
            show: open.show.show,
            event: open.show.event,
        },
        Command::SetOffer(set) => Outcome::OfferSet { show: set.show },
        Command::AmendEvent(amend) => Outcome::EventAmended {
            event: amend.event,
            max_tickets_per_user: amend.max_tickets_per_user,
        },
        Command::CancelEvent { event } => Outcome::EventCancelled { event: *event },
        Command::ConfirmV2(confirm) => Outcome::Confirmed(confirmed(&confirm.confirm)),
        Command::ClaimReference(claim) => Outcome::ReferenceClaimed(claim.clone()),
        Command::AmendShow(amend) => Outcome::ShowAmended { show: amend.show },
        Command::CloseShow { show } => Outcome::ShowClosed { show: *show },
        Command::CancelShow { show } => Outcome::ShowCancelled { show: *show },
        Command::Reserve(reserve) => Outcome::Reserved(reserved(reserve, offset)),
        Command::ReserveV2(order) => Outcome::ReservedV2(Box::new(ordered(order, offset))),
        Command::Confirm(confirm) => Outcome::Confirmed(confirmed(confirm)),
        // As to every buyer of what belongs to another.
        Command::Release {
            by: Actor::Buyer(user),
            ..
        } if *user != super::world::BUYER => Outcome::Rejected(Rejection::UnknownBooking),
        Command::Release { booking, .. } => released(*booking, false),
        Command::Return { booking } => released(*booking, true),
        Command::ReturnPlaces(returned) => {
            Outcome::PlacesReturned(Box::new(places_returned(returned)))
        }
        Command::Extend { booking, by_ms } => Outcome::Extended {
            booking: *booking,
            show: ShowId::from_bytes([1; 16]),
            user: super::world::BUYER,
            expires_at_ms: LOG_TIME_MS + u64::from(*by_ms),
        },
        Command::Describe(describe) => Outcome::Described(describe.clone()),
        Command::Block(block) => Outcome::Blocked(change(block)),
        Command::Unblock(block) => Outcome::Unblocked(change(block)),
        Command::TakeSeats(block) => Outcome::SeatsTaken(change(block)),
        Command::AddSeats(add) => added(add),
        Command::CreateCodes(create) => Outcome::CodesCreated {
            show: create.show,
            group: create.group,
            created: u32::try_from(create.codes.len()).unwrap(),
            known: 0,
        },
        Command::AmendCodes(amend) => Outcome::CodesAmended {
            show: amend.show,
            group: amend.group,
        },
        Command::EndCodes { show, .. } => Outcome::CodesEnded {
            show: *show,
            ended: 1,
        },
        _ => Outcome::Nothing,
    }
}

fn reserved(reserve: &Reserve, offset: u64) -> Reserved {
    let (seats, quantity) = match &reserve.pick {
        Pick::Seats(seats) => (seats.clone(), u32::try_from(seats.len()).unwrap()),
        Pick::BestAvailable { quantity, .. } => ((0..*quantity).collect(), *quantity),
        Pick::General { quantity } => (SeatList::new(), *quantity),
    };
    Reserved {
        booking: offset,
        show: reserve.show,
        event: super::world::EVENT,
        user: reserve.user,
        zone: reserve.zone,
        seats,
        quantity,
        unit_price: 250_000,
        currency: "THB".parse().unwrap(),
        expires_at_ms: LOG_TIME_MS + 600_000,
    }
}

fn added(add: &AddSeats) -> Outcome {
    let of_rows = |rows: &[u16]| -> u32 { rows.iter().map(|seats| u32::from(*seats)).sum() };
    let (zone, first_seat, places) = match &add.addition {
        Addition::Rows { zone, rows, .. } => (*zone, add.expected, of_rows(rows)),
        Addition::Capacity { zone, places } => (*zone, 0, *places),
        Addition::Zone { layout, .. } => {
            let zone = u16::try_from(add.expected).unwrap();
            match &layout.admission {
                Admission::General { capacity } => (zone, 0, *capacity),
                // Behind the seats of the world's show.
                Admission::Seated { rows } => (zone, 28, of_rows(rows)),
            }
        }
    };
    Outcome::SeatsAdded {
        show: add.show,
        zone,
        first_seat,
        places,
    }
}

/// Every place costs the same, and there are no fees.
fn ordered(order: &ReserveV2, offset: u64) -> ReservedV2 {
    let line = |item: &Item| Line {
        zone: item.zone,
        ticket_type: item.types.first().map_or(0, |(id, _)| *id),
        seats: match &item.pick {
            PickV2::Seats(seats) => seats.clone(),
            PickV2::BestAvailable { quantity, .. } => (0..*quantity).collect(),
            PickV2::General { .. } => SeatList::new(),
        },
        quantity: item.pick.places(),
        rule: PriceRule::Zone,
        list_price: 250_000,
        bundle: None,
        bundle_off: 0,
        code_off: 0,
        unit_price: 250_000,
        unit_fee: 0,
        unit_tax: 0,
    };
    let lines: Vec<Line> = order.items.iter().map(line).collect();
    let places: u32 = lines.iter().map(|line| line.quantity).sum();
    ReservedV2 {
        booking: offset,
        show: order.show,
        event: super::world::EVENT,
        user: order.user,
        lines,
        order_fee: 0,
        order_fee_tax: 0,
        total: 250_000 * i64::from(places),
        tax: 0,
        currency: "THB".parse().unwrap(),
        code: order.code,
        expires_at_ms: LOG_TIME_MS + 600_000,
    }
}

fn confirmed(confirm: &Confirm) -> Confirmed {
    Confirmed {
        booking: confirm.booking,
        show: super::world::SHOW,
        user: super::world::BUYER,
        zone: 0,
        seats: SeatList::from_iter([0, 1]),
        quantity: 2,
        payment_reference: confirm.payment_reference.clone(),
        confirmed_at_ms: LOG_TIME_MS,
        first: true,
        revived: false,
    }
}

fn released(booking: u64, was_confirmed: bool) -> Outcome {
    Outcome::Released {
        booking: EndedBooking {
            booking,
            show: super::world::SHOW,
            user: super::world::BUYER,
            zone: 0,
            seats: SeatList::from_iter([0, 1]),
            quantity: 2,
        },
        was_confirmed,
    }
}

/// Of a booking of one seat and nothing else.
fn places_returned(returned: &ReturnPlaces) -> PlacesReturned {
    let quantity = u32::try_from(returned.seats.len()).unwrap();
    let part = ZonePlaces {
        zone: 0,
        seats: returned.seats.clone(),
        quantity,
    };
    PlacesReturned {
        booking: returned.booking,
        show: super::world::SHOW,
        user: super::world::BUYER,
        parts: vec![part],
        refund_price: 250_000,
        refund_fees: 0,
        lines: Vec::new(),
        order_fee: 0,
        order_fee_tax: 0,
        total: 0,
        tax: 0,
        currency: "THB".parse().unwrap(),
        ended: true,
    }
}

fn change(block: &onsale_schemas::command::SeatBlock) -> onsale_schemas::outcome::BlockChange {
    use onsale_schemas::command::BlockPlaces;
    let (seats, quantity) = match &block.places {
        BlockPlaces::Seats(seats) => (seats.clone(), u32::try_from(seats.len()).unwrap()),
        BlockPlaces::Quantity(quantity) => (SeatList::new(), *quantity),
    };
    onsale_schemas::outcome::BlockChange {
        show: block.show,
        zone: block.zone,
        seats,
        quantity,
    }
}
