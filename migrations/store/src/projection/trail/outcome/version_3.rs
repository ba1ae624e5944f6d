//! What machine version 3 decides.

use onsale_schemas::outcome::{ConfirmedV2, PlacesReturned, ReservedV2, ZonePlaces};
use onsale_schemas::{Outcome, OutcomeRecord, PartitionId};

use super::{Touched, cancelled_from, confirmed_from, entry, id_of, of_block, of_booking, of_show};
use crate::projection::trail::actor::ActorOf;
use crate::projection::trail::{Decided, Place};

/// As the one of its parent, for outcomes of version 3; `None` for others and for an equal answer.
pub(super) fn of_outcome(partition: PartitionId, record: &OutcomeRecord) -> Option<Decided> {
    let position = record.offset;
    Some(match &record.outcome {
        Outcome::ReservedV2(reserved) => reserve(partition, record, reserved),
        Outcome::ConfirmedV2(confirmed) if confirmed.first => confirm(partition, record, confirmed),
        Outcome::ReleasedV2(released) => {
            let became = cancelled_from(released.was_confirmed);
            let booking = Touched {
                booking: released.booking,
                show: released.show,
                user: released.user,
                quantity: places_of(&released.parts),
            };
            of_booking(partition, record, "booking.cancel", booking, became)
        }
        Outcome::PlacesReturned(returned) => give_back(partition, record, returned),
        Outcome::OfferSet { show } => of_show(record, "show.offer", *show),
        Outcome::CodesCreated {
            show,
            group,
            created,
            known,
        } => Decided {
            detail: format!(
                "{{\"group\":{group},\"created\":{created},\"known\":{known},\
                 \"position\":{position}}}"
            ),
            ..of_show(record, "codes.create", *show)
        },
        Outcome::CodesAmended { show, group } => Decided {
            detail: format!("{{\"group\":{group},\"position\":{position}}}"),
            ..of_show(record, "codes.amend", *show)
        },
        Outcome::CodesEnded { show, ended } => Decided {
            detail: format!("{{\"ended\":{ended},\"position\":{position}}}"),
            ..of_show(record, "codes.end", *show)
        },
        Outcome::SeatsAdded {
            show, zone, places, ..
        } => Decided {
            detail: format!("{{\"zone\":{zone},\"places\":{places},\"position\":{position}}}"),
            ..of_show(record, "show.add_seats", *show)
        },
        Outcome::SeatsTaken(change) => of_block(record, "show.take_seats", change),
        _ => return None,
    })
}

fn reserve(partition: PartitionId, record: &OutcomeRecord, reserved: &ReservedV2) -> Decided {
    let places = reserved.lines.iter().map(|line| line.quantity);
    Decided {
        actor: ActorOf::buyer(reserved.user),
        detail: format!(
            "{{\"changes\":{{\"status\":{{\"before\":null,\"after\":\"reserved\"}}}},\
             \"show_id\":\"{}\",\"user_id\":\"{}\",\"quantity\":{},\"total\":{},\
             \"currency\":\"{}\",\"position\":{}}}",
            reserved.show.0,
            reserved.user.0,
            places.sum::<u32>(),
            reserved.total,
            reserved.currency.as_str(),
            record.offset,
        ),
        ..entry(
            record,
            Place::Show(reserved.show),
            "booking.reserve",
            "booking",
            id_of(partition, reserved.booking),
        )
    }
}

fn confirm(partition: PartitionId, record: &OutcomeRecord, confirmed: &ConfirmedV2) -> Decided {
    let became = confirmed_from(confirmed.revived);
    let booking = Touched {
        booking: confirmed.booking,
        show: confirmed.show,
        user: confirmed.user,
        quantity: places_of(&confirmed.parts),
    };
    of_booking(partition, record, "booking.confirm", booking, became)
}

fn give_back(partition: PartitionId, record: &OutcomeRecord, returned: &PlacesReturned) -> Decided {
    let after = if returned.ended {
        "cancelled"
    } else {
        "confirmed"
    };
    Decided {
        detail: format!(
            "{{\"changes\":{{\"status\":{{\"before\":\"confirmed\",\"after\":\"{after}\"}}}},\
             \"show_id\":\"{}\",\"user_id\":\"{}\",\"quantity\":{},\"refund_price\":{},\
             \"refund_fees\":{},\"total\":{},\"currency\":\"{}\",\"position\":{}}}",
            returned.show.0,
            returned.user.0,
            places_of(&returned.parts),
            returned.refund_price,
            returned.refund_fees,
            returned.total,
            returned.currency.as_str(),
            record.offset,
        ),
        ..entry(
            record,
            Place::Show(returned.show),
            "booking.return_places",
            "booking",
            id_of(partition, returned.booking),
        )
    }
}

fn places_of(parts: &[ZonePlaces]) -> u32 {
    parts.iter().map(|part| part.quantity).sum()
}
