//! Records decoded ahead of their turn, so that the memory they need is fetched for all of them at
//! once.
//!
//! In a large state a command waits for memory several times in a row: for the index, the record,
//! the user's counter. Run one after the other, commands would add these waits up. Here a few short
//! loops over a batch prefetch the first of these places for all its records, then the second, and
//! so on, without waiting. The commands then find everything in the processor's caches.
//!
//! None of this is visible from outside: what is found ahead is a hint that the command checks,
//! since earlier commands of the batch may have changed everything.

use onsale_schemas::command::{Confirm, ConfirmV2, Pick};
use onsale_schemas::order::PickV2;
use onsale_schemas::{Command, Entry, Envelope, LogTimeMs, Offset, codec};

use crate::index::NONE;
use crate::pages::prefetch_all;
use crate::partition::Partition;
use crate::sink::OutcomeSink;
use crate::state::State;

/// Records of a batch: enough for their waits to overlap, few enough for what was fetched for the
/// last one to be still cached when its turn comes.
const BATCH_RECORDS_MAX: usize = 24;

/// A record, decoded.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) offset: Offset,
    pub(crate) log_time_ms: LogTimeMs,
    /// `None` when the payload is not an envelope.
    pub(crate) envelope: Option<Envelope>,
    /// Slot of the show or booking that the command names, if it is known.
    pub(crate) hint: u32,
}

impl Prepared {
    /// Decodes a record into its place.
    #[inline]
    pub(crate) fn read(&mut self, entry: &Entry<'_>) {
        self.offset = entry.offset;
        self.log_time_ms = entry.log_time_ms;
        self.hint = NONE;
        codec::decode_envelope_into(entry.payload, &mut self.envelope);
    }
}

/// Records waiting to be applied: added with [`Batch::push`], made ready by [`Partition::prepare`],
/// applied by [`Partition::apply_batch`].
#[derive(Debug, Default)]
pub struct Batch {
    /// The places are reused: decoding writes into them.
    records: Vec<Prepared>,
    /// Those of `records` that are in use.
    len: usize,
    /// The first of them that has not been applied.
    next: usize,
}

impl Batch {
    /// Adds the next record of the log of one partition. A batch that was applied completely starts
    /// again; it may be longer than [`Batch::is_full`] says, but that makes it no faster.
    pub fn push(&mut self, entry: &Entry<'_>) {
        if self.is_empty() {
            self.next = 0;
            self.len = 0;
        }
        if self.len == self.records.len() {
            self.records.push(Prepared::default());
        }
        if let Some(record) = self.records.get_mut(self.len) {
            record.read(entry);
            self.len += 1;
        }
    }

    /// Records that have not been applied.
    pub fn len(&self) -> usize {
        self.len - self.next
    }

    /// True when all its records have been applied.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True when it holds the best number of records to apply at a time.
    pub fn is_full(&self) -> bool {
        self.len() >= BATCH_RECORDS_MAX
    }
}

impl Partition {
    /// Makes the records of a batch ready, the first of which is the one at
    /// [`Partition::next_offset`]. Skipping this changes the speed and nothing else.
    pub fn prepare(&self, batch: &mut Batch) {
        let waiting = batch.records.get_mut(batch.next..batch.len);
        self.state.look_ahead(waiting.unwrap_or_default());
    }

    /// Applies the next record of a batch, as [`Partition::apply`] does. False when there is none
    /// left.
    #[inline]
    fn apply_prepared(&mut self, batch: &mut Batch, sink: &mut impl OutcomeSink) -> bool {
        let waiting = batch.records.get_mut(batch.next..batch.len);
        let Some(record) = waiting.and_then(<[_]>::first_mut) else {
            return false;
        };
        batch.next += 1;
        self.step(record, sink);
        true
    }

    /// Applies all records of a batch.
    pub fn apply_batch(&mut self, batch: &mut Batch, sink: &mut impl OutcomeSink) {
        self.prepare(batch);
        while self.apply_prepared(batch, sink) {}
    }

    /// Applies records in the order of the log, as [`Partition::apply`] does one by one, only
    /// faster. `batch` is scratch space.
    pub fn apply_all<'a>(
        &mut self,
        entries: impl IntoIterator<Item = Entry<'a>>,
        batch: &mut Batch,
        sink: &mut impl OutcomeSink,
    ) {
        for entry in entries {
            batch.push(&entry);
            if batch.is_full() {
                self.apply_batch(batch, sink);
            }
        }
        self.apply_batch(batch, sink);
    }
}

impl State {
    /// See the module's documentation.
    fn look_ahead(&self, records: &mut [Prepared]) {
        for record in &mut *records {
            let Some(envelope) = &record.envelope else {
                continue;
            };
            if let Command::Reserve(command) = &envelope.command {
                let Some(slot) = self.shows.find(&command.show) else {
                    continue;
                };
                record.hint = slot;
                let show = self.shows.get(slot);
                self.users.fetch_entry(show.event, &command.user);
                let seat = match &command.pick {
                    Pick::Seats(seats) => seats.first().copied().unwrap_or(0),
                    Pick::BestAvailable { .. } | Pick::General { .. } => 0,
                };
                show.fetch(usize::from(command.zone), seat);
            } else if let Command::ReserveV2(command) = &envelope.command {
                let Some(slot) = self.shows.find(&command.show) else {
                    continue;
                };
                record.hint = slot;
                let show = self.shows.get(slot);
                self.users.fetch_entry(show.event, &command.user);
                for item in &command.items {
                    let seat = match &item.pick {
                        PickV2::Seats(seats) => seats.first().copied().unwrap_or(0),
                        PickV2::BestAvailable { .. } | PickV2::General { .. } => 0,
                    };
                    show.fetch(usize::from(item.zone), seat);
                }
            } else if let Some(booking) = booking_of(&envelope.command) {
                record.hint = self.bookings.offsets().fetch(booking);
            }
        }
        let named = |record: &Prepared| {
            let envelope = record.envelope.as_ref()?;
            booking_of(&envelope.command).filter(|_| record.hint != NONE)
        };
        for record in &mut *records {
            if let Some(booking) = named(record) {
                record.hint = self.bookings.offsets().find_in(record.hint, booking);
                if record.hint != NONE {
                    self.bookings.fetch(record.hint);
                }
            }
        }
        let mut has_orders = false;
        for record in &*records {
            if named(record).is_some() {
                let booking = self.bookings.get(record.hint);
                self.users.fetch(booking.user);
                if booking.is_order() {
                    self.orders.fetch(booking.order());
                    has_orders = true;
                } else {
                    let show = self.shows.get(booking.show);
                    show.fetch(booking.zone(), booking.first_seat());
                }
            }
        }
        if has_orders {
            let named = |record: &&Prepared| named(record).is_some();
            self.look_ahead_at_orders(records.iter().filter(named).map(|record| record.hint));
        }
    }

    /// Prefetches what the orders of bookings lead to; their places in the table have been fetched.
    fn look_ahead_at_orders(&self, slots: impl Iterator<Item = u32> + Clone) {
        let ordered = || {
            slots.clone().filter_map(|slot| {
                let booking = self.bookings.get(slot);
                Some((booking.show, self.shared_order(booking)?))
            })
        };
        for (_, order) in ordered() {
            prefetch_all(&**order);
        }
        for (_, order) in ordered() {
            order.lines.iter().for_each(prefetch_all);
        }
        for (show, order) in ordered() {
            let show = self.shows.get(show);
            for line in &order.lines {
                let seat = line.seats.first().copied().unwrap_or(0);
                show.fetch(usize::from(line.zone), seat);
            }
        }
    }
}

/// The booking that a command names.
#[inline]
fn booking_of(command: &Command) -> Option<Offset> {
    match command {
        Command::Confirm(Confirm { booking, .. })
        | Command::ConfirmV2(ConfirmV2 {
            confirm: Confirm { booking, .. },
            ..
        })
        | Command::Release { booking, .. }
        | Command::Extend { booking, .. }
        | Command::Return { booking } => Some(*booking),
        Command::ReturnPlaces(command) => Some(command.booking),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{OutcomeRecord, PartitionId};

    use super::*;
    use crate::limits::Limits;
    use crate::testing::{Machine, general, open, seated};

    /// Commands that build on each other within a batch: what is found ahead is out of date by then.
    #[test]
    fn a_batch_does_what_its_records_do_one_by_one() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[9, 9]), general(50)]));
        for user in 0..200 {
            let hold = m.reserve_general(1, user % 7, 1, 1);
            match user % 3 {
                0 => drop(m.run_ok(m.confirm(hold, "p"))),
                1 => drop(m.run_ok(Command::Return { booking: hold })),
                _ => {
                    m.apply_bytes(b"no envelope");
                    m.advance(crate::testing::HOLD_MS.into());
                }
            }
            if user % 3 == 0 {
                m.run_ok(Command::Return { booking: hold });
            }
        }
        let mut together = Partition::new(PartitionId(0), Limits::default());
        let mut outcomes: Vec<OutcomeRecord> = Vec::new();
        let entries: Vec<Entry<'_>> = m.entries().collect();
        together.apply_all(entries, &mut Batch::default(), &mut outcomes);
        assert_eq!(outcomes, m.records);
        assert_eq!(together.digest(), m.partition.digest());
        together.self_check().unwrap();
    }
}
