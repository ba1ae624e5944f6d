//! Outcomes: what the machine decided about each record. Self-contained, so that a reader needs no
//! state to project them.

use bincode::{Decode, Encode};

use crate::command::{ClaimReference, Currency, Describe};
use crate::ids::{EventId, LogTimeMs, NodeName, Offset, RequestId, ShowId, UserId, ZoneIndex};
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
