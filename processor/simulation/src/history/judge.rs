//! Compares every call with the outcomes of the replay.

mod court;
mod hold;

use std::collections::{BTreeMap, HashMap, HashSet};

use onsale_schemas::{
    BookingId, LogTimeMs, Offset, Outcome, OutcomeRecord, PartitionId, Rejection, RequestId,
    SeatIndex, ShowId, UserId,
};

use self::court::Court;
use super::answer::Answer;
use super::call::{Action, Call};
use super::order;
use super::verdict::Verdict;

type LogPosition = (PartitionId, Offset);

/// Codes with which an ingress refuses before anything is submitted to the log.
const BEFORE_THE_LOG: [&str; 10] = [
    "VALIDATION_ERROR",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "NOT_FOUND",
    "REQUEST_TIMEOUT",
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "RATE_LIMITED",
    "OVERLOADED",
    "PARTITION_UNAVAILABLE",
];

/// What is answered about a booking that the engine has forgotten, from the database.
const OF_FORGOTTEN: [&str; 4] = [
    "NOT_FOUND",
    "ALREADY_CONFIRMED",
    "ALREADY_CANCELLED",
    "RESERVATION_EXPIRED",
];

/// Gathers what the log says about the requests of a history, then judges them. Its memory is
/// proportional to the history.
#[derive(Debug)]
pub struct Judge {
    calls: Vec<Call>,
    wanted: Wanted,
    found: Found,
}

#[derive(Default, Debug)]
struct Wanted {
    places: HashSet<LogPosition>,
    requests: HashSet<RequestId>,
    bookings: HashSet<BookingId>,
    users: HashSet<UserId>,
}

#[derive(Default, Debug)]
struct Found {
    partitions: HashSet<PartitionId>,
    at: HashMap<LogPosition, OutcomeRecord>,
    /// The record that decided a request; repeats of it leave this as it is.
    of_request: HashMap<RequestId, LogPosition>,
    confirmed: HashMap<BookingId, LogTimeMs>,
    released: HashMap<BookingId, bool>,
    extended: HashSet<(BookingId, LogTimeMs)>,
    reserved_by: HashMap<UserId, u64>,
}

impl Judge {
    /// A judge of these calls.
    pub fn new(calls: Vec<Call>) -> Self {
        let mut wanted = Wanted::default();
        for call in &calls {
            wanted.requests.extend(call.keyed);
            match call.action {
                Action::Reserve => wanted.users.extend(call.user),
                Action::Confirm(booking)
                | Action::Cancel(booking)
                | Action::Extend(booking)
                | Action::Return(booking) => {
                    wanted.bookings.insert(booking);
                }
                Action::Late(request) => {
                    wanted.requests.insert(request);
                }
                Action::Other => continue,
            }
            let position = match &call.answer {
                Answer::Granted(granted) => granted.position,
                Answer::Refused(refused) => refused.position,
                Answer::Unknown | Answer::Unreadable(_) => None,
            };
            wanted.places.extend(position.map(|at| at.place()));
        }
        Self {
            calls,
            wanted,
            found: Found::default(),
        }
    }

    /// Announces a partition's log; calls that belong to others are not judged.
    pub fn begin(&mut self, partition: PartitionId) {
        self.found.partitions.insert(partition);
    }

    /// Takes the next outcome of a partition's replay.
    pub fn outcome(&mut self, partition: PartitionId, record: &OutcomeRecord) {
        let (wanted, found) = (&self.wanted, &mut self.found);
        let position = (partition, record.offset);
        let reused = matches!(
            record.outcome,
            Outcome::Rejected(Rejection::IdempotencyKeyReused)
        );
        let decides = record.replay_of.is_none() && !reused;
        if decides
            && let Some(request) = record.request_id
            && wanted.requests.contains(&request)
        {
            found.of_request.entry(request).or_insert(position);
            found.at.insert(position, record.clone());
        } else if wanted.places.contains(&position) {
            found.at.insert(position, record.clone());
        }
        if record.replay_of.is_some() {
            return;
        }
        let id = |offset| BookingId::new(partition, offset);
        match &record.outcome {
            Outcome::Reserved(reserved) if wanted.users.contains(&reserved.user) => {
                *found.reserved_by.entry(reserved.user).or_default() += 1;
            }
            Outcome::ReservedV2(reserved) if wanted.users.contains(&reserved.user) => {
                *found.reserved_by.entry(reserved.user).or_default() += 1;
            }
            Outcome::ConfirmedV2(confirmed) if wanted.bookings.contains(&id(confirmed.booking)) => {
                found
                    .confirmed
                    .insert(id(confirmed.booking), confirmed.confirmed_at_ms);
            }
            Outcome::ReleasedV2(released) if wanted.bookings.contains(&id(released.booking)) => {
                found
                    .released
                    .insert(id(released.booking), released.was_confirmed);
            }
            Outcome::Confirmed(confirmed) if wanted.bookings.contains(&id(confirmed.booking)) => {
                found
                    .confirmed
                    .insert(id(confirmed.booking), confirmed.confirmed_at_ms);
            }
            Outcome::Released {
                booking,
                was_confirmed,
            } if wanted.bookings.contains(&id(booking.booking)) => {
                found.released.insert(id(booking.booking), *was_confirmed);
            }
            Outcome::Extended {
                booking,
                expires_at_ms,
                ..
            } if wanted.bookings.contains(&id(*booking)) => {
                found.extended.insert((id(*booking), *expires_at_ms));
            }
            _ => {}
        }
    }

    /// Judges every call. `label` gives the label of a seat where the catalog knows it.
    pub fn verdict(self, label: impl Fn(ShowId, SeatIndex) -> Option<String>) -> Verdict {
        let calls_of_key = self.calls.iter().filter_map(|call| call.keyed).fold(
            HashMap::new(),
            |mut counts, key| {
                *counts.entry(key).or_insert(0u64) += 1;
                counts
            },
        );
        let mut court = Court {
            found: &self.found,
            calls_of_key,
            label,
            holder: HashMap::new(),
            placed: BTreeMap::new(),
            verdict: Verdict::default(),
        };
        for call in &self.calls {
            court.judge(call);
        }
        court.invented(&self.calls);
        let mut verdict = court.verdict;
        order::check(court.placed.into_values().collect(), &mut verdict);
        verdict
    }
}
