//! Why the machine refuses a command.

use bincode::{Decode, Encode};

use crate::command::Currency;
use crate::ids::{CodeGroup, CodeHash, LineIndex, LogTimeMs, Offset, TicketTypeId, ZoneIndex};
use crate::seat_list::SeatList;

/// A refusal. Its number ([`Rejection::number`]) is for ever: never reused, never changed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Rejection {
    /// No show with that id was opened on this partition.
    UnknownShow,
    /// No such booking here, or not one of this buyer's, or it ended so long ago that the engine
    /// forgot it.
    UnknownBooking,
    /// At least one seat is not free (reserve, block) or not blocked (unblock). Every such seat is
    /// listed, in the order asked for.
    SeatUnavailable {
        /// The seats that are not available.
        seats: SeatList,
    },
    /// Fewer places are free (or blocked, for unblock) than asked for, or no run of adjacent seats
    /// is long enough.
    InsufficientStock {
        /// Places free (blocked, for unblock) in the zone now.
        available: u32,
        /// True when enough are free but not next to each other.
        not_together: bool,
    },
    /// The user would have more tickets of the event than allowed.
    MaxPerUserExceeded {
        /// The limit.
        limit: u16,
        /// Tickets held and owned now.
        current: u32,
    },
    /// The sale begins later.
    SaleNotOpen {
        /// When.
        opens_at_ms: LogTimeMs,
    },
    /// The sale is over.
    SaleClosed,
    /// The price is not what the buyer saw.
    PriceChanged {
        /// The unit price now.
        unit_price: i64,
    },
    /// The booking is confirmed (with another payment reference, for confirm).
    AlreadyConfirmed,
    /// The booking was cancelled.
    AlreadyCancelled,
    /// The show was cancelled.
    ShowCancelled,
    /// The hold ran out (and its seats are gone, for confirm).
    ReservationExpired,
    /// The idempotency key was used for a request with another body.
    IdempotencyKeyReused,
    /// The show is open already with other values.
    ShowExists,
    /// The command is malformed; the edge never lets such a command through.
    Invalid {
        /// What is wrong.
        reason: InvalidReason,
    },
    /// A bounded table of the partition is full; nothing changed, try again later.
    Full {
        /// Which table.
        table: FullTable,
    },
    /// The payment reference belongs to another booking.
    PaymentReferenceUsed,
    /// What was paid is not what the booking costs.
    AmountDiffers {
        /// The booking's total, in minor units.
        total: i64,
        /// Its currency.
        currency: Currency,
    },
    /// The user let holds of the event end unpaid and may hold again later.
    CoolingDown {
        /// When.
        until_ms: LogTimeMs,
    },
    /// The show does not have that ticket type in that zone.
    TypeNotOffered {
        /// The zone.
        zone: ZoneIndex,
        /// The type.
        ticket_type: TicketTypeId,
    },
    /// The code of the order does not count.
    CodeRefused {
        /// Why not.
        why: CodeRefusal,
    },
    /// A zone or ticket type needs a code that opens it.
    AccessCodeRequired {
        /// The zone of the first such place.
        zone: ZoneIndex,
        /// Its type.
        ticket_type: TicketTypeId,
    },
    /// A ticket type is not for sale now.
    TypeNotOnSale {
        /// The type.
        ticket_type: TicketTypeId,
        /// When it will be; `None` when that is over.
        opens_at_ms: Option<LogTimeMs>,
    },
    /// An order may not have so few or so many of a ticket type.
    TypeQuantity {
        /// The type.
        ticket_type: TicketTypeId,
        /// How many the order has.
        asked: u32,
        /// Fewest of an order.
        min: u8,
        /// Most of an order; 0 means no limit.
        max: u8,
    },
    /// Seats are not of a kind that the ticket type is for.
    WrongSeatKind {
        /// The type.
        ticket_type: TicketTypeId,
        /// Every named seat of the type that is wrong, in the order asked for; none when only the
        /// kind asked of best available is.
        seats: SeatList,
    },
    /// More companion seats than the accessible seats of the booking allow.
    CompanionAlone {
        /// Companion seats that the booking would have.
        companions: u32,
        /// How many it may have.
        allowed: u32,
    },
    /// The total is not what the buyer saw.
    TotalChanged {
        /// The total now, in minor units.
        total: i64,
        /// Its currency.
        currency: Currency,
    },
    /// As [`Rejection::SeatUnavailable`], when at least one of the seats is in a hold of the same
    /// user.
    SeatInOwnHold {
        /// Every seat that is not free, in the order asked for.
        seats: SeatList,
        /// The user's holds that have some of them, ascending, at most
        /// [`crate::limits::OWN_HOLDS_NAMED_MAX`].
        own: Vec<Offset>,
    },
    /// The named seats would leave single seats free.
    LeavesSingleSeat {
        /// Those single seats, ascending.
        seats: SeatList,
        /// The user's holds that have a seat next to one of them, ascending, at most
        /// [`crate::limits::OWN_HOLDS_NAMED_MAX`].
        own: Vec<Offset>,
    },
    /// As [`Rejection::InsufficientStock`], for an item of an order of several.
    InsufficientStockOf {
        /// The item, counted from 0.
        item: u8,
        /// Its zone.
        zone: ZoneIndex,
        /// Places free for it now.
        available: u32,
        /// True when enough are free but not next to each other.
        not_together: bool,
    },
    /// The group is known with other terms, or a code is in another group.
    CodeExists {
        /// The group that is known, or that has the code.
        group: CodeGroup,
        /// The first such code; `None` when the terms of the group are others.
        code: Option<CodeHash>,
    },
    /// No code, or no group of codes, of that name is known.
    UnknownCode,
    /// The booking is held and not confirmed.
    NotConfirmed,
    /// Places to return are not of the booking.
    PlacesNotOfBooking {
        /// Every seat that it does not have, in the order asked for.
        seats: SeatList,
        /// When there is none: the first line that is unknown, has seats, or has fewer places left.
        line: Option<LineIndex>,
    },
    /// The layout of the show is not the one that was expected.
    LayoutChanged {
        /// The present value of what was expected.
        now: u32,
    },
}

/// Why a code does not count, see [`Rejection::CodeRefused`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum CodeRefusal {
    /// The show does not have it.
    Unknown,
    /// It counts later.
    NotYet {
        /// From when on.
        from_ms: LogTimeMs,
    },
    /// It counts no more.
    Over,
    /// No place of the order is one that it is for.
    NotApplicable,
    /// As many live bookings as may have it do.
    UsedUp,
    /// As many live bookings of the user as may have it do.
    UsedUpByUser,
}

/// What is wrong with an [`Rejection::Invalid`] command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum InvalidReason {
    /// Quantity or list of seats is empty.
    NothingAsked,
    /// More places than one command may name.
    TooMany,
    /// The same seat twice.
    DuplicateSeat,
    /// The zone index is not one of the show.
    UnknownZone,
    /// A seat index is not one of the zone.
    UnknownSeat,
    /// Seats asked of a general-admission zone or the reverse.
    WrongAdmission,
    /// The layout breaks a limit of [`crate::limits`].
    Layout,
    /// A time, length or price is out of range.
    OutOfRange,
    /// The payment reference is empty or too long.
    PaymentReference,
    /// A catalog document is empty or too large.
    Document,
    /// The ticket types of an item are not ones, or do not add up to its places.
    Types,
    /// An offer breaks a rule or a limit of [`crate::limits`].
    Offer,
    /// The terms of codes break a rule or a limit of [`crate::limits`].
    Code,
    /// Zones of different currencies in one order, or in a show where they must be of one.
    MixedCurrencies,
}

/// A bounded table, see [`Rejection::Full`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum FullTable {
    /// Shows of the partition.
    Shows,
    /// Bookings of the partition.
    Bookings,
    /// Remembered idempotent answers.
    Idempotency,
    /// Claimed payment references.
    References,
    /// Bytes of catalog documents.
    Documents,
    /// Codes of the partition.
    Codes,
}

impl Rejection {
    /// The number of this refusal in metrics, logs and digests.
    pub fn number(&self) -> u16 {
        match self {
            Self::UnknownShow => 1,
            Self::UnknownBooking => 2,
            Self::SeatUnavailable { .. } => 3,
            Self::InsufficientStock { .. } => 4,
            Self::MaxPerUserExceeded { .. } => 5,
            Self::SaleNotOpen { .. } => 6,
            Self::SaleClosed => 7,
            Self::PriceChanged { .. } => 8,
            Self::AlreadyConfirmed => 9,
            Self::AlreadyCancelled => 10,
            Self::ShowCancelled => 11,
            Self::ReservationExpired => 12,
            Self::IdempotencyKeyReused => 13,
            Self::ShowExists => 14,
            Self::Invalid { .. } => 15,
            Self::Full { .. } => 16,
            Self::PaymentReferenceUsed => 17,
            Self::AmountDiffers { .. } => 18,
            Self::CoolingDown { .. } => 19,
            Self::TypeNotOffered { .. } => 20,
            Self::CodeRefused { .. } => 21,
            Self::AccessCodeRequired { .. } => 22,
            Self::TypeNotOnSale { .. } => 23,
            Self::TypeQuantity { .. } => 24,
            Self::WrongSeatKind { .. } => 25,
            Self::CompanionAlone { .. } => 26,
            Self::TotalChanged { .. } => 27,
            Self::SeatInOwnHold { .. } => 28,
            Self::LeavesSingleSeat { .. } => 29,
            Self::InsufficientStockOf { .. } => 30,
            Self::CodeExists { .. } => 31,
            Self::UnknownCode => 32,
            Self::NotConfirmed => 33,
            Self::PlacesNotOfBooking { .. } => 34,
            Self::LayoutChanged { .. } => 35,
        }
    }

    /// The code that clients see in the `error.code` of an answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownShow | Self::UnknownBooking | Self::UnknownCode => "NOT_FOUND",
            Self::SeatUnavailable { .. } | Self::SeatInOwnHold { .. } => "SEAT_UNAVAILABLE",
            Self::InsufficientStock { .. } | Self::InsufficientStockOf { .. } => {
                "INSUFFICIENT_STOCK"
            }
            Self::MaxPerUserExceeded { .. } => "MAX_PER_USER_EXCEEDED",
            Self::SaleNotOpen { .. } => "SALE_NOT_OPEN",
            Self::SaleClosed => "SALE_CLOSED",
            Self::PriceChanged { .. } | Self::TotalChanged { .. } => "PRICE_CHANGED",
            Self::AlreadyConfirmed => "ALREADY_CONFIRMED",
            Self::AlreadyCancelled => "ALREADY_CANCELLED",
            Self::ShowCancelled => "SHOW_CANCELLED",
            Self::ReservationExpired => "RESERVATION_EXPIRED",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::ShowExists | Self::Invalid { .. } => "VALIDATION_ERROR",
            Self::Full { .. } => "OVERLOADED",
            Self::PaymentReferenceUsed => "PAYMENT_REFERENCE_USED",
            Self::AmountDiffers { .. } => "AMOUNT_MISMATCH",
            Self::CoolingDown { .. } => "COOLING_DOWN",
            Self::TypeNotOffered { .. } => "TYPE_NOT_OFFERED",
            Self::CodeRefused { .. } => "CODE_REFUSED",
            Self::AccessCodeRequired { .. } => "ACCESS_CODE_REQUIRED",
            Self::TypeNotOnSale { .. } => "TYPE_NOT_ON_SALE",
            Self::TypeQuantity { .. } => "TYPE_QUANTITY",
            Self::WrongSeatKind { .. } => "WRONG_SEAT_KIND",
            Self::CompanionAlone { .. } => "COMPANION_ALONE",
            Self::LeavesSingleSeat { .. } => "LEAVES_SINGLE_SEAT",
            Self::CodeExists { .. } => "CODE_EXISTS",
            Self::NotConfirmed => "NOT_CONFIRMED",
            Self::PlacesNotOfBooking { .. } => "PLACES_NOT_OF_BOOKING",
            Self::LayoutChanged { .. } => "LAYOUT_CHANGED",
        }
    }

    /// True when the same request may succeed later without being changed. Such answers are not
    /// remembered under an idempotency key.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}
