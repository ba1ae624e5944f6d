//! Who asked for what an outcome says: its record in the log knows, and the audit trail wants to.

use onsale_schemas::{Asker, Entry, Envelope, Outcome, OutcomeRecord, codec};

/// Who asked for the outcome of this entry; `None` where nobody did, where the outcome itself says so (a
/// reservation names its buyer, and there are more of them than of anything else), or where it is that of
/// another entry. It costs reading the record once more.
pub(crate) fn asker(entry: Entry<'_>, outcome: &OutcomeRecord) -> Option<Asker> {
    if outcome.offset != entry.offset || outcome.replay_of.is_some() || !is_asked_for(outcome) {
        return None;
    }
    let envelope = codec::decode::<Envelope>(entry.payload).ok()?;
    Asker::of(&envelope)
}

fn is_asked_for(record: &OutcomeRecord) -> bool {
    match &record.outcome {
        Outcome::Confirmed(confirmed) => confirmed.first,
        Outcome::ConfirmedV2(confirmed) => confirmed.first,
        Outcome::Released { .. }
        | Outcome::Extended { .. }
        | Outcome::Blocked(_)
        | Outcome::Unblocked(_)
        | Outcome::ShowOpened { .. }
        | Outcome::ShowAmended { .. }
        | Outcome::ShowClosed { .. }
        | Outcome::ShowCancelled { .. }
        | Outcome::EventAmended { .. }
        | Outcome::EventCancelled { .. }
        | Outcome::ClockReset { .. }
        | Outcome::ReleasedV2(_)
        | Outcome::OfferSet { .. }
        | Outcome::CodesCreated { .. }
        | Outcome::CodesAmended { .. }
        | Outcome::CodesEnded { .. }
        | Outcome::PlacesReturned(_)
        | Outcome::SeatsAdded { .. }
        | Outcome::SeatsTaken(_) => true,
        Outcome::Reserved(_)
        | Outcome::ReservedV2(_)
        | Outcome::Nothing
        | Outcome::Claimed { .. }
        | Outcome::BarrierPassed { .. }
        | Outcome::ReferenceClaimed(_)
        | Outcome::Described(_)
        | Outcome::Rejected(_) => false,
    }
}
