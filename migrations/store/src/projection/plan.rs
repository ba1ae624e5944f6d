//! What rows a batch changes, worked out without a database.
//!
//! Several records of a batch may touch one booking or one seat. They are folded to the final state
//! first, so that each row is written once and thousands of rows take one statement.

mod fold;

use onsale_schemas::command::Describe;
use onsale_schemas::outcome::{BlockChange, PlacesReturned};
use onsale_schemas::{
    CodeGroup, EventId, Offset, Outcome, OutcomeRecord, PartitionId, RequestId, SeatIndex, ShowId,
    ZoneIndex,
};

use self::fold::Fold;
use super::ProjectionBatch;
use super::bulk::SeatHolder;
use super::trail::{self, Decided};
use crate::booking::{BookingRow, BookingStatus, OrderRow, Version2, Watermark, places_of};
use crate::error::StoreError;

/// A change of a booking that stands in the database. `None` leaves a value as it is, except for
/// `ended_at_ms`, which is written: only an ended booking has one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BookingChange {
    pub(crate) booking: Offset,
    pub(crate) show: ShowId,
    pub(crate) status: BookingStatus,
    pub(crate) expires_at_ms: Option<u64>,
    pub(crate) confirmed_at_ms: Option<u64>,
    pub(crate) payment_reference: Option<String>,
    pub(crate) ended_at_ms: Option<u64>,
    pub(crate) left: Option<Left>,
    pub(crate) updated_offset: Offset,
}

/// What partial returns have left of a booking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Left {
    pub(crate) seats: Vec<SeatIndex>,
    pub(crate) quantity: u32,
    /// Written where the booking has an order: one that is plain looks the same here, and stays plain. Its code is
    /// left as it is.
    pub(crate) order: OrderRow,
}

impl Left {
    fn by(returned: &PlacesReturned) -> Self {
        let (seats, quantity) = places_of(&returned.lines);
        Self {
            seats,
            quantity,
            order: OrderRow::left_by(returned),
        }
    }
}

/// What became of a show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ShowEvent {
    Opened,
    /// The change stands in the database under the id of the request.
    Amended(RequestId),
    /// What is for sale stands in the database under the id of the request.
    Offered(RequestId),
    /// The same change or offer again, which changes nothing any more.
    AmendedBefore(RequestId),
    Closed,
    /// It has more places than before.
    Grown(Grown),
}

/// What a show got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Grown {
    /// The names of it stand in the database under this id.
    pub(crate) request: Option<RequestId>,
    pub(crate) zone: ZoneIndex,
    pub(crate) first_seat: SeatIndex,
    pub(crate) places: u32,
}

/// A change of a show's rows, in the order of the log with the others of its batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ShowStep {
    pub(crate) show: ShowId,
    pub(crate) event: ShowEvent,
    pub(crate) at_ms: u64,
    pub(crate) offset: Offset,
}

/// A change of an event's rows, in the same way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EventStep {
    pub(crate) event: EventId,
    /// The change of its texts stands in the database under this id.
    pub(crate) request: Option<RequestId>,
    /// The limit per user, where it was changed.
    pub(crate) max_tickets_per_user: Option<u16>,
    pub(crate) offset: Offset,
}

/// What an outcome says of the codes of a show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CodesSaid {
    /// This group has more codes, and may have begun with them.
    Created(CodeGroup),
    /// This group has other terms.
    Amended(CodeGroup),
    /// Codes ended; which, it does not say.
    Ended,
}

/// A change of the codes of a show. What it is stands in the database under the id of the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CodesStep {
    pub(crate) show: ShowId,
    pub(crate) said: CodesSaid,
    pub(crate) request: Option<RequestId>,
    pub(crate) at_ms: u64,
    pub(crate) offset: Offset,
}

/// A change of the catalog.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CatalogStep {
    Show(ShowStep),
    /// Places of a zone are gone for good, as of the record at this offset.
    PlacesTaken(Box<BlockChange>, Offset),
    EventAmended(EventStep),
    /// The same again, which changes nothing any more.
    EventChangedBefore(RequestId),
    Codes(CodesStep),
    /// The same again, which changes nothing any more.
    CodesChangedBefore(RequestId),
    /// A document of it. It was created from the row at the position that it names, or before it named
    /// one at some position before its own.
    Described(Box<Describe>),
}

/// What a record does to rows that its outcome does not name: those that what came before it in the
/// log has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sweep {
    pub(crate) what: Swept,
    pub(crate) at_ms: u64,
    pub(crate) offset: Offset,
}

/// The rows that a [`Sweep`] changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Swept {
    /// A show is cancelled, and everything live of it ends.
    Show(ShowId),
    /// An event is cancelled: all its shows are, and everything live of them ends.
    Event(EventStep),
    /// Machine time of the partition went back to [`Sweep::at_ms`]: no hold ends later than a hold
    /// of its show that begins now, and nothing has ended later than now.
    ClockReset,
}

/// What a batch changes.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) partition: PartitionId,
    /// One after the other.
    pub(crate) phases: Vec<Phase>,
    /// When the machine was first seen to be of version 2.
    pub(crate) version_2: Option<Version2>,
    /// What the audit trail says of it, in the order of the log.
    pub(crate) decided: Vec<Decided>,
    pub(crate) watermark: Watermark,
}

/// The rows that records change, in the order in which they must be written: what frees seats comes
/// before what takes them. A [`Sweep`] begins a phase of its own, because it changes rows as the
/// records before it have left them.
#[derive(Debug)]
pub(crate) struct Phase {
    /// First of all.
    pub(crate) swept: Option<Sweep>,
    pub(crate) catalog: Vec<CatalogStep>,
    pub(crate) freed: Vec<SeatHolder>,
    pub(crate) changed: Vec<BookingChange>,
    pub(crate) inserted: Vec<BookingRow>,
    pub(crate) taken: Vec<SeatHolder>,
    pub(crate) unblocked: Vec<(ShowId, SeatIndex)>,
    pub(crate) blocked: Vec<(ShowId, SeatIndex)>,
    pub(crate) blocked_quantities: Vec<(ShowId, ZoneIndex, i64)>,
}

impl Plan {
    /// The plan for what of `batch` is not projected yet; `None` when all of it is.
    ///
    /// # Errors
    /// [`StoreError::Gap`], [`StoreError::DoubleSale`] when the batch itself sells a seat twice, and
    /// [`StoreError::Invalid`] for a batch that contradicts its own bounds.
    pub(crate) fn of(
        batch: &ProjectionBatch,
        before: &Watermark,
    ) -> Result<Option<Self>, StoreError> {
        check_bounds(batch)?;
        if batch.next_offset <= before.next_offset {
            return Ok(None);
        }
        if batch.from_offset > before.next_offset {
            return Err(StoreError::Gap {
                partition: batch.partition,
                expected: before.next_offset,
                found: batch.from_offset,
            });
        }
        let mut phases = Vec::new();
        let mut fold = Fold::new(batch.partition, None);
        let mut version_2 = None;
        let mut projected_ms = before.log_time_ms.max(batch.log_time_ms);
        let mut last_outcome = before.last_outcome;
        let mut decided = Vec::new();
        for record in &batch.outcomes {
            if record.offset < before.next_offset {
                continue;
            }
            if record.previous != last_outcome {
                tracing::error!(
                    partition = %batch.partition,
                    offset = record.offset,
                    names = ?record.previous,
                    projected = ?last_outcome,
                    "an outcome does not follow the one before it"
                );
                return Err(StoreError::Gap {
                    partition: batch.partition,
                    expected: before.next_offset,
                    found: record.offset,
                });
            }
            fold.record(record)?;
            trail::note(&mut decided, batch, record);
            if let Some(swept) = sweep(record) {
                if swept.what == Swept::ClockReset {
                    // What comes after it would not be looked for from the time before it on.
                    projected_ms = batch.log_time_ms;
                }
                let next = Fold::new(batch.partition, Some(swept));
                phases.push(std::mem::replace(&mut fold, next).finish());
            }
            if matches!(
                record.outcome,
                Outcome::BarrierPassed {
                    machine_version: 2..
                }
            ) {
                version_2 = version_2.or(Some(Version2 {
                    since_ms: record.log_time_ms,
                    since_offset: Some(record.offset),
                }));
            }
            last_outcome = Some(record.offset);
        }
        phases.push(fold.finish());
        Ok(Some(Self {
            partition: batch.partition,
            phases,
            version_2,
            decided,
            watermark: Watermark {
                partition: batch.partition,
                next_offset: batch.next_offset,
                last_outcome,
                log_time_ms: projected_ms,
            },
        }))
    }
}

/// What `record`, when it is the first to tell of it, does to rows that it does not name.
fn sweep(record: &OutcomeRecord) -> Option<Sweep> {
    if record.replay_of.is_some() {
        return None;
    }
    let (what, at_ms) = match record.outcome {
        Outcome::ShowCancelled { show } => (Swept::Show(show), record.log_time_ms),
        Outcome::EventCancelled { event } => {
            let step = EventStep {
                event,
                request: record.request_id,
                max_tickets_per_user: None,
                offset: record.offset,
            };
            (Swept::Event(step), record.log_time_ms)
        }
        Outcome::ClockReset { from_ms, to_ms } if to_ms < from_ms => (Swept::ClockReset, to_ms),
        _ => return None,
    };
    Some(Sweep {
        what,
        at_ms,
        offset: record.offset,
    })
}

fn check_bounds(batch: &ProjectionBatch) -> Result<(), StoreError> {
    let invalid = |what: &str| {
        Err(StoreError::Invalid(format!(
            "projection batch {}..{} of partition {}: {what}",
            batch.from_offset, batch.next_offset, batch.partition
        )))
    };
    if batch.next_offset < batch.from_offset {
        return invalid("ends before it begins");
    }
    if !batch.outcomes.is_sorted_by(|a, b| a.offset < b.offset) {
        return invalid("outcomes are not in order");
    }
    match (batch.outcomes.first(), batch.outcomes.last()) {
        (Some(first), Some(last))
            if first.offset < batch.from_offset || last.offset >= batch.next_offset =>
        {
            invalid("an outcome is not of a record that it covers")
        }
        _ => Ok(()),
    }
}
