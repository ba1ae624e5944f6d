//! What Onsale says over its log: ids, [`Command`]s, [`OutcomeRecord`]s, numbered [`Rejection`]s,
//! the [`Envelope`] around a command, the [`codec`] and the [`partitioning`] function.
//!
//! Everything here is wire format. A struct that was ever written to a log is never edited: a new
//! version is added beside it (see [`codec`]).

pub mod asker;
pub mod code;
pub mod codec;
pub mod command;
pub mod currencies;
pub mod derived;
pub mod entry;
pub mod envelope;
pub mod ids;
pub mod limits;
pub mod member;
pub mod offer;
pub mod order;
pub mod outcome;
pub mod partitioning;
pub mod rejection;
pub mod seat_list;
pub mod seating;
pub mod show_seats;
pub mod standing;

pub use asker::Asker;
pub use command::{Actor, Command};
pub use entry::{Entry, Position};
pub use envelope::{Envelope, Staff};
pub use ids::{
    BookingId, CodeGroup, CodeHash, EventId, LineIndex, LogTimeMs, NodeName, Offset, PartitionId,
    ReferenceHash, RequestId, SeatIndex, ShowId, TenantId, TicketTypeId, UserId, ZoneIndex,
};
pub use member::MemberRole;
pub use outcome::{Outcome, OutcomeRecord};
pub use rejection::Rejection;
pub use seat_list::SeatList;
pub use show_seats::{SeatStatus, ShowSeats, ZoneCounts};
pub use standing::{Ahead, Expected, Standing};
