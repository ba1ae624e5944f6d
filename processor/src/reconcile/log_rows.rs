//! The rows of bookings as the log makes them, column by column.
//!
//! A machine keeps what it needs to decide. The request of a booking, the payment reference itself,
//! when an ended booking was paid, and everything about a booking that ended more than an hour ago are
//! in the log alone, so they are read there again: about a second for a million records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use onsale_engine::Partition;
use onsale_log::{EntryBatch, LogError, LogReader};
use onsale_schemas::command::Subject;
use onsale_schemas::{
    BookingId, Command, Envelope, Offset, Outcome, OutcomeRecord, PartitionId, ShowId, codec,
};
use onsale_store::booking::{BookingRow, BookingStatus, StoredBooking};
use onsale_store::catalog::ShowRow;
use onsale_store::document::Document;
use onsale_store::{Store, StoreError};

use super::report::{Finding, Report};
use crate::replay::{Until, genesis, replay};

/// Bytes of one read of the log.
const READ_BYTES_MAX: usize = 4 << 20;
/// Bookings read from the database at once.
const BOOKINGS_PER_PAGE: u32 = 5_000;

/// Opens the log, to read it again from its beginning.
pub type OpenAgain = Arc<dyn Fn() -> Result<Box<dyn LogReader>, LogError> + Send + Sync>;

/// Why the log was not read again.
#[derive(Debug, thiserror::Error)]
pub enum ReadAgainError {
    /// It cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The reading did not come to its end.
    #[error("reading the log again broke off: {0}")]
    BrokenOff(String),
}

/// Which bookings are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// All: about 250 bytes of memory for each.
    All,
    /// Those at these offsets.
    These(BTreeSet<Offset>),
}

/// Folds the outcomes of a partition, from its first one on, to rows as the projection writes them.
#[derive(Clone, Debug)]
pub struct LogRows {
    partition: PartitionId,
    asked: Asked,
    rows: BTreeMap<Offset, BookingRow>,
}

impl LogRows {
    /// Before the first outcome of a partition.
    pub fn new(partition: PartitionId, asked: Asked) -> Self {
        Self {
            partition,
            asked,
            rows: BTreeMap::new(),
        }
    }

    /// Takes the next outcome and the machine as it is behind it.
    pub fn take(&mut self, record: &OutcomeRecord, machine: &Partition) {
        for ended in &record.expired {
            self.end(ended.booking, BookingStatus::Expired, record);
        }
        if record.replay_of.is_some() {
            return;
        }
        match &record.outcome {
            Outcome::Reserved(reserved) if self.is_asked_for(reserved.booking) => {
                let row = BookingRow {
                    booking_id: BookingId::new(self.partition, reserved.booking),
                    request_id: record.request_id,
                    event_id: reserved.event,
                    show_id: reserved.show,
                    user_id: reserved.user,
                    zone: reserved.zone,
                    seats: reserved.seats.to_vec(),
                    quantity: reserved.quantity,
                    unit_price: reserved.unit_price,
                    currency: reserved.currency.as_str().to_owned(),
                    status: BookingStatus::Reserved,
                    reserved_at_ms: record.log_time_ms,
                    expires_at_ms: reserved.expires_at_ms,
                    confirmed_at_ms: None,
                    ended_at_ms: None,
                    payment_reference: None,
                    updated_offset: record.offset,
                    order: None,
                };
                self.rows.insert(reserved.booking, row);
            }
            Outcome::ReservedV2(reserved) if self.is_asked_for(reserved.booking) => {
                let row = BookingRow::of_order(self.partition, record, reserved);
                self.rows.extend(row.map(|row| (reserved.booking, row)));
            }
            Outcome::Confirmed(confirmed) if confirmed.first => {
                let (at_ms, reference) = (confirmed.confirmed_at_ms, &confirmed.payment_reference);
                self.sell(confirmed.booking, at_ms, reference, record);
            }
            Outcome::ConfirmedV2(confirmed) if confirmed.first => {
                let (at_ms, reference) = (confirmed.confirmed_at_ms, &confirmed.payment_reference);
                self.sell(confirmed.booking, at_ms, reference, record);
            }
            Outcome::Released { booking, .. } => {
                self.end(booking.booking, BookingStatus::Cancelled, record);
            }
            Outcome::ReleasedV2(released) => {
                self.end(released.booking, BookingStatus::Cancelled, record);
            }
            Outcome::PlacesReturned(returned) => {
                if let Some(row) = self.touch(returned.booking, record) {
                    row.leave(returned);
                }
                if returned.ended {
                    self.end(returned.booking, BookingStatus::Cancelled, record);
                }
            }
            Outcome::Extended {
                booking,
                expires_at_ms,
                ..
            } => {
                if let Some(row) = self.touch(*booking, record) {
                    row.expires_at_ms = *expires_at_ms;
                }
            }
            Outcome::ShowCancelled { show } => self.void(record, |row| row.show_id == *show),
            Outcome::EventCancelled { event } => self.void(record, |row| row.event_id == *event),
            Outcome::ClockReset { from_ms, to_ms } if to_ms < from_ms => {
                self.turn_back(*to_ms, record.offset, machine);
            }
            // What changes no booking: equal answers, bookings that are not asked for, and everything about
            // shows, events, codes and nodes.
            Outcome::Reserved(_)
            | Outcome::ReservedV2(_)
            | Outcome::Confirmed(_)
            | Outcome::ConfirmedV2(_)
            | Outcome::ClockReset { .. }
            | Outcome::Nothing
            | Outcome::ShowOpened { .. }
            | Outcome::ShowAmended { .. }
            | Outcome::ShowClosed { .. }
            | Outcome::Blocked(_)
            | Outcome::Unblocked(_)
            | Outcome::Claimed { .. }
            | Outcome::BarrierPassed { .. }
            | Outcome::Rejected(_)
            | Outcome::EventAmended { .. }
            | Outcome::ReferenceClaimed(_)
            | Outcome::Described(_)
            | Outcome::OfferSet { .. }
            | Outcome::CodesCreated { .. }
            | Outcome::CodesAmended { .. }
            | Outcome::CodesEnded { .. }
            | Outcome::SeatsAdded { .. }
            | Outcome::SeatsTaken(_) => {}
        }
    }

    /// The rows by the offset of their reservation.
    pub fn into_rows(self) -> BTreeMap<Offset, BookingRow> {
        self.rows
    }

    fn is_asked_for(&self, booking: Offset) -> bool {
        match &self.asked {
            Asked::All => true,
            Asked::These(these) => these.contains(&booking),
        }
    }

    fn touch(&mut self, booking: Offset, record: &OutcomeRecord) -> Option<&mut BookingRow> {
        let row = self.rows.get_mut(&booking)?;
        row.updated_offset = record.offset;
        Some(row)
    }

    fn sell(&mut self, booking: Offset, at_ms: u64, reference: &str, record: &OutcomeRecord) {
        if let Some(row) = self.touch(booking, record) {
            row.status = BookingStatus::Confirmed;
            row.confirmed_at_ms = Some(at_ms);
            row.payment_reference = Some(reference.to_owned());
            row.ended_at_ms = None;
        }
    }

    fn end(&mut self, booking: Offset, status: BookingStatus, record: &OutcomeRecord) {
        if let Some(row) = self.touch(booking, record) {
            row.status = status;
            row.ended_at_ms = Some(record.log_time_ms);
        }
    }

    /// Everything live of what is cancelled ends.
    fn void(&mut self, record: &OutcomeRecord, is_of_it: impl Fn(&BookingRow) -> bool) {
        let live = self.rows.values_mut().filter(|row| row.status.is_live());
        for row in live.filter(|row| is_of_it(row)) {
            row.status = BookingStatus::Cancelled;
            row.ended_at_ms = Some(record.log_time_ms);
            row.updated_offset = record.offset;
        }
    }

    /// No hold ends later than a hold of its show that begins now, and nothing has ended later.
    fn turn_back(&mut self, to_ms: u64, offset: Offset, machine: &Partition) {
        for row in self.rows.values_mut() {
            if row.status == BookingStatus::Reserved
                && let Some(show) = machine.show(row.show_id)
            {
                let latest_ms = to_ms.saturating_add(u64::from(show.hold_ms));
                if row.expires_at_ms > latest_ms {
                    row.expires_at_ms = latest_ms;
                    row.updated_offset = offset;
                }
            }
            if row
                .ended_at_ms
                .is_some_and(|ended_at_ms| ended_at_ms > to_ms)
            {
                row.ended_at_ms = Some(to_ms);
                row.updated_offset = offset;
            }
        }
    }
}

/// Compares every booking of a partition that the database has with the rows that its log makes, column
/// by column. The projection stands where the rows do.
///
/// # Errors
/// When the database cannot be read.
pub async fn compare_rows(
    partition: PartitionId,
    mut rows: BTreeMap<Offset, BookingRow>,
    store: &Store,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store
            .stored_bookings(partition, after, BOOKINGS_PER_PAGE)
            .await?;
        let Some(last) = page.last() else { break };
        after = Some(last.booking_id.offset());
        for stored in page {
            let row = rows.remove(&stored.booking_id.offset());
            compare_row(row, stored, partition, report);
        }
    }
    let retired = store.retired_shows().await?;
    let expected = rows
        .into_values()
        .filter(|row| !retired.may_lack(row.show_id, row.reserved_at_ms));
    for row in expected {
        report.add(
            partition,
            Finding::BookingMissing {
                booking_id: row.booking_id,
                show_id: row.show_id,
            },
            "the projection lost a row, or was set ahead of it",
        );
    }
    Ok(())
}

fn compare_row(
    row: Option<BookingRow>,
    stored: StoredBooking,
    partition: PartitionId,
    report: &mut Report,
) {
    let booking_id = stored.booking_id;
    let Some(row) = row else {
        let show_id = match &stored.row {
            Ok(stands) => stands.show_id,
            Err(_) => ShowId::from_bytes([0; 16]),
        };
        let finding = Finding::BookingExtra {
            booking_id,
            show_id,
        };
        report.add(
            partition,
            finding,
            "the row was put there from outside: the log has no such booking",
        );
        return;
    };
    let columns = match stored.row {
        Ok(stands) => row.differences(&stands),
        Err(unreadable) => vec![unreadable],
    };
    if !columns.is_empty() {
        report.add(
            partition,
            Finding::BookingDiffers {
                booking_id,
                show_id: row.show_id,
                columns,
            },
            "the row was changed from outside, or the projection lost an update",
        );
    }
}

/// The last document of a show in the log that `fits`: one that was written after someone had changed the
/// catalog by hand does not.
///
/// # Errors
/// When the log cannot be read.
pub(super) async fn described_before(
    open: &OpenAgain,
    partition: PartitionId,
    subject: Subject,
    fits: impl Fn(&ShowRow) -> bool + Send + 'static,
) -> Result<Option<ShowRow>, ReadAgainError> {
    let open = open.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let mut reader = open()?;
        let (mut from, _) = reader.bounds(partition)?;
        let (mut batch, mut found) = (EntryBatch::default(), None);
        loop {
            reader.read(partition, from, READ_BYTES_MAX, &mut batch)?;
            if batch.is_empty() {
                return Ok(found);
            }
            for entry in batch.iter() {
                from = entry.offset + 1;
                let Ok(envelope) = codec::decode::<Envelope>(entry.payload) else {
                    continue;
                };
                let Command::Describe(describe) = envelope.command else {
                    continue;
                };
                if describe.subject == subject {
                    let document = Document::decode(&describe.document).ok();
                    let show = document.and_then(|document| document.show);
                    found = show.map(|show| show.row).filter(&fits).or(found);
                }
            }
        }
    });
    match reading.await {
        Ok(read) => read,
        Err(error) => Err(ReadAgainError::BrokenOff(error.to_string())),
    }
}

/// Reads the log again up to where `machine` stands. `None` where it no longer goes back to its
/// beginning.
///
/// # Errors
/// When the log cannot be read.
pub(super) async fn read(
    open: &OpenAgain,
    machine: &Partition,
    asked: Asked,
) -> Result<Option<BTreeMap<Offset, BookingRow>>, ReadAgainError> {
    let (partition, end, open) = (machine.id(), machine.next_offset(), open.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let mut reader = open()?;
        if reader.bounds(partition)?.0 > 0 {
            return Ok(None);
        }
        let mut rows = LogRows::new(partition, asked);
        let until = Until {
            offset: Some(end),
            time_ms: None,
        };
        replay(
            &mut *reader,
            genesis(partition),
            until,
            |_, outcome, machine| {
                if let Some(record) = outcome {
                    rows.take(&record, machine);
                }
            },
        )?;
        Ok(Some(rows.into_rows()))
    });
    match reading.await {
        Ok(read) => read,
        Err(error) => Err(ReadAgainError::BrokenOff(error.to_string())),
    }
}
