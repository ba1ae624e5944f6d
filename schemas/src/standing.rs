//! How a request fared: what was decided about it, and who was ahead, as counts.

use crate::{Command, Offset, OutcomeRecord, RequestId, SeatIndex, UserId};

/// The outcome of the request at an offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The command, as it is in the log.
    pub command: Command,
    /// Its outcome.
    pub outcome: OutcomeRecord,
    /// Whose request it was, if the log says.
    pub user: Option<UserId>,
    /// The requests for the same zone before it, for a reservation. Of an order over several zones it is the zone
    /// that its refusal names, or else the first one that it asks for.
    pub ahead: Option<Ahead>,
}

/// The reservations of the same zone that stood before a request, since its sale opened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ahead {
    /// The first record that was counted.
    pub counted_from: Offset,
    /// False when the log no longer reaches back to the opening of the sale.
    pub complete: bool,
    /// Requests.
    pub requests: u64,
    /// Those that were granted.
    pub granted: u64,
    /// Places they were granted, including those given back since.
    pub places: u64,
    /// Places of them that were free again before the request.
    pub places_given_back: u64,
    /// For the seats that were not available, of whatever zone: the record that took each of them, if it was
    /// counted.
    pub taken_at: Vec<(SeatIndex, Option<Offset>)>,
}

/// The request that a caller says stands at a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    /// Its id.
    pub request: RequestId,
    /// Whose it has to be where its command names a buyer; `None`: anybody's.
    pub user: Option<UserId>,
}

impl Expected {
    /// Whether what stands there can be it.
    pub fn can_be(&self, request: RequestId, user: Option<UserId>) -> bool {
        let is_theirs = match (self.user, user) {
            (Some(expected), Some(user)) => expected == user,
            _ => true,
        };
        request == self.request && is_theirs
    }
}
