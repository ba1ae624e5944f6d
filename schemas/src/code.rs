//! Presale, discount and access codes. The log knows them by their [`CodeHash`] only.

use bincode::{Decode, Encode};

use crate::command::Currency;
use crate::ids::{CodeGroup, CodeHash, LogTimeMs, ShowId};
use crate::offer::Scope;

/// See [`crate::Command::CreateCodes`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct CreateCodes {
    /// The show.
    pub show: ShowId,
    /// The group that the codes belong to.
    pub group: CodeGroup,
    /// The terms of the group; the present ones when it is known.
    pub terms: CodeTerms,
    /// The codes, at most [`crate::limits::CODES_PER_COMMAND_MAX`].
    pub codes: Vec<CodeHash>,
}

/// See [`crate::Command::AmendCodes`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct AmendCodes {
    /// The show.
    pub show: ShowId,
    /// The group.
    pub group: CodeGroup,
    /// Its terms from the next order on.
    pub terms: CodeTerms,
}

/// What each code of a group is good for.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct CodeTerms {
    /// What it takes off prices.
    pub discount: Option<Discount>,
    /// It lets an order in before the sale opens.
    pub presale: bool,
    /// It opens zones and ticket types that need a code.
    pub opens: bool,
    /// Live bookings with it; 0 means no limit.
    pub uses_max: u32,
    /// Live bookings with it of one user; 0 means no limit.
    pub uses_per_user_max: u16,
    /// Places of an order that are cheaper; 0 means no limit.
    pub places_max: u8,
    /// From when on it counts, in machine time.
    pub from_ms: LogTimeMs,
    /// Until when: from this instant on it does not.
    pub until_ms: LogTimeMs,
    /// The places that it is for.
    pub scope: Scope,
}

/// What a code takes off the price of a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Discount {
    /// A part, in basis points.
    OffBp(u16),
    /// An amount in minor units, at most the price.
    Amount(i64, Currency),
}

/// Codes to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum EndedCodes {
    /// A group with all its codes.
    Group(CodeGroup),
    /// One code.
    Code(CodeHash),
}
