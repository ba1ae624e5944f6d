//! Why the machine refuses a command.

use bincode::{Decode, Encode};

use crate::command::Currency;
use crate::ids::LogTimeMs;
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
        }
    }

    /// The code that clients see in the `error.code` of an answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownShow | Self::UnknownBooking => "NOT_FOUND",
            Self::SeatUnavailable { .. } => "SEAT_UNAVAILABLE",
            Self::InsufficientStock { .. } => "INSUFFICIENT_STOCK",
            Self::MaxPerUserExceeded { .. } => "MAX_PER_USER_EXCEEDED",
            Self::SaleNotOpen { .. } => "SALE_NOT_OPEN",
            Self::SaleClosed => "SALE_CLOSED",
            Self::PriceChanged { .. } => "PRICE_CHANGED",
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
        }
    }

    /// True when the same request may succeed later without being changed. Such answers are not
    /// remembered under an idempotency key.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}
