//! Outcomes: what the machine decided about each record. Self-contained, so that a reader needs no
//! state to project them.

use bincode::{Decode, Encode};

use crate::command::{ClaimReference, Currency, Describe};
use crate::ids::{
    CodeGroup, CodeHash, EventId, LogTimeMs, NodeName, Offset, RequestId, SeatIndex, ShowId,
    TicketTypeId, UserId, ZoneIndex,
};
use crate::rejection::Rejection;
use crate::seat_list::SeatList;

/// The outcome of the command record at `offset` of a partition.
///
/// A record that changed nothing and answers no request (a tick with nothing due) has none.
/// Outcomes form a chain by `previous`: a reader drops what it has seen, and a gap stops it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct OutcomeRecord {
    /// Offset of the command record.
    pub offset: Offset,
    /// Offset of the command record that yielded the outcome before this one.
    pub previous: Option<Offset>,
    /// Log time of the command record.
    pub log_time_ms: LogTimeMs,
    /// Who waits for it; `None` for machine-made records.
    pub request_id: Option<RequestId>,
    /// Set when the answer was remembered under an idempotency key: the position of the first one.
    /// `outcome` is then that of the first one and must not be projected again.
    pub replay_of: Option<Replayed>,
    /// Holds that ran out before the command was looked at, in order of (end of hold, offset).
    pub expired: Vec<EndedBooking>,
    /// The result of the command.
    pub outcome: Outcome,
}

/// Where a remembered answer comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Replayed {
    /// Offset of the first record with that idempotency key.
    pub offset: Offset,
    /// Log time of that record.
    pub log_time_ms: LogTimeMs,
}

/// The result of a command.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Outcome {
    /// Nothing but the expired holds.
    Nothing,
    /// A show is open. Opening it again with the same values yields this again.
    ShowOpened {
        /// The show.
        show: ShowId,
        /// Its event.
        event: EventId,
    },
    /// A show was amended.
    ShowAmended {
        /// The show.
        show: ShowId,
    },
    /// A sale was ended. Closing a closed show yields this again.
    ShowClosed {
        /// The show.
        show: ShowId,
    },
    /// A show was cancelled; all its bookings are void. Cancelling it again yields this again.
    ShowCancelled {
        /// The show.
        show: ShowId,
    },
    /// Places are held.
    Reserved(Reserved),
    /// Places are sold.
    Confirmed(Confirmed),
    /// Places of a hold or sale are free again.
    Released {
        /// The booking that ended.
        booking: EndedBooking,
        /// True when it had been confirmed.
        was_confirmed: bool,
    },
    /// A hold lasts longer.
    Extended {
        /// The booking.
        booking: Offset,
        /// Its show.
        show: ShowId,
        /// Its user.
        user: UserId,
        /// The new end of the hold.
        expires_at_ms: LogTimeMs,
    },
    /// Places are off sale.
    Blocked(BlockChange),
    /// Blocked places are on sale again.
    Unblocked(BlockChange),
    /// A node owns the partition. Stale claims yield nothing.
    Claimed {
        /// The owner.
        node: NodeName,
        /// Its epoch.
        epoch: u64,
    },
    /// A barrier went round.
    BarrierPassed {
        /// The machine version from here on.
        machine_version: u16,
    },
    /// The command was refused and changed nothing.
    Rejected(Rejection),
    /// An event was amended: the limit counts for all its shows.
    EventAmended {
        /// The event.
        event: EventId,
        /// Most tickets a user may hold and own over all its shows; 0 means no limit.
        max_tickets_per_user: u16,
    },
    /// An event was cancelled: all its shows are, and all their bookings are void. Cancelling it
    /// again yields this again.
    EventCancelled {
        /// The event.
        event: EventId,
    },
    /// A payment reference belongs to a booking. Claiming it for the same booking yields this again.
    ReferenceClaimed(ClaimReference),
    /// A catalog document is kept.
    Described(Describe),
    /// Machine time was set back.
    ClockReset {
        /// Machine time before.
        from_ms: LogTimeMs,
        /// Machine time from this record on.
        to_ms: LogTimeMs,
    },
    /// Places of an order are held.
    ReservedV2(Box<ReservedV2>),
    /// Places of an order are sold.
    ConfirmedV2(ConfirmedV2),
    /// Places of an order's hold or sale are free again.
    ReleasedV2(ReleasedV2),
    /// A show has another offer.
    OfferSet {
        /// The show.
        show: ShowId,
    },
    /// Codes are known. Creating them again yields this again, with `created` 0.
    CodesCreated {
        /// The show.
        show: ShowId,
        /// Their group.
        group: CodeGroup,
        /// How many are new.
        created: u32,
        /// How many the group had already, or stood before in the list.
        known: u32,
    },
    /// A group of codes has other terms.
    CodesAmended {
        /// The show.
        show: ShowId,
        /// The group.
        group: CodeGroup,
    },
    /// Codes ended.
    CodesEnded {
        /// The show.
        show: ShowId,
        /// How many.
        ended: u32,
    },
    /// Some places of a sale are free again.
    PlacesReturned(Box<PlacesReturned>),
    /// A show has more places.
    SeatsAdded {
        /// The show.
        show: ShowId,
        /// The zone, which may be new.
        zone: ZoneIndex,
        /// Index of the first new seat; 0 for general admission.
        first_seat: SeatIndex,
        /// How many places are new.
        places: u32,
    },
    /// Places are gone for good.
    SeatsTaken(BlockChange),
}

/// See [`Outcome::Reserved`]. The booking is the record's offset (of the first one in a replay).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Reserved {
    /// The booking: offset of its `Reserve`.
    pub booking: Offset,
    /// The show.
    pub show: ShowId,
    /// Its event.
    pub event: EventId,
    /// For whom.
    pub user: UserId,
    /// The zone.
    pub zone: ZoneIndex,
    /// The seats: as asked for when named, ascending when chosen, empty for general admission.
    pub seats: SeatList,
    /// How many places.
    pub quantity: u32,
    /// Price of one.
    pub unit_price: i64,
    /// Its currency.
    pub currency: Currency,
    /// End of the hold; from this instant on it has expired.
    pub expires_at_ms: LogTimeMs,
}

/// See [`Outcome::Confirmed`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Confirmed {
    /// The booking.
    pub booking: Offset,
    /// The show.
    pub show: ShowId,
    /// For whom.
    pub user: UserId,
    /// The zone.
    pub zone: ZoneIndex,
    /// The seats, empty for general admission.
    pub seats: SeatList,
    /// How many places.
    pub quantity: u32,
    /// What the payment is known by.
    pub payment_reference: String,
    /// When it was confirmed first.
    pub confirmed_at_ms: LogTimeMs,
    /// True when this record changed the state; false when the booking was confirmed with the same
    /// reference before (an equal answer, nothing to project).
    pub first: bool,
    /// True when the hold had run out and the places, still free, were taken back.
    pub revived: bool,
}

/// A booking whose places are free again.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct EndedBooking {
    /// The booking.
    pub booking: Offset,
    /// The show.
    pub show: ShowId,
    /// For whom.
    pub user: UserId,
    /// The zone.
    pub zone: ZoneIndex,
    /// The seats, empty for general admission.
    pub seats: SeatList,
    /// How many places.
    pub quantity: u32,
}

/// See [`Outcome::Blocked`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct BlockChange {
    /// The show.
    pub show: ShowId,
    /// The zone.
    pub zone: ZoneIndex,
    /// The seats, empty for general admission.
    pub seats: SeatList,
    /// How many places.
    pub quantity: u32,
}

/// See [`Outcome::ReservedV2`]. The booking is the record's offset (of the first one in a replay).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ReservedV2 {
    /// The booking: offset of its `ReserveV2` or `Reserve`.
    pub booking: Offset,
    /// The show.
    pub show: ShowId,
    /// Its event.
    pub event: EventId,
    /// For whom.
    pub user: UserId,
    /// The places and what they cost, in the order of the first place of each line.
    pub lines: Vec<Line>,
    /// Fee for the order, in minor units.
    pub order_fee: i64,
    /// Tax in `order_fee`.
    pub order_fee_tax: i64,
    /// What is to be paid: prices and fees of all places and the fee for the order.
    pub total: i64,
    /// Tax in `total`.
    pub tax: i64,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The code that was used.
    pub code: Option<CodeHash>,
    /// End of the hold; from this instant on it has expired.
    pub expires_at_ms: LogTimeMs,
}

/// Places of an order that are equal in everything but the seat. Amounts are for one place, in minor
/// units.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Line {
    /// The zone.
    pub zone: ZoneIndex,
    /// The ticket type.
    pub ticket_type: TicketTypeId,
    /// The seats, empty for general admission.
    pub seats: SeatList,
    /// How many places. 0 when all were returned.
    pub quantity: u32,
    /// Where the list price is from.
    pub rule: PriceRule,
    /// The price before bundle and code.
    pub list_price: i64,
    /// The bundle that the places are in.
    pub bundle: Option<u8>,
    /// What the bundle takes off.
    pub bundle_off: i64,
    /// What the code takes off.
    pub code_off: i64,
    /// What is left: `list_price - bundle_off - code_off`.
    pub unit_price: i64,
    /// Fee on top.
    pub unit_fee: i64,
    /// Tax in price and fee.
    pub unit_tax: i64,
}

impl Line {
    /// The one line of a plain booking: places of the ordinary type at the price of their zone.
    pub fn plain(zone: ZoneIndex, seats: SeatList, quantity: u32, unit_price: i64) -> Self {
        Self {
            zone,
            ticket_type: 0,
            seats,
            quantity,
            rule: PriceRule::Zone,
            list_price: unit_price,
            bundle: None,
            bundle_off: 0,
            code_off: 0,
            unit_price,
            unit_fee: 0,
            unit_tax: 0,
        }
    }
}

/// Where a list price is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum PriceRule {
    /// The unit price of the zone.
    Zone,
    /// The price of the ticket type in the zone.
    Type,
    /// The price phase with this number.
    Phase(u8),
}

/// See [`Outcome::ConfirmedV2`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ConfirmedV2 {
    /// The booking.
    pub booking: Offset,
    /// The show.
    pub show: ShowId,
    /// For whom.
    pub user: UserId,
    /// Its places, zones in the order of their first line.
    pub parts: Vec<ZonePlaces>,
    /// What the places that it has cost, in minor units.
    pub total: i64,
    /// Its currency.
    pub currency: Currency,
    /// What the payment is known by.
    pub payment_reference: String,
    /// When it was confirmed first.
    pub confirmed_at_ms: LogTimeMs,
    /// As [`Confirmed::first`].
    pub first: bool,
    /// As [`Confirmed::revived`].
    pub revived: bool,
}

/// See [`Outcome::ReleasedV2`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ReleasedV2 {
    /// The booking that ended.
    pub booking: Offset,
    /// The show.
    pub show: ShowId,
    /// For whom.
    pub user: UserId,
    /// Its places, zones in the order of their first line.
    pub parts: Vec<ZonePlaces>,
    /// True when it had been confirmed.
    pub was_confirmed: bool,
}

/// See [`Outcome::PlacesReturned`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PlacesReturned {
    /// The booking.
    pub booking: Offset,
    /// The show.
    pub show: ShowId,
    /// For whom.
    pub user: UserId,
    /// The places that are free again, zones in the order of their first line.
    pub parts: Vec<ZonePlaces>,
    /// What their prices were together, in minor units.
    pub refund_price: i64,
    /// What their fees were together; with the last place, the fee for the order too.
    pub refund_fees: i64,
    /// All lines of the booking with what is left of each.
    pub lines: Vec<Line>,
    /// Fee for the order that is left.
    pub order_fee: i64,
    /// Tax in `order_fee`.
    pub order_fee_tax: i64,
    /// What is left of the total.
    pub total: i64,
    /// Tax in `total`.
    pub tax: i64,
    /// The currency of all amounts.
    pub currency: Currency,
    /// True when no place is left and the booking ended.
    pub ended: bool,
}

/// Places of a booking in one zone.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ZonePlaces {
    /// The zone.
    pub zone: ZoneIndex,
    /// The seats in the order of lines and within, empty for general admission.
    pub seats: SeatList,
    /// How many places.
    pub quantity: u32,
}
