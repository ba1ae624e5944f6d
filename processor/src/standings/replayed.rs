//! How a request fared, by a replay for it alone: what tests hold a [`Walk`](super::walk::Walk) to.

use std::collections::HashMap;

use onsale_engine::Partition;
use onsale_log::LogReader;
use onsale_schemas::{Envelope, Offset, Standing, codec};

use super::count::{Count, Zone, ahead_of, asked_zones};
use super::find::{StandingError, request_at, standing_of};
use crate::replay::{self, Until};

/// The request at `offset`, seen from `base`, which must stand at or before it.
pub(super) fn replayed(
    reader: &mut (impl LogReader + ?Sized),
    base: Partition,
    offset: Offset,
) -> Result<Standing, StandingError> {
    let (_, command) = request_at(reader, base.id(), offset)?;
    let asked = asked_zones(&command);
    let mut counts: HashMap<Zone, Count> = asked
        .iter()
        .map(|zone| (*zone, Count::new(base.next_offset())))
        .collect();
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
        } else {
            let also = codec::decode::<Envelope>(entry.payload)
                .map_or_else(|_| Vec::new(), |envelope| asked_zones(&envelope.command));
            for (zone, count) in &mut counts {
                count.record(*zone, also.contains(zone), &record);
            }
        }
    })?;
    let outcome = decided.ok_or(StandingError::NoRequest(offset))?;
    let opened_at_ms = asked
        .first()
        .and_then(|(show, _)| machine.show(*show))
        .map(|show| show.sale_opens_at_ms);
    let count_of = |zone: Zone| counts.get(&zone);
    let ahead = ahead_of(&asked, &outcome, count_of, base_time, opened_at_ms);
    Ok(standing_of(command, outcome, ahead))
}
