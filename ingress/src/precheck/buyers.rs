//! What each buyer is known to hold and own of an event, and the limits by which the log refuses.
//!
//! Both are learned from the log: tickets from the outcomes since this process started to follow
//! them, a limit from the log's own refusal. So the known tickets are never more than those that
//! the buyer has, and a buyer who is over the limit by them is certainly refused by the log at that
//! position. What is not known is left to the log.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use onsale_log::OutcomeBatch;
use onsale_schemas::{EventId, Offset, Outcome, OutcomeRecord, PartitionId, ShowId, UserId};
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::submit::LastPositions;

/// Live bookings that are counted; beyond that, those of other events are forgotten.
const BOOKINGS_MAX: usize = 200_000;
/// Events with counted bookings.
const EVENTS_MAX: usize = 1_024;
/// Shows whose limit is remembered.
const LIMITS_MAX: usize = 10_000;
/// A hold that ends sooner than this does not count, in milliseconds: by the clock of the log,
/// which may be ahead of this one, it may have ended when the reservation arrives.
const CLOCKS_APART_MAX_MS: u64 = 5_000;

/// See the module.
pub(crate) struct Buyers {
    positions: Box<[Position]>,
    /// Last position at which tickets of each buyer were seen to end.
    ended: LastPositions,
    table: Mutex<Table>,
}

/// How far the outcomes of a partition were followed.
#[derive(Default)]
struct Position {
    /// Every outcome seen before this offset has been applied; 0 is none yet.
    seen: AtomicU64,
    /// A client was answered by a record before this offset that changed a limit, or voided the
    /// tickets of many.
    invalid_before: AtomicU64,
}

#[derive(Default)]
struct Table {
    events: HashMap<EventId, Event>,
    event_of: HashMap<ShowId, EventId>,
    bookings: usize,
    limits: HashMap<ShowId, Limit>,
    /// Limits from records before these offsets are too old, by partition.
    limits_from: Vec<LimitsFrom>,
    batches: u64,
}

#[derive(Default)]
struct Event {
    users: HashMap<UserId, SmallVec<[Ticket; 2]>>,
    bookings: usize,
    touched_at_batch: u64,
}

struct Ticket {
    booking: Offset,
    show: ShowId,
    quantity: u32,
    /// End of the hold; never for a sale.
    until_ms: u64,
}

/// A limit that the log stated at an offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Limit {
    limit: u16,
    at: Offset,
}

#[derive(Clone, Copy)]
enum LimitsFrom {
    Offset(Offset),
    /// Records were missed; the next one shows from where on.
    NextRecord,
}

/// A refusal that the log is certain to give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OverLimit {
    pub(crate) limit: u16,
    /// Known tickets; the buyer may have more.
    pub(crate) current: u32,
    /// Every record before this offset has been applied.
    pub(crate) as_of: Offset,
}

/// A buyer's request for tickets.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) partition: PartitionId,
    pub(crate) event: EventId,
    pub(crate) show: ShowId,
    pub(crate) user: UserId,
    pub(crate) quantity: u32,
    /// The buyer has been answered only by records before this offset.
    pub(crate) answered_before: Offset,
}

impl Buyers {
    pub(crate) fn new(partitions: u16) -> Self {
        let table = Table {
            limits_from: vec![LimitsFrom::Offset(0); usize::from(partitions)],
            ..Table::default()
        };
        Self {
            positions: (0..partitions).map(|_| Position::default()).collect(),
            ended: LastPositions::new(partitions),
            table: Mutex::new(table),
        }
    }

    /// Applies outcomes, each partition's in order.
    pub(crate) fn apply(&self, batch: &OutcomeBatch) {
        let Some(position) = self.position(batch.partition) else {
            return;
        };
        let mut table = self.table.lock();
        table.batches += 1;
        for record in &batch.records {
            self.note_ends(batch.partition, record);
            table.apply(batch.partition, record);
        }
        if let Some(last) = batch.records.last() {
            position.seen.fetch_max(last.offset + 1, Ordering::AcqRel);
        }
    }

    /// Outcomes were missed: starts again with nothing known.
    pub(crate) fn invalidate_all(&self) {
        let mut table = self.table.lock();
        let partitions = table.limits_from.len();
        *table = Table {
            limits_from: vec![LimitsFrom::NextRecord; partitions],
            batches: table.batches,
            ..Table::default()
        };
    }

    /// A client is about to be answered by the record at `offset`, which changed a limit or voided
    /// the tickets of many.
    pub(crate) fn invalidate_from(&self, partition: PartitionId, offset: Offset) {
        if let Some(position) = self.position(partition) {
            position
                .invalid_before
                .fetch_max(offset + 1, Ordering::AcqRel);
        }
    }

    /// The position that covers everything the buyer has been answered, and every known end of
    /// their tickets: counts as of an earlier position may be too high.
    pub(crate) fn version_min(&self, wanted: &Wanted) -> Offset {
        let invalidated = self.position(wanted.partition).map_or(0, |position| {
            position.invalid_before.load(Ordering::Acquire)
        });
        let ended = self.ended.last(wanted.user, wanted.partition);
        invalidated
            .max(wanted.answered_before)
            .max(ended.map_or(0, |offset| offset + 1))
    }

    fn note_ends(&self, partition: PartitionId, record: &OutcomeRecord) {
        for ended in &record.expired {
            self.ended.note(ended.user, partition, record.offset);
        }
        match &record.outcome {
            Outcome::Released { booking, .. } => {
                self.ended.note(booking.user, partition, record.offset);
            }
            Outcome::ReleasedV2(order) => {
                self.ended.note(order.user, partition, record.offset);
            }
            Outcome::PlacesReturned(returned) => {
                self.ended.note(returned.user, partition, record.offset);
            }
            Outcome::ShowCancelled { .. } | Outcome::EventCancelled { .. } => {
                self.invalidate_from(partition, record.offset);
            }
            _ => {}
        }
    }

    /// Outcomes before this position have been seen; 0 is none yet.
    pub(crate) fn seen(&self, partition: PartitionId) -> Offset {
        self.position(partition)
            .map_or(0, |position| position.seen.load(Ordering::Acquire))
    }

    /// The log refused a buyer by this limit.
    pub(crate) fn note_limit(&self, partition: PartitionId, show: ShowId, limit: u16, at: Offset) {
        let mut table = self.table.lock();
        let table = &mut *table;
        let current = match table.limits_from.get(usize::from(partition.0)) {
            Some(LimitsFrom::Offset(from)) => at >= *from,
            Some(LimitsFrom::NextRecord) | None => false,
        };
        let newest = match table.limits.get(&show) {
            Some(known) => at > known.at,
            None => table.limits.len() < LIMITS_MAX,
        };
        if current && newest {
            table.limits.insert(show, Limit { limit, at });
        }
    }

    /// The limit per user of a show; `None` while it is unknown, or while something that the buyer
    /// was answered has not been seen here.
    pub(crate) fn limit(&self, wanted: &Wanted) -> Option<u16> {
        self.settled(wanted)?;
        self.table.lock().limit(wanted.show)
    }

    /// Whether the log is certain to refuse by the limit per user.
    pub(crate) fn over_limit(&self, wanted: &Wanted, now_ms: u64) -> Option<OverLimit> {
        let as_of = self.settled(wanted)?;
        let table = self.table.lock();
        let limit = table.limit(wanted.show)?;
        let tickets = table.events.get(&wanted.event)?.users.get(&wanted.user)?;
        let counted_from_ms = now_ms.saturating_add(CLOCKS_APART_MAX_MS);
        let current = tickets
            .iter()
            .filter(|ticket| ticket.until_ms > counted_from_ms)
            .map(|ticket| ticket.quantity)
            .fold(0, u32::saturating_add);
        let over = limit > 0 && current.saturating_add(wanted.quantity) > u32::from(limit);
        over.then_some(OverLimit {
            limit,
            current,
            as_of,
        })
    }

    /// The position seen, unless the buyer was answered by something newer.
    fn settled(&self, wanted: &Wanted) -> Option<Offset> {
        let seen = self.seen(wanted.partition);
        (seen > 0 && seen >= self.version_min(wanted)).then_some(seen)
    }

    fn position(&self, partition: PartitionId) -> Option<&Position> {
        self.positions.get(usize::from(partition.0))
    }
}

impl Table {
    fn limit(&self, show: ShowId) -> Option<u16> {
        self.limits.get(&show).map(|known| known.limit)
    }

    fn apply(&mut self, partition: PartitionId, record: &OutcomeRecord) {
        if let Some(from) = self.limits_from.get_mut(usize::from(partition.0))
            && matches!(from, LimitsFrom::NextRecord)
        {
            *from = LimitsFrom::Offset(record.offset);
        }
        for ended in &record.expired {
            // Once for each zone of an order; the first ends it.
            self.end(ended.show, ended.user, ended.booking);
        }
        if record.replay_of.is_some() {
            return;
        }
        match &record.outcome {
            Outcome::Reserved(reserved) => {
                let ticket = Ticket {
                    booking: reserved.booking,
                    show: reserved.show,
                    quantity: reserved.quantity,
                    until_ms: reserved.expires_at_ms,
                };
                self.add(reserved.event, reserved.user, ticket);
            }
            Outcome::ReservedV2(order) => {
                let ticket = Ticket {
                    booking: order.booking,
                    show: order.show,
                    quantity: sum(order.lines.iter().map(|line| line.quantity)),
                    until_ms: order.expires_at_ms,
                };
                self.add(order.event, order.user, ticket);
            }
            Outcome::Confirmed(confirmed) if confirmed.first => {
                let sold = Ticket {
                    booking: confirmed.booking,
                    show: confirmed.show,
                    quantity: confirmed.quantity,
                    until_ms: u64::MAX,
                };
                self.sell(confirmed.user, sold);
            }
            Outcome::ConfirmedV2(order) if order.first => {
                let sold = Ticket {
                    booking: order.booking,
                    show: order.show,
                    quantity: sum(order.parts.iter().map(|part| part.quantity)),
                    until_ms: u64::MAX,
                };
                self.sell(order.user, sold);
            }
            Outcome::Extended {
                booking,
                show,
                user,
                expires_at_ms,
            } => {
                if let Some(ticket) = self.ticket(*show, *user, *booking) {
                    ticket.until_ms = *expires_at_ms;
                }
            }
            Outcome::Released { booking, .. } => {
                self.end(booking.show, booking.user, booking.booking);
            }
            Outcome::ReleasedV2(order) => self.end(order.show, order.user, order.booking),
            Outcome::PlacesReturned(returned) if returned.ended => {
                self.end(returned.show, returned.user, returned.booking);
            }
            Outcome::PlacesReturned(returned) => {
                let left = sum(returned.lines.iter().map(|line| line.quantity));
                if let Some(ticket) = self.ticket(returned.show, returned.user, returned.booking) {
                    ticket.quantity = left;
                }
            }
            Outcome::ShowCancelled { show } => self.void(*show),
            Outcome::EventCancelled { event } => self.forget(*event),
            // The first one that is opened gives its event a limit.
            Outcome::ShowAmended { .. }
            | Outcome::EventAmended { .. }
            | Outcome::ShowOpened { .. } => self.amended(partition, record.offset),
            _ => {}
        }
    }

    /// A hold is paid for.
    fn sell(&mut self, user: UserId, sold: Ticket) {
        if let Some(ticket) = self.ticket(sold.show, user, sold.booking) {
            ticket.until_ms = sold.until_ms;
        } else if let Some(event) = self.event_of.get(&sold.show) {
            // A sale that was reserved before this process started, or a hold that had expired.
            self.add(*event, user, sold);
        }
    }

    fn add(&mut self, event: EventId, user: UserId, ticket: Ticket) {
        if !self.make_room(event) {
            return;
        }
        self.event_of.insert(ticket.show, event);
        let batches = self.batches;
        let entry = self.events.entry(event).or_default();
        entry.touched_at_batch = batches;
        entry.bookings += 1;
        self.bookings += 1;
        entry.users.entry(user).or_default().push(ticket);
    }

    /// Forgets the event that was quiet for the longest if there is no room; false when this event
    /// itself takes all the room.
    fn make_room(&mut self, event: EventId) -> bool {
        let full = self.bookings >= BOOKINGS_MAX
            || (self.events.len() >= EVENTS_MAX && !self.events.contains_key(&event));
        if !full {
            return true;
        }
        let quiet = self
            .events
            .iter()
            .min_by_key(|(_, entry)| entry.touched_at_batch)
            .map(|(id, _)| *id);
        match quiet {
            Some(quiet) if quiet != event => {
                self.forget(quiet);
                true
            }
            _ => false,
        }
    }

    fn forget(&mut self, event: EventId) {
        if let Some(entry) = self.events.remove(&event) {
            self.bookings = self.bookings.saturating_sub(entry.bookings);
        }
        self.event_of.retain(|_, of| *of != event);
    }

    fn ticket(&mut self, show: ShowId, user: UserId, booking: Offset) -> Option<&mut Ticket> {
        let event = self.event_of.get(&show)?;
        let tickets = self.events.get_mut(event)?.users.get_mut(&user)?;
        tickets.iter_mut().find(|ticket| ticket.booking == booking)
    }

    fn end(&mut self, show: ShowId, user: UserId, booking: Offset) {
        let Some(event) = self.event_of.get(&show).copied() else {
            return;
        };
        let Some(entry) = self.events.get_mut(&event) else {
            return;
        };
        let Some(tickets) = entry.users.get_mut(&user) else {
            return;
        };
        let before = tickets.len();
        tickets.retain(|ticket| ticket.booking != booking);
        let gone = before - tickets.len();
        if tickets.is_empty() {
            entry.users.remove(&user);
        }
        entry.bookings -= gone;
        self.bookings -= gone;
        if entry.bookings == 0 {
            self.forget(event);
        }
    }

    /// All bookings of a show are void.
    fn void(&mut self, show: ShowId) {
        let Some(event) = self.event_of.remove(&show) else {
            return;
        };
        let Some(entry) = self.events.get_mut(&event) else {
            return;
        };
        let mut gone = 0;
        entry.users.retain(|_, tickets| {
            let before = tickets.len();
            tickets.retain(|ticket| ticket.show != show);
            gone += before - tickets.len();
            !tickets.is_empty()
        });
        entry.bookings -= gone;
        self.bookings -= gone;
        if entry.bookings == 0 {
            self.forget(event);
        }
    }

    /// An event got a limit, which counts for all its shows; only the log knows which limit and
    /// which shows. This is rare, so all known limits are forgotten.
    fn amended(&mut self, partition: PartitionId, at: Offset) {
        self.limits.clear();
        if let Some(from) = self.limits_from.get_mut(usize::from(partition.0)) {
            *from = LimitsFrom::Offset(at);
        }
    }
}

fn sum(quantities: impl Iterator<Item = u32>) -> u32 {
    quantities.fold(0, u32::saturating_add)
}

#[cfg(test)]
mod tests;
