//! What the audit trail says of what the log decided: bookings made, confirmed, cancelled, expired, and
//! what staff did to shows and events.
//!
//! Written in the transaction of the rows, thousands at once, so it is there exactly when they are and a
//! sale pays nothing for it. A projection that begins again (its watermark was set back) writes no entry
//! twice: `audit_projected` remembers how far they go, apart from the watermark. A repair that sets the watermark
//! forward writes those of what it passes over, or one that says that they are missing. Where a show or an event
//! is cancelled one entry says so for all its bookings, as one record of the log does.

mod actor;
mod insert;
mod outcome;
mod row;
mod tenants;

use onsale_schemas::{EventId, LogTimeMs, Offset, OutcomeRecord, ShowId};
use uuid::Uuid;

use self::actor::{ActorOf, LOG};
use self::outcome::{Touched, of_booking, of_outcome};
use super::batch::ProjectionBatch;

pub(super) use self::insert::write;
pub(crate) use self::insert::{pass_over, write_decided};
pub(crate) use self::row::DecidedRow;

/// By what the tenant is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Show(ShowId),
    Event(EventId),
    Installation,
}

/// Something that the log decided, as it is written down.
#[derive(Debug)]
pub(crate) struct Decided {
    offset: Offset,
    at_ms: LogTimeMs,
    place: Place,
    actor: ActorOf,
    request_id: Option<Uuid>,
    action: &'static str,
    subject_kind: &'static str,
    subject_id: String,
    detail: String,
}

/// What a batch decided.
pub(crate) fn decided(batch: &ProjectionBatch) -> Vec<Decided> {
    let mut decided = Vec::new();
    for record in &batch.outcomes {
        note(&mut decided, batch, record);
    }
    decided
}

/// Adds what a record decided that nobody has written down yet.
pub(super) fn note(into: &mut Vec<Decided>, batch: &ProjectionBatch, record: &OutcomeRecord) {
    // An order over several zones stands there once for each, next to each other.
    let expired = record
        .expired
        .chunk_by(|one, next| one.booking == next.booking);
    for booking in expired.filter_map(Touched::of_zones) {
        let became = "\"reserved\",\"after\":\"expired\"";
        let entry = of_booking(batch.partition, record, "booking.expire", booking, became);
        into.push(Decided {
            actor: ActorOf::someone(LOG),
            request_id: None,
            ..entry
        });
    }
    if record.replay_of.is_some() {
        return;
    }
    let asker = batch
        .askers
        .binary_search_by_key(&record.offset, |(offset, _)| *offset)
        .ok()
        .and_then(|found| batch.askers.get(found))
        .map(|(_, asker)| ActorOf::of(*asker));
    if let Some(entry) = of_outcome(batch.partition, record) {
        let actor = asker.unwrap_or(entry.actor);
        into.push(Decided { actor, ..entry });
    }
}
