//! How a request fared: what was decided about it, and who was ahead, as counts.

#[cfg(test)]
pub(crate) mod replayed;

use std::collections::HashMap;

use onsale_log::{EntryBatch, LogError, LogReader};
use onsale_schemas::{
    Actor, Ahead, Command, Envelope, LogTimeMs, Offset, Outcome, OutcomeRecord, PartitionId,
    Rejection, RequestId, SeatIndex, ShowId, Standing, UserId, ZoneIndex, codec,
};

/// Bytes of one read while a request is looked for.
const READ_BYTES_MAX: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StandingError {
    /// The log has no request at that offset.
    #[error("there is no request at offset {0}")]
    NoRequest(Offset),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Which request stands at `offset`, and the buyer whom its command names, if it names one. It costs
/// one record.
///
/// # Errors
/// When the log cannot be read or holds no readable command there.
pub(crate) fn asked_at(
    reader: &mut (impl LogReader + ?Sized),
    partition: PartitionId,
    offset: Offset,
) -> Result<(RequestId, Option<UserId>), StandingError> {
    let (request, command) = request_at(reader, partition, offset)?;
    Ok((request, user_of(&command)))
}

fn request_at(
    reader: &mut (impl LogReader + ?Sized),
    partition: PartitionId,
    offset: Offset,
) -> Result<(RequestId, Command), StandingError> {
    let (_, end) = reader.bounds(partition)?;
    if offset >= end {
        return Err(StandingError::NoRequest(offset));
    }
    let mut batch = EntryBatch::default();
    reader.read(partition, offset, 1, &mut batch)?;
    batch
        .iter()
        .next()
        .and_then(|entry| codec::decode::<Envelope>(entry.payload).ok())
        .and_then(|envelope| Some((envelope.request_id?, envelope.command)))
        .ok_or(StandingError::NoRequest(offset))
}

/// The newest place of a request among the last `records_max` records of a partition.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn find(
    reader: &mut (impl LogReader + ?Sized),
    partition: PartitionId,
    request: RequestId,
    records_max: u64,
) -> Result<Option<Offset>, LogError> {
    let (first, end) = reader.bounds(partition)?;
    let mut next = first.max(end.saturating_sub(records_max));
    let mut batch = EntryBatch::default();
    let mut found = None;
    while next < end {
        reader.read(partition, next, READ_BYTES_MAX, &mut batch)?;
        let Some(last) = batch.iter().last().map(|entry| entry.offset) else {
            break;
        };
        for entry in batch.iter() {
            let is_it = codec::decode::<onsale_schemas::Envelope>(entry.payload)
                .is_ok_and(|envelope| envelope.request_id == Some(request));
            if is_it {
                found = Some(entry.offset);
            }
        }
        next = last.saturating_add(1);
    }
    Ok(found)
}

fn user_of(command: &Command) -> Option<UserId> {
    match command {
        Command::Reserve(reserve) => Some(reserve.user),
        Command::Confirm(confirm) => buyer(confirm.by),
        Command::ConfirmV2(paid) => buyer(paid.confirm.by),
        Command::Release { by, .. } => buyer(*by),
        _ => None,
    }
}

fn buyer(actor: Actor) -> Option<UserId> {
    match actor {
        Actor::Buyer(user) => Some(user),
        Actor::Staff => None,
    }
}

fn user_of_outcome(outcome: &Outcome) -> Option<UserId> {
    match outcome {
        Outcome::Confirmed(confirmed) => Some(confirmed.user),
        Outcome::Released { booking, .. } => Some(booking.user),
        Outcome::Extended { user, .. } => Some(*user),
        _ => None,
    }
}

/// Requests and places of one zone, counted record by record.
#[derive(Debug)]
pub(crate) struct Count {
    ahead: Ahead,
    taken: HashMap<SeatIndex, Offset>,
}

impl Count {
    pub(crate) fn new(counted_from: Offset) -> Self {
        Self {
            ahead: Ahead {
                counted_from,
                ..Ahead::default()
            },
            taken: HashMap::new(),
        }
    }

    /// The zones whose counts a record changes; `asked` is the one that its command asks places of.
    pub(crate) fn zones_of(
        asked: Option<(ShowId, ZoneIndex)>,
        record: &OutcomeRecord,
    ) -> Vec<(ShowId, ZoneIndex)> {
        let mut zones: Vec<_> = asked.into_iter().collect();
        let mut add = |zone| {
            if !zones.contains(&zone) {
                zones.push(zone);
            }
        };
        for ended in &record.expired {
            add((ended.show, ended.zone));
        }
        match &record.outcome {
            Outcome::Reserved(reserved) => add((reserved.show, reserved.zone)),
            Outcome::Released { booking, .. } => add((booking.show, booking.zone)),
            _ => {}
        }
        zones
    }

    /// Takes a record into account; `asks` says whether its command asks for places of the zone.
    pub(crate) fn record(&mut self, zone: (ShowId, ZoneIndex), asks: bool, record: &OutcomeRecord) {
        for ended in &record.expired {
            if (ended.show, ended.zone) == zone {
                self.ahead.places_given_back += u64::from(ended.quantity);
            }
        }
        if record.replay_of.is_some() {
            return;
        }
        match &record.outcome {
            Outcome::Reserved(reserved) if (reserved.show, reserved.zone) == zone => {
                self.ahead.requests += 1;
                self.ahead.granted += 1;
                self.ahead.places += u64::from(reserved.quantity);
                let seats = reserved.seats.iter();
                self.taken.extend(seats.map(|seat| (*seat, record.offset)));
            }
            Outcome::Released { booking, .. } if (booking.show, booking.zone) == zone => {
                self.ahead.places_given_back += u64::from(booking.quantity);
            }
            // Requests from before the sale opened were ahead of no one.
            Outcome::Rejected(Rejection::SaleNotOpen { .. }) => {}
            Outcome::Rejected(_) => self.ahead.requests += u64::from(asks),
            _ => {}
        }
    }

    /// Who was ahead of a record that is not counted yet.
    pub(crate) fn ahead(
        &self,
        record: &OutcomeRecord,
        base_time: LogTimeMs,
        opened_at_ms: Option<LogTimeMs>,
    ) -> Ahead {
        let mut ahead = self.ahead.clone();
        if let Outcome::Rejected(Rejection::SeatUnavailable { seats }) = &record.outcome {
            let taken = |seat: &SeatIndex| (*seat, self.taken.get(seat).copied());
            ahead.taken_at = seats.iter().map(taken).collect();
        }
        let from_the_opening = opened_at_ms.is_none_or(|opens| base_time <= opens);
        ahead.complete = ahead.counted_from == 0 || from_the_opening;
        ahead
    }
}

/// A request with its outcome.
pub(crate) fn standing_of(
    command: Command,
    outcome: OutcomeRecord,
    ahead: Option<Ahead>,
) -> Standing {
    Standing {
        user: user_of(&command).or_else(|| user_of_outcome(&outcome.outcome)),
        command,
        outcome,
        ahead,
    }
}
