//! Where a request stood and why it was decided so, as clients read it.

use onsale_schemas::rejection::CodeRefusal;
use onsale_schemas::{Ahead, Command, Outcome, Rejection};
use serde::Serialize;
use utoipa::ToSchema;

use crate::charts::Chart;
use crate::routes::bookings::body::PositionBody;

/// The requests for the same zone that stood before, since the sale opened. Counts, never persons.
#[derive(Serialize, ToSchema)]
#[schema(as = Ahead)]
pub(crate) struct AheadBody {
    /// Requests for places of the zone.
    requests: u64,
    /// Those of them that were granted.
    granted: u64,
    /// Those of them that were refused.
    refused: u64,
    /// Places that they were granted.
    places_granted: u64,
    /// Places of those that were free again by then.
    places_given_back: u64,
    /// False when the log no longer reaches back to the opening of the sale, so that there may
    /// have been more.
    complete: bool,
    /// The first record that was counted.
    counted_from: u64,
}

/// A seat that could not be had.
#[derive(Serialize, ToSchema)]
pub(crate) struct TakenSeat {
    seat: String,
    /// Offset of the request that got it; `null` when it was not counted or the seat is blocked.
    taken_at_offset: Option<u64>,
}

impl AheadBody {
    pub(in crate::routes) fn of(ahead: &Ahead) -> Self {
        Self {
            requests: ahead.requests,
            granted: ahead.granted,
            refused: ahead.requests.saturating_sub(ahead.granted),
            places_granted: ahead.places,
            places_given_back: ahead.places_given_back,
            complete: ahead.complete,
            counted_from: ahead.counted_from,
        }
    }
}

impl TakenSeat {
    pub(super) fn all(ahead: &Ahead, chart: Option<&Chart>) -> Vec<Self> {
        let label = |seat| {
            chart
                .and_then(|chart| chart.label(seat))
                .unwrap_or_else(|| crate::charts::seat_id(seat))
        };
        ahead
            .taken_at
            .iter()
            .map(|(seat, offset)| Self {
                seat: label(*seat),
                taken_at_offset: *offset,
            })
            .collect()
    }
}

/// A place in the log.
pub(in crate::routes) fn position(partition: u16, offset: u64) -> PositionBody {
    PositionBody { partition, offset }
}

/// What was asked for, in a word.
pub(super) fn asked(command: &Command) -> &'static str {
    match command {
        Command::OpenShow(_) => "open_show",
        Command::AmendShow(_) => "amend_show",
        Command::CloseShow { .. } => "close_show",
        Command::CancelShow { .. } => "cancel_show",
        Command::Reserve(_) => "reserve",
        Command::Confirm(_) => "confirm",
        Command::Release { .. } | Command::Return { .. } => "cancel",
        Command::Extend { .. } => "extend",
        Command::Block(_) => "block",
        Command::Unblock(_) => "unblock",
        Command::OpenShowV2(_) => "open_show",
        Command::AmendEvent(_) => "amend_event",
        Command::CancelEvent { .. } => "cancel_event",
        Command::ConfirmV2(_) => "confirm",
        Command::ClaimReference(_) => "claim_reference",
        Command::Describe(_) => "describe",
        Command::OpenShowV3(_) => "open_show",
        Command::SetOffer(_) => "set_offer",
        Command::CreateCodes(_) => "create_codes",
        Command::AmendCodes(_) => "amend_codes",
        Command::EndCodes { .. } => "end_codes",
        Command::ReserveV2(_) => "reserve",
        Command::ReturnPlaces(_) => "return_places",
        Command::AddSeats(_) => "add_seats",
        Command::TakeSeats(_) => "take_seats",
        Command::Tick { .. }
        | Command::Claim { .. }
        | Command::Barrier { .. }
        | Command::ResetClock => "machine",
    }
}

/// The rule that decided, in a sentence.
pub(in crate::routes) fn rule(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Reserved(_) | Outcome::ReservedV2(_) => {
            "First come, first served: at its turn in the log the places were free, and nothing \
             else stood against it."
        }
        Outcome::Rejected(why) => refusal(why),
        Outcome::Confirmed(confirmed) if confirmed.revived => {
            "The hold had run out, and all its places were still free."
        }
        Outcome::ConfirmedV2(confirmed) if confirmed.revived => {
            "The hold had run out, and all that it had was still free."
        }
        Outcome::Confirmed(_) | Outcome::ConfirmedV2(_) => {
            "The hold was alive, or confirmed before with the same reference."
        }
        Outcome::Released { .. } | Outcome::ReleasedV2(_) => {
            "The booking still had its places; they are on sale again."
        }
        Outcome::PlacesReturned(_) => "The places were sold with the booking.",
        Outcome::Extended { .. } => "The hold was alive and stays below 24 hours.",
        _ => "Nothing stood against it.",
    }
}

fn refusal(why: &Rejection) -> &'static str {
    match why {
        Rejection::UnknownShow => "No show of that id was open on its partition.",
        Rejection::UnknownBooking => {
            "No booking of that id, or another's, or one that ended long ago."
        }
        Rejection::SeatUnavailable { .. } => {
            "All or none: at its turn at least one of the seats belonged to an earlier request or \
             was not on sale."
        }
        Rejection::InsufficientStock {
            not_together: true, ..
        } => "At its turn enough places were free, but not next to each other.",
        Rejection::InsufficientStock { .. } => {
            "At its turn fewer places were free than it asked for."
        }
        Rejection::MaxPerUserExceeded { .. } => {
            "With it the buyer would have had more tickets of the event than allowed."
        }
        Rejection::SaleNotOpen { .. } => "It came before the sale opened.",
        Rejection::SaleClosed => "It came after the sale had closed.",
        Rejection::PriceChanged { .. } => "The price was no longer the one that the buyer saw.",
        Rejection::AlreadyConfirmed => "The booking was confirmed before.",
        Rejection::AlreadyCancelled => "The booking was cancelled before.",
        Rejection::ShowCancelled => "The show was cancelled before.",
        Rejection::ReservationExpired => {
            "The hold had run out, and at least one of its places was another's by then."
        }
        Rejection::IdempotencyKeyReused => {
            "The idempotency key was remembered for a request with another body."
        }
        Rejection::ShowExists => "The show was open before with other values.",
        Rejection::Invalid { .. } => "The command made no sense.",
        Rejection::Full { .. } => "A table of the partition was full; nothing was decided.",
        Rejection::PaymentReferenceUsed => "The payment reference belongs to another booking.",
        Rejection::AmountDiffers { .. } => "The sum paid was not what the booking costs.",
        Rejection::CoolingDown { .. } => {
            "The buyer had let holds of the event end unpaid shortly before."
        }
        Rejection::TypeNotOffered { .. }
        | Rejection::CodeRefused { .. }
        | Rejection::AccessCodeRequired { .. }
        | Rejection::TypeNotOnSale { .. }
        | Rejection::TypeQuantity { .. }
        | Rejection::WrongSeatKind { .. }
        | Rejection::CompanionAlone { .. }
        | Rejection::TotalChanged { .. }
        | Rejection::SeatInOwnHold { .. }
        | Rejection::LeavesSingleSeat { .. }
        | Rejection::InsufficientStockOf { .. }
        | Rejection::CodeExists { .. }
        | Rejection::UnknownCode
        | Rejection::NotConfirmed
        | Rejection::PlacesNotOfBooking { .. }
        | Rejection::LayoutChanged { .. } => refusal_of_version_3(why),
    }
}

fn refusal_of_version_3(why: &Rejection) -> &'static str {
    match why {
        Rejection::TypeNotOffered { .. } => "That kind of ticket was not sold in that zone.",
        Rejection::CodeRefused { why } => match why {
            CodeRefusal::Unknown => "The show had no such code.",
            CodeRefusal::NotYet { .. } => "The code counted from a later time on.",
            CodeRefusal::Over => "The code counted no more.",
            CodeRefusal::NotApplicable => "The code was for none of the places.",
            CodeRefusal::UsedUp => "As many bookings as the code allows had it at its turn.",
            CodeRefusal::UsedUpByUser => {
                "The buyer had as many bookings with the code as one buyer may."
            }
        },
        Rejection::AccessCodeRequired { .. } => "Some of it is sold with an access code only.",
        Rejection::TypeNotOnSale { .. } => "That kind of ticket was not on sale then.",
        Rejection::TypeQuantity { .. } => {
            "An order may not have so few or so many of that kind of ticket."
        }
        Rejection::WrongSeatKind { .. } => "That kind of ticket is not for seats of that kind.",
        Rejection::CompanionAlone { .. } => {
            "Companion seats go with accessible seats of the same booking."
        }
        Rejection::TotalChanged { .. } => "The total was no longer the one that the buyer saw.",
        Rejection::SeatInOwnHold { .. } => {
            "All or none: at its turn the buyer held at least one of the seats already."
        }
        Rejection::LeavesSingleSeat { .. } => "It would have left single seats over.",
        Rejection::InsufficientStockOf {
            not_together: true, ..
        } => "At its turn enough places of one item were free, but not next to each other.",
        Rejection::InsufficientStockOf { .. } => {
            "All or none: at its turn fewer places were free than one item asked for."
        }
        Rejection::CodeExists { .. } => "The group or a code was there before with other terms.",
        Rejection::UnknownCode => "The show had no such code or group of codes.",
        Rejection::NotConfirmed => "The booking was held and not confirmed.",
        Rejection::PlacesNotOfBooking { .. } => "Not all of the places were of the booking.",
        Rejection::LayoutChanged { .. } => "The show had other places by then.",
        _ => "Something stood against it.",
    }
}
