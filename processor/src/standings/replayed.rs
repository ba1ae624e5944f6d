//! How a request fared, by a replay for it alone: what tests hold a [`Walk`](super::walk::Walk) to.

use onsale_engine::Partition;
use onsale_log::LogReader;
use onsale_schemas::{Command, Envelope, Offset, Standing, codec};

use super::count::Count;
use super::find::{StandingError, request_at, standing_of};
use crate::replay::{self, Until};

/// The request at `offset`, seen from `base`, which must stand at or before it.
pub(super) fn replayed(
    reader: &mut (impl LogReader + ?Sized),
    base: Partition,
    offset: Offset,
) -> Result<Standing, StandingError> {
    let (_, command) = request_at(reader, base.id(), offset)?;
    let zone = match &command {
        Command::Reserve(reserve) => Some((reserve.show, reserve.zone)),
        _ => None,
    };
    let mut count = Count::new(base.next_offset());
    let base_time = base.log_time_ms();
    let until = Until {
        offset: Some(offset.saturating_add(1)),
        time_ms: None,
    };
    let mut decided = None;
    let machine = replay::replay(reader, base, until, |entry, outcome, _| {
        let Some(record) = outcome else { return };
        if entry.offset == offset {
            decided = Some(record);
        } else if let Some(zone) = zone {
            let asks = codec::decode::<Envelope>(entry.payload).is_ok_and(|envelope| {
                matches!(envelope.command, Command::Reserve(reserve)
                    if (reserve.show, reserve.zone) == zone)
            });
            count.record(zone, asks, &record);
        }
    })?;
    let outcome = decided.ok_or(StandingError::NoRequest(offset))?;
    let opened_at_ms = zone
        .and_then(|(show, _)| machine.show(show))
        .map(|show| show.sale_opens_at_ms);
    let ahead = zone.map(|_| count.ahead(&outcome, base_time, opened_at_ms));
    Ok(standing_of(command, outcome, ahead))
}
