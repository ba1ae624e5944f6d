//! Commands: everything that can change a partition, as the log stores it.
//!
//! Labels, names and prices for people are resolved at the edge. The engine knows zones by
//! [`ZoneIndex`], seats by [`crate::SeatIndex`] and bookings by the [`Offset`] of their `Reserve`.

use bincode::{Decode, Encode};

use crate::code::{AmendCodes, CreateCodes, EndedCodes};
use crate::ids::{
    EventId, LogTimeMs, NodeName, Offset, PartitionId, ReferenceHash, ShowId, TenantId, UserId,
    ZoneIndex,
};
use crate::offer::SetOffer;
use crate::order::{ReserveV2, ReturnPlaces};
use crate::seat_list::SeatList;
use crate::seating::{AddSeats, OpenShowV3};

/// A request to the machine of one partition. The order of the variants is wire format.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Command {
    /// Puts a show's layout into the log and opens it.
    OpenShow(OpenShow),
    /// Changes times, limits or prices of a show. Live holds keep their price and time.
    AmendShow(AmendShow),
    /// Ends the sale now. Live holds may still be confirmed.
    CloseShow {
        /// The show to close.
        show: ShowId,
    },
    /// The organizer cancels a show: every hold and sale of it is void.
    CancelShow {
        /// The show to cancel.
        show: ShowId,
    },
    /// Holds seats for a user.
    Reserve(Reserve),
    /// Turns a hold into a sale.
    Confirm(Confirm),
    /// Gives a hold back. Refused for a confirmed booking.
    Release {
        /// The booking.
        booking: Offset,
        /// Who asks.
        by: Actor,
    },
    /// Makes a hold last longer.
    Extend {
        /// The booking.
        booking: Offset,
        /// Milliseconds to add to the present end of the hold.
        by_ms: u32,
    },
    /// Puts the seats of a booking back on sale, even when they were sold (a refund).
    Return {
        /// The booking.
        booking: Offset,
    },
    /// Takes free seats off sale (allotments, obstructed view).
    Block(SeatBlock),
    /// Puts blocked seats back on sale.
    Unblock(SeatBlock),
    /// Advances log time, so that holds expire even without requests. Heartbeat of the owner.
    Tick {
        /// Epoch of the owner that wrote it; stale ticks still move time, time is the log's.
        epoch: u64,
    },
    /// A node claims the partition. The lowest offset with a higher epoch wins.
    Claim {
        /// Who claims.
        node: NodeName,
        /// The epoch claimed; a no-op unless higher than the present one.
        epoch: u64,
    },
    /// Goes once round the partition: readiness probe, and the only record that may raise the
    /// machine version.
    Barrier {
        /// The machine version from this offset on; a lower one than the present has no effect.
        machine_version: u16,
    },
    /// As [`Command::OpenShow`], with what machine version 2 knows of a show.
    OpenShowV2(OpenShowV2),
    /// Changes what all shows of an event have in common. Machine version 2.
    AmendEvent(AmendEvent),
    /// Cancels an event: all its shows, and none can be opened later. Machine version 2.
    CancelEvent {
        /// The event.
        event: EventId,
    },
    /// As [`Command::Confirm`], with the sum that was paid. Machine version 2.
    ConfirmV2(ConfirmV2),
    /// Ties a payment reference to a booking for good, in the partition that the reference belongs
    /// to ([`crate::partitioning::of_reference`]). Machine version 2.
    ClaimReference(ClaimReference),
    /// Keeps a catalog document (names, labels, texts) with its event or show, so that the database
    /// can be restored from the machine. The machine does not look inside. Machine version 2.
    Describe(Describe),
    /// Recovers from a wrong clock, for operators: machine time becomes the time of this record,
    /// even if it was ahead. Machine version 2.
    ResetClock,
    /// As [`Command::OpenShowV2`], with plans of its rows and an offer. Machine version 3.
    OpenShowV3(Box<OpenShowV3>),
    /// Replaces what a show has for sale. Bookings keep their prices. Machine version 3.
    SetOffer(Box<SetOffer>),
    /// Adds codes to a group of a show, which it begins if need be. Machine version 3.
    CreateCodes(Box<CreateCodes>),
    /// Gives a group of codes other terms. Bookings keep their prices. Machine version 3.
    AmendCodes(Box<AmendCodes>),
    /// Ends codes: from now on they are unknown. Machine version 3.
    EndCodes {
        /// The show.
        show: ShowId,
        /// Which codes.
        which: EndedCodes,
    },
    /// As [`Command::Reserve`], for several zones and ticket types. Machine version 3.
    ReserveV2(ReserveV2),
    /// Puts some places of a confirmed booking back on sale. Machine version 3.
    ReturnPlaces(ReturnPlaces),
    /// Adds rows, capacity or a zone to a show. Machine version 3.
    AddSeats(Box<AddSeats>),
    /// Takes free or blocked places away for good. Machine version 3.
    TakeSeats(SeatBlock),
}

impl Command {
    /// The machine version from which on the command has a meaning. Before, a record with it counts
    /// as one that cannot be decoded, because older programs cannot decode it.
    pub fn machine_version(&self) -> u16 {
        match self {
            Self::OpenShow(_)
            | Self::AmendShow(_)
            | Self::CloseShow { .. }
            | Self::CancelShow { .. }
            | Self::Reserve(_)
            | Self::Confirm(_)
            | Self::Release { .. }
            | Self::Extend { .. }
            | Self::Return { .. }
            | Self::Block(_)
            | Self::Unblock(_)
            | Self::Tick { .. }
            | Self::Claim { .. }
            | Self::Barrier { .. } => 1,
            Self::OpenShowV2(_)
            | Self::AmendEvent(_)
            | Self::CancelEvent { .. }
            | Self::ConfirmV2(_)
            | Self::ClaimReference(_)
            | Self::Describe(_)
            | Self::ResetClock => 2,
            Self::OpenShowV3(_)
            | Self::SetOffer(_)
            | Self::CreateCodes(_)
            | Self::AmendCodes(_)
            | Self::EndCodes { .. }
            | Self::ReserveV2(_)
            | Self::ReturnPlaces(_)
            | Self::AddSeats(_)
            | Self::TakeSeats(_) => 3,
        }
    }
}

/// See [`Command::OpenShow`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct OpenShow {
    /// The show.
    pub show: ShowId,
    /// Its event.
    pub event: EventId,
    /// Most tickets that a user may hold and own over all shows of the event; 0 means no limit.
    pub max_tickets_per_user: u16,
    /// From when on seats may be reserved.
    pub sale_opens_at_ms: LogTimeMs,
    /// From when on they may not any more.
    pub sale_closes_at_ms: LogTimeMs,
    /// How long a hold lasts, in milliseconds.
    pub hold_ms: u32,
    /// The zones in order.
    pub zones: Vec<ZoneLayout>,
}

/// See [`Command::OpenShowV2`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct OpenShowV2 {
    /// The show. Its `max_tickets_per_user` counts only when the machine has no limit for the event
    /// yet; after that the event's stands.
    pub show: OpenShow,
    /// The tenant whose staff may touch it.
    pub tenant: TenantId,
    /// First cool-down after holds that ended unpaid, in milliseconds; 0 means none.
    pub cooldown_ms: u32,
}

/// See [`Command::AmendEvent`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct AmendEvent {
    /// The event.
    pub event: EventId,
    /// New limit per user over all shows of the event, later ones included; 0 means no limit.
    pub max_tickets_per_user: u16,
}

/// See [`Command::ClaimReference`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ClaimReference {
    /// Tenant and payment reference, hashed.
    pub reference: ReferenceHash,
    /// The partition of the booking that it pays for.
    pub partition: PartitionId,
    /// That booking.
    pub booking: Offset,
}

/// See [`Command::Describe`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Describe {
    /// What is described.
    pub subject: Subject,
    /// The document, at most [`crate::limits::DOCUMENT_MAX_BYTES`]; it takes the place of the one
    /// before.
    pub document: Vec<u8>,
}

/// What a catalog document describes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub enum Subject {
    /// An event.
    Event(EventId),
    /// A show. The event is that of the show; a show need not be open yet.
    Show {
        /// The show.
        show: ShowId,
        /// Its event.
        event: EventId,
    },
}

/// A zone as the engine knows it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ZoneLayout {
    /// Price of one ticket in minor units of `currency`.
    pub unit_price: i64,
    /// ISO 4217 code.
    pub currency: Currency,
    /// How places are given out.
    pub admission: Admission,
}

/// ISO 4217 currency code in ASCII capitals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Currency(pub [u8; 3]);

impl Currency {
    /// The code as text. Bytes that are not ASCII capitals come out as `???`.
    pub fn as_str(&self) -> &str {
        match std::str::from_utf8(&self.0) {
            Ok(code) if self.0.iter().all(u8::is_ascii_uppercase) => code,
            _ => "???",
        }
    }
}

impl std::str::FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            &[a, b, c] if text.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(Self([a, b, c])),
            _ => Err(CurrencyError),
        }
    }
}

/// Not a currency code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected an ISO 4217 code of three capital letters, such as THB")]
pub struct CurrencyError;

/// How a zone gives out its places.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Admission {
    /// Named seats in rows, best row first; the numbers are seats per row.
    Seated {
        /// Seats of each row.
        rows: Vec<u16>,
    },
    /// Places without a name.
    General {
        /// How many.
        capacity: u32,
    },
}

/// See [`Command::AmendShow`]. `None` leaves a value as it is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct AmendShow {
    /// The show.
    pub show: ShowId,
    /// New limit per user and event; applies to later reservations. 0 means no limit.
    pub max_tickets_per_user: Option<u16>,
    /// New opening of the sale.
    pub sale_opens_at_ms: Option<LogTimeMs>,
    /// New closing of the sale. Moving it ahead of log time reopens a closed sale.
    pub sale_closes_at_ms: Option<LogTimeMs>,
    /// New length of later holds.
    pub hold_ms: Option<u32>,
    /// New unit prices by zone; currencies do not change.
    pub prices: Vec<(ZoneIndex, i64)>,
}

/// See [`Command::Reserve`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Reserve {
    /// The show.
    pub show: ShowId,
    /// For whom.
    pub user: UserId,
    /// The zone; a booking never spans two.
    pub zone: ZoneIndex,
    /// Which places.
    pub pick: Pick,
    /// The unit price that the buyer saw; a different one now is refused.
    pub expected_unit_price: Option<i64>,
}

/// Which places of a zone.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Pick {
    /// Just these seats, all or none.
    Seats(SeatList),
    /// The best that is free.
    BestAvailable {
        /// How many.
        quantity: u32,
        /// Only seats next to each other in one row; else they may be split.
        together: bool,
    },
    /// Places of a general-admission zone.
    General {
        /// How many.
        quantity: u32,
    },
}

/// See [`Command::Confirm`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Confirm {
    /// The booking.
    pub booking: Offset,
    /// Who asks.
    pub by: Actor,
    /// What the payment is known by at the gateway; pseudonymous.
    pub payment_reference: String,
}

/// See [`Command::ConfirmV2`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ConfirmV2 {
    /// The booking, who asks and the reference.
    pub confirm: Confirm,
    /// What was paid, in minor units; another sum or currency than the booking's total is refused.
    pub paid: Option<(i64, Currency)>,
}

/// On whose behalf a command about a booking comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Actor {
    /// A buyer, who may touch only bookings of their own.
    Buyer(UserId),
    /// A service, organizer or admin that the edge has checked.
    Staff,
}

/// Seats or a number of places of one zone, for block and unblock.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SeatBlock {
    /// The show.
    pub show: ShowId,
    /// The zone.
    pub zone: ZoneIndex,
    /// Which places.
    pub places: BlockPlaces,
}

/// Places to block or unblock.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum BlockPlaces {
    /// These seats of a seated zone, all or none.
    Seats(SeatList),
    /// A number of places of a general-admission zone.
    Quantity(u32),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    /// Moving them takes as long as reading them, and the frequent ones are small: what is large and
    /// rare is boxed.
    #[test]
    fn rare_kinds_do_not_make_the_frequent_ones_larger() {
        assert!(size_of::<Command>() <= size_of::<OpenShowV2>());
        assert!(size_of::<Outcome>() <= size_of::<crate::outcome::Reserved>() + 8);
    }
}
