//! What an outcome is written down as.

mod version_3;

use onsale_schemas::outcome::{BlockChange, EndedBooking};
use onsale_schemas::{
    BookingId, EventId, Offset, Outcome, OutcomeRecord, PartitionId, ShowId, UserId,
};

use super::actor::{ActorOf, STAFF, UNKNOWN};
use super::{Decided, Place};

/// A booking that an outcome is about.
pub(super) struct Touched {
    booking: Offset,
    show: ShowId,
    user: UserId,
    quantity: u32,
}

impl Touched {
    /// From what a booking had in each of its zones.
    pub(super) fn of_zones(zones: &[EndedBooking]) -> Option<Self> {
        let first = zones.first()?;
        let quantities = zones.iter().map(|zone| zone.quantity);
        Some(Self {
            quantity: quantities.fold(0, u32::saturating_add),
            ..Self::from(first)
        })
    }
}

impl From<&EndedBooking> for Touched {
    fn from(ended: &EndedBooking) -> Self {
        Self {
            booking: ended.booking,
            show: ended.show,
            user: ended.user,
            quantity: ended.quantity,
        }
    }
}

/// What a record's own outcome is written down as, with the actor that the outcome shows. Details are
/// written as text at once, because there are thousands in a transaction; they hold nothing but ids,
/// numbers and words of this program.
pub(super) fn of_outcome(partition: PartitionId, record: &OutcomeRecord) -> Option<Decided> {
    let position = record.offset;
    Some(match &record.outcome {
        Outcome::Reserved(reserved) => Decided {
            actor: ActorOf::buyer(reserved.user),
            detail: format!(
                "{{\"changes\":{{\"status\":{{\"before\":null,\"after\":\"reserved\"}}}},\
                 \"show_id\":\"{}\",\"user_id\":\"{}\",\"quantity\":{},\"unit_price\":{},\
                 \"currency\":\"{}\",\"position\":{position}}}",
                reserved.show.0,
                reserved.user.0,
                reserved.quantity,
                reserved.unit_price,
                reserved.currency.as_str(),
            ),
            ..entry(
                record,
                Place::Show(reserved.show),
                "booking.reserve",
                "booking",
                id_of(partition, reserved.booking),
            )
        },
        Outcome::Confirmed(confirmed) if confirmed.first => {
            let booking = Touched {
                booking: confirmed.booking,
                show: confirmed.show,
                user: confirmed.user,
                quantity: confirmed.quantity,
            };
            of_booking(
                partition,
                record,
                "booking.confirm",
                booking,
                confirmed_from(confirmed.revived),
            )
        }
        Outcome::Released {
            booking,
            was_confirmed,
        } => {
            let became = cancelled_from(*was_confirmed);
            of_booking(partition, record, "booking.cancel", booking.into(), became)
        }
        Outcome::Extended {
            booking,
            show,
            user,
            expires_at_ms,
        } => Decided {
            detail: format!(
                "{{\"changes\":{{\"expires_at_ms\":{{\"after\":{expires_at_ms}}}}},\
                 \"show_id\":\"{}\",\"user_id\":\"{}\",\"position\":{position}}}",
                show.0, user.0,
            ),
            ..entry(
                record,
                Place::Show(*show),
                "booking.extend",
                "booking",
                id_of(partition, *booking),
            )
        },
        _ => return of_staff(partition, record),
    })
}

/// As [`of_outcome`], for what staff does to shows, events and clocks.
fn of_staff(partition: PartitionId, record: &OutcomeRecord) -> Option<Decided> {
    let position = record.offset;
    Some(match &record.outcome {
        Outcome::Blocked(change) => of_block(record, "show.block", change),
        Outcome::Unblocked(change) => of_block(record, "show.unblock", change),
        Outcome::ShowOpened { show, .. } => of_show(record, "show.open", *show),
        Outcome::ShowAmended { show } => of_show(record, "show.amend", *show),
        Outcome::ShowClosed { show } => of_show(record, "show.close", *show),
        Outcome::ShowCancelled { show } => of_show(record, "show.cancel", *show),
        Outcome::EventAmended {
            event,
            max_tickets_per_user,
        } => Decided {
            detail: format!(
                "{{\"max_tickets_per_user\":{max_tickets_per_user},\"position\":{position}}}"
            ),
            ..of_event(record, "event.amend", *event)
        },
        Outcome::EventCancelled { event } => of_event(record, "event.cancel", *event),
        Outcome::ClockReset { from_ms, to_ms } => Decided {
            actor: ActorOf::someone(STAFF),
            detail: format!(
                "{{\"changes\":{{\"log_time_ms\":{{\"before\":{from_ms},\"after\":{to_ms}}}}},\
                 \"position\":{position}}}"
            ),
            ..entry(
                record,
                Place::Installation,
                "clock.reset",
                "partition",
                partition.to_string(),
            )
        },
        Outcome::ReservedV2(_)
        | Outcome::ConfirmedV2(_)
        | Outcome::ReleasedV2(_)
        | Outcome::PlacesReturned(_)
        | Outcome::OfferSet { .. }
        | Outcome::CodesCreated { .. }
        | Outcome::CodesAmended { .. }
        | Outcome::CodesEnded { .. }
        | Outcome::SeatsAdded { .. }
        | Outcome::SeatsTaken(_) => return version_3::of_outcome(partition, record),
        // Those of bookings, an equal answer, what nodes say to one another, and what is written down where
        // it was done.
        Outcome::Reserved(_)
        | Outcome::Confirmed(_)
        | Outcome::Released { .. }
        | Outcome::Extended { .. }
        | Outcome::Nothing
        | Outcome::Claimed { .. }
        | Outcome::BarrierPassed { .. }
        | Outcome::ReferenceClaimed(_)
        | Outcome::Described(_)
        | Outcome::Rejected(_) => return None,
    })
}

fn entry(
    record: &OutcomeRecord,
    place: Place,
    action: &'static str,
    subject_kind: &'static str,
    subject_id: String,
) -> Decided {
    Decided {
        offset: record.offset,
        at_ms: record.log_time_ms,
        place,
        // Who asked is not said where the projector sees outcomes alone.
        actor: ActorOf::someone(UNKNOWN),
        request_id: record.request_id.map(|id| id.0),
        action,
        subject_kind,
        subject_id,
        detail: format!("{{\"position\":{}}}", record.offset),
    }
}

fn id_of(partition: PartitionId, booking: Offset) -> String {
    BookingId::new(partition, booking).as_uuid().to_string()
}

/// What a booking became that was confirmed, as [`of_booking`] takes it.
fn confirmed_from(expired: bool) -> &'static str {
    if expired {
        "\"expired\",\"after\":\"confirmed\""
    } else {
        "\"reserved\",\"after\":\"confirmed\""
    }
}

/// What a booking became that was cancelled, as [`of_booking`] takes it.
fn cancelled_from(confirmed: bool) -> &'static str {
    if confirmed {
        "\"confirmed\",\"after\":\"cancelled\""
    } else {
        "\"reserved\",\"after\":\"cancelled\""
    }
}

/// `became` is the status before, and behind it the one after, as JSON.
pub(super) fn of_booking(
    partition: PartitionId,
    record: &OutcomeRecord,
    action: &'static str,
    booking: Touched,
    became: &'static str,
) -> Decided {
    Decided {
        detail: format!(
            "{{\"changes\":{{\"status\":{{\"before\":{became}}}}},\"show_id\":\"{}\",\
             \"user_id\":\"{}\",\"quantity\":{},\"position\":{}}}",
            booking.show.0, booking.user.0, booking.quantity, record.offset,
        ),
        ..entry(
            record,
            Place::Show(booking.show),
            action,
            "booking",
            id_of(partition, booking.booking),
        )
    }
}

fn of_show(record: &OutcomeRecord, action: &'static str, show: ShowId) -> Decided {
    Decided {
        actor: ActorOf::someone(STAFF),
        ..entry(
            record,
            Place::Show(show),
            action,
            "show",
            show.0.to_string(),
        )
    }
}

fn of_event(record: &OutcomeRecord, action: &'static str, event: EventId) -> Decided {
    Decided {
        actor: ActorOf::someone(STAFF),
        ..entry(
            record,
            Place::Event(event),
            action,
            "event",
            event.0.to_string(),
        )
    }
}

fn of_block(record: &OutcomeRecord, action: &'static str, change: &BlockChange) -> Decided {
    let places = if change.seats.is_empty() {
        u64::from(change.quantity)
    } else {
        u64::try_from(change.seats.len()).unwrap_or(u64::MAX)
    };
    Decided {
        detail: format!(
            "{{\"zone\":{},\"places\":{places},\"position\":{}}}",
            change.zone, record.offset,
        ),
        ..of_show(record, action, change.show)
    }
}
