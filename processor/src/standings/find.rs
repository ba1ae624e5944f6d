//! Requests in the log: where one stands, whose it is, and what there is to say about it.

use onsale_log::{EntryBatch, LogError, LogReader};
use onsale_schemas::{
    Actor, Ahead, Command, Envelope, Offset, Outcome, OutcomeRecord, PartitionId, RequestId,
    Standing, UserId, codec,
};

/// Bytes of one read while a request is looked for.
const READ_BYTES_MAX: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum StandingError {
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
pub(super) fn asked_at(
    reader: &mut (impl LogReader + ?Sized),
    partition: PartitionId,
    offset: Offset,
) -> Result<(RequestId, Option<UserId>), StandingError> {
    let (request, command) = request_at(reader, partition, offset)?;
    Ok((request, user_of(&command)))
}

pub(super) fn request_at(
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
pub(super) fn find(
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
        Command::ReserveV2(reserve) => Some(reserve.user),
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
        Outcome::ConfirmedV2(confirmed) => Some(confirmed.user),
        Outcome::ReleasedV2(released) => Some(released.user),
        Outcome::PlacesReturned(returned) => Some(returned.user),
        _ => None,
    }
}

/// A request with its outcome.
pub(super) fn standing_of(
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
